"""Parsing of numbers in text; used by the configuration and by readers of CSV files."""

import math


def parse_number(text: str) -> float | None:
    """The finite number that a text represents, or None.

    Python also accepts `1_0` and digits of other scripts as numbers; this function does not.

    >>> parse_number("1e-3"), parse_number("1_0"), parse_number("nan")
    (0.001, None, None)
    """
    if not is_plain_ascii(text):
        return None
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def is_plain_ascii(text: str) -> bool:
    """Whether a text is ASCII without underscores, which only Python accepts in numbers."""
    return text.isascii() and "_" not in text
