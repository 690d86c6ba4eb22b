"""Parses what was known before a study: its `[pilot]` table and its `[[published]]` tables.

[pilot]
seeds = "0..7"
notes = "The grid of lr was widened, because the best value was at its edge."

[[published]]
result = "reports an error of 1.06 % with dropout and 1.60 % without on MNIST"
source = "Srivastava et al. 2014, table 2"
url = "https://jmlr.org/papers/v15/srivastava14a.html"
verdict = "supported"
"""

from collections.abc import Mapping, Sequence
from typing import Any

from nnlab.errors import ConfigError, unknown_name_message
from nnlab.records import PUBLISHED_VERDICTS, Pilot, PublishedResult
from nnlab.settings.space import parse_seeds

_PILOT_KEYS = ("seeds", "notes")
_PUBLISHED_KEYS = ("result", "source", "url", "verdict")
_URL_STARTS = ("https://", "http://")


def parse_pilot(table: Mapping[str, Any] | None, problems: list[str]) -> Pilot | None:
    """The pilot of a `[pilot]` table; all errors in it are appended to `problems`."""
    if table is None:
        return None
    errors = _key_errors(table, _PILOT_KEYS)
    seeds: tuple[int, ...] = ()
    if "seeds" not in table:
        errors.append('seeds must list the seeds of the design, as "0..7"')
    else:
        try:
            seeds = parse_seeds(table["seeds"])
        except ConfigError as error:
            errors += error.problems
    errors += _text_errors(table, ("notes",))
    problems += [f"pilot: {error}" for error in errors]
    return None if errors else Pilot(seeds, table.get("notes", ""))


def parse_published(
    tables: Sequence[Mapping[str, Any]], problems: list[str]
) -> tuple[PublishedResult, ...]:
    """The results of `[[published]]` tables; all errors in them are appended to `problems`."""
    parsed = (
        _parse_result(number, table, problems) for number, table in enumerate(tables, start=1)
    )
    return tuple(result for result in parsed if result is not None)


def _parse_result(
    number: int, table: Mapping[str, Any], problems: list[str]
) -> PublishedResult | None:
    errors = _key_errors(table, _PUBLISHED_KEYS)
    errors += [f"{key} is missing" for key in ("result", "source", "verdict") if key not in table]
    errors += _text_errors(table, _PUBLISHED_KEYS)
    if not errors and table["verdict"] not in PUBLISHED_VERDICTS:
        errors.append(f"verdict is {', '.join(PUBLISHED_VERDICTS)}; got {table['verdict']!r}")
    if not errors and "url" in table and not table["url"].startswith(_URL_STARTS):
        errors.append(f"url must begin with https://, got {table['url']!r}")
    problems += [f"published {number}: {error}" for error in errors]
    return None if errors else PublishedResult(**table)


def _key_errors(table: Mapping[str, Any], known: Sequence[str]) -> list[str]:
    return [unknown_name_message("key", key, known) for key in table if key not in known]


def _text_errors(table: Mapping[str, Any], keys: Sequence[str]) -> list[str]:
    return [
        f"{key} must be text, got {table[key]!r}"
        for key in keys
        if key in table and not (isinstance(table[key], str) and table[key].strip())
    ]
