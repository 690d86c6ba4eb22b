"""Answers of the server: JSON that is short enough for the context of a language model."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

# Characters of an answer, about 4,000 tokens.
MAX_CHARACTERS: Final = 12_000
_MAX_TEXT = 400
_DIGITS = 6


def compact_json(values: Mapping[str, Any], rows: str = "") -> str:
    """An answer as one line of JSON of at most `MAX_CHARACTERS`.

    Values that are None, empty or NaN are left out, numbers have six significant digits, and long
    texts end in three dots.

    Args:
        values: the answer.
        rows: the key of a list whose last items are left out if the answer is too long; `left_off`
            says how many.

    >>> compact_json({"mean": 0.123456789, "note": None, "rows": [{"run": 1}]})
    '{"mean":0.123457,"rows":[{"run":1}]}'
    """
    answer = _compact(values) or {}
    text = _dump(answer)
    items = list(answer.get(rows, ()))
    left_off = int(answer.get("left_off", 0))
    while len(text) > MAX_CHARACTERS and items:
        # A share of the items goes at once, so that thousands of rows take few rounds.
        kept = min(len(items) - 1, int(len(items) * MAX_CHARACTERS / len(text)))
        left_off += len(items) - kept
        items = items[:kept]
        text = _dump({**answer, rows: items, "left_off": left_off})
    if len(text) > MAX_CHARACTERS:
        return _dump({"error": "the answer is too long", "characters": len(text)})
    return text


def _dump(value: Any) -> str:
    # Without ASCII escapes control characters are still escaped, and other scripts stay short.
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


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
            return [_compact(item) for item in value]
        case _:
            return _compact(str(value))


def _not_finite(value: float) -> str | None:
    """JSON has no infinity; NaN is a missing value."""
    return None if math.isnan(value) else str(value)
