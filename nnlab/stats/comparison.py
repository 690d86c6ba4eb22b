"""Comparison of the best setting of a table with the others: difference, test, effect size.

Settings with shared seeds are compared in pairs by seed, so that the common effects of a seed (the
order of the examples, the split of the data) cancel. The t test takes its variances from all
settings of the table (`nnlab.stats.moderated_comparison`); two settings alone are compared by the
paired t test, or without shared seeds by Welch's.

The best setting was selected by its mean, so its comparisons are the largest differences among the
m = K(K-1)/2 pairs of K settings. Both the p values and the intervals are corrected for that: the
probability that any two equal settings differ significantly is at most 5 %, all intervals contain
the true differences with a probability of at least 95 %, and an interval excludes 0 exactly if its
corrected p is at most 0.05. The intervals that agree with a step-down method such as Holm's are
one-sided, and of a significant difference they give the sign only (Strassburger and Bretz 2008).
"""

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import accumulate, count

from nnlab.objective import UNLIMITED, Limits
from nnlab.stats.claims import SIGNIFICANCE_LEVEL
from nnlab.stats.metric_test import MetricTest, TrialTable
from nnlab.stats.multiplicity import best_of
from nnlab.stats.paired import (
    MAX_EXACT_PAIRS,
    mean_and_half_width,
    paired_t_p,
    sample_sd,
    sign_flip_interval,
    sign_flip_p,
)
from nnlab.stats.sampling_noise import SamplingNoise
from nnlab.stats.student_t import t_quantile, two_sided_p

# With fewer seeds the estimated spread is too uncertain for a t test.
MIN_T_TEST_SEEDS = 3

# Differences that vary by less than this fraction of the values are equal up to rounding.
_ROUNDING = 1e-12

# Statistical power for which the number of seeds needed is computed.
POWER = 0.8
_SIMULATIONS, _MAX_SEEDS = 400, 100


class PairedTest(StrEnum):
    """The test for two settings with shared seeds."""

    __test__ = False  # keeps pytest from collecting the class

    SIGN_FLIP = "sign-flip"
    T = "t"


@dataclass(frozen=True, slots=True)
class BestComparison:
    """The difference between the best and another setting, positive if the best is better.

    `mean` is in the metric's unit. `low` and `high` are its bounds: together, the intervals of a
    table contain all true differences with a probability of 95 %. `n` is the number of seeds
    compared (the smaller number, if unpaired). `p` is two-sided; `adjusted` is p corrected for all
    pairs of the table, at most 0.05 exactly if the interval excludes 0. `effect` is the mean in
    standard deviations (of the differences, if paired; else pooled, Hedges 1981).
    `improvement_probability` is the probability that a run of the best is better than a run of the
    other. `seeds_needed` is the number of seeds at which a difference of this size is significant
    in four of five studies; it is predicted only for the first row that does not differ
    significantly, and is None if it cannot be predicted.

    `min_seeds` is the smallest number of seeds at which the test can be significant:
    `MIN_T_TEST_SEEDS` for a t test, more for an exact test. If all differences are equal, no t
    test is possible: the exact test is used, and the interval is NaN.

    `by_success` says that the settings differ in the fraction of their seeds that work, which is
    what p is about; the interval is then NaN.
    """

    n: int
    paired: bool
    mean: float
    low: float
    high: float
    p: float
    adjusted: float
    effect: float
    improvement_probability: float
    seeds_needed: int | None
    min_seeds: int = 2
    by_success: bool = False

    @property
    def has_enough_seeds(self) -> bool:
        """Whether there are enough seeds for the test to decide."""
        return self.n >= self.min_seeds

    @property
    def is_significant(self) -> bool:
        """Whether the two settings differ significantly."""
        return self.has_enough_seeds and self.adjusted <= SIGNIFICANCE_LEVEL


# The values of a setting by seed, or by `key_without_seed` of runs whose seed is unknown.
SeedValues = Mapping[int, float]
# Seeds are integers of 64 bits; keys below belong to runs with unknown seeds.
_LOWEST_SEED = -(2**63)


def key_without_seed(run: int) -> int:
    """The key of a run whose seed is unknown, given by its id: it is paired with no other run."""
    return _LOWEST_SEED - 1 - run


def is_seed(key: int) -> bool:
    """Whether a key is a seed.

    >>> is_seed(0), is_seed(key_without_seed(12))
    (True, False)
    """
    return key >= _LOWEST_SEED


