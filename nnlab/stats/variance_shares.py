"""Which choices an outcome depends on: the share of its variance that each explains.

A full grid is split exactly by an analysis of variance (`nnlab.stats.anova`). A sampled design gets
a functional ANOVA: a random forest (scikit-learn's) learns the outcome from the choices; its
predictions over all combinations of the values that were tried are split into what each choice
contributes alone and what each pair contributes beyond that (Hutter, Hoos and Leyton-Brown 2014).
Shares are of the variance of these predictions. Intervals come from trials drawn again with
replacement.
"""

import itertools
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from nnlab.objective import format_exact
from nnlab.stats.anova import analysis_of_variance

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

TREES, RESAMPLES = 48, 40
# Combinations that are predicted; of larger grids so many are drawn.
_MAX_CELLS = 20_000
_CONFIDENCE_LEVEL = 0.9

FieldValue = str | float | int | bool | None


class VarianceMethod(StrEnum):
    """How the shares were computed."""

    ANOVA = "analysis of variance"
    FOREST = "functional ANOVA of a random forest"


@dataclass(frozen=True, slots=True)
class VarianceShare:
    """What one choice, or a pair beyond its two, contributes: a share of the variance from 0 to 1.

    `low` and `high` bound it at 90 %, NaN where they are not known: for a full grid with one seed.
    `means` are the outcomes by value, averaged over all else; empty for a pair.
    """

    fields: tuple[str, ...]
    share: float
    low: float
    high: float
    means: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class VarianceShares:
    """The shares of all choices in which trials differ, then of their pairs, largest first."""

    method: VarianceMethod
    shares: tuple[VarianceShare, ...]


def variance_shares(
    trials: Sequence[Mapping[str, FieldValue]], outcomes: Sequence[Mapping[int, float]]
) -> VarianceShares:
    """The shares of all choices in which trials differ, and of their pairs.

    Args:
        trials: the choices of each trial; all have the same ones.
        outcomes: the finite results of each trial by seed, one at least, in the same order.

    Raises:
        ValueError: fewer than four trials, nothing that differs, or outcomes that are all alike.
    """
    fields = (
        [name for name in trials[0] if len({_level_key(trial.get(name)) for trial in trials}) > 1]
        if trials
        else []
    )
    if len(trials) < 4 or not fields:
        raise ValueError("four trials that differ in something are the least to tell effects from")
    means = [math.fsum(seeds.values()) / len(seeds) for seeds in outcomes]
    if not all(map(math.isfinite, means)) or min(means) == max(means):
        raise ValueError("the outcomes are all alike, or one is not finite")
    levels = {name: _sorted_levels([trial.get(name) for trial in trials]) for name in fields}
    places = [
        tuple(levels[name].index(_level_key(trial.get(name))) for name in fields)
        for trial in trials
    ]
    cells = dict(zip(places, outcomes, strict=True))
    counts = [len(levels[name]) for name in fields]
    if len(cells) == len(trials) == math.prod(counts):
        shares, method = _grid_shares(cells, levels), VarianceMethod.ANOVA
    else:
        shares, method = _sampled_shares(places, means, levels), VarianceMethod.FOREST
    return VarianceShares(method, tuple(sorted(shares, key=lambda s: (len(s.fields), -s.share))))


def _grid_shares(
    cells: Mapping[tuple[int, ...], Mapping[int, float]], levels: Mapping[str, Sequence[str]]
) -> list[VarianceShare]:
    fields = list(levels)
    table = analysis_of_variance(cells, [len(levels[name]) for name in fields], _CONFIDENCE_LEVEL)
    return [
        VarianceShare(
            tuple(fields[factor] for factor in effect.factors),
            effect.share,
            effect.low,
            effect.high,
            _named_means(effect.factors, levels, table.means),
        )
        for effect in table.effects
    ]


def _sampled_shares(
    places: Sequence[tuple[int, ...]], means: Sequence[float], levels: Mapping[str, Sequence[str]]
) -> list[VarianceShare]:
    import numpy as np

    x, y = np.array(places, dtype=np.float64), np.asarray(means, dtype=np.float64)
    fields = list(levels)
    counts = [len(levels[name]) for name in fields]
    whole = _decompose(x, y, counts, seed=0)
    draw = np.random.default_rng(0)
    resampled: list[dict[tuple[int, ...], float]] = []
    for number in range(RESAMPLES):
        rows = draw.integers(0, len(y), len(y))
        if y[rows].min() < y[rows].max():
            resampled.append(_decompose(x[rows], y[rows], counts, seed=number).shares)
    by_place = [tuple(whole.means[place]) for place in range(len(fields))]
    return [
        VarianceShare(
            tuple(fields[factor] for factor in factors),
            share,
            *_share_bounds(share, [shares[factors] for shares in resampled]),
            _named_means(factors, levels, by_place),
        )
        for factors, share in whole.shares.items()
    ]


