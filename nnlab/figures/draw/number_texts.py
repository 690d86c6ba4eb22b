"""Means with their spreads as a column of text with equal decimals, for figures with a row each."""

from collections.abc import Sequence

from nnlab.stats.number_columns import NO_NUMBER, number_column

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
NO_VALUE = NO_NUMBER


def number_texts(values: Sequence[float], spreads: Sequence[float]) -> tuple[str, ...]:
    """`mean ± spread` with the decimals of tables; powers of ten have superscripts.

    `NO_VALUE` stands for a mean of NaN; a spread of NaN is omitted.

    >>> number_texts([0.98765, 0.6], [0.0041, 0.38])
    ('0.988 ± 0.004', '0.600 ± 0.380')
    """
    return tuple(map(_with_superscript, number_column(values, spreads)))


def value_part(text: str) -> str:
    """The value of a text of `number_texts`, without its spread.

    >>> value_part("0.988 ± 0.004"), value_part("(1.5 ± 0.2)·10⁵")
    ('0.988', '1.5·10⁵')
    """
    value, _, spread = text.partition(" ±")
    return value.removeprefix("(") + spread.partition(")")[2]


def _with_superscript(text: str) -> str:
    """`1.5e+05` as `1.5·10⁵`."""
    number, e, power = text.partition("e")
    return f"{number}·10{str(int(power)).translate(_SUPERSCRIPTS)}" if e else text
