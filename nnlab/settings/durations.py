"""Durations as users write them: `30s`, `10min`, `1.5h`."""

import re

_DURATION = re.compile(r"(\d+(?:\.\d+)?) ?(s|min|m|h|d)")
_SECONDS_PER_UNIT = {"s": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


def parse_duration(text: str) -> float | None:
    """The seconds of a duration such as `30s`, `10min`, `10m` or `1h`; None if invalid or 0.

    >>> parse_duration("1.5min")
    90.0
    """
    match = _DURATION.fullmatch(text)
    return float(match[1]) * _SECONDS_PER_UNIT[match[2]] or None if match else None
