"""Which choices an outcome depends on: functional ANOVA of a forest fitted to the trials.

A random forest (scikit-learn's) learns the outcome from the choices; its predictions over all
combinations of the values that were tried are split into what each choice contributes alone and
what each pair contributes beyond that (Hutter, Hoos and Leyton-Brown 2014). Shares are of the
variance of these predictions. Intervals come from trials drawn again with replacement.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nnlab.objective import exact_text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

TREES, RESAMPLES = 48, 40
# Combinations that are predicted; of larger grids so many are drawn.
_MOST_CELLS = 20_000
_LEVEL = 0.9

Value = str | float | int | bool | None


@dataclass(frozen=True, slots=True)
class Share:
    """What one choice, or a pair beyond its two, contributes: a share of the variance from 0 to 1.

    `low` and `high` bound it at 90 % over trials drawn again. `means` are the predicted outcomes
    by value, averaged over all else; empty for a pair.
    """

    fields: tuple[str, ...]
    share: float
    low: float
    high: float
    means: Mapping[str, float]


def shares_of(trials: Sequence[Mapping[str, Value]], outcomes: Sequence[float]) -> list[Share]:
    """The shares of all choices in which trials differ, and of their pairs, largest first.

    Args:
        trials: the choices of each trial; all have the same ones.
        outcomes: what each came to, finite, in the same order.

    Raises:
        ValueError: fewer than four trials, nothing that differs, or outcomes that are all alike.
    """
    import numpy as np

    fields = (
        [name for name in trials[0] if len({_key(trial.get(name)) for trial in trials}) > 1]
        if trials
        else []
    )
    if len(trials) < 4 or not fields:
        raise ValueError("four trials that differ in something are the least to tell effects from")
    levels = {name: _levels([trial.get(name) for trial in trials]) for name in fields}
    x = np.array(
        [[levels[name].index(_key(trial.get(name))) for name in fields] for trial in trials],
        dtype=np.float64,
    )
    y = np.asarray(outcomes, dtype=np.float64)
    if not np.isfinite(y).all() or y.min() == y.max():
        raise ValueError("the outcomes are all alike, or one is not finite")
    counts = [len(levels[name]) for name in fields]
    found = _decomposed(x, y, counts, seed=0)
    draw = np.random.default_rng(0)
    again: list[dict[tuple[int, ...], float]] = []
    for number in range(RESAMPLES):
        rows = draw.integers(0, len(y), len(y))
        if y[rows].min() < y[rows].max():
            again.append(_decomposed(x[rows], y[rows], counts, seed=number).shares)
    shares = []
    for places, share in found.shares.items():
        drawn = sorted(one[places] for one in again)
        low, high = _quantile(drawn, (1 - _LEVEL) / 2), _quantile(drawn, (1 + _LEVEL) / 2)
        names = tuple(fields[place] for place in places)
        means = (
            dict(zip(levels[names[0]], found.means[places[0]], strict=True))
            if len(places) == 1
            else {}
        )
        shares.append(Share(names, share, low, high, means))
    return sorted(shares, key=lambda one: (len(one.fields), -one.share))


@dataclass(frozen=True, slots=True)
class _Parts:
    shares: dict[tuple[int, ...], float]
    means: dict[int, list[float]]


def _decomposed(x: "Floats", y: "Floats", counts: Sequence[int], *, seed: int) -> _Parts:
    import numpy as np
    from sklearn.ensemble import RandomForestRegressor

    forest = RandomForestRegressor(TREES, random_state=seed, n_jobs=1).fit(x, y)
    cells = _cells(counts)
    predicted = forest.predict(cells)
    total = predicted.var()
    columns = cells.astype(np.int64)
    middle = predicted.mean()
    mains: dict[int, Floats] = {}
    for place, count in enumerate(counts):
        mains[place] = _means(columns[:, place], predicted, count) - middle
    shares: dict[tuple[int, ...], float] = {}
    for place in mains:
        shares[(place,)] = _share(mains[place][columns[:, place]], total)
    for a, b in itertools.combinations(range(len(counts)), 2):
        both = columns[:, a] * counts[b] + columns[:, b]
        joint = _means(both, predicted, counts[a] * counts[b])[both] - middle
        beyond = joint - mains[a][columns[:, a]] - mains[b][columns[:, b]]
        shares[a, b] = _share(beyond, total)
    means = {place: (mains[place] + middle).tolist() for place in mains}
    return _Parts(shares, means)


def _cells(counts: Sequence[int]) -> "Floats":
    import numpy as np

    if math.prod(counts) <= _MOST_CELLS:
        grid = np.indices(counts).reshape(len(counts), -1).T
        return grid.astype(np.float64)
    draw = np.random.default_rng(0)
    return np.stack([draw.integers(0, n, _MOST_CELLS) for n in counts], axis=1).astype(np.float64)


def _means(groups: "NDArray[np.int64]", values: "Floats", count: int) -> "Floats":
    import numpy as np

    sums = np.bincount(groups, values, minlength=count)
    sizes = np.bincount(groups, minlength=count)
    found: Floats = sums / np.maximum(sizes, 1)
    return found


def _share(part: "Floats", total: float) -> float:
    return float(part.var() / total) if total > 0 else 0.0


def _levels(values: Sequence[Value]) -> list[str]:
    """The values in order: numbers by size, words by the alphabet."""
    numbers = [float(value) for value in values if isinstance(value, int | float)]
    if len(numbers) == len(values):
        return [_key(value) for value in sorted(set(numbers))]
    return sorted({_key(value) for value in values})


def _key(value: Value) -> str:
    return exact_text(float(value)) if isinstance(value, int | float) else str(value)


def _quantile(values: Sequence[float], share: float) -> float:
    if not values:
        return math.nan
    return values[min(len(values) - 1, int(share * len(values)))]
