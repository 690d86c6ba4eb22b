"""Where the mean of a few values lies: Student's t, and the bootstrap."""

import math
from collections.abc import Sequence
from enum import StrEnum

from nnlab.stats.paired import LEVEL, mean_and_half_width

RESAMPLES = 9999


class Interval(StrEnum):
    """How an interval of a mean is made."""

    T = "t"
    BOOTSTRAP = "bootstrap"
    BCA = "bca"


def interval_of(
    values: Sequence[float], how: Interval = Interval.T, level: float = LEVEL
) -> tuple[float, float]:
    """Bounds of the mean of values (shape [n]); NaN where there are fewer than two of them.

    `t` is Student's (1908), exact for normal values at any n. `bootstrap` takes percentiles of
    the means of resamples and `bca` corrects them for bias and skew (Efron 1987); both are too
    narrow for a handful of values. Values that are not finite have no interval.

    >>> [round(bound, 3) for bound in interval_of([1.0, 2.0, 3.0])]
    [-0.484, 4.484]
    """
    if len(values) < 2 or not all(map(math.isfinite, values)):
        return math.nan, math.nan
    if how is Interval.T or min(values) == max(values):
        mean, half = mean_and_half_width(values, level)
        return mean - half, mean + half
    import numpy as np
    from scipy.stats import bootstrap

    found = bootstrap(
        (np.asarray(values, dtype=np.float64),),
        np.mean,
        n_resamples=RESAMPLES,
        confidence_level=level,
        method="percentile" if how is Interval.BOOTSTRAP else "BCa",
        rng=np.random.default_rng(0),
    ).confidence_interval
    return float(found.low), float(found.high)
