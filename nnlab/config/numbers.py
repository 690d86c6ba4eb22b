"""Numbers in text, as people and other programs write them."""

import math


def parse_number(text: str) -> float | None:
    """The finite number that a text is; None for any other text.

    Python also reads `1_0` and digits of other scripts as numbers; here they are texts.

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
    """Whether a text holds nothing that only Python reads as part of a number."""
    return text.isascii() and "_" not in text
