"""The uncertainty that is printed after ± and drawn around means: sd, standard error or interval.

Tables, figures and reports use one of them, so that ± has one meaning in a paper.
"""

import math
from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from nnlab.objective import UNLIMITED, Limits
from nnlab.stats.aggregate import aggregate
from nnlab.stats.intervals import applicable_limits, confidence_interval, interval_within_limits


class Uncertainty(StrEnum):
    """What ± means: the standard deviation of the values, or an uncertainty of their mean."""

    SD = "sd"
    SE = "se"
    CI = "ci"


DEFAULT_UNCERTAINTY: Final = Uncertainty.CI

_NAMES: Final = {
    Uncertainty.SD: "sd",
    Uncertainty.SE: "standard error",
    Uncertainty.CI: "95 % CI",
}


def uncertainty_name(uncertainty: Uncertainty) -> str:
    """Its name in headers, legends and captions.

    >>> uncertainty_name(Uncertainty.CI), uncertainty_name(Uncertainty.SD)
    ('95 % CI', 'sd')
    """
    return _NAMES[uncertainty]


def uncertainty_bounds(
    values: Sequence[float], uncertainty: Uncertainty, limits: Limits = UNLIMITED
) -> tuple[float, float]:
    """The bounds around the mean of values (shape [n]); they stay within the metric's limits.

    The bounds of `ci` are Student's t interval of the mean at 95 %. All are NaN for fewer than two
    values or a value that is not finite.

    >>> uncertainty_bounds([1.0, 2.0, 3.0], Uncertainty.SD)
    (1.0, 3.0)
    """
    if uncertainty is Uncertainty.CI:
        return confidence_interval(values, limits=limits)
    if len(values) < 2 or not all(map(math.isfinite, values)):
        return math.nan, math.nan
    statistics = aggregate(values)
    half_width = statistics.sd if uncertainty is Uncertainty.SD else statistics.sem
    return interval_within_limits(statistics.mean, half_width, applicable_limits(limits, values))


def uncertainty_half_width(
    values: Sequence[float], uncertainty: Uncertainty, limits: Limits = UNLIMITED
) -> float:
    """The number after ±: half of the distance between the bounds; NaN if there are none."""
    if uncertainty is Uncertainty.CI:
        low, high = confidence_interval(values, limits=limits)
        return (high - low) / 2
    statistics = aggregate(values)
    return statistics.sd if uncertainty is Uncertainty.SD else statistics.sem
