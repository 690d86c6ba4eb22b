"""Statistics over the seeds of trials as pure functions, used by analysis, reports and figures.

Only the standard library is imported at the top of these modules, so that commands start fast.
"""

from nnlab.stats.aggregate import Aggregate, aggregate
from nnlab.stats.curve_band import CurveBand, mean_curve, median_epoch
from nnlab.stats.durations import format_duration
from nnlab.stats.rounding import format_interval, format_mean

__all__ = [
    "Aggregate",
    "CurveBand",
    "aggregate",
    "format_duration",
    "format_interval",
    "format_mean",
    "mean_curve",
    "median_epoch",
]