def compare_with_best(
    best: SeedValues,
    others: Sequence[SeedValues],
    *,
    higher: bool,
    test: PairedTest = PairedTest.T,
    trials: int | None = None,
    predict: bool = True,
    limits: Limits = UNLIMITED,
    noise: SamplingNoise | None = None,
    unshown: Sequence[SeedValues] = (),
) -> tuple[BestComparison | None, ...]:
    """The comparisons of the best setting of a table with each of the others, by seed.

    A comparison is None if a setting has fewer than two finite values.

    Args:
        best: the values of the best setting, by seed.
        others: the values of the other settings, by seed.
        higher: whether higher values are better.
        test: the test for shared seeds.
        trials: the number of settings in the table, if `others` does not contain all of them.
        predict: whether to predict the number of seeds needed for the first setting that does
            not differ significantly.
        limits: the smallest and largest value of the metric.
        noise: what is known of the noise of a single value; by default only its rounding, where
            the values show it.
        unshown: the values of further settings, from which the t test estimates the spread.
    """
    correction = best_of(max(trials or 0, len(others) + 1))
    pairs = correction.tests
    raw = [_compare_pair(best, other, test, 1 - SIGNIFICANCE_LEVEL / pairs) for other in others]
    table = None
    if test is PairedTest.T:
        finite = [_finite_values(values) for values in (best, *others, *unshown)]
        table = TrialTable(finite, correction=correction, limits=limits, noise=noise)
    sign = 1.0 if higher else -1.0
    comparisons: list[BestComparison | None] = []
    is_predicted = not predict
    for index, pair in enumerate(raw, start=1):
        if pair is None:
            comparisons.append(None)
            continue
        comparison = _finish_comparison(pair, test, pairs, sign, table, index)
        if not is_predicted and not comparison.is_significant:
            is_predicted = True
            needed = _seeds_needed(pair, test, pairs, table, index)
            comparison = replace(comparison, seeds_needed=needed)
        comparisons.append(comparison)
    return tuple(comparisons)


def _finite_values(values: SeedValues) -> dict[int, float]:
    return {seed: value for seed, value in values.items() if math.isfinite(value)}


def count_pairs(settings: int) -> int:
    """The number of pairs of settings, for which comparisons are corrected.

    >>> count_pairs(4)
    6
    """
    return settings * (settings - 1) // 2


@dataclass(frozen=True, slots=True)
class UncorrectedComparison:
    """A comparison of two settings before the correction for the number of pairs."""

    differences: Sequence[float]  # of paired seeds; empty if unpaired
    n: int
    mean: float
    low: float
    high: float
    p: float
    effect: float
    improvement_probability: float
    equal: bool = False  # whether all differences are equal up to rounding

    @property
    def is_identical(self) -> bool:
        """Whether the two settings have the same value for every seed."""
        return self.equal and self.mean == 0


def _compare_pair(
    first: SeedValues, second: SeedValues, test: PairedTest, level: float
) -> UncorrectedComparison | None:
    """The comparison of two settings, with an interval of the given level."""
    a = [value for value in first.values() if math.isfinite(value)]
    b = [value for value in second.values() if math.isfinite(value)]
    shared = [
        seed
        for seed in first
        if seed in second and math.isfinite(first[seed]) and math.isfinite(second[seed])
    ]
    if len(shared) >= 2:
        differences = [first[seed] - second[seed] for seed in shared]
        probability = improvement_probability(a, b)
        if _equal_up_to_rounding(differences, [*a, *b]):
            mean = 0.0 if _equal_up_to_rounding([0.0, *differences], [*a, *b]) else differences[0]
            p = sign_flip_p([mean] * len(shared))
            effect = _standardised(mean, 0.0)
            equal_differences = [mean] * len(shared)
            return UncorrectedComparison(
                equal_differences,
                len(shared),
                mean,
                math.nan,
                math.nan,
                p,
                effect,
                probability,
                equal=True,
            )
        mean, half_width = mean_and_half_width(differences, level)
        low, high = mean - half_width, mean + half_width
        if test is PairedTest.SIGN_FLIP:
            p = sign_flip_p(differences)
            low, high = sign_flip_interval(differences, level)
        else:
            p = paired_t_p(differences)
        effect = _standardised(mean, sample_sd(differences))
        return UncorrectedComparison(
            differences, len(shared), mean, low, high, p, effect, probability
        )
    if len(a) < 2 or len(b) < 2:
        return None
    return compare_unpaired(a, b, level)


