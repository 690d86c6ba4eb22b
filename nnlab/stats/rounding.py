"""Means and intervals written with the digits that their uncertainty supports, and no more."""

import math
from decimal import ROUND_HALF_EVEN, Decimal

# A leading 1 gets a second digit: rounding 0.0014 to 0.001 would misstate it by 40 %
# (the rule of the Particle Data Group, Review of Particle Physics, introduction, 5.3).
_TWO_DIGITS_BELOW = 2
# Powers of ten outside of which plain notation is mostly zeros.
_PLAIN_FROM, _PLAIN_BELOW = -5, 6
_DIGITS_WITHOUT_SD = 4
# A double carries no more digits than these.
_DIGITS_OF_A_DOUBLE = 15
# A spread below so many times the mean is what rounding leaves of equal values.
_ROUNDING_NOISE = 4e-16
# So is a mean of this size that is no larger than its spread: differences of equal shares.
_ZERO_BELOW = 1e-15


def format_mean(mean: float, sd: float | None = None) -> str:
    """`mean ± sd`, with `sd` rounded to one digit (two when it starts with 1).

    `sd` is in the unit of `mean`: a standard deviation, a standard error or half an interval.
    Unknown (None, NaN: a single seed) or infinite, the mean stands alone with four digits. A
    number that is too long for plain notation is written as `(1.23 ± 0.04)e-07`. A spread that is
    only the rounding error of equal values is 0.

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
    """`low to high` with two digits of the width; nothing where a bound is not finite.

    As in `format_mean`, numbers that are too long for plain notation share a power of ten. A bound
    that would be rounded to 0 and is not keeps two digits of its own.

    >>> format_interval(-1.43e36, 2.3e36), format_interval(0.1234, 0.5678)
    ('(-1.4 to 2.3)e+36', '0.12 to 0.57')
    >>> format_interval(0.00035, 114.2)
    '0.00035 to 114'
    """
    if not (math.isfinite(low) and math.isfinite(high)):
        return ""
    if -_ZERO_BELOW < low <= 0 <= high < _ZERO_BELOW:
        return "0 to 0"
    width, top = (
        Decimal(repr(high)) - Decimal(repr(low)),
        max(_decimal_exponent(low), _decimal_exponent(high)),
    )
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
    """A bound of an interval written down to 10**place, or with two digits where it is smaller."""
    text = _format_fixed(value, place, 0)
    if not _rounds_to_zero(value, text):
        return text
    own = _decimal_exponent(value) - 1
    return _format_fixed(value, own, 0) if own >= _PLAIN_FROM else f"{value:.1e}"


def _rounds_to_zero(value: float, text: str) -> bool:
    return value != 0 and not text.strip("-0.")


def _last_place(sd: float) -> int:
    """The power of ten that `sd` is rounded to."""
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
