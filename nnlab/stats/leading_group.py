"""Which settings of a table are printed in bold: the best, and those that may be as good.

A test that finds no difference may just lack power: 0.6 ± 0.4 over five seeds does not differ
significantly from 0.988. A setting is therefore bold only if its difference from the best is within
chance in three ways, each without a correction for the other settings: the 95 % interval of its
difference contains 0, and so do the interval computed from the two settings alone and the interval
computed with the typical spread of the table. Every bold setting is in tier 1, but not every
setting in tier 1 is bold.
"""

import math
from collections.abc import Sequence

from nnlab.stats.aggregate import lower_median
from nnlab.stats.claims import SIGNIFICANCE_LEVEL
from nnlab.stats.comparison import BestComparison
from nnlab.stats.paired import sample_sd
from nnlab.stats.student_t import t_quantile, two_sided_p


def typical_sd(best: Sequence[float], others: Sequence[Sequence[float]]) -> float:
    """The median standard deviation of the settings of a table, and at least that of the best.

    Settings with fewer than two values, or with a value that is not finite, do not count. It is
    NaN if the best is one of them.

    >>> typical_sd([1.0, 3.0], [[2.0, 4.0], [0.0, 100.0]])
    1.4142135623730951
    """
    deviations = [
        sample_sd(values)
        for values in (best, *others)
        if len(values) > 1 and all(map(math.isfinite, values))
    ]
    if len(best) < 2 or not all(map(math.isfinite, best)):
        return math.nan
    return max(lower_median(deviations), sample_sd(best))


def may_equal_best(comparison: BestComparison, table_sd: float) -> bool:
    """Whether a setting is as good as the best up to chance, by its own spread and by `table_sd`.

    Args:
        comparison: of the best setting with this one.
        table_sd: the typical standard deviation of the table, in the metric's unit.
    """
    if not comparison.has_enough_seeds or comparison.is_significant:
        return False
    if comparison.p <= SIGNIFICANCE_LEVEL:
        return False  # the interval of its difference excludes 0
    n = comparison.n
    if comparison.paired and two_sided_p(comparison.effect * math.sqrt(n), n - 1) <= (
        SIGNIFICANCE_LEVEL
    ):
        return False  # the interval by the spread of these two settings alone excludes 0
    half_width = t_quantile(n - 1, 1 - SIGNIFICANCE_LEVEL / 2) * table_sd * math.sqrt(2 / n)
    return comparison.mean <= half_width
