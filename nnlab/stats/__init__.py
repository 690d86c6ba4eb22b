"""Pure statistics over the seeds of a trial: values and curves in, numbers out, no drawing.

Only the standard library is imported, so that a table costs no start-up time.
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