def _equal_up_to_rounding(values: Sequence[float], computed_from: Sequence[float]) -> bool:
    """Whether values differ by no more than the rounding error of their computation."""
    return max(values) - min(values) <= _ROUNDING * max(map(abs, computed_from))


def min_decidable_seeds(raw: UncorrectedComparison, test: PairedTest, pairs: int) -> int:
    """The smallest number of seeds at which a comparison can be significant after correction."""
    if raw.equal and raw.mean == 0:
        return MIN_T_TEST_SEEDS  # no number of seeds makes equal values differ
    if raw.equal and raw.n >= MIN_T_TEST_SEEDS:
        return (
            _min_group_size(pairs)
            if not raw.differences
            else min_significant_seeds(PairedTest.SIGN_FLIP, pairs)
        )
    if test is PairedTest.SIGN_FLIP and raw.differences and raw.n <= MAX_EXACT_PAIRS:
        return min_significant_seeds(PairedTest.SIGN_FLIP, pairs)
    return MIN_T_TEST_SEEDS


def _min_group_size(tests: int) -> int:
    """The smallest size of two non-overlapping groups whose exact test is significant."""
    return next(n for n in count(2) if 2 / math.comb(2 * n, n) * tests <= SIGNIFICANCE_LEVEL)


def _finish_comparison(
    raw: UncorrectedComparison,
    test: PairedTest,
    pairs: int,
    sign: float,
    table: TrialTable | None,
    index: int,
) -> BestComparison:
    """The comparison of the first trial of a table with another one, corrected.

    Args:
        raw: the comparison of the two alone, best minus other.
        test: the test for shared seeds.
        pairs: the number of pairs of trials.
        sign: -1 if lower values are better.
        table: the trials, for a t test.
        index: that of the other trial in the table.
    """
    result = MetricTest(raw.low, raw.high, raw.p, min(1.0, pairs * raw.p))
    min_seeds = min_decidable_seeds(raw, test, pairs)
    if table is not None and not raw.is_identical:
        moderated = table.test(0, index, raw.mean)
        if moderated is not None:
            result, min_seeds = moderated, MIN_T_TEST_SEEDS
        else:
            if raw.equal and table.counts_examples:
                # The known noise of the examples takes the place of the spread, which is 0.
                result, min_seeds = MetricTest(raw.mean, raw.mean, 0.0, 0.0), MIN_T_TEST_SEEDS
            result = table.with_sampling_noise(result, 0, index, raw.mean)
    low, high = (result.low, result.high) if sign > 0 else (-result.high, -result.low)
    probability = raw.improvement_probability
    return BestComparison(
        raw.n,
        bool(raw.differences),
        sign * raw.mean,
        low,
        high,
        result.p,
        result.adjusted,
        sign * raw.effect,
        probability if sign > 0 else 1 - probability,
        None,
        min_seeds,
    )


def _seeds_needed(
    raw: UncorrectedComparison,
    test: PairedTest,
    pairs: int,
    table: TrialTable | None,
    index: int,
) -> int | None:
    """The number of seeds at which a comparison with the first trial is significant."""
    if table is None:
        return predict_seeds_needed(raw.differences, test=test, tests=pairs)
    if table.is_moderated(0, index):
        return table.seeds_needed(0, index, raw.mean)
    alone = predict_seeds_needed(raw.differences, tests=pairs)
    above_noise = table.seeds_above_noise(0, index, raw.mean)
    if alone is None or above_noise > _MAX_SEEDS:
        return None
    return max(alone, math.ceil(above_noise))


def improvement_probability(a: Sequence[float], b: Sequence[float]) -> float:
    """The probability that a value of `a` is above one of `b`; a tie counts one half.

    This is the statistic of Mann and Whitney 1947, called probability of improvement by Agarwal et
    al. 2021.

    >>> improvement_probability([1.0, 2.0], [0.0, 2.0])
    0.625
    """
    wins = sum((x > y) + 0.5 * (x == y) for x in a for y in b)
    return wins / (len(a) * len(b))


def min_significant_seeds(test: PairedTest, tests: int = 1) -> int:
    """The smallest number of shared seeds at which a result can be significant.

    >>> min_significant_seeds(PairedTest.SIGN_FLIP), min_significant_seeds(PairedTest.SIGN_FLIP, 6)
    (6, 8)
    """
    if test is PairedTest.T:
        return MIN_T_TEST_SEEDS
    return math.ceil(math.log2(2 * tests / SIGNIFICANCE_LEVEL) - 1e-9)


