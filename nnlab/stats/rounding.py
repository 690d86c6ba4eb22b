"""A single mean, interval or p value as text with as many digits as its uncertainty supports.

`number_columns` writes the columns of a table, with equal decimals.
"""

import math
from decimal import ROUND_HALF_EVEN, Decimal

# A leading 1 gets a second digit: rounding 0.0014 to 0.001 would misstate it by 40 %
# (the rule of the Particle Data Group, Review of Particle Physics, introduction, 5.3).
_TWO_DIGITS_BELOW = 2
# Powers of ten outside of which plain notation is mostly zeros.
PLAIN_FROM, PLAIN_BELOW = -5, 6
# p values below are not written out (Publication Manual of the American Psychological Association).
_SMALLEST_P = 0.001
_LARGEST_SIGNIFICANT_P = 0.05
DIGITS_WITHOUT_SPREAD = 4
# The significant decimal digits of a double.
_DIGITS_OF_A_DOUBLE = 15
# A spread below this multiple of the mean is the rounding error of equal values.
ROUNDING_NOISE = 1e-14
# A mean and spread below this are the rounding error of differences of equal fractions.
ZERO_BELOW = 1e-15


def format_mean(mean: float, sd: float | None = None, *, resolution: float | None = None) -> str:
    """`mean ± sd`, with `sd` rounded to one digit (two when it starts with 1).

    `sd` is a standard deviation, a standard error or half an interval, in the unit of `mean`. If it
    is unknown (None or NaN, for a single seed) or infinite, the mean is written alone with four
    digits. Numbers too long for plain notation are written as `(1.23 ± 0.04)e-07`. A spread that
    is only the rounding error of equal values is written as 0. With the `resolution` of the metric
    (the smallest difference of two values), the mean has the decimals of the resolution.

    >>> format_mean(0.97312, 0.0041)
    '0.973 ± 0.004'
    >>> format_mean(0.6, 0.4, resolution=1 / 270)
    '0.600 ± 0.400'
    """
    if not math.isfinite(mean):
        return str(mean)
    if sd is None or not math.isfinite(sd) or sd < 0:
        return _format_exact_mean(mean, resolution)
    if abs(mean) <= sd < ZERO_BELOW:
        return "0 ± 0"
    if sd <= ROUNDING_NOISE * abs(mean):
        return f"{_format_exact_mean(mean, resolution)} ± 0"
    if resolution is not None:
        place = -resolution_decimals(resolution, sd)
        return f"{format_fixed(mean, place, 0)} ± {format_fixed(sd, place, 0)}"
    place = last_place(sd)
    top = max(decimal_exponent(mean), decimal_exponent(sd))
    if top - place > _DIGITS_OF_A_DOUBLE:
        return f"{mean:.{_DIGITS_OF_A_DOUBLE}g} ± {sd:.1g}"
    if place > 0 or not PLAIN_FROM <= top < PLAIN_BELOW:
        return f"({format_fixed(mean, place, top)} ± {format_fixed(sd, place, top)})e{top:+03d}"
    return f"{format_fixed(mean, place, 0)} ± {format_fixed(sd, place, 0)}"


def without_rounding_error(mean: float, low: float, high: float) -> float:
    """The mean of an interval; 0 if it is only the rounding error of differences that cancel.

    >>> without_rounding_error(1.39e-17, -0.0166, 0.0166), without_rounding_error(1e-9, 0.0, 1e-8)
    (0.0, 1e-09)
    """
    size = max(abs(low), abs(high))
    return 0.0 if math.isfinite(size) and abs(mean) < ROUNDING_NOISE * size else mean


def _format_exact_mean(mean: float, resolution: float | None) -> str:
    """A mean whose spread is unknown or zero."""
    if resolution is None:
        return f"{mean:.{DIGITS_WITHOUT_SPREAD}g}"
    return format_fixed(mean, -resolution_decimals(resolution), 0)


def resolution_decimals(resolution: float, spread: float = 0.0) -> int:
    """The decimals of values that differ by at least `resolution`.

    There is one more if a spread would be rounded to 0 otherwise: the mean of several values has a
    finer resolution than a value.

    >>> resolution_decimals(1 / 270), resolution_decimals(1 / 100), resolution_decimals(5.0)
    (3, 2, 0)
    >>> resolution_decimals(1 / 100, spread=0.003)
    3
    """
    decimals = max(0, math.ceil(-math.log10(resolution) - 1e-9))
    # With a spread that is still smaller, one more decimal would not help.
    return decimals + (0.05 <= spread * 10.0**decimals < 0.5)


