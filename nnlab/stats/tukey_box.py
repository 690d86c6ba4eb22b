"""The numbers of a box plot: quartiles, whiskers and outliers (Tukey 1977)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

# Whiskers end at the furthest value within this many interquartile ranges of the box.
WHISKER_RANGE = 1.5
# With fewer values the quartiles say no more than the values themselves.
MIN_BOX_VALUES = 5


@dataclass(frozen=True, slots=True)
class TukeyBox:
    """The quartiles of a sample, the ends of its whiskers, and the values beyond them."""

    first_quartile: float
    median: float
    third_quartile: float
    low_whisker: float
    high_whisker: float
    outliers: tuple[float, ...]


def tukey_box(values: Sequence[float]) -> TukeyBox:
    """The box of finite values (shape [n], n >= 1).

    The quartiles interpolate linearly between the values, as in numpy and matplotlib.

    >>> box = tukey_box([1.0, 2.0, 3.0, 4.0, 10.0])
    >>> box.first_quartile, box.median, box.third_quartile, box.high_whisker, box.outliers
    (2.0, 3.0, 4.0, 4.0, (10.0,))
    """
    ordered = sorted(values)
    first, median, third = (_quantile(ordered, share) for share in (0.25, 0.5, 0.75))
    reach = WHISKER_RANGE * (third - first)
    inside = [value for value in ordered if first - reach <= value <= third + reach]
    # Rounding may put a quartile of equal values one ulp outside of them.
    low, high = (min(inside), max(inside)) if inside else (first, third)
    return TukeyBox(
        first,
        median,
        third,
        min(low, first),
        max(high, third),
        tuple(value for value in ordered if value < low or value > high),
    )


def _quantile(ordered: Sequence[float], share: float) -> float:
    position = share * (len(ordered) - 1)
    below = math.floor(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (position - below) * (ordered[above] - ordered[below])
