"""The filter of the table of runs: its text, parsed to the conditions of the store.

`nnlab/web/board/run_filter.js` applies the same language to the runs of an exported page;
tests/board/filter_cases.json has cases for both.
"""

import re
from collections.abc import Mapping

from nnlab.errors import UsageError
from nnlab.records import Origin, Status
from nnlab.store import (
    MetricCondition,
    NotCondition,
    RunCondition,
    SettingCondition,
    TextCondition,
    WordCondition,
)

MAX_LENGTH = 500
MAX_CONDITIONS = 20
PROPERTIES = ("status", "study", "tag", "origin", "name", "run", "trial", "seed", "finding")

_ALLOWED: Mapping[str, tuple[str, ...]] = {"status": tuple(Status), "origin": tuple(Origin)}

# A word, in which a part may be in quotation marks: `name:"a b"`.
_WORD = re.compile(r'(?:[^\s"]|"[^"]*")+')
_COMPARISON = re.compile(r"(?:(best|last):)?([^\s=!<>:\"]+)(!=|<=|>=|=|<|>)(.*)", re.DOTALL)
_PROPERTY = re.compile(r"([a-z]+):(.*)", re.DOTALL)
_FINDING = re.compile(r"nn\d{3}", re.IGNORECASE)


def parse_run_filter(text: str) -> tuple[RunCondition, ...]:
    """The conditions of a filter such as `opt=adam lr<0.01 status:running NN101 -tag:old`.

    Raises:
        UsageError: a part of it has no meaning; the message names its position.
    """
    if len(text) > MAX_LENGTH:
        raise UsageError(f"the filter is longer than {MAX_LENGTH} characters")
    if text.count('"') % 2:
        position = text.rindex('"') + 1
        raise UsageError(f"filter, position {position}: the quotation mark is not closed")
    conditions = tuple(
        _parse_word(match.group(), match.start() + 1) for match in _WORD.finditer(text)
    )
    if len(conditions) > MAX_CONDITIONS:
        raise UsageError(f"the filter has more than {MAX_CONDITIONS} conditions")
    return conditions


def _parse_word(word: str, position: int) -> RunCondition:
    if word.startswith("-") and len(word) > 1:
        return NotCondition(_parse_word(word[1:], position + 1))
    comparison = _COMPARISON.fullmatch(word)
    if comparison is not None:
        return _parse_comparison(comparison, position)
    named = _PROPERTY.fullmatch(word)
    if named is not None and named[1] in PROPERTIES:
        return _parse_property(named[1], _without_quotes(named[2]), position)
    if _FINDING.fullmatch(word):
        return WordCondition("finding", word.upper())
    return TextCondition(_without_quotes(word))


def _parse_comparison(match: re.Match[str], position: int) -> RunCondition:
    kind, name, operator, text = match.groups()
    value = _without_quotes(text)
    number = _number_or_none(value)
    if kind is not None or "/" in name:
        if number is None:
            raise UsageError(
                f"filter, position {position}: {name} is compared with a number, got {value!r}"
            )
        return MetricCondition(name, kind or "best", operator, number)  # type: ignore[arg-type]
    if number is not None:
        return SettingCondition(name, operator, number)  # type: ignore[arg-type]
    if operator not in ("=", "!="):
        raise UsageError(
            f"filter, position {position}: {operator} compares with a number, got {value!r}"
        )
    return SettingCondition(name, operator, value)  # type: ignore[arg-type]


def _parse_property(name: str, value: str, position: int) -> RunCondition:
    allowed = _ALLOWED.get(name)
    if allowed is not None and value not in allowed:
        raise UsageError(
            f"filter, position {position}: {name} is one of {', '.join(allowed)}; got {value!r}"
        )
    if name in ("run", "trial", "seed") and not re.fullmatch(r"-?\d{1,18}", value):
        raise UsageError(f"filter, position {position}: {name} is a number, got {value!r}")
    return WordCondition(name, value)  # type: ignore[arg-type]


def _number_or_none(text: str) -> float | None:
    if not re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", text):
        return None
    return float(text)


def _without_quotes(text: str) -> str:
    return text.replace('"', "")