def format_p(p: float) -> str:
    """A p value with three decimals for a column of a table, `< 0.001` if it is smaller.

    A p value just above 0.05 has a fourth decimal, so that it never looks significant.

    >>> format_p(0.0004), format_p(0.0314), format_p(0.05003), format_p(1.0)
    ('< 0.001', '0.031', '0.0501', '1.000')
    """
    if math.isnan(p):
        return ""
    if p < _SMALLEST_P:
        return f"< {_SMALLEST_P:g}"
    if _LARGEST_SIGNIFICANT_P < p < _LARGEST_SIGNIFICANT_P + _SMALLEST_P / 2:
        return f"{math.ceil(p * 1e4 - 1e-9) / 1e4:.4f}"
    return f"{p:.3f}"


def describe_p(p: float) -> str:
    """A p value in a sentence.

    >>> describe_p(0.0004), describe_p(0.0314)
    ('p < 0.001', 'p = 0.031')
    """
    text = format_p(p)
    return f"p {text}" if text.startswith("<") else f"p = {text}"


def format_interval(low: float, high: float) -> str:
    """`low to high` with two digits of the width; empty if a bound is not finite.

    As in `format_mean`, numbers too long for plain notation share a power of ten. A bound other
    than 0 that would be rounded to 0 has two digits of its own.

    >>> format_interval(-1.43e36, 2.3e36), format_interval(0.1234, 0.5678)
    ('(-1.4 to 2.3)e+36', '0.12 to 0.57')
    >>> format_interval(0.00035, 114.2)
    '0.00035 to 114'
    """
    if not (math.isfinite(low) and math.isfinite(high)):
        return ""
    if -ZERO_BELOW < low <= 0 <= high < ZERO_BELOW:
        return "0 to 0"
    width = Decimal(repr(high)) - Decimal(repr(low))
    top = max(decimal_exponent(low), decimal_exponent(high))
    if width <= Decimal(2 * ROUNDING_NOISE) * Decimal(max(abs(low), abs(high))):
        return f"{low:.{DIGITS_WITHOUT_SPREAD}g} to {high:.{DIGITS_WITHOUT_SPREAD}g}"
    place = max(width.adjusted() - 1, top - _DIGITS_OF_A_DOUBLE)
    if not PLAIN_FROM <= top < PLAIN_BELOW:
        bounds = [format_fixed(low, place, top), format_fixed(high, place, top)]
        if any(
            rounds_to_zero(bound, text) for bound, text in zip((low, high), bounds, strict=True)
        ):
            return f"{low:.1e} to {high:.1e}"
        return f"({bounds[0]} to {bounds[1]})e{top:+03d}"
    return f"{_plain_bound(low, min(place, 0))} to {_plain_bound(high, min(place, 0))}"


def _plain_bound(value: float, place: int) -> str:
    """A bound written down to 10**place, or with two significant digits if it is smaller."""
    text = format_fixed(value, place, 0)
    if not rounds_to_zero(value, text):
        return text
    own_place = decimal_exponent(value) - 1
    return format_fixed(value, own_place, 0) if own_place >= PLAIN_FROM else f"{value:.1e}"


def rounds_to_zero(value: float, text: str) -> bool:
    """Whether the text of a value that is not 0 has no digit other than 0."""
    return value != 0 and not text.strip("-0.")


def last_place(sd: float) -> int:
    """The power of ten to which `sd` is rounded."""
    power = decimal_exponent(sd)
    first = Decimal(repr(sd)).scaleb(-power)
    place = power - 1 if first < _TWO_DIGITS_BELOW else power
    # 0.0196 rounds up to 0.020, which needs one digit only; 0.097 to 0.10, which needs two.
    rounded = _round_half_even(sd, place)
    shifted = decimal_exponent(float(rounded))
    leading = rounded.scaleb(-shifted)
    return shifted - 1 if leading < _TWO_DIGITS_BELOW else shifted


def decimal_exponent(value: float) -> int:
    """The power of ten of the first digit; 0 for zero."""
    return Decimal(repr(value)).adjusted() if value else 0


def _round_half_even(value: float, place: int) -> Decimal:
    return Decimal(repr(value)).quantize(Decimal(1).scaleb(place), rounding=ROUND_HALF_EVEN)


def format_fixed(value: float, place: int, power: int) -> str:
    """`value` divided by 10**power, written down to 10**place."""
    digits = max(power - place, 0)
    scaled = Decimal(repr(value)).scaleb(-power)
    text = f"{scaled.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_EVEN):f}"
    return text.removeprefix("-") if not text.strip("-0.") else text
