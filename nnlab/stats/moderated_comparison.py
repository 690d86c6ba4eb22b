"""The t tests of a table: variances moderated across trials, corrected for the selected best.

For each pair of trials, the mean difference over their shared seeds is divided by a standard error
from the moderated variances of both (`nnlab.stats.moderated_variance`), with seeds as blocks. The
largest t of equal trials has the distribution of the studentized range. If the variances of the
table differ by more than chance, there is no common standard error, and p is corrected by the
number of pairs instead (Bonferroni).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nnlab.objective import UNLIMITED, Limits
from nnlab.stats.metric_scale import IDENTITY, MetricScale, candidate_scales
from nnlab.stats.moderated_variance import ModeratedVariances, moderate_variances
from nnlab.stats.multiplicity import Multiplicity
from nnlab.stats.sampling_noise import SamplingNoise, lattice_step
from nnlab.stats.seed_blocks import residual_variances
from nnlab.stats.student_t import two_sided_p
from nnlab.stats.studentized_range import NORMAL_DF

# Values that vary by less than this fraction are equal up to rounding.
_ROUNDING = 1e-12
# Another scale than the plain one must have spreads that are more similar by this much.
SCALE_MARGIN = 1e-9


@dataclass(frozen=True, slots=True)
class TestedDifference:
    """A t test of a difference on a scale, with the half width of its simultaneous interval.

    `variance` is that of the difference of one pair of seeds. `common` says that the tests of the
    table share one estimate of the variance.
    """

    __test__ = False  # keeps pytest from collecting the class

    difference: float
    variance: float
    n: float
    df: float
    common: bool
    p: float
    adjusted: float
    half_width: float


@dataclass(frozen=True, slots=True)
class TableVariances:
    """A scale for the values of a table, and the moderated variances of its trials on it.

    `trials` hold the values on the scale. `blocked` removes the effects of seeds, `total` does not.
    Both are None for a table of fewer than three trials with a spread. `noise` is what is known of
    the noise of one value.
    """

    scale: MetricScale
    trials: tuple[Mapping[int, float], ...]
    blocked: ModeratedVariances | None
    total: ModeratedVariances | None
    noise: SamplingNoise


def table_variances(
    trials: Sequence[Mapping[int, float]],
    limits: Limits = UNLIMITED,
    noise: SamplingNoise | None = None,
) -> TableVariances:
    """The moderated variances of a table on the scale on which they are the most similar.

    Args:
        trials: finite values by seed.
        limits: of the metric.
        noise: what is known of the noise of one value; by default the values are searched for a
            rounding step.
    """
    values = [value for trial in trials for value in trial.values()]
    if noise is None:
        noise = SamplingNoise(step=lattice_step(values))
    best: TableVariances | None = None
    for scale in candidate_scales(limits, values, noise.resolution):
        scaled = tuple(
            {seed: scale.forward(value) for seed, value in trial.items()} for trial in trials
        )
        table = TableVariances(scale, scaled, _blocked(scaled), _total(scaled), noise)
        # Where all spreads are at their lower limit, the scales are equal up to rounding.
        if best is None or _heterogeneity(table) < _heterogeneity(best) - SCALE_MARGIN:
            best = table
    return best or TableVariances(IDENTITY, tuple(trials), None, None, noise)


def _heterogeneity(table: TableVariances) -> float:
    variances = table.blocked or table.total
    return variances.heterogeneity if variances is not None else math.inf


def _blocked(trials: Sequence[Mapping[int, float]]) -> ModeratedVariances | None:
    residual = residual_variances(trials)
    if residual.pooled <= _rounding_variance(trials):
        return None
    return moderate_variances(residual.variances, residual.dfs, residual.pooled, residual.pooled_df)


def _total(trials: Sequence[Mapping[int, float]]) -> ModeratedVariances | None:
    """The moderated variances of trials whose seeds are not shared."""
    dfs = [max(len(trial) - 1, 0) for trial in trials]
    squares = [_squares(list(trial.values())) for trial in trials]
    pooled_df = sum(dfs)
    if not pooled_df or math.fsum(squares) / pooled_df <= _rounding_variance(trials):
        return None
    variances = [square / df if df else 0.0 for square, df in zip(squares, dfs, strict=True)]
    return moderate_variances(variances, dfs, math.fsum(squares) / pooled_df, pooled_df)


def _rounding_variance(trials: Sequence[Mapping[int, float]]) -> float:
    """The variance of values that are equal up to rounding."""
    largest = max((abs(value) for trial in trials for value in trial.values()), default=0.0)
    return (_ROUNDING * largest) ** 2


def _squares(values: Sequence[float]) -> float:
    """The sum of squares of values around their mean."""
    mean = math.fsum(values) / len(values) if values else 0.0
    return math.fsum((value - mean) ** 2 for value in values)


def moderated_test(
    table: TableVariances,
    first: int,
    second: int,
    shared: Sequence[int],
    correction: Multiplicity,
) -> TestedDifference | None:
    """The t test of the difference between two trials of a table, on its scale.

    Args:
        table: the variances of the table.
        first: the index of a trial.
        second: the index of the other one.
        shared: the seeds that both have; with fewer than two, the trials are compared unpaired.
        correction: for the number of trials.

    Returns:
        The test; None if the table has no moderated variances.
    """
    a, b = table.trials[first], table.trials[second]
    is_paired = len(shared) >= 2
    variances = table.blocked if is_paired else table.total
    if variances is None:
        return None
    if is_paired:
        differences = [a[seed] - b[seed] for seed in shared]
        difference = math.fsum(differences) / len(shared)
        counts = (len(shared), len(shared))
    else:
        difference = math.fsum(a.values()) / len(a) - math.fsum(b.values()) / len(b)
        counts = (len(a), len(b))
    parts = [
        variances.variances[index] / count
        for index, count in zip((first, second), counts, strict=True)
    ]
    n, total = min(counts), math.fsum(parts)
    if total <= 0:
        return None
    df = variances.difference_df(first, second, (parts[0] / total, parts[1] / total))
    common = variances.are_equal
    test = _t_test(difference, total * n, n, df, correction, common=common)
    if common or not is_paired:
        return test
    # If the spreads of the table differ, that of the pair alone may say more.
    own_variance = _squares(differences) / (n - 1)
    if own_variance <= 0:
        return test
    own = _t_test(difference, own_variance, n, n - 1, correction, common=False)
    return own if own.adjusted < test.adjusted else test


def _t_test(
    difference: float, variance: float, n: int, df: float, correction: Multiplicity, *, common: bool
) -> TestedDifference:
    error = math.sqrt(variance / n)
    p = two_sided_p(difference / error, df)
    return TestedDifference(
        difference,
        variance,
        n,
        df,
        common,
        p,
        correction.adjusted_p(p, df, common=common),
        correction.critical_t(df, common=common) * error,
    )


@dataclass(frozen=True, slots=True)
class NoiseTest:
    """The test of a difference against the least noise that its examples imply."""

    p: float
    adjusted: float
    half_width: float


def sampling_noise_test(
    mean: float, variance_of_mean: float, correction: Multiplicity
) -> NoiseTest:
    """The one-sided z test of a difference whose least variance is known.

    It is one-sided because it only keeps a difference from being significant: the two-sided t test
    must reject as well.

    Args:
        mean: the difference, in the metric's unit.
        variance_of_mean: the least variance of the difference.
        correction: for the number of trials.
    """
    if variance_of_mean <= 0:
        return NoiseTest(0.0, 0.0, 0.0)
    error = math.sqrt(variance_of_mean)
    p = two_sided_p(mean / error, NORMAL_DF)
    return NoiseTest(
        p / 2,
        correction.adjusted_one_sided_p(p / 2),
        correction.critical_z_one_sided() * error,
    )
