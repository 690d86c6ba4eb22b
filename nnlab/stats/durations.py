"""Durations as text in suitable units, for tables, reports and the terminal."""

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
# Durations are not measured more precisely than this.
_MIN_SECONDS = 0.001


def format_duration(seconds: float) -> str:
    """Seconds with two digits below a minute, else the two largest units of the duration.

    >>> [format_duration(seconds) for seconds in (0.0000018, 0.18, 8.4, 42.0)]
    ['<0.001 s', '0.18 s', '8.4 s', '42 s']
    >>> [format_duration(seconds) for seconds in (100.0, 4000.0, 200_000.0)]
    ['1 min 40 s', '1 h 7 min', '2 d 8 h']
    """
    if 0 < seconds < _MIN_SECONDS:
        return f"<{_MIN_SECONDS:g} s"
    if seconds < _MINUTE - 0.5:
        return f"{seconds:.2g} s"
    if seconds < _HOUR - 0.5:
        return _two_units(round(seconds), _MINUTE, "min", 1, "s")
    if seconds < _DAY - _MINUTE / 2:
        return _two_units(_MINUTE * round(seconds / _MINUTE), _HOUR, "h", _MINUTE, "min")
    return _two_units(_HOUR * round(seconds / _HOUR), _DAY, "d", _HOUR, "h")


def _two_units(seconds: int, large: int, large_name: str, small: int, small_name: str) -> str:
    whole, rest = divmod(seconds, large)
    fraction = rest // small
    return f"{whole:,} {large_name}" + (f" {fraction} {small_name}" if fraction else "")