def _named_means(
    factors: Sequence[int], levels: Mapping[str, Sequence[str]], means: Sequence[Sequence[float]]
) -> Mapping[str, float]:
    if len(factors) > 1:
        return {}
    name = list(levels)[factors[0]]
    return dict(zip(levels[name], means[factors[0]], strict=True))


def _share_bounds(share: float, resampled: Sequence[float]) -> tuple[float, float]:
    """Bounds of a share: as far from it as resampled shares lie from their median.

    Trials drawn again leave values untried, which moves all shares; their spread is what counts.
    Distances are those of the angles whose squared sines the shares are: the bounds stay in [0, 1].
    """
    if not resampled:
        return math.nan, math.nan
    angles = sorted(math.asin(math.sqrt(min(max(value, 0.0), 1.0))) for value in resampled)
    middle = statistics.median(angles)
    angle = math.asin(math.sqrt(min(max(share, 0.0), 1.0)))
    low, high = (
        math.sin(min(max(angle + _quantile(angles, q) - middle, 0.0), math.pi / 2)) ** 2
        for q in ((1 - _CONFIDENCE_LEVEL) / 2, (1 + _CONFIDENCE_LEVEL) / 2)
    )
    return min(low, share), max(high, share)


@dataclass(frozen=True, slots=True)
class _Decomposition:
    shares: dict[tuple[int, ...], float]
    means: dict[int, list[float]]


def _decompose(x: "Floats", y: "Floats", counts: Sequence[int], *, seed: int) -> _Decomposition:
    import numpy as np
    from sklearn.ensemble import RandomForestRegressor

    forest = RandomForestRegressor(TREES, random_state=seed, n_jobs=1).fit(x, y)
    cells = _prediction_cells(counts)
    predicted = forest.predict(cells)
    total = predicted.var()
    columns = cells.astype(np.int64)
    middle = predicted.mean()
    mains: dict[int, Floats] = {}
    for place, count in enumerate(counts):
        mains[place] = _group_means(columns[:, place], predicted, count) - middle
    shares: dict[tuple[int, ...], float] = {}
    for place in mains:
        shares[(place,)] = _share_of_variance(mains[place][columns[:, place]], total)
    for a, b in itertools.combinations(range(len(counts)), 2):
        both = columns[:, a] * counts[b] + columns[:, b]
        joint = _group_means(both, predicted, counts[a] * counts[b])[both] - middle
        beyond = joint - mains[a][columns[:, a]] - mains[b][columns[:, b]]
        shares[a, b] = _share_of_variance(beyond, total)
    means = {place: (mains[place] + middle).tolist() for place in mains}
    return _Decomposition(shares, means)


def _prediction_cells(counts: Sequence[int]) -> "Floats":
    import numpy as np

    if math.prod(counts) <= _MAX_CELLS:
        grid = np.indices(counts).reshape(len(counts), -1).T
        return grid.astype(np.float64)
    draw = np.random.default_rng(0)
    return np.stack([draw.integers(0, n, _MAX_CELLS) for n in counts], axis=1).astype(np.float64)


def _group_means(groups: "NDArray[np.int64]", values: "Floats", count: int) -> "Floats":
    import numpy as np

    sums = np.bincount(groups, values, minlength=count)
    sizes = np.bincount(groups, minlength=count)
    means: Floats = sums / np.maximum(sizes, 1)
    return means


def _share_of_variance(part: "Floats", total: float) -> float:
    return float(part.var() / total) if total > 0 else 0.0


def _sorted_levels(values: Sequence[FieldValue]) -> list[str]:
    """The values in order: numbers by size, words by the alphabet."""
    numbers = [float(value) for value in values if isinstance(value, int | float)]
    if len(numbers) == len(values):
        return [_level_key(value) for value in sorted(set(numbers))]
    return sorted({_level_key(value) for value in values})


def _level_key(value: FieldValue) -> str:
    return format_exact(float(value)) if isinstance(value, int | float) else str(value)


def _quantile(ordered: Sequence[float], probability: float) -> float:
    return ordered[min(len(ordered) - 1, int(probability * len(ordered)))]
