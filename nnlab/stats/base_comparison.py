"""Comparison of several settings with one base setting: differences, intervals, relative changes.

All k intervals are simultaneous and all k p values are corrected (Bonferroni), so that the
probability that any of them is wrong is at most 5 %. An interval excludes 0 exactly if the adjusted
p value is at most 0.05, because both come from the same test. A step-down method such as Holm's
would reject more, but has no such intervals.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from nnlab.objective import UNLIMITED, Limits
from nnlab.stats.claims import SIGNIFICANCE_LEVEL
from nnlab.stats.comparison import (
    MIN_T_TEST_SEEDS,
    PairedTest,
    SeedValues,
    compare_unpaired,
    is_seed,
    min_decidable_seeds,
    min_significant_seeds,
)
from nnlab.stats.metric_test import MetricTest, TrialTable
from nnlab.stats.multiplicity import Multiplicity
from nnlab.stats.paired import (
    MAX_EXACT_PAIRS,
    mean_and_half_width,
    paired_t_p,
    sample_sd,
    sign_flip_interval,
    sign_flip_p,
)
from nnlab.stats.sampling_noise import SamplingNoise
from nnlab.stats.student_t import t_quantile

# Differences that vary by less than this fraction of the values are equal up to rounding.
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class BaseComparison:
    """The difference of a setting from the base, over the `n` seeds that both have.

    If a seed is unknown the runs are not `paired`, and `n` is the smaller number of runs.

    `mean` is positive if the setting has the larger values, in the metric's unit. `low` and `high`
    are the simultaneous 95 % bounds; NaN if all differences are equal, and infinite if there are
    too few seeds for any bound. `p` is two-sided, `adjusted` is corrected for all comparisons.

    `relative`, `relative_low` and `relative_high` are the change relative to the absolute mean of
    the base (0.1 for 10 %) and its simultaneous bounds (Fieller 1954), which exclude 0 exactly if
    the t test does. The bounds are NaN where the base mean does not differ from 0.

    `min_seeds` is the smallest number of seeds at which the test can be significant.
    """

    n: int
    mean: float
    low: float
    high: float
    p: float
    adjusted: float
    relative: float
    relative_low: float
    relative_high: float
    min_seeds: int
    paired: bool = True

    @property
    def has_enough_seeds(self) -> bool:
        """Whether there are enough seeds for the test to decide."""
        return self.n >= self.min_seeds

    @property
    def is_significant(self) -> bool:
        """Whether the setting differs significantly from the base."""
        return self.has_enough_seeds and self.adjusted <= SIGNIFICANCE_LEVEL

    @property
    def is_identical(self) -> bool:
        """Whether every seed has the same value with both settings."""
        return self.mean == 0 and math.isnan(self.low)


def compare_with_base(
    base: SeedValues,
    others: Sequence[SeedValues],
    *,
    test: PairedTest = PairedTest.T,
    limits: Limits = UNLIMITED,
    noise: SamplingNoise | None = None,
) -> tuple[BaseComparison | None, ...]:
    """The comparisons of settings with a base, paired by seed, or by Welch's test.

    A comparison is None if a setting shares fewer than two finite values with the base. It does
    not count for the correction. Runs with unknown seeds are compared unpaired, if there are two of
    each. With two settings or more, the t test takes its variances from all of them.

    Args:
        base: the values of the base, by seed.
        others: the values of the other settings, by seed.
        test: the test, from which p values and intervals come. The relative bounds are always
            those of the t test.
        limits: the smallest and largest value of the metric.
        noise: what is known of the noise of a single value; by default only its rounding, where
            the values show it.
    """
    pairs = [_shared_values(base, other) for other in others]
    unpaired = [_unpaired_values(base, other) for other in others]
    count = sum(
        len(pair) >= 2 or values is not None for pair, values in zip(pairs, unpaired, strict=True)
    )
    comparisons = tuple(
        _compare(pair, test, count)
        if len(pair) >= 2
        else None
        if values is None
        else _compare_unpaired(*values, count)
        for pair, values in zip(pairs, unpaired, strict=True)
    )
    if test is not PairedTest.T or not count:
        return comparisons
    finite = [
        {seed: value for seed, value in values.items() if math.isfinite(value)}
        for values in (base, *others)
    ]
    table = TrialTable(finite, correction=Multiplicity(count), limits=limits, noise=noise)
    return tuple(
        comparison and _by_table(comparison, table, index, pairs[index - 1], count)
        for index, comparison in enumerate(comparisons, start=1)
    )


def _by_table(
    comparison: BaseComparison,
    table: TrialTable,
    index: int,
    pairs: Sequence[tuple[float, float]],
    count: int,
) -> BaseComparison:
    """A comparison by the spread of all settings, and by the noise of counting examples.

    Args:
        comparison: by the spread of the two settings alone.
        table: the base, and the other settings.
        index: that of the setting in the table.
        pairs: the values of the setting and of the base, by shared seed.
        count: the number of comparisons.
    """
    if comparison.is_identical:
        return comparison
    result, min_seeds = table.test(index, 0, comparison.mean), MIN_T_TEST_SEEDS
    if result is None:
        alone = MetricTest(comparison.low, comparison.high, comparison.p, comparison.adjusted)
        if math.isnan(comparison.low) and table.counts_examples:
            alone = MetricTest(comparison.mean, comparison.mean, 0.0, 0.0)
        elif table.is_noiseless:
            return comparison
        else:
            min_seeds = comparison.min_seeds
        result = table.with_sampling_noise(alone, index, 0, comparison.mean)
    bounds = comparison.relative_low, comparison.relative_high
    if len(pairs) >= 2:
        half_widths = comparison.mean - result.low, result.high - comparison.mean
        bounds = _relative_bounds(pairs, half_widths, 1 - SIGNIFICANCE_LEVEL / count)
    return replace(
        comparison,
        low=result.low,
        high=result.high,
        p=result.p,
        adjusted=result.adjusted,
        relative_low=bounds[0],
        relative_high=bounds[1],
        min_seeds=min_seeds,
    )


def _relative_bounds(
    pairs: Sequence[tuple[float, float]], half_widths: tuple[float, float], level: float
) -> tuple[float, float]:
    """The bounds of the relative change that agree with an interval of the difference.

    They are those of Fieller (1954), in which the half widths of the interval take the place of
    those by the spread of the differences alone.

    Args:
        pairs: the value and the base value of each seed, shape [n, 2], n >= 2.
        half_widths: of the interval of the difference, below and above its mean.
        level: the confidence level.
    """
    n = len(pairs)
    base_mean = _base_mean(pairs)
    mean = math.fsum(value - base for value, base in pairs) / n
    t_squared = t_quantile(n - 1, (1 + level) / 2) ** 2
    factor = t_squared / (n - 1) / n
    base_variance = factor * math.fsum((base - base_mean) ** 2 for _, base in pairs)
    covariance = factor * math.fsum(
        (value - base - mean) * (base - base_mean) for value, base in pairs
    )
    a = base_mean * base_mean - base_variance
    if a <= 0 or not all(map(math.isfinite, half_widths)):
        return math.nan, math.nan
    b = mean * base_mean - covariance
    roots = [
        (b + sign * math.sqrt(max(b * b - a * (mean * mean - width * width), 0.0))) / a
        for sign, width in zip((-1, 1) if base_mean > 0 else (1, -1), half_widths, strict=True)
    ]
    return (roots[0], roots[1]) if base_mean > 0 else (-roots[0], -roots[1])


def _unpaired_values(base: SeedValues, other: SeedValues) -> tuple[list[float], list[float]] | None:
    """The finite values of both, if a seed is unknown and there are two of each."""
    if all(map(is_seed, (*base, *other))):
        return None
    finite = [[value for value in side.values() if math.isfinite(value)] for side in (other, base)]
    return (finite[0], finite[1]) if min(map(len, finite)) >= 2 else None


def _compare_unpaired(values: Sequence[float], base: Sequence[float], count: int) -> BaseComparison:
    level = 1 - SIGNIFICANCE_LEVEL / count
    raw = compare_unpaired(values, base, level)
    base_mean = abs(math.fsum(base) / len(base))
    relative = raw.mean / base_mean if base_mean else math.nan
    bounds = relative_interval_unpaired(values, base, level)
    adjusted = min(1.0, count * raw.p)
    min_seeds = min_decidable_seeds(raw, PairedTest.T, count)
    return BaseComparison(
        raw.n, raw.mean, raw.low, raw.high, raw.p, adjusted, relative, *bounds, min_seeds,
        paired=False,
    )  # fmt: skip


def _shared_values(base: SeedValues, other: SeedValues) -> list[tuple[float, float]]:
    """The pairs (other, base) of the seeds that have finite values of both."""
    return [
        (other[seed], base[seed])
        for seed in base
        if seed in other and math.isfinite(base[seed]) and math.isfinite(other[seed])
    ]


def _compare(pairs: Sequence[tuple[float, float]], test: PairedTest, count: int) -> BaseComparison:
    differences = [value - base for value, base in pairs]
    n, level = len(pairs), 1 - SIGNIFICANCE_LEVEL / count
    tolerance = _ROUNDING * max(max(map(abs, pair)) for pair in pairs)
    is_exact = test is PairedTest.SIGN_FLIP and n <= MAX_EXACT_PAIRS
    is_equal = max(differences) - min(differences) <= tolerance
    if is_equal:
        # Rounding must not make a tiny difference that all seeds share significant.
        mean = 0.0 if abs(differences[0]) <= tolerance else math.fsum(differences) / n
        p, low, high = sign_flip_p([mean] * n), math.nan, math.nan
    elif is_exact:
        mean, p = math.fsum(differences) / n, sign_flip_p(differences)
        low, high = sign_flip_interval(differences, level)
    else:
        mean, half_width = mean_and_half_width(differences, level)
        p, low, high = paired_t_p(differences), mean - half_width, mean + half_width
    base_mean = abs(_base_mean(pairs))
    relative = mean / base_mean if base_mean else math.nan
    bounds = (math.nan, math.nan) if is_equal else relative_interval(pairs, level)
    if is_exact or (is_equal and n >= MIN_T_TEST_SEEDS):
        min_seeds = min_significant_seeds(PairedTest.SIGN_FLIP, count)
    else:
        min_seeds = MIN_T_TEST_SEEDS
    adjusted = min(1.0, count * p)
    return BaseComparison(n, mean, low, high, p, adjusted, relative, *bounds, min_seeds)


def relative_interval_unpaired(
    values: Sequence[float], base: Sequence[float], level: float
) -> tuple[float, float]:
    """The bounds of the change of a mean relative to that of another sample (Fieller 1954).

    Args:
        values: of the setting, shape [n], n >= 2.
        base: of the base, shape [m], m >= 2.
        level: the confidence level.

    Returns:
        The bounds; NaN where they are unbounded, or where both samples have no spread.
    """
    means = [math.fsum(sample) / len(sample) for sample in (values, base)]
    errors = [sample_sd(sample) ** 2 / len(sample) for sample in (values, base)]
    if not sum(errors):
        return math.nan, math.nan
    parts = (e**2 / (len(s) - 1) for e, s in zip(errors, (values, base), strict=True))
    t = t_quantile(sum(errors) ** 2 / sum(parts), (1 + level) / 2)
    return _fieller_bounds(means, [t * t * error for error in errors], 0.0)


def _base_mean(pairs: Sequence[tuple[float, float]]) -> float:
    return math.fsum(base for _, base in pairs) / len(pairs)


def relative_interval(pairs: Sequence[tuple[float, float]], level: float) -> tuple[float, float]:
    """The bounds of the change of a paired mean, relative to the absolute mean of the base.

    By the method of Fieller (1954): a ratio is inside if a t test does not distinguish the values
    from the base times the ratio.

    Args:
        pairs: the value and the base value of each seed, shape [n, 2], n >= 2.
        level: the confidence level.

    Returns:
        The bounds, such as (-0.1, 0.2) for -10 % to 20 %; NaN where they are unbounded.
    """
    n = len(pairs)
    t = t_quantile(n - 1, (1 + level) / 2)
    value_mean = math.fsum(value for value, _ in pairs) / n
    base_mean = _base_mean(pairs)

    def covariance(first: int, second: int) -> float:
        """The covariance of two means, times the squared quantile."""
        means = (value_mean, base_mean)
        products = ((pair[first] - means[first]) * (pair[second] - means[second]) for pair in pairs)
        return t * t * math.fsum(products) / (n - 1) / n

    variances = [covariance(0, 0), covariance(1, 1)]
    return _fieller_bounds([value_mean, base_mean], variances, covariance(0, 1))


def _fieller_bounds(
    means: Sequence[float], variances: Sequence[float], covariance: float
) -> tuple[float, float]:
    """The bounds of the change from the second to the first mean, relative to the second one.

    The variances and the covariance of the means are multiplied by the squared quantile of t.
    """
    value_mean, base_mean = means
    # The bounds are the roots of a x² - 2 b x + c.
    a = base_mean * base_mean - variances[1]
    b = value_mean * base_mean - covariance
    c = value_mean * value_mean - variances[0]
    if a <= 0:
        return math.nan, math.nan
    root = math.sqrt(max(b * b - a * c, 0.0))
    changes = [(b - root) / a - 1, (b + root) / a - 1]
    if base_mean < 0:
        changes = [-changes[1], -changes[0]]
    return changes[0], changes[1]
