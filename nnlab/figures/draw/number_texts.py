"""Means with their spreads as a column of text with equal decimals, for figures with a row each."""

import math
from collections.abc import Sequence

from nnlab.stats.rounding import format_mean

# Numbers outside this range are written with a power of ten, each with its own digits.
_PLAIN_FROM, _PLAIN_BELOW = 1e-3, 1e5
_MAX_DECIMALS = 4
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
NO_VALUE = "–"  # noqa: RUF001  a dash


def number_texts(values: Sequence[float], spreads: Sequence[float]) -> tuple[str, ...]:
    """`mean ± spread` with equal decimals; `NO_VALUE` for a mean of NaN, no ± for a spread of NaN.

    The smallest spread determines the decimals: at least two for numbers below 10, and at most
    four. A spread of 0 is written as 0.

    >>> number_texts([0.98765, 0.6], [0.0041, 0.38])
    ('0.988 ± 0.004', '0.600 ± 0.380')
    """
    finite = [abs(value) for value in values if math.isfinite(value)]
    largest = max(finite, default=1.0)
    noise = 1e-12 * largest
    known = [s for s in spreads if math.isfinite(s) and s > noise]
    if finite and not (largest == 0 or _PLAIN_FROM <= largest < _PLAIN_BELOW):
        return tuple(
            _with_superscript(format_mean(value, spread)) if math.isfinite(value) else NO_VALUE
            for value, spread in zip(values, spreads, strict=True)
        )
    exponent = math.floor(math.log10(largest or 1.0))
    place = math.floor(math.log10(min(known)) + 1e-9) if known else exponent - 3
    decimals = min(max(-place, min(2, 2 - exponent), 0), _MAX_DECIMALS)
    texts = []
    for value, spread in zip(values, spreads, strict=True):
        if not math.isfinite(value):
            texts.append(NO_VALUE)
        elif not math.isfinite(spread):
            texts.append(f"{value:z.{decimals}f}")
        else:
            spread_text = f"{spread:.{decimals}f}" if spread > noise else "0"
            texts.append(f"{value:z.{decimals}f} ± {spread_text}")
    return tuple(texts)


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
