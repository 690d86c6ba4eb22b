"""Columns of numbers with their uncertainties, for every table, report and figure.

All numbers of a column have the same number of decimals. It follows the resolution of the metric
(an accuracy over 270 examples has three decimals), or else the median uncertainty of the column.
Numbers of another magnitude than the rest of their column are written with a power of ten.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from nnlab.objective import limits_of
from nnlab.stats.aggregate import lower_median
from nnlab.stats.rounding import (
    DIGITS_WITHOUT_SPREAD,
    PLAIN_BELOW,
    PLAIN_FROM,
    ROUNDING_NOISE,
    ZERO_BELOW,
    decimal_exponent,
    format_fixed,
    format_interval,
    last_place,
    resolution_decimals,
    rounds_to_zero,
)

# A number with more digits is written with a power of ten.
_MAX_DIGITS = 8
# The decimals of a fraction whose resolution and uncertainty are unknown.
_MAX_DECIMALS_OF_A_FRACTION = 4
# A number without a value, as tables write it.
NO_NUMBER = "–"  # noqa: RUF001  an en dash


@dataclass(frozen=True, slots=True)
class WrittenNumber:
    """A number of a column as text: its value, its uncertainty and a power of ten for both.

    `spread` is None if the uncertainty is unknown. If the value is not finite, `value` is a word.
    """

    value: str
    spread: str | None = None
    power: int = 0

    @property
    def is_number(self) -> bool:
        """Whether the value is finite."""
        return self.value.lstrip("-")[:1].isdigit()

    @property
    def text(self) -> str:
        """The number on a screen, such as `0.973 ± 0.004` or `(1.2 ± 0.3)e-07`."""
        number = self.value if self.spread is None else f"{self.value} ± {self.spread}"
        if not self.power:
            return number
        base = number if self.spread is None else f"({number})"
        return f"{base}e{self.power:+03d}"


@dataclass(frozen=True, slots=True)
class _ColumnFormat:
    """The decimals of a column, whose numbers are divided by 10**power."""

    decimals: int
    power: int

    def fixed(self, number: float) -> str:
        return format_fixed(number, self.power - self.decimals, self.power)


def number_column(
    values: Sequence[float],
    spreads: Sequence[float | None] = (),
    *,
    metric: str = "",
    resolution: float | None = None,
) -> tuple[str, ...]:
    """The numbers of a column as texts with equal decimals; see `written_column`.

    >>> number_column([0.98765, 0.6], [0.0041, 0.4], resolution=1 / 270)
    ('0.988 ± 0.004', '0.600 ± 0.400')
    >>> number_column([1.0, 0.954545], [0.0, 3e-17])
    ('1.00 ± 0', '0.95 ± 0')
    """
    column = written_column(values, spreads, metric=metric, resolution=resolution)
    return tuple(number.text for number in column)


def written_column(
    values: Sequence[float],
    spreads: Sequence[float | None] = (),
    *,
    metric: str = "",
    resolution: float | None = None,
) -> tuple[WrittenNumber, ...]:
    """The numbers of a column with equal decimals.

    Args:
        values: shape [n], in the unit of the metric; NaN and infinity are written as words.
        spreads: their uncertainties (a standard deviation, a standard error or half an interval),
            shape [n], or empty. None, NaN and infinity are unknown. Rounding errors are written
            as 0, and so is a zero.
        metric: the key of the metric; a fraction has at most four decimals of its own.
        resolution: the smallest difference of two values, such as 1 / 270 for an accuracy over 270
            examples; None if it is unknown.

    Raises:
        ValueError: there are spreads, but not as many as values.
    """
    if len(spreads) not in (0, len(values)):
        raise ValueError(f"{len(values)} values have {len(spreads)} spreads")
    given_spreads = spreads or [None] * len(values)
    largest = max((abs(value) for value in values if math.isfinite(value)), default=0.0)
    cleaned = [
        0.0 if _is_noise(value, spread, largest) else value
        for value, spread in zip(values, given_spreads, strict=True)
    ]
    known_spreads = [
        _known_spread(value, spread) for value, spread in zip(cleaned, given_spreads, strict=True)
    ]
    shared = _column_format(cleaned, known_spreads, metric, resolution)
    return tuple(
        _write(value, spread, shared, has_resolution=resolution is not None)
        for value, spread in zip(cleaned, known_spreads, strict=True)
    )


def interval_column(
    intervals: Sequence[tuple[float, float] | None],
    *,
    metric: str = "",
    resolution: float | None = None,
) -> tuple[str, ...]:
    """Intervals as texts `low to high` with equal decimals, in the order given.

    The text is empty for None and for a bound that is not finite. A bound that would be rounded to
    0 has two digits of its own, so that an interval without 0 never seems to contain it.

    >>> interval_column([(0.12345, 0.56789), (-0.0301, 0.0702), None])
    ('0.12 to 0.57', '-0.03 to 0.07', '')
    >>> interval_column([(0.0002, 0.031)], resolution=1 / 270)
    ('0.00020 to 0.031',)
    """
    finite = [interval for interval in intervals if interval and _is_finite(interval)]
    finite = [
        (0.0, 0.0) if -ZERO_BELOW < low <= 0 <= high < ZERO_BELOW else (low, high)
        for low, high in finite
    ]
    largest = [max(interval, key=abs) for interval in finite]
    half_widths = [
        _known_spread(bound, (high - low) / 2)
        for bound, (low, high) in zip(largest, finite, strict=True)
    ]
    shared = _column_format(largest, half_widths, metric, resolution)
    written = iter(_write_interval(low, high, shared) for low, high in finite)
    return tuple(next(written) if _is_finite(interval) else "" for interval in intervals)


def _is_finite(interval: tuple[float, float] | None) -> bool:
    return interval is not None and all(math.isfinite(bound) for bound in interval)


def _known_spread(value: float, spread: float | None) -> float | None:
    """The spread of a finite value; 0 for a rounding error, None if it is unknown."""
    if spread is None or not math.isfinite(spread) or spread < 0 or not math.isfinite(value):
        return None
    is_noise = spread <= ROUNDING_NOISE * abs(value) or abs(value) <= spread < ZERO_BELOW
    return 0.0 if is_noise else spread


def _is_noise(value: float, spread: float | None, largest: float) -> bool:
    """Whether a value is the rounding error of equal numbers or of the largest of the column."""
    if not math.isfinite(value):
        return False
    return abs(value) <= ROUNDING_NOISE * largest or abs(value) <= (spread or 0.0) < ZERO_BELOW


def _column_format(
    values: Sequence[float], spreads: Sequence[float | None], metric: str, resolution: float | None
) -> _ColumnFormat:
    """The decimals of a column, from the resolution of the metric or else from the numbers."""
    pairs = [
        (value, spread)
        for value, spread in zip(values, spreads, strict=True)
        if math.isfinite(value)
    ]
    plain = [pair for pair in pairs if PLAIN_FROM <= _top_exponent(*pair) < PLAIN_BELOW]
    pairs = plain or pairs
    positive_spreads = [spread for _, spread in pairs if spread]
    typical_spread = lower_median(positive_spreads) if positive_spreads else 0.0
    if resolution is not None:
        decimals = [resolution_decimals(resolution, spread) for spread in positive_spreads or [0.0]]
        return _ColumnFormat(max(decimals), 0)
    magnitudes = [abs(value) for value, _ in pairs if value]
    typical = lower_median(magnitudes) if magnitudes else 0.0
    power = 0 if plain else decimal_exponent(max(typical, typical_spread))
    if typical_spread:
        place = last_place(typical_spread)
    else:
        place = _place_of_gaps([v for v, _ in pairs], decimal_exponent(typical), metric)
    return _ColumnFormat(max(0, power - place), power)


def _top_exponent(value: float, spread: float | None) -> int:
    """The power of ten of the first digit of a number with its spread."""
    return decimal_exponent(max(abs(value), spread or 0.0))


def _place_of_gaps(values: Sequence[float], exponent: int, metric: str) -> int:
    """The power of ten to which values without spreads are rounded.

    Different values differ in the last digit, with at most four digits of a typical value.
    """
    finite = sorted({value for value in values if math.isfinite(value)})
    least = exponent + 1 - DIGITS_WITHOUT_SPREAD
    if limits_of(metric) == (0.0, 1.0):
        least = max(least, -_MAX_DECIMALS_OF_A_FRACTION)
    gaps = [
        high - low
        for low, high in pairwise(finite)
        if high - low > ROUNDING_NOISE * max(abs(low), abs(high))
    ]
    if not gaps:
        return least if any(finite) else 0
    return max(least, min(decimal_exponent(min(gaps)), exponent - 1))


def _write(
    value: float, spread: float | None, shared: _ColumnFormat, *, has_resolution: bool
) -> WrittenNumber:
    if math.isnan(value):
        return WrittenNumber(NO_NUMBER)
    if math.isinf(value):
        return WrittenNumber(str(value))
    top = _top_exponent(value, spread)
    value_text = shared.fixed(value)
    spread_text = None if spread is None else shared.fixed(spread) if spread else "0"
    is_too_long = top - shared.power + 1 + shared.decimals > _MAX_DIGITS
    vanishes = rounds_to_zero(value, value_text) and not (
        spread and spread_text and not rounds_to_zero(spread, spread_text)
    )
    if is_too_long or (vanishes and not has_resolution):
        return _write_separately(value, spread, top)
    return WrittenNumber(value_text, spread_text, shared.power)


def _write_separately(value: float, spread: float | None, top: int) -> WrittenNumber:
    """A number of another magnitude than its column, with the digits of its own uncertainty."""
    place = last_place(spread) if spread else decimal_exponent(value) - 1
    place = max(place, top - _MAX_DIGITS + 1)
    power = top if top >= PLAIN_BELOW or top <= PLAIN_FROM or place > 0 else 0
    own = _ColumnFormat(max(0, power - place), power)
    spread_text = None if spread is None else own.fixed(spread) if spread else "0"
    return WrittenNumber(own.fixed(value), spread_text, power)


def _write_interval(low: float, high: float, shared: _ColumnFormat) -> str:
    """An interval with the decimals of its column, or with its own decimals."""
    bounds = [_write(bound, None, shared, has_resolution=False) for bound in (low, high)]
    if len({bound.power for bound in bounds}) > 1:
        return format_interval(low, high)
    if bounds[0].power:
        return f"({bounds[0].value} to {bounds[1].value})e{bounds[0].power:+03d}"
    return f"{bounds[0].text} to {bounds[1].text}"
