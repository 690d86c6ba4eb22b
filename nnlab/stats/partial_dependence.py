"""The dependence of an outcome on single settings, averaged over the other settings.

For a full grid these are the marginal means, with an interval over seeds. For sampled settings a
random forest (of scikit-learn) predicts the outcome of each trial with the setting replaced by each
of its values, and the predictions are averaged (partial dependence, Friedman 2001). Its interval
comes from a bootstrap over trials.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from nnlab.stats.comparison import SeedValues
from nnlab.stats.paired import CONFIDENCE_LEVEL, mean_and_half_width, sample_sd
from nnlab.stats.student_t import t_quantile

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from sklearn.ensemble import RandomForestRegressor

    Floats = NDArray[np.float64]

# A forest cannot learn from fewer trials.
MIN_FOREST_TRIALS = 8
TREES, RESAMPLES, RESAMPLE_TREES = 100, 50, 30
# A number with more different values is evaluated at this many points.
_MAX_VALUES, _CURVE_POINTS = 12, 25
_LOG_FROM_FACTOR = 10.0

FieldValue = str | float | int | bool | None
Trial = Mapping[str, FieldValue]


class DependenceMethod(StrEnum):
    """How the dependence was computed."""

    MARGINAL_MEANS = "marginal means of a full grid"
    FOREST = "partial dependence of a random forest"


@dataclass(frozen=True, slots=True)
class DependencePoint:
    """The mean outcome at one value of a setting, with 95 % bounds (NaN if unknown)."""

    value: FieldValue
    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Dependence:
    """The dependence on one setting; numbers are in ascending order."""

    field: str
    points: tuple[DependencePoint, ...]

    @property
    def reach(self) -> float:
        """The difference between the largest and the smallest mean."""
        means = [point.mean for point in self.points]
        return max(means) - min(means)


@dataclass(frozen=True, slots=True)
class PartialDependence:
    """The dependence on each setting, and how well it describes the trials.

    `out_of_bag_r2` is the share of the variance of the trials' outcomes that the forest predicts
    for trials that it was not trained on; None for a full grid.
    """

    method: DependenceMethod
    settings: tuple[Dependence, ...]
    out_of_bag_r2: float | None = None


def partial_dependence(
    trials: Sequence[Trial], outcomes: Sequence[SeedValues], fields: Sequence[str]
) -> PartialDependence:
    """The dependence of the outcome on each field in which trials differ.

    Args:
        trials: the settings of each trial; all trials have all fields.
        outcomes: the finite results of each trial by seed, at least one, in the same order.
        fields: all fields in which the trials differ.

    Raises:
        ValueError: the trials are no full grid, and too few for a forest.
    """
    levels = {name: _distinct_values([trial.get(name) for trial in trials]) for name in fields}
    cells = {tuple(trial.get(name) for name in fields) for trial in trials}
    if len(cells) == len(trials) == math.prod(len(values) for values in levels.values()):
        settings = tuple(
            Dependence(name, _marginal_means(trials, outcomes, name, levels[name]))
            for name in fields
        )
        return PartialDependence(DependenceMethod.MARGINAL_MEANS, settings)
    if len(trials) < MIN_FOREST_TRIALS:
        raise ValueError(
            f"trials that are no full grid need a forest, and {len(trials)} are too few for it"
            f" ({MIN_FOREST_TRIALS} are needed)"
        )
    return _forest_dependence(trials, outcomes, levels)


def _distinct_values(values: Sequence[FieldValue]) -> list[FieldValue]:
    """The distinct values: numbers in ascending order, others in order of appearance."""
    distinct = list(dict.fromkeys(values))
    return sorted(distinct, key=_number) if _are_numbers(distinct) else distinct


def _are_numbers(values: Sequence[FieldValue]) -> bool:
    return all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)


def _number(value: FieldValue) -> float:
    return float(value) if isinstance(value, int | float) else math.nan


def _marginal_means(
    trials: Sequence[Trial],
    outcomes: Sequence[SeedValues],
    field: str,
    levels: Sequence[FieldValue],
) -> tuple[DependencePoint, ...]:
    points = []
    for level in levels:
        members = [
            seeds
            for trial, seeds in zip(trials, outcomes, strict=True)
            if trial.get(field) == level
        ]
        mean = math.fsum(map(_mean, members)) / len(members)
        half_width = _half_width(members)
        points.append(DependencePoint(level, mean, mean - half_width, mean + half_width))
    return tuple(points)


def _mean(seeds: SeedValues) -> float:
    return math.fsum(seeds.values()) / len(seeds)


def _half_width(members: Sequence[SeedValues]) -> float:
    """Half of the t interval of the mean over trials; NaN with one seed.

    Trials with the same seeds share their effects, so the means of the seeds are the sample.
    """
    seeds = set(members[0])
    if all(set(member) == seeds for member in members):
        if len(seeds) < 2:
            return math.nan
        means = [math.fsum(member[seed] for member in members) / len(members) for seed in seeds]
        return mean_and_half_width(means)[1]
    df = sum(len(member) - 1 for member in members)
    if any(len(member) < 2 for member in members):
        return math.nan
    variances = [sample_sd(list(member.values())) ** 2 / len(member) for member in members]
    error = math.sqrt(math.fsum(variances)) / len(members)
    return t_quantile(df, (1 + CONFIDENCE_LEVEL) / 2) * error


def _forest_dependence(
    trials: Sequence[Trial],
    outcomes: Sequence[SeedValues],
    levels: Mapping[str, Sequence[FieldValue]],
) -> PartialDependence:
    # Here, because importing scikit-learn takes longer than most commands.
    import numpy as np
    from sklearn.ensemble import RandomForestRegressor

    columns = encode_settings(trials, levels)
    y = np.array([_mean(seeds) for seeds in outcomes], dtype=np.float64)
    grids = {name: _evaluated_values(values) for name, values in levels.items()}
    forest = RandomForestRegressor(TREES, random_state=0, n_jobs=1, oob_score=True)
    forest.fit(columns, y)
    means = _average_predictions(forest, columns, levels, grids)
    rng = np.random.default_rng(0)
    resampled = []
    for seed in range(RESAMPLES):
        rows = rng.integers(0, len(y), len(y))
        other = RandomForestRegressor(RESAMPLE_TREES, random_state=seed, n_jobs=1)
        other.fit(columns[rows], y[rows])
        resampled.append(_average_predictions(other, columns[rows], levels, grids))
    settings = []
    for name, values in grids.items():
        low, high = _band(means[name], np.array([sample[name] for sample in resampled]))
        settings.append(
            Dependence(
                name,
                tuple(
                    DependencePoint(value, float(mean), float(bottom), float(top))
                    for value, mean, bottom, top in zip(values, means[name], low, high, strict=True)
                ),
            )
        )
    return PartialDependence(DependenceMethod.FOREST, tuple(settings), float(forest.oob_score_))


def encode_settings(
    trials: Sequence[Trial], levels: Mapping[str, Sequence[FieldValue]]
) -> "Floats":
    """The settings as numbers (shape [trials, columns]): numbers as they are, others one-hot."""
    import numpy as np  # here for the same reason

    return np.array(
        [
            [
                number
                for name, values in levels.items()
                for number in _encode_value(trial.get(name), values)
            ]
            for trial in trials
        ],
        dtype=np.float64,
    )


def _encode_value(value: FieldValue, levels: Sequence[FieldValue]) -> list[float]:
    if _are_numbers(levels):
        return [_number(value)]
    return [float(value == level) for level in levels]


def _evaluated_values(levels: Sequence[FieldValue]) -> list[FieldValue]:
    """The values at which the dependence is evaluated: all of them, or points in their range."""
    if not _are_numbers(levels) or len(levels) <= _MAX_VALUES:
        return list(levels)
    import numpy as np  # here for the same reason

    low, high = _number(levels[0]), _number(levels[-1])
    is_log = low > 0 and high / low >= _LOG_FROM_FACTOR
    space = np.geomspace if is_log else np.linspace
    return [float(value) for value in space(low, high, _CURVE_POINTS)]


def _average_predictions(
    forest: "RandomForestRegressor",
    columns: "Floats",
    levels: Mapping[str, Sequence[FieldValue]],
    grids: Mapping[str, Sequence[FieldValue]],
) -> dict[str, "Floats"]:
    """The mean prediction over all trials with one setting replaced by each of its values."""
    import numpy as np  # here for the same reason

    means = {}
    first = 0
    for name, values in levels.items():
        width = len(_encode_value(values[0], values))
        changed = np.repeat(columns[None], len(grids[name]), axis=0)  # [values, trials, columns]
        for index, value in enumerate(grids[name]):
            changed[index, :, first : first + width] = _encode_value(value, values)
        predicted = forest.predict(changed.reshape(-1, columns.shape[1]))
        means[name] = predicted.reshape(len(grids[name]), -1).mean(axis=1)
        first += width
    return means


def _band(mean: "Floats", resampled: "Floats") -> tuple["Floats", "Floats"]:
    """Bounds around the mean at the distances of resamples (shape [n, values]) from their median.

    Resampled trials are fewer different ones, which shifts all predictions towards their mean, so
    only the spread of the resamples is used.
    """
    import numpy as np  # here for the same reason

    tail = (1 - CONFIDENCE_LEVEL) / 2
    low, median, high = np.quantile(resampled, [tail, 0.5, 1 - tail], axis=0)
    return mean + (low - median), mean + (high - median)
