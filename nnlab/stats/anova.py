"""Analysis of variance of a full grid of settings, each trained with one or several seeds.

The means of the cells of a full grid are split exactly into what each factor contributes alone,
what each pair contributes beyond its two factors, and the rest (Fisher 1925; Montgomery, Design
and Analysis of Experiments, chapter 5). Cells may have unequal numbers of seeds: then the harmonic
mean of the numbers is used (the method of unweighted means, Yates 1934).
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nnlab.stats.student_t import t_quantile

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class FactorEffect:
    """A factor, or a pair of them: the sum of squares, degrees of freedom, and share from 0 to 1.

    `share` is of the variance of the means of the cells; `low` and `high` bound it, NaN where no
    cell has two seeds.
    """

    factors: tuple[int, ...]
    sum_of_squares: float
    df: int
    share: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class AnovaTable:
    """The effects, the means of each level of each factor, and the spread over seeds.

    `residual` is the mean square of the seeds within a cell and `residual_df` its degrees of
    freedom; NaN and 0 where no cell has two seeds.
    """

    effects: tuple[FactorEffect, ...]
    means: tuple[tuple[float, ...], ...]
    residual: float
    residual_df: int


def analysis_of_variance(
    cells: Mapping[tuple[int, ...], Mapping[int, float]],
    counts: Sequence[int],
    level: float = 0.9,
) -> AnovaTable:
    """The effects of all factors and pairs of a full grid.

    If all cells have the same seeds, what a seed does to every cell alike is taken out of the
    residual: the seeds are blocks. The bounds of a share are those of `_share_bounds`.

    Args:
        cells: of each combination of levels the finite value of each seed, one at least.
        counts: the number of levels of each factor, two at least.
        level: of the intervals.

    Raises:
        ValueError: a combination is missing, or the means of all cells are equal.
    """
    import numpy as np

    if len(cells) != math.prod(counts) or not all(cells.values()):
        raise ValueError("the grid is not full")
    means = np.empty(tuple(counts))
    for place, seeds in cells.items():
        means[place] = math.fsum(seeds.values()) / len(seeds)
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
    """What each factor, and each pair beyond its factors, adds to each cell (same shape)."""
    import numpy as np

    axes = range(means.ndim)
    middle = means.mean()
    found: dict[tuple[int, ...], Floats] = {}
    for axis in axes:
        others = tuple(a for a in axes if a != axis)
        alone = means.mean(axis=others, keepdims=True) - middle
        found[(axis,)] = np.broadcast_to(alone, means.shape)
    for a, b in itertools.combinations(axes, 2):
        others = tuple(c for c in axes if c not in (a, b))
        both = np.broadcast_to(means.mean(axis=others, keepdims=True) - middle, means.shape)
        found[a, b] = both - found[(a,)] - found[(b,)]
    return found


def _residual_mean_square(cells: Sequence[Mapping[int, float]]) -> tuple[float, int]:
    """The mean square of the seeds within cells and its degrees of freedom."""
    import numpy as np

    shared = set(cells[0])
    blocks = len(shared) > 1 and all(set(seeds) == shared for seeds in cells)
    if blocks and len(cells) > 1:
        values = np.array([[seeds[seed] for seed in sorted(shared)] for seeds in cells])
        left = values - values.mean(axis=1, keepdims=True) - values.mean(axis=0) + values.mean()
        df = (len(cells) - 1) * (len(shared) - 1)
        return float((left**2).sum()) / df, df
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
    """The interval of a share of the variance of cell means.

    The root of a share is the cosine of an angle: between the cell means and the effect. Noise
    turns it by a normal angle with a standard error of sqrt(noise), whatever the share, so a t
    interval is made of the angle. From both bounds is taken what noise alone adds to a sum of
    squares, its degrees of freedom times the residual mean square. Simulated coverage is 88 % and
    more at 90 %. The interval always contains the share.

    Args:
        share: sum of squares of the effect over that of all cells.
        df: degrees of freedom of the effect.
        total_df: those of all cells.
        noise: residual mean square over the sum of squares of all cells.
        residual_df: its degrees of freedom.
        level: of the interval.
    """
    if residual_df == 0:
        return math.nan, math.nan
    if total_df * noise >= 1:
        return 0.0, 1.0  # the cells differ by no more than seeds do
    angle = math.asin(math.sqrt(share))
    reach = t_quantile(residual_df, (1 + level) / 2) * math.sqrt(noise)

    def without_noise(turned: float) -> float:
        observed = math.sin(min(max(turned, 0.0), math.pi / 2)) ** 2
        return min(max((observed - df * noise) / (1 - total_df * noise), 0.0), 1.0)

    return (
        min(without_noise(angle - reach), share),
        max(without_noise(angle + reach), share),
    )
