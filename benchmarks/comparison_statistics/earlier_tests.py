"""Tests that nnlab is compared with: its own before, and scipy's paired t test with Holm."""

import numpy as np
from scipy import stats

from comparison_statistics.simulated_tables import Values
from comparison_statistics.vectorized_test import Decisions


def bonferroni_decisions(values: Values) -> Decisions:
    """The paired t test of each pair, corrected for all pairs by Bonferroni: nnlab before.

    Equal differences, which have no t, were tested by the exact sign-flip test. That it decided
    nothing with fewer than four seeds is left out.
    """
    _, trials, seeds = values.shape
    pairs = trials * (trials - 1) // 2
    differences = values[:, :1] - values[:, 1:]
    means, sds = differences.mean(axis=2), differences.std(axis=2, ddof=1)
    scale = np.abs(values).max(axis=(1, 2))[:, None]
    is_equal = np.ptp(differences, axis=2) <= 1e-12 * scale
    with np.errstate(divide="ignore", invalid="ignore"):
        p = 2 * stats.t.sf(means / (sds / np.sqrt(seeds)), seeds - 1)
    exact = np.where(means > 1e-12 * scale, 2.0 ** (1 - seeds), 1.0)
    return np.asarray(np.where(is_equal, exact, p) * pairs <= 0.05)


def holm_decisions(values: Values) -> Decisions:
    """The paired t tests of scipy, with Holm's correction for all pairs; those with the first."""
    tables, trials, _ = values.shape
    first, _ = np.triu_indices(trials, 1)
    p = np.ones((tables, len(first)))
    with np.errstate(all="ignore"):
        for trial in range(trials - 1):
            columns = first == trial
            test = stats.ttest_rel(values[:, [trial]], values[:, trial + 1 :], axis=2)
            p[:, columns] = np.nan_to_num(test.pvalue, nan=1.0)
    order = np.argsort(p, axis=1)
    factors = np.arange(len(first), 0, -1)
    steps = np.take_along_axis(p, order, axis=1) * factors
    adjusted = np.empty_like(p)
    np.put_along_axis(adjusted, order, np.maximum.accumulate(steps, axis=1), axis=1)
    is_better = values[:, :1].mean(axis=2) > values[:, 1:].mean(axis=2)
    return np.asarray((adjusted[:, : trials - 1] <= 0.05) & is_better)
