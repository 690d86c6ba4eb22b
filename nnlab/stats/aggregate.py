"""Mean, spread and extremes of one metric over the seeds of a trial."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_NAN = float("nan")


def lower_median(values: Sequence[float]) -> float:
    """The median of values (shape [n], n >= 1); of an even number, the lower one of the middle two.

    The module `statistics` has the same function, but its import takes longer than a ranking.

    >>> lower_median([3.0, 1.0, 2.0, 9.0])
    2.0
    """
    return sorted(values)[(len(values) - 1) // 2]


@dataclass(frozen=True, slots=True)
class Aggregate:
    """Statistics of a sample in the metric's unit: `n` values used, `missing` ones left out.

    `sd` is the sample standard deviation (n - 1 in the denominator), NaN for a single value.
    `low` and `high` are the extremes.
    """

    n: int
    mean: float
    sd: float
    low: float
    high: float
    missing: int = 0

    @property
    def sem(self) -> float:
        """The standard error of the mean, sd / sqrt(n); NaN below two values."""
        return self.sd / math.sqrt(self.n) if self.n else _NAN


def aggregate(values: Iterable[float | None]) -> Aggregate:
    """Mean, sample standard deviation and extremes of `values` (shape: any number of seeds).

    NaN and None are runs without a result: they are left out and counted in `missing`. An
    infinite value is the result of an overflow and is used: the mean is then infinite, or NaN for
    infinities of both signs, and `sd` is NaN. Without any value all numbers are NaN.

    Two passes are summed exactly (`math.fsum`), so that a large common offset costs no digits.

    >>> aggregate([1.0, 2.0, 3.0, None])
    Aggregate(n=3, mean=2.0, sd=1.0, low=1.0, high=3.0, missing=1)
    """
    total, kept = 0, []
    for value in values:
        total += 1
        if value is not None and not math.isnan(value):
            kept.append(float(value))
    missing = total - len(kept)
    if not kept:
        return Aggregate(0, _NAN, _NAN, _NAN, _NAN, missing)
    low, high = min(kept), max(kept)
    if math.isinf(low) or math.isinf(high):
        mean = _NAN if math.isinf(low) and math.isinf(high) and low != high else sum(kept)
        return Aggregate(len(kept), mean, _NAN, low, high, missing)
    mean, sd = _mean_and_sd(kept, low, high)
    return Aggregate(len(kept), mean, sd, low, high, missing)


def _mean_and_sd(values: list[float], low: float, high: float) -> tuple[float, float]:
    """Mean and sd of finite values, scaled by the largest magnitude so that squares are finite."""
    n = len(values)
    scale = max(abs(low), abs(high))
    if scale == 0.0 or low == high:
        return low, (0.0 if n > 1 else _NAN)
    scaled = [value / scale for value in values]
    center = math.fsum(scaled) / n
    # Rounding may put the mean one ulp outside the extremes, which a table must not show.
    mean = min(max(center * scale, low), high)
    if n == 1:
        return mean, _NAN
    squares = math.fsum((value - center) ** 2 for value in scaled)
    error = math.fsum(value - center for value in scaled)  # the rounding error of `center`
    return mean, math.sqrt(max(squares - error * error / n, 0.0) / (n - 1)) * scale
