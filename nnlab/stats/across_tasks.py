"""Methods over several tasks: interquartile means, profiles, probabilities of improvement.

After Agarwal et al. 2021 ("Deep reinforcement learning at the edge of the statistical precipice"):
scores of all tasks and seeds together, with intervals from a bootstrap that draws the seeds of each
task anew (stratified), so that a task with more seeds does not speak louder than it did.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nnlab.stats.comparison import improvement_probability
from nnlab.stats.paired import CONFIDENCE_LEVEL

if TYPE_CHECKING:
    import numpy as np

RESAMPLES = 1000
# Scores at which a profile is read.
PROFILE_THRESHOLDS = tuple(step / 20 for step in range(21))

# The scores of one method: of each task its seeds.
TaskScores = Mapping[str, Sequence[float]]


@dataclass(frozen=True, slots=True)
class MethodResult:
    """A method over all tasks; scores are between 0 (the worst run of a task) and 1 (the best).

    `iqm` is the mean of the middle half of all runs. `better` is the probability that a run of the
    first method beats one of this on the same task, averaged over tasks; None for the first.
    `profile` is the share of runs with a score above each of `PROFILE_THRESHOLDS`.
    """

    name: str
    tasks: int
    runs: int
    iqm: float
    low: float
    high: float
    better: float | None
    better_low: float | None
    better_high: float | None
    profile: tuple[float, ...]


def compare_methods(methods: Mapping[str, TaskScores], *, higher: bool) -> list[MethodResult]:
    """Compares methods on the tasks that all of them have, best first.

    Args:
        methods: the values of each by task, in the metric's unit.
        higher: whether higher values are better.

    Raises:
        ValueError: fewer than two methods, or no task that all of them have.
    """
    import numpy as np

    if len(methods) < 2:
        raise ValueError("two methods are the least to compare")
    tasks = sorted(set.intersection(*(set(scores) for scores in methods.values())))
    if not tasks:
        raise ValueError("no task has runs of all methods")
    scaled = _normalise_scores(methods, tasks, higher=higher)
    order = sorted(scaled, key=lambda name: -iqm([v for t in tasks for v in scaled[name][t]]))
    first = scaled[order[0]]
    draw = np.random.default_rng(0)
    found = []
    for name in order:
        scores = scaled[name]
        means, wins = [], []
        for _ in range(RESAMPLES):
            mine = {task: _resample(scores[task], draw) for task in tasks}
            means.append(iqm([value for task in tasks for value in mine[task]]))
            if name != order[0]:
                theirs = {task: _resample(first[task], draw) for task in tasks}
                wins.append(_mean_improvement_probability(theirs, mine, tasks))
        values = [value for task in tasks for value in scores[task]]
        low, high = _percentile_bounds(means)
        better = _mean_improvement_probability(first, scores, tasks) if wins else None
        better_low, better_high = _percentile_bounds(wins) if wins else (None, None)
        profile = tuple(sum(v >= at for v in values) / len(values) for at in PROFILE_THRESHOLDS)
        found.append(
            MethodResult(
                name, len(tasks), len(values), iqm(values), low, high,
                better, better_low, better_high, profile,
            )
        )  # fmt: skip
    return found


def iqm(values: Sequence[float]) -> float:
    """The mean of the middle half: a quarter of the values is cut at each end.

    >>> iqm([0.0, 1.0, 2.0, 100.0])
    1.5
    """
    cut = len(values) // 4
    middle = sorted(values)[cut : len(values) - cut]
    return math.fsum(middle) / len(middle)


def _normalise_scores(
    methods: Mapping[str, TaskScores], tasks: Sequence[str], *, higher: bool
) -> dict[str, dict[str, list[float]]]:
    sign = 1.0 if higher else -1.0
    found: dict[str, dict[str, list[float]]] = {name: {} for name in methods}
    for task in tasks:
        everyone = [sign * v for scores in methods.values() for v in scores[task]]
        finite = [value for value in everyone if math.isfinite(value)]
        low, high = min(finite, default=0.0), max(finite, default=1.0)
        for name, scores in methods.items():
            found[name][task] = [_normalise_score(sign * v, low, high) for v in scores[task]]
    return found


def _normalise_score(value: float, low: float, high: float) -> float:
    """A run without a finite value is as bad as the worst."""
    if not math.isfinite(value):
        return 0.0
    return (value - low) / (high - low) if high > low else 1.0


def _mean_improvement_probability(
    first: TaskScores, second: TaskScores, tasks: Sequence[str]
) -> float:
    return math.fsum(improvement_probability(first[task], second[task]) for task in tasks) / len(
        tasks
    )


def _resample(values: Sequence[float], draw: "np.random.Generator") -> list[float]:
    return [values[place] for place in draw.integers(0, len(values), len(values))]


def _percentile_bounds(values: Sequence[float]) -> tuple[float, float]:
    import numpy as np

    low, high = np.quantile(values, [(1 - CONFIDENCE_LEVEL) / 2, (1 + CONFIDENCE_LEVEL) / 2])
    return float(low), float(high)
