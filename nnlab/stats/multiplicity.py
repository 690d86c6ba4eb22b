"""Corrections of t tests for the number of trials of a table."""

import math
from dataclasses import dataclass

from nnlab.stats.claims import SIGNIFICANCE_LEVEL
from nnlab.stats.student_t import t_quantile
from nnlab.stats.studentized_range import (
    NORMAL_DF,
    effective_tests,
    range_adjusted_p,
    range_critical_t,
)


@dataclass(frozen=True, slots=True)
class Multiplicity:
    """The correction of a table's tests: Bonferroni for `tests`, or for the range of `groups`.

    `groups` is the number of trials from which the best was selected, or None if the trials are
    compared with one that was not selected.
    """

    tests: int
    groups: int | None = None

    def adjusted_p(self, p: float, df: float, *, common: bool) -> float:
        """The corrected p.

        Args:
            p: the two-sided p of a single test.
            df: its degrees of freedom.
            common: whether the tests of the table share one estimate of the variance.
        """
        if common and self.groups is not None:
            return range_adjusted_p(p, self.groups, df)
        return min(1.0, self.tests * p)

    def critical_t(self, df: float, *, common: bool) -> float:
        """The smallest t of which the corrected p is at most 0.05."""
        if common and self.groups is not None:
            return range_critical_t(self.groups, df)
        return t_quantile(df, 1 - SIGNIFICANCE_LEVEL / self.tests / 2)

    def adjusted_one_sided_p(self, p: float) -> float:
        """The corrected p of a one-sided z test."""
        if self.groups is None:
            return min(1.0, self.tests * p)
        return range_adjusted_p(2 * p, self.groups, NORMAL_DF) / 2

    def critical_z_one_sided(self) -> float:
        """The smallest z of which the corrected one-sided p is at most 0.05."""
        if self.groups is None:
            single = 2 * SIGNIFICANCE_LEVEL / self.tests
        else:
            tests = effective_tests(self.groups, NORMAL_DF)
            single = -math.expm1(math.log1p(-2 * SIGNIFICANCE_LEVEL) / tests)
        return t_quantile(NORMAL_DF, 1 - single / 2)


def best_of(trials: int) -> Multiplicity:
    """The correction of comparisons with the best of a number of trials.

    >>> best_of(4).tests
    6
    """
    return Multiplicity(max(trials * (trials - 1) // 2, 1), trials)