def predict_seeds_needed(
    differences: Sequence[float], *, test: PairedTest = PairedTest.T, tests: int = 1
) -> int | None:
    """The number of seeds at which the observed difference is significant with a power of 80 %.

    Normal differences with the observed mean and sd are simulated and tested at the significance
    level divided by the number of tests. The result is None if it exceeds 100, if the mean is 0,
    and for fewer than two differences. The sign-flip test is assumed to need as many seeds as the t
    test, because it has nearly the same power for normal differences, but at least the number at
    which it can be significant.
    """
    if len(differences) < 2:
        return None
    mean, sd = math.fsum(differences) / len(differences), sample_sd(differences)
    if mean == 0:
        return None
    if sd <= _ROUNDING * abs(mean):
        # A t test of equal differences is not possible.
        return min_significant_seeds(PairedTest.SIGN_FLIP, tests)
    least = min_significant_seeds(test, tests)
    rng = random.Random(0)  # noqa: S311  a simulation, not a secret
    studies = [_simulated_sums(mean, sd, rng) for _ in range(_SIMULATIONS)]

    def enough(n: int) -> bool:
        """Whether n seeds give the power, which increases with n."""
        critical = t_quantile(n - 1, 1 - SIGNIFICANCE_LEVEL / tests / 2)
        sign = math.copysign(1, mean)
        significant = sum(_t_statistic(study, n) * sign >= critical for study in studies)
        return significant >= POWER * _SIMULATIONS

    if not enough(_MAX_SEEDS):
        return None
    low, high = least - 1, _MAX_SEEDS
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _simulated_sums(mean: float, sd: float, rng: random.Random) -> tuple[list[float], list[float]]:
    """The running sums of normal differences, and of their squares."""
    values = [rng.gauss(mean, sd) for _ in range(_MAX_SEEDS)]
    return list(accumulate(values)), list(accumulate(value * value for value in values))


def _t_statistic(study: tuple[list[float], list[float]], n: int) -> float:
    """The t statistic of the first n differences of a simulated study."""
    total, squares = study[0][n - 1], study[1][n - 1]
    variance = max(squares - total * total / n, 1e-300) / (n - 1)
    return total / math.sqrt(n * variance)


def compare_unpaired(a: Sequence[float], b: Sequence[float], level: float) -> UncorrectedComparison:
    """The comparison of two samples of at least two finite values each, by Welch's test."""
    mean = math.fsum(a) / len(a) - math.fsum(b) / len(b)
    squared_errors = [sample_sd(values) ** 2 / len(values) for values in (a, b)]
    equal = _equal_up_to_rounding(a, a) and _equal_up_to_rounding(b, b)
    if equal:
        # Welch's t is undefined. Of all ways to divide the values into two groups, two are as
        # extreme as this one.
        if _equal_up_to_rounding([mean, 0.0], [*a, *b]):
            mean, p = 0.0, 1.0
        else:
            p = min(1.0, 2 / math.comb(len(a) + len(b), len(a)))
        low = high = math.nan
    else:
        # Welch 1947: the degrees of freedom for two unequal variances.
        parts = (error**2 / (len(v) - 1) for error, v in zip(squared_errors, (a, b), strict=True))
        welch_df = sum(squared_errors) ** 2 / sum(parts)
        error = math.sqrt(sum(squared_errors))
        p = two_sided_p(mean / error, welch_df)
        half_width = t_quantile(welch_df, (1 + level) / 2) * error
        low, high = mean - half_width, mean + half_width
    df = len(a) + len(b) - 2
    pooled = math.sqrt(((len(a) - 1) * sample_sd(a) ** 2 + (len(b) - 1) * sample_sd(b) ** 2) / df)
    hedges = 1 - 3 / (4 * df - 1)
    n = min(len(a), len(b))
    effect = _standardised(mean, 0.0) if equal else hedges * _standardised(mean, pooled)
    return UncorrectedComparison(
        (), n, mean, low, high, p, effect, improvement_probability(a, b), equal=equal
    )


def _standardised(mean: float, sd: float) -> float:
    if sd > 0:
        return mean / sd
    return 0.0 if mean == 0 else math.copysign(math.inf, mean)
