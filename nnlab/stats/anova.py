"""Analysis of variance of a full grid of settings, each trained with one or several seeds.

The cell means of a full grid decompose exactly into the main effect of each factor, the interaction
of each pair of factors, and a remainder (Fisher 1925; Montgomery, Design and Analysis of
Experiments, chapter 5). If cells have unequal numbers of seeds, the harmonic mean of these numbers
is used (the method of unweighted means, Yates 1934).
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nnlab.stats.comparison import SeedValues
from nnlab.stats.student_t import t_quantile

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class FactorEffect:
    """The effect of one factor, or the interaction of two.

    `share` is its fraction of the variance of the cell means, from 0 to 1, with the bounds `low`
    and `high`; these are NaN if no cell has two seeds. `df` are its degrees of freedom.
    """

    factors: tuple[int, ...]
    sum_of_squares: float
    df: int
    share: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class AnovaTable:
    """The effects, the means of each level of each factor, and the variance over seeds.

    `residual` is the mean square of the seeds within a cell and `residual_df` its degrees of
    freedom; NaN and 0 if no cell has two seeds.
    """

    effects: tuple[FactorEffect, ...]
    means: tuple[tuple[float, ...], ...]
    residual: float
    residual_df: int


def analysis_of_variance(
    cells: Mapping[tuple[int, ...], SeedValues],
    counts: Sequence[int],
    level: float = 0.9,
) -> AnovaTable:
    """The effects of all factors and pairs of a full grid.

    If all cells have the same seeds, the seeds are blocks: the part of the variance that a seed
    causes in all cells alike is removed from the residual. `_share_bounds` computes the bounds.

    Args:
        cells: for each combination of levels the finite value of each seed, at least one.
        counts: the number of levels of each factor, at least two.
        level: the confidence level of the intervals.

    Raises:
        ValueError: a combination is missing, or the means of all cells are equal.
    """
    import numpy as np  # here, because importing numpy delays commands that do not need it

    if len(cells) != math.prod(counts) or not all(cells.values()):
        raise ValueError("the grid is not full")
    means = np.empty(tuple(counts))
    for index, seeds in cells.items():
        means[index] = math.fsum(seeds.values()) / len(seeds)
    if means.min() == means.max():
        raise ValueError("the means of all cells are equal")
    per_cell = len(cells) / math.fsum(1 / len(seeds) for seeds in cells.values())
    residual, residual_df = _residual_mean_square(list(cells.values()))
    contributions = _contributions(means)
    total = per_cell * float(((means - means.mean()) ** 2).sum())
    effects = []
    for factors, contribution in contributions.items():
        squares = per_cell * float((contribution**2).sum())
        df = math.prod(counts[factor] - 1 for factor in factors)
        share = min(squares / total, 1.0)
        noise = residual / total
        low, high = _share_bounds(share, df, len(cells) - 1, noise, residual_df, level)
        effects.append(FactorEffect(factors, squares, df, share, low, high))
    axes = range(len(counts))
    levels = (means.mean(axis=tuple(a for a in axes if a != axis)).tolist() for axis in axes)
    return AnovaTable(tuple(effects), tuple(map(tuple, levels)), residual, residual_df)


def _contributions(means: "Floats") -> "dict[tuple[int, ...], Floats]":
    """What each factor, and each interaction of two, adds to each cell (same shape as `means`)."""
    import numpy as np  # here for the same reason

    axes = range(means.ndim)
    grand_mean = means.mean()
    contributions: dict[tuple[int, ...], Floats] = {}
    for axis in axes:
        others = tuple(a for a in axes if a != axis)
        main_effect = means.mean(axis=others, keepdims=True) - grand_mean
        contributions[(axis,)] = np.broadcast_to(main_effect, means.shape)
    for a, b in itertools.combinations(axes, 2):
        others = tuple(c for c in axes if c not in (a, b))
        both = np.broadcast_to(means.mean(axis=others, keepdims=True) - grand_mean, means.shape)
        contributions[a, b] = both - contributions[(a,)] - contributions[(b,)]
    return contributions


def _residual_mean_square(cells: Sequence[SeedValues]) -> tuple[float, int]:
    """The mean square of the seeds within cells and its degrees of freedom."""
    import numpy as np  # here for the same reason

    shared = set(cells[0])
    blocks = len(shared) > 1 and all(set(seeds) == shared for seeds in cells)
    if blocks and len(cells) > 1:
        values = np.array([[seeds[seed] for seed in sorted(shared)] for seeds in cells])
        residuals = (
            values - values.mean(axis=1, keepdims=True) - values.mean(axis=0) + values.mean()
        )
        df = (len(cells) - 1) * (len(shared) - 1)
        return float((residuals**2).sum()) / df, df
    df = sum(len(seeds) - 1 for seeds in cells)
    if df == 0:
        return math.nan, 0
    squares = math.fsum(
        (value - math.fsum(seeds.values()) / len(seeds)) ** 2
        for seeds in cells
        for value in seeds.values()
    )
    return squares / df, df


def _share_bounds(
    share: float, df: int, total_df: int, noise: float, residual_df: int, level: float
) -> tuple[float, float]:
    """The confidence interval of a share of the variance of cell means.

    The square root of a share is the sine of an angle. Noise changes this angle by a normal
    deviate with a standard error of sqrt(noise), whatever the share, so the interval is a t
    interval of the angle. The expected contribution of noise to a sum of squares, its degrees of
    freedom times the residual mean square, is subtracted from both bounds. At a level of 90 % the
    simulated coverage is at least 88 %. The interval always contains the share.

    Args:
        share: sum of squares of the effect over that of all cells.
        df: degrees of freedom of the effect.
        total_df: degrees of freedom of all cells.
        noise: residual mean square over the sum of squares of all cells.
        residual_df: degrees of freedom of the residual.
        level: the confidence level.
    """
    if residual_df == 0:
        return math.nan, math.nan
    if total_df * noise >= 1:
        return 0.0, 1.0  # the cells differ by no more than the seeds
    angle = math.asin(math.sqrt(share))
    half_width = t_quantile(residual_df, (1 + level) / 2) * math.sqrt(noise)

    def share_without_noise(bound: float) -> float:
        observed = math.sin(min(max(bound, 0.0), math.pi / 2)) ** 2
        return min(max((observed - df * noise) / (1 - total_df * noise), 0.0), 1.0)

    return (
        min(share_without_noise(angle - half_width), share),
        max(share_without_noise(angle + half_width), share),
    )
