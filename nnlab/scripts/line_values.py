"""The numbers of a line with the words before them, as candidates for metrics."""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[-+]?(?:nan|inf(?:inity)?)"
# A number that is a word: no part of a name, a path, a time, a date, a version or a unit.
_NUMBER_WORD = re.compile(
    rf"(?<![\w./\\@-])(?<!\d:)(?P<number>{_NUMBER})(?P<percent>\s?%)?"
    rf"(?P<fraction>/\d+(?![\w./]))?(?![\w/\\@]|:\d|-\d|\.\w)",
    re.IGNORECASE,
)
_UNIT = re.compile(
    r"\s*(?:ms|s|secs?|seconds?|m|mins?|minutes?|h|hours?|it/s|s/it|[KMG]i?B|[a-z]+/s(?:ec)?"
    r"|fps|Hz|W)"
    r"\b(?![=:])",
    re.IGNORECASE,
)
# Between two candidates; what is after the last one belongs to the next number.
_DELIMITER = re.compile(r"[,;|(){}<>\[\]\t]|\s{2,}|\s-+\s|\s\*\s|(?<=\w):(?=\w)|:\s(?=.*[\w:=])")
_SEPARATOR = re.compile(r"\s*(?P<mark>:=|==|=|:|->)\s*$")
# Settings as a program prints them: Namespace(lr=0.1, epochs=10).
_SETTINGS = re.compile(r"\w*(?:Namespace|Config|Args|Arguments|Params|Options|Settings)\(")
_DICT_START = re.compile(r"\{\s*['\"]")
# A row of a table: `|    ep_rew_mean     | 22.5     |`
_TABLE_ROW = re.compile(
    rf"^\|\s*(?P<name>[A-Za-z][\w/ .-]*?)\s*\|\s*(?P<number>{_NUMBER})\s*\|\s*$"
)
# Ends the sentence before a number.
_SENTENCE_END = re.compile(r"[,;|\t]")
_DICT_ITEM = re.compile(
    rf"['\"](?P<name>[^'\"]{{1,100}})['\"]\s*:\s*['\"]?(?P<number>{_NUMBER})['\"]?\s*(?=[,}}])",
    re.IGNORECASE,
)
_MAX_DEPTH = 4


@dataclass(frozen=True, slots=True)
class Candidate:
    """A number with the words before it.

    `mark` is `=`, `:` or another separator, empty if only a space is between them; `tight` if no
    space follows it. `between` is the text since the previous number, `sentence` the one since the
    last comma, which may have numbers. `is_percent` and `total` (of `97/100`) are what follows.
    """

    label: str
    value: float
    mark: str = ""
    tight: bool = False
    between: str = ""
    sentence: str = ""
    is_percent: bool = False
    total: int | None = None


def find_candidates(line: str) -> list[Candidate]:
    """The candidates of a line; none in the printed settings of a program."""
    if match := _TABLE_ROW.match(line):
        return [Candidate(match["name"], float(match["number"]), mark="|")]
    return [] if _SETTINGS.search(line) else list(_candidates(line))


def _candidates(line: str) -> Iterator[Candidate]:
    begin = 0
    for match in _NUMBER_WORD.finditer(line):
        between = line[begin : match.start()]
        begin = match.end()
        separator = _SEPARATOR.search(between)
        text = between[: separator.start()] if separator else between
        label = _DELIMITER.split(text)[-1].strip()
        if label and (match["percent"] or not _UNIT.match(line, match.end())):
            sentence = _SENTENCE_END.split(line[: match.start()])[-1]
            yield Candidate(
                label,
                float(match["number"]),
                separator["mark"] if separator else "",
                separator is not None and not separator[0][-1:].isspace(),
                between,
                sentence.rstrip(" :=") if separator else "",
                match["percent"] is not None,
                None if match["fraction"] is None else int(match["fraction"][1:]),
            )


def find_dict(line: str) -> dict[str, float] | None:
    """The numbers of a JSON object or of a Python dict in a line, by name; None without one.

    Nested objects give names with slashes. Numbers may be in quotes, as `Trainer` prints them.
    """
    start, end = _DICT_START.search(line), line.rfind("}")
    if start is None or end < start.start():
        return None
    text = line[start.start() : end + 1]
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        items = _DICT_ITEM.finditer(text)
        return {item["name"]: float(item["number"]) for item in items}
    return dict(_flat_numbers(content, "", 0)) if isinstance(content, dict) else None


def _flat_numbers(
    content: dict[str, object], prefix: str, depth: int
) -> Iterator[tuple[str, float]]:
    for name, value in content.items():
        if isinstance(value, dict):
            if depth < _MAX_DEPTH:
                yield from _flat_numbers(value, f"{prefix}{name}/", depth + 1)
        elif (number := _number(value)) is not None:
            yield f"{prefix}{name}", number


def _number(value: object) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        try:
            return float(value)
        except OverflowError:
            return math.inf
    if isinstance(value, str) and re.fullmatch(_NUMBER, value, re.IGNORECASE):
        return float(value)
    return None
