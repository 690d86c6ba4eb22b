"""Confidence intervals of the mean of a few values: Student's t, and the bootstrap.

The t interval of a metric with limits is computed on a scale on which the limits lie at infinity:
the logit for fractions, the logarithm for positive values, log(1 - x) for R². The standard error is
transformed to that scale by the delta method (as for proportions in Korn and Graubard 1999, section
3.3), so single values may equal a limit, and the interval contains the arithmetic mean.
"""

import math
from collections.abc import Callable, Sequence
from enum import StrEnum

from nnlab.objective import UNLIMITED, Limits
from nnlab.stats.paired import CONFIDENCE_LEVEL, mean_and_half_width

RESAMPLES = 9999


class IntervalMethod(StrEnum):
    """How the confidence interval of a mean is computed."""

    T = "t"
    BOOTSTRAP = "bootstrap"
    BCA = "bca"


def confidence_interval(
    values: Sequence[float],
    method: IntervalMethod = IntervalMethod.T,
    level: float = CONFIDENCE_LEVEL,
    limits: Limits = UNLIMITED,
) -> tuple[float, float]:
    """The bounds of the mean of values (shape [n]).

    `t` is Student's interval (1908), exact for normal values without limits. `bootstrap` takes
    percentiles of the means of resamples, and `bca` corrects them for bias and skewness (Efron
    1987); both are too narrow for a few values. The bounds contain the mean, and lie within the
    limits if all values do. They are NaN for fewer than two values or a value that is not finite.

    >>> [round(bound, 3) for bound in confidence_interval([1.0, 2.0, 3.0])]
    [-0.484, 4.484]
    >>> [round(bound, 3) for bound in confidence_interval([0.7, 0.8, 0.9], limits=(0.0, 1.0))]
    [0.459, 0.95]
    """
    if len(values) < 2 or not all(map(math.isfinite, values)):
        return math.nan, math.nan
    mean, half_width = mean_and_half_width(values, level)
    if min(values) == max(values):
        return values[0], values[0]
    if method is IntervalMethod.T:
        return interval_within_limits(mean, half_width, applicable_limits(limits, values))
    # Here, because importing scipy takes longer than most commands.
    import numpy as np
    from scipy.stats import bootstrap

    interval = bootstrap(
        (np.asarray(values, dtype=np.float64),),
        np.mean,
        n_resamples=RESAMPLES,
        confidence_level=level,
        method="percentile" if method is IntervalMethod.BOOTSTRAP else "BCa",
        rng=np.random.default_rng(0),
    ).confidence_interval
    return min(float(interval.low), mean), max(float(interval.high), mean)


def applicable_limits(limits: Limits, values: Sequence[float]) -> Limits:
    """The limits, each replaced by infinity if a value lies beyond it.

    Such values belong to another metric of the same name, for example an accuracy in percent.

    >>> applicable_limits((0.0, 1.0), [97.1, 98.3])
    (0.0, inf)
    """
    low, high = limits
    return (
        low if all(value >= low for value in values) else -math.inf,
        high if all(value <= high for value in values) else math.inf,
    )


def interval_within_limits(mean: float, half_width: float, limits: Limits) -> tuple[float, float]:
    """The interval mean ± half_width, computed on a scale on which it stays within the limits.

    Args:
        mean: the mean of values within the limits.
        half_width: a multiple of the standard error or deviation, in the unit of the mean.
        limits: the smallest and largest possible value.

    >>> [round(bound, 4) for bound in interval_within_limits(1.0, 0.5, (0.0, math.inf))]
    [0.6065, 1.6487]
    """
    low, high = limits
    if not low < mean < high or half_width == 0 or not math.isfinite(half_width):
        return max(mean - half_width, low), min(mean + half_width, high)
    if math.isinf(low) and math.isinf(high):
        return mean - half_width, mean + half_width
    if math.isinf(high):
        return _on_log_scale(mean - low, half_width, lambda distance: low + distance)
    if math.isinf(low):
        far, near = _on_log_scale(high - mean, half_width, lambda distance: high - distance)
        return near, far
    share, width = (mean - low) / (high - low), half_width / (high - low)
    logit, step = math.log(share / (1 - share)), width / (share * (1 - share))
    bounds = (low + (high - low) * _logistic(logit + sign * step) for sign in (-1, 1))
    # Rounding in logit and logistic may exclude the mean by one ulp.
    below, above = bounds
    return min(below, mean), max(above, mean)


def _on_log_scale(
    distance: float, half_width: float, value_at: Callable[[float], float]
) -> tuple[float, float]:
    """The values at the bounds of a positive distance from a limit, the nearer bound first."""
    # exp of a larger number overflows.
    step = min(half_width / distance, 600.0)
    return value_at(distance * math.exp(-step)), value_at(distance * math.exp(step))


def _logistic(x: float) -> float:
    if x < 0:
        return math.exp(max(x, -700.0)) / (1 + math.exp(max(x, -700.0)))
    return 1 / (1 + math.exp(-x))
