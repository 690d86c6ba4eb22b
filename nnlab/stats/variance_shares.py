"""The share of the variance of an outcome that each choice explains (hyperparameter importance).

A full grid is decomposed exactly by an analysis of variance (`nnlab.stats.anova`). A sampled design
is decomposed by a functional ANOVA (Hutter, Hoos and Leyton-Brown 2014): a random forest (of
scikit-learn) learns the outcome from the choices, and the variance of its predictions over all
combinations of the values tried is split into main effects and interactions of pairs. The intervals
come from a bootstrap over trials.
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
from nnlab.stats.comparison import SeedValues

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

TREES, RESAMPLES = 48, 40
# The largest grid that is predicted completely; of larger ones this many cells are drawn.
_MAX_CELLS = 20_000
_CONFIDENCE_LEVEL = 0.9

FieldValue = str | float | int | bool | None


class VarianceMethod(StrEnum):
    """How the shares were computed."""

    ANOVA = "analysis of variance"
    FOREST = "functional ANOVA of a random forest"


@dataclass(frozen=True, slots=True)
class VarianceShare:
    """The share of the variance, from 0 to 1, that one choice or the interaction of two explains.

    `low` and `high` are its 90 % bounds, NaN for a full grid with one seed. `means` are the mean
    outcomes by value of the choice; empty for a pair.
    """

    fields: tuple[str, ...]
    share: float
    low: float
    high: float
    means: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class VarianceShares:
    """The shares of all choices in which trials differ, then of pairs, each largest first."""

    method: VarianceMethod
    shares: tuple[VarianceShare, ...]


def variance_shares(
    trials: Sequence[Mapping[str, FieldValue]], outcomes: Sequence[SeedValues]
) -> VarianceShares:
    """The shares of all choices in which trials differ, and of their pairs.

    Args:
        trials: the choices of each trial; all trials have the same fields.
        outcomes: the finite results of each trial by seed, at least one, in the same order.

    Raises:
        ValueError: there are fewer than four trials, they do not differ, or their outcomes are
            equal.
    """
    fields = (
        [name for name in trials[0] if len({_level_key(trial.get(name)) for trial in trials}) > 1]
        if trials
        else []
    )
    if len(trials) < 4 or not fields:
        raise ValueError("at least four trials that differ in some field are needed")
    means = [math.fsum(seeds.values()) / len(seeds) for seeds in outcomes]
    if not all(map(math.isfinite, means)) or min(means) == max(means):
        raise ValueError("all outcomes are equal, or one is not finite")
    levels = {name: _sorted_levels([trial.get(name) for trial in trials]) for name in fields}
    level_indices = [
        tuple(levels[name].index(_level_key(trial.get(name))) for name in fields)
        for trial in trials
    ]
    cells = dict(zip(level_indices, outcomes, strict=True))
    counts = [len(levels[name]) for name in fields]
    if len(cells) == len(trials) == math.prod(counts):
        shares, method = _grid_shares(cells, levels), VarianceMethod.ANOVA
    else:
        shares, method = _sampled_shares(level_indices, means, levels), VarianceMethod.FOREST
    return VarianceShares(method, tuple(sorted(shares, key=lambda s: (len(s.fields), -s.share))))


def _grid_shares(
    cells: Mapping[tuple[int, ...], SeedValues], levels: Mapping[str, Sequence[str]]
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
    level_indices: Sequence[tuple[int, ...]],
    means: Sequence[float],
    levels: Mapping[str, Sequence[str]],
) -> list[VarianceShare]:
    import numpy as np  # here, because importing numpy delays commands that do not need it

    x, y = np.array(level_indices, dtype=np.float64), np.asarray(means, dtype=np.float64)
    fields = list(levels)
    counts = [len(levels[name]) for name in fields]
    full = _decompose(x, y, counts, seed=0)
    rng = np.random.default_rng(0)
    resampled: list[dict[tuple[int, ...], float]] = []
    for number in range(RESAMPLES):
        rows = rng.integers(0, len(y), len(y))
        if y[rows].min() < y[rows].max():
            resampled.append(_decompose(x[rows], y[rows], counts, seed=number).shares)
    means_by_factor = [tuple(full.means[index]) for index in range(len(fields))]
    return [
        VarianceShare(
            tuple(fields[factor] for factor in factors),
            share,
            *_share_bounds(share, [shares[factors] for shares in resampled]),
            _named_means(factors, levels, means_by_factor),
        )
        for factors, share in full.shares.items()
    ]


def _named_means(
    factors: Sequence[int], levels: Mapping[str, Sequence[str]], means: Sequence[Sequence[float]]
) -> Mapping[str, float]:
    if len(factors) > 1:
        return {}
    name = list(levels)[factors[0]]
    return dict(zip(levels[name], means[factors[0]], strict=True))


def _share_bounds(share: float, resampled: Sequence[float]) -> tuple[float, float]:
    """Bounds of a share at the distances of the resampled shares from their median.

    Resampled trials lack some values, which shifts all shares, so only the spread of the resampled
    shares is used. Distances are measured between the angles whose squared sines are the shares,
    which keeps the bounds in [0, 1].
    """
    if not resampled:
        return math.nan, math.nan
    angles = sorted(math.asin(math.sqrt(min(max(value, 0.0), 1.0))) for value in resampled)
    median = statistics.median(angles)
    angle = math.asin(math.sqrt(min(max(share, 0.0), 1.0)))
    low, high = (
        math.sin(min(max(angle + _quantile(angles, q) - median, 0.0), math.pi / 2)) ** 2
        for q in ((1 - _CONFIDENCE_LEVEL) / 2, (1 + _CONFIDENCE_LEVEL) / 2)
    )
    return min(low, share), max(high, share)


@dataclass(frozen=True, slots=True)
class _Decomposition:
    shares: dict[tuple[int, ...], float]
    means: dict[int, list[float]]


def _decompose(x: "Floats", y: "Floats", counts: Sequence[int], *, seed: int) -> _Decomposition:
    # Here, because importing scikit-learn takes longer than most commands.
    import numpy as np
    from sklearn.ensemble import RandomForestRegressor

    forest = RandomForestRegressor(TREES, random_state=seed, n_jobs=1).fit(x, y)
    cells = _prediction_cells(counts)
    predicted = forest.predict(cells)
    total = predicted.var()
    columns = cells.astype(np.int64)
    mean = predicted.mean()
    main_effects: dict[int, Floats] = {}
    for factor, count in enumerate(counts):
        main_effects[factor] = _group_means(columns[:, factor], predicted, count) - mean
    shares: dict[tuple[int, ...], float] = {}
    for factor in main_effects:
        shares[(factor,)] = _share_of_variance(main_effects[factor][columns[:, factor]], total)
    for a, b in itertools.combinations(range(len(counts)), 2):
        pair_levels = columns[:, a] * counts[b] + columns[:, b]
        pair_effect = (
            _group_means(pair_levels, predicted, counts[a] * counts[b])[pair_levels] - mean
        )
        interaction = pair_effect - main_effects[a][columns[:, a]] - main_effects[b][columns[:, b]]
        shares[a, b] = _share_of_variance(interaction, total)
    means = {factor: (main_effects[factor] + mean).tolist() for factor in main_effects}
    return _Decomposition(shares, means)


def _prediction_cells(counts: Sequence[int]) -> "Floats":
    import numpy as np  # here for the same reason

    if math.prod(counts) <= _MAX_CELLS:
        grid = np.indices(counts).reshape(len(counts), -1).T
        return grid.astype(np.float64)
    rng = np.random.default_rng(0)
    return np.stack([rng.integers(0, n, _MAX_CELLS) for n in counts], axis=1).astype(np.float64)


def _group_means(groups: "NDArray[np.int64]", values: "Floats", count: int) -> "Floats":
    import numpy as np  # here for the same reason

    sums = np.bincount(groups, values, minlength=count)
    sizes = np.bincount(groups, minlength=count)
    means: Floats = sums / np.maximum(sizes, 1)
    return means


def _share_of_variance(part: "Floats", total: float) -> float:
    return float(part.var() / total) if total > 0 else 0.0


def _sorted_levels(values: Sequence[FieldValue]) -> list[str]:
    """The distinct values in order: numbers by size, words alphabetically."""
    numbers = [float(value) for value in values if isinstance(value, int | float)]
    if len(numbers) == len(values):
        return [_level_key(value) for value in sorted(set(numbers))]
    return sorted({_level_key(value) for value in values})


def _level_key(value: FieldValue) -> str:
    return format_exact(float(value)) if isinstance(value, int | float) else str(value)


def _quantile(ordered: Sequence[float], probability: float) -> float:
    return ordered[min(len(ordered) - 1, int(probability * len(ordered)))]
