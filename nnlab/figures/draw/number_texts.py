"""Means with their spreads as a column of text, for figures with a row for each."""

import math
import re
from collections.abc import Sequence

from nnlab.figures.draw.axis_scales import MINUS_SIGN
from nnlab.stats.number_columns import WrittenNumber, written_column

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_EXPONENT = re.compile(r"(?<=[\d)])e([+-]?\d+)\b")
_MINUS = re.compile(r"(?<![\w.])-(?=\d)")


def number_texts(
    values: Sequence[float], spreads: Sequence[float], *, resolution: float | None = None
) -> tuple[str, ...]:
    """`mean ± spread` with equal decimals; see `nnlab.stats.number_columns`.

    Args:
        values: shape [n]; a dash stands for NaN.
        spreads: shape [n]; nothing stands for NaN.
        resolution: the smallest difference of two values, such as 1 / 270; None if it is unknown.

    >>> number_texts([0.98765, 0.6], [0.0041, 0.38], resolution=1 / 270)
    ('0.988 ± 0.004', '0.600 ± 0.380')
    >>> number_texts([1.5e7], [2e6])
    ('(1.5 ± 0.2)·10⁷',)
    """
    finite_spreads = [spread if math.isfinite(spread) else None for spread in spreads]
    written = written_column(values, finite_spreads, resolution=resolution)
    return tuple(map(_with_power, written))


def value_part(text: str) -> str:
    """The value of a text of `number_texts`, without its spread.

    >>> value_part("0.988 ± 0.004"), value_part("(1.5 ± 0.2)·10⁵")
    ('0.988', '1.5·10⁵')
    """
    value, _, spread = text.partition(" ±")
    return value.removeprefix("(") + spread.partition(")")[2]


def with_powers_of_ten(text: str) -> str:
    """A text for a figure, in which exponents of numbers are powers of ten.

    >>> with_powers_of_ten("better by 1.72e+15 (95 % CI (0.6 to 2.9)e+15)")
    'better by 1.72·10¹⁵ (95 % CI (0.6 to 2.9)·10¹⁵)'
    """
    text = _EXPONENT.sub(lambda match: f"·10{str(int(match[1])).translate(_SUPERSCRIPTS)}", text)
    return _MINUS.sub(MINUS_SIGN, text)


def _with_power(number: WrittenNumber) -> str:
    text = number.value if number.spread is None else f"{number.value} ± {number.spread}"
    if not number.power:
        return text
    power = f"·10{str(number.power).translate(_SUPERSCRIPTS)}"
    return text + power if number.spread is None else f"({text}){power}"
