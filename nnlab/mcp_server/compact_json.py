"""Answers of the server: JSON that is short enough for the context of a language model."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from nnlab.io.escaping import escape_json_controls

# Characters of an answer, about 4,000 tokens.
MAX_CHARACTERS: Final = 12_000
_MAX_TEXT = 400
# Characters of a list of numbers or texts, such as the seeds of a study.
_MAX_LIST = 2_000
_DIGITS = 6
_LONG_ROW: Mapping[str, str] = {"error": "this row is too long"}


def compact_json(values: Mapping[str, Any], rows: str = "", *, offset: int | None = None) -> str:
    """An answer as one line of JSON of at most `MAX_CHARACTERS`.

    Values that are None, empty or NaN are left out, numbers have six significant digits, and long
    texts end in three dots. A long list of numbers or texts ends in a text that counts the others.

    Args:
        values: the answer.
        rows: the key of a list whose last items are left out if the answer is too long; `left_off`
            says how many.
        offset: the index of the first row among all; then `more_from` is the index of the first
            row that was left out.

    >>> compact_json({"mean": 0.123456789, "note": None, "rows": [{"run": 1}]})
    '{"mean":0.123457,"rows":[{"run":1}]}'
    """
    answer = _compact(values) or {}
    text = _dump(answer)
    items = list(answer.get(rows, ()))
    left_off = int(answer.get("left_off", 0))
    while len(text) > MAX_CHARACTERS and items and items != [_LONG_ROW]:
        # A share of the items goes at once, so that thousands of rows take few rounds.
        share = int(len(items) * MAX_CHARACTERS / len(text))
        kept = max(min(len(items) - 1, share), 1)
        left_off += len(items) - kept
        # A row that is too long by itself must not hide those behind it.
        items = items[:kept] if len(items) > 1 else [_LONG_ROW]
        answer[rows] = items
        if left_off:
            answer["left_off"] = left_off
            if offset is not None:
                answer["more_from"] = offset + len(items)
        text = _dump(answer)
    if len(text) > MAX_CHARACTERS:
        return _dump({"error": "the answer is too long", "characters": len(text)})
    return text


def _dump(value: Any) -> str:
    # Other scripts stay short: only what a terminal must not receive is escaped.
    return escape_json_controls(json.dumps(value, separators=(",", ":"), ensure_ascii=False))


def _compact(value: Any) -> Any:
    """The value without what says nothing; None if nothing is left."""
    match value:
        case bool() | int() | None:
            return value
        case float():
            return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else _not_finite(value)
        case str():
            return value if len(value) <= _MAX_TEXT else f"{value[: _MAX_TEXT - 3]}..."
        case Mapping():
            parts = {str(key): _compact(item) for key, item in value.items()}
            return {key: item for key, item in parts.items() if item not in (None, "", [], {})}
        case Sequence():
            return _shorten([_compact(item) for item in value])
        case _:
            return _compact(str(value))


def _shorten(items: list[Any]) -> list[Any]:
    """The first of many numbers or texts, and a text that counts the others."""
    if any(isinstance(item, list | dict) for item in items):
        return items
    characters = 0
    for count, item in enumerate(items):
        characters += len(str(item)) + 1
        if characters > _MAX_LIST:
            return [*items[:count], f"{len(items) - count:,} more"]
    return items


def _not_finite(value: float) -> str | None:
    """JSON has no infinity; NaN is a missing value."""
    return None if math.isnan(value) else str(value)
