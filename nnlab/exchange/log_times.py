"""Times in logs: Unix seconds from numbers of any unit and from ISO 8601 texts."""

import math
from datetime import UTC, datetime

# Numbers from 1990 to 2100 in seconds; in other units they are a thousand times larger each.
_FIRST, _LAST = 6.3e8, 4.1e9
_UNITS = (1.0, 1e3, 1e6, 1e9)


def unix_seconds(value: object) -> float | None:
    """The Unix time in seconds that a value states; None if it is no time of 1990 to 2100.

    A number may be in seconds, milliseconds, microseconds or nanoseconds. A text without a time
    zone is in UTC.

    >>> unix_seconds(1700000000123), unix_seconds("2023-11-14T22:13:20Z"), unix_seconds(12.5)
    (1700000000.123, 1700000000.0, None)
    """
    if isinstance(value, str):
        return _parse_text(value.strip())
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return next((value / unit for unit in _UNITS if _FIRST * unit <= value <= _LAST * unit), None)


def _parse_text(text: str) -> float | None:
    if not 10 <= len(text) <= 40 or not text.isascii():
        return None
    try:
        if text[4] != "-":
            return unix_seconds(float(text))
        # pandas and MLflow write `2023-11-14 22:13:20+00:00`, Comet and W&B `...Z`.
        time = datetime.fromisoformat(text.removesuffix(" UTC"))
    except (ValueError, OverflowError):
        return None
    if time.tzinfo is None:
        time = time.replace(tzinfo=UTC)
    return unix_seconds(time.timestamp())


def utc_time(value: object) -> datetime | None:
    """The time in UTC that a value states, as in `unix_seconds`.

    >>> utc_time(1700000000)
    datetime.datetime(2023, 11, 14, 22, 13, 20, tzinfo=datetime.timezone.utc)
    """
    seconds = unix_seconds(value)
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
