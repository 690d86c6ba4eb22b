"""Means and intervals as text with as many digits as their uncertainty supports."""

import math
from decimal import ROUND_HALF_EVEN, Decimal

# A leading 1 gets a second digit: rounding 0.0014 to 0.001 would misstate it by 40 %
# (the rule of the Particle Data Group, Review of Particle Physics, introduction, 5.3).
_TWO_DIGITS_BELOW = 2
# Powers of ten outside of which plain notation is mostly zeros.
_PLAIN_FROM, _PLAIN_BELOW = -5, 6
_DIGITS_WITHOUT_SD = 4
# The significant decimal digits of a double.
_DIGITS_OF_A_DOUBLE = 15
# A spread below this multiple of the mean is the rounding error of equal values.
_ROUNDING_NOISE = 4e-16
# A mean and spread below this are the rounding error of differences of equal fractions.
_ZERO_BELOW = 1e-15


def format_mean(mean: float, sd: float | None = None) -> str:
    """`mean ± sd`, with `sd` rounded to one digit (two when it starts with 1).

    `sd` is a standard deviation, a standard error or half an interval, in the unit of `mean`. If it
    is unknown (None or NaN, for a single seed) or infinite, the mean is written alone with four
    digits. Numbers too long for plain notation are written as `(1.23 ± 0.04)e-07`. A spread that
    is only the rounding error of equal values is written as 0.

    >>> format_mean(0.97312, 0.0041)
    '0.973 ± 0.004'
    """
    if not math.isfinite(mean):
        return str(mean)
    if sd is None or not math.isfinite(sd) or sd < 0:
        return f"{mean:.{_DIGITS_WITHOUT_SD}g}"
    if abs(mean) <= sd < _ZERO_BELOW:
        return "0 ± 0"
    if sd <= _ROUNDING_NOISE * abs(mean):
        return f"{mean:.{_DIGITS_WITHOUT_SD}g} ± 0"
    place = _last_place(sd)
    top = max(_decimal_exponent(mean), _decimal_exponent(sd))
    if top - place > _DIGITS_OF_A_DOUBLE:
        return f"{mean:.{_DIGITS_OF_A_DOUBLE}g} ± {sd:.1g}"
    if place > 0 or not _PLAIN_FROM <= top < _PLAIN_BELOW:
        return f"({_format_fixed(mean, place, top)} ± {_format_fixed(sd, place, top)})e{top:+03d}"
    return f"{_format_fixed(mean, place, 0)} ± {_format_fixed(sd, place, 0)}"


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
    if -_ZERO_BELOW < low <= 0 <= high < _ZERO_BELOW:
        return "0 to 0"
    width = Decimal(repr(high)) - Decimal(repr(low))
    top = max(_decimal_exponent(low), _decimal_exponent(high))
    if width <= Decimal(2 * _ROUNDING_NOISE) * Decimal(max(abs(low), abs(high))):
        return f"{low:.{_DIGITS_WITHOUT_SD}g} to {high:.{_DIGITS_WITHOUT_SD}g}"
    place = max(width.adjusted() - 1, top - _DIGITS_OF_A_DOUBLE)
    if not _PLAIN_FROM <= top < _PLAIN_BELOW:
        bounds = [_format_fixed(low, place, top), _format_fixed(high, place, top)]
        if any(
            _rounds_to_zero(bound, text) for bound, text in zip((low, high), bounds, strict=True)
        ):
            return f"{low:.1e} to {high:.1e}"
        return f"({bounds[0]} to {bounds[1]})e{top:+03d}"
    return f"{_plain_bound(low, min(place, 0))} to {_plain_bound(high, min(place, 0))}"


def _plain_bound(value: float, place: int) -> str:
    """A bound written down to 10**place, or with two significant digits if it is smaller."""
    text = _format_fixed(value, place, 0)
    if not _rounds_to_zero(value, text):
        return text
    own_place = _decimal_exponent(value) - 1
    return _format_fixed(value, own_place, 0) if own_place >= _PLAIN_FROM else f"{value:.1e}"


def _rounds_to_zero(value: float, text: str) -> bool:
    return value != 0 and not text.strip("-0.")


def _last_place(sd: float) -> int:
    """The power of ten to which `sd` is rounded."""
    power = _decimal_exponent(sd)
    first = Decimal(repr(sd)).scaleb(-power)
    place = power - 1 if first < _TWO_DIGITS_BELOW else power
    # 0.0196 rounds up to 0.020, which needs one digit only; 0.097 to 0.10, which needs two.
    rounded = _round_half_even(sd, place)
    shifted = _decimal_exponent(float(rounded))
    leading = rounded.scaleb(-shifted)
    return shifted - 1 if leading < _TWO_DIGITS_BELOW else shifted


def _decimal_exponent(value: float) -> int:
    """The power of ten of the first digit; 0 for zero."""
    return Decimal(repr(value)).adjusted() if value else 0


def _round_half_even(value: float, place: int) -> Decimal:
    return Decimal(repr(value)).quantize(Decimal(1).scaleb(place), rounding=ROUND_HALF_EVEN)


def _format_fixed(value: float, place: int, power: int) -> str:
    """`value` divided by 10**power, written down to 10**place."""
    digits = max(power - place, 0)
    scaled = Decimal(repr(value)).scaleb(-power)
    text = f"{scaled.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_EVEN):f}"
    return text.removeprefix("-") if not text.strip("-0.") else text
