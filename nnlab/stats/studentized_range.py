"""The largest difference of several equal means: critical values of the studentized range.

The best trial of a table is selected for its mean, so its largest difference is the range of the
means (Tukey 1953). The critical values are tabulated, because their integrals take longer than a
ranking; tests compare them with scipy.
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from functools import cache

from nnlab.stats.claims import SIGNIFICANCE_LEVEL
from nnlab.stats.student_t import t_quantile, two_sided_p

_GROUPS = (2, 3, 4, 5, 6, 8, 10, 14, 20, 30, 50, 100, 200, 400, 1000, 3000, 10000)
_DF = (2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 14.0, 20.0, 30.0, 60.0, 120.0, math.inf)
# The degrees of freedom at which t is normal up to rounding.
NORMAL_DF = 1e9
# The 95 % quantiles of the studentized range by number of groups (rows) and degrees of freedom.
# fmt: off
_QUANTILES = (
    (6.085, 5.055, 4.501, 3.926, 3.635, 3.460, 3.261,
     3.151, 3.033, 2.950, 2.888, 2.829, 2.800, 2.772),
    (8.331, 6.754, 5.910, 5.040, 4.602, 4.339, 4.041,
     3.877, 3.701, 3.578, 3.486, 3.399, 3.356, 3.314),
    (9.798, 7.861, 6.825, 5.757, 5.218, 4.896, 4.529,
     4.327, 4.111, 3.958, 3.845, 3.737, 3.685, 3.633),
    (10.881, 8.680, 7.502, 6.287, 5.673, 5.305, 4.886,
     4.654, 4.407, 4.232, 4.102, 3.977, 3.917, 3.858),
    (11.734, 9.327, 8.037, 6.706, 6.033, 5.628, 5.167,
     4.912, 4.639, 4.445, 4.301, 4.163, 4.096, 4.030),
    (13.027, 10.310, 8.852, 7.347, 6.582, 6.122, 5.596,
     5.304, 4.990, 4.768, 4.601, 4.441, 4.363, 4.286),
    (13.988, 11.043, 9.462, 7.826, 6.995, 6.493, 5.918,
     5.598, 5.253, 5.008, 4.824, 4.646, 4.560, 4.474),
    (15.375, 12.103, 10.346, 8.524, 7.596, 7.034, 6.389,
     6.028, 5.637, 5.357, 5.147, 4.942, 4.842, 4.743),
    (16.769, 13.173, 11.240, 9.233, 8.208, 7.586, 6.869,
     6.467, 6.029, 5.714, 5.475, 5.241, 5.126, 5.012),
    (18.269, 14.328, 12.207, 10.003, 8.875, 8.189, 7.395,
     6.948, 6.459, 6.104, 5.833, 5.566, 5.434, 5.301),
    (20.046, 15.700, 13.359, 10.924, 9.674, 8.913, 8.029,
     7.529, 6.978, 6.576, 6.267, 5.958, 5.802, 5.646),
    (22.287, 17.434, 14.819, 12.094, 10.694, 9.839, 8.843,
     8.276, 7.649, 7.187, 6.827, 6.462, 6.275, 6.085),
    (24.364, 19.044, 16.177, 13.187, 11.648, 10.707, 9.608,
     8.982, 8.284, 7.767, 7.360, 6.940, 6.722, 6.496),
    (26.306, 20.551, 17.449, 14.213, 12.545, 11.525, 10.332,
     9.649, 8.888, 8.319, 7.868, 7.397, 7.148, 6.885),
    (28.699, 22.412, 19.021, 15.483, 13.658, 12.540, 11.232,
     10.482, 9.642, 9.011, 8.507, 7.973, 7.684, 7.370),
    (31.359, 24.481, 20.771, 16.899, 14.900, 13.675, 12.239,
     11.415, 10.489, 9.791, 9.229, 8.626, 8.291, 7.915),
    (34.060, 26.584, 22.551, 18.340, 16.166, 14.833, 13.269,
     12.370, 11.358, 10.593, 9.974, 9.301, 8.920, 8.476),
)
# fmt: on


@cache
def range_critical_t(groups: int, df: float) -> float:
    """The t of a difference of two of several equal means that the largest exceeds in 5 %.

    Args:
        groups: the number of means, at least 2; more than 10,000 count as 10,000.
        df: the degrees of freedom of their common variance, at least 2.

    >>> round(range_critical_t(10, 18), 2), round(range_critical_t(2, 4), 2)
    (3.59, 2.78)
    """
    if groups <= 2:
        return t_quantile(min(df, NORMAL_DF), 1 - SIGNIFICANCE_LEVEL / 2)
    row = min(max(bisect_right(_GROUPS, groups) - 1, 0), len(_GROUPS) - 2)
    share = math.log(min(groups, _GROUPS[-1]) / _GROUPS[row])
    share /= math.log(_GROUPS[row + 1] / _GROUPS[row])
    low, high = (_at_df(_QUANTILES[index], df) for index in (row, row + 1))
    return (low + share * (high - low)) / math.sqrt(2)


def _at_df(quantiles: Sequence[float], df: float) -> float:
    """The quantile at any degrees of freedom, interpolated in 1 / df, in which it is smooth."""
    df = max(df, _DF[0])
    column = min(bisect_right(_DF, df) - 1, len(_DF) - 2)
    low, high = 1 / _DF[column], 1 / _DF[column + 1]
    share = (1 / df - high) / (low - high)
    # The logarithm is nearly linear also for few degrees of freedom.
    return math.exp(
        share * math.log(quantiles[column]) + (1 - share) * math.log(quantiles[column + 1])
    )


def range_adjusted_p(p: float, groups: int, df: float) -> float:
    """The two-sided p of a t test, corrected for the selection of the largest difference.

    It is 1 - (1 - p)^m with the effective number of tests m at which it is exactly 0.05 for
    `range_critical_t`. For other p it is an approximation.

    >>> round(range_adjusted_p(0.01, 10, 1e9), 2)
    0.28
    """
    if p >= 1:
        return 1.0
    return -math.expm1(effective_tests(groups, df) * math.log1p(-p))


@cache
def effective_tests(groups: int, df: float) -> float:
    """The number of independent tests to which the selection of the largest difference amounts."""
    if groups <= 2:
        return 1.0
    df = min(df, NORMAL_DF)
    single = two_sided_p(range_critical_t(groups, df), df)
    return math.log1p(-SIGNIFICANCE_LEVEL) / math.log1p(-single)
