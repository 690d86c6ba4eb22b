"""The variance of each trial around its mean after the effects of the seeds are removed.

Trials that share seeds are a two-way table: trial and seed. What a seed does to all trials (the
initial weights, the order of the examples) is no noise of a comparison, because it cancels in
differences by seed. All trials of the table contribute to its estimate.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# A table with missing values needs several passes; a complete one is exact after the first.
_MAX_PASSES = 30
# Estimates below this fraction of the pooled variance are noise of the estimated seed effects.
_SMALLEST_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class ResidualVariances:
    """The variances of trials, in the order of the trials, and what they have in common.

    `dfs` are their degrees of freedom, 0 where a trial shares too few seeds. `pooled` is the
    common variance if all are equal, with `pooled_df` degrees of freedom.
    """

    variances: tuple[float, ...]
    dfs: tuple[float, ...]
    pooled: float
    pooled_df: float


def residual_variances(trials: Sequence[Mapping[int, float]]) -> ResidualVariances:
    """The variances of trials with seeds as blocks.

    With three trials, the sum of two variances is the variance of their differences by seed. The
    estimates are unbiased if trials have different variances (Grubbs 1948).

    Args:
        trials: finite values by seed. Trials with a single value have no variance.
    """
    counts = Counter(seed for values in trials if len(values) > 1 for seed in values)
    squares = [
        math.fsum(residual * residual for residual in residuals)
        for residuals in _residuals(trials, counts)
    ]
    # The degrees of freedom of a residual: 1 minus its share in the means of trial and seed.
    shares = [1 - 1 / len(values) if len(values) > 1 else 0.0 for values in trials]
    residual_dfs = [
        share * math.fsum(1 - 1 / counts[seed] for seed in values) if share else 0.0
        for share, values in zip(shares, trials, strict=True)
    ]
    pooled_df = math.fsum(residual_dfs)
    pooled = math.fsum(squares) / pooled_df if pooled_df > 0 else 0.0
    variances, dfs = [], []
    for values, share, sum_of_squares in zip(trials, shares, squares, strict=True):
        seeds = [seed for seed in values if counts[seed] > 2]
        df = max(len(seeds) - 1, 0) if share else 0
        if df:
            # A residual contains the trial's own noise, and the mean noise of its seed.
            own = math.fsum(1 - 2 / counts[seed] for seed in seeds)
            others = math.fsum(1 / counts[seed] for seed in values)
            variance = (sum_of_squares / share - pooled * others) / own
            variances.append(max(variance, _SMALLEST_SHARE * pooled))
        else:
            variances.append(pooled)
        dfs.append(float(df))
    return ResidualVariances(tuple(variances), tuple(dfs), pooled, pooled_df)


def _residuals(
    trials: Sequence[Mapping[int, float]], counts: Mapping[int, int]
) -> list[list[float]]:
    """The values of each trial minus the effects of trial and seed, by alternating means."""
    residuals = [dict(values) if len(values) > 1 else {} for values in trials]
    is_complete = all(len(values) == len(counts) for values in residuals if values)
    scale = max((abs(value) for values in residuals for value in values.values()), default=0.0)
    for _ in range(_MAX_PASSES):
        for values in residuals:
            mean = math.fsum(values.values()) / len(values) if values else 0.0
            for seed in values:
                values[seed] -= mean
        largest = _subtract_seed_effects(residuals, counts)
        if is_complete or largest <= 1e-12 * scale:
            break
    return [list(values.values()) for values in residuals]


def _subtract_seed_effects(
    residuals: Sequence[dict[int, float]], counts: Mapping[int, int]
) -> float:
    """Subtracts the mean residual of each seed, and returns the largest one."""
    sums: dict[int, float] = dict.fromkeys(counts, 0.0)
    for values in residuals:
        for seed, value in values.items():
            sums[seed] += value
    for values in residuals:
        for seed in values:
            values[seed] -= sums[seed] / counts[seed]
    return max((abs(total) / counts[seed] for seed, total in sums.items()), default=0.0)
