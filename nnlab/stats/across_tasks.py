"""Comparison of methods over several tasks: interquartile means, profiles, improvement.

The method is that of Agarwal et al. 2021 ("Deep reinforcement learning at the edge of the
statistical precipice"). The normalised scores of all tasks and seeds are pooled. The intervals come
from a stratified bootstrap, which resamples the seeds within each task, so that the weight of a
task does not change.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nnlab.stats.comparison import improvement_probability
from nnlab.stats.paired import CONFIDENCE_LEVEL

if TYPE_CHECKING:
    import numpy as np

RESAMPLES = 1000
# The scores at which a performance profile is evaluated.
PROFILE_THRESHOLDS = tuple(step / 20 for step in range(21))

# The scores of one method by task, one for each seed.
TaskScores = Mapping[str, Sequence[float]]


@dataclass(frozen=True, slots=True)
class MethodResult:
    """A method over all tasks; scores lie between 0 (the worst run of a task) and 1 (the best).

    `iqm` is the interquartile mean of all scores, with the bounds `low` and `high`.
    `improvement_probability` is the probability that a run of the first method is better than one
    of this method on the same task, averaged over tasks; None for the first method. `profile` holds
    the fraction of runs with at least each score of `PROFILE_THRESHOLDS`, and `scores` the scores
    of all runs by task.
    """

    name: str
    tasks: int
    runs: int
    iqm: float
    low: float
    high: float
    improvement_probability: float | None
    improvement_probability_low: float | None
    improvement_probability_high: float | None
    profile: tuple[float, ...]
    scores: TaskScores = field(default_factory=dict)


def compare_methods(methods: Mapping[str, TaskScores], *, higher: bool) -> list[MethodResult]:
    """The results of methods on the tasks that all of them have, best first.

    Args:
        methods: the values of each method by task, in the metric's unit.
        higher: whether higher values are better.

    Raises:
        ValueError: there are fewer than two methods, or no task has values of all of them.
    """
    import numpy as np  # here, because importing numpy delays commands that do not need it

    if len(methods) < 2:
        raise ValueError("at least two methods are needed")
    tasks = sorted(set.intersection(*(set(scores) for scores in methods.values())))
    if not tasks:
        raise ValueError("no task has runs of all methods")
    shared = {name: {task: by_task[task] for task in tasks} for name, by_task in methods.items()}
    scaled = min_max_scores(shared, higher=higher)
    order = sorted(scaled, key=lambda name: -iqm([v for t in tasks for v in scaled[name][t]]))
    first = scaled[order[0]]
    rng = np.random.default_rng(0)
    results = []
    for name in order:
        scores = scaled[name]
        means, wins = [], []
        for _ in range(RESAMPLES):
            resampled = {task: _resample(scores[task], rng) for task in tasks}
            means.append(iqm([value for task in tasks for value in resampled[task]]))
            if name != order[0]:
                first_resampled = {task: _resample(first[task], rng) for task in tasks}
                wins.append(_mean_improvement_probability(first_resampled, resampled, tasks))
        values = [value for task in tasks for value in scores[task]]
        low, high = _percentile_bounds(means)
        better = _mean_improvement_probability(first, scores, tasks) if wins else None
        better_low, better_high = _percentile_bounds(wins) if wins else (None, None)
        profile = tuple(
            sum(v >= threshold for v in values) / len(values) for threshold in PROFILE_THRESHOLDS
        )
        results.append(
            MethodResult(
                name, len(tasks), len(values), iqm(values), low, high,
                better, better_low, better_high, profile, scores,
            )
        )  # fmt: skip
    return results


def iqm(values: Sequence[float]) -> float:
    """The mean of the middle half: a quarter of the values is cut at each end.

    >>> iqm([0.0, 1.0, 2.0, 100.0])
    1.5
    """
    cut = len(values) // 4
    middle = sorted(values)[cut : len(values) - cut]
    return math.fsum(middle) / len(middle)


def min_max_scores(
    methods: Mapping[str, TaskScores], *, higher: bool
) -> dict[str, dict[str, list[float]]]:
    """Scores between 0 (the worst run of a task, of any method) and 1 (its best run).

    A value that is not finite gets 0; if all runs of a task are equal, they get 1.

    Args:
        methods: the values of each method by task, in the metric's unit.
        higher: whether higher values are better.
    """
    sign = 1.0 if higher else -1.0
    by_task: dict[str, list[float]] = {}
    for tasks in methods.values():
        for task, values in tasks.items():
            by_task.setdefault(task, []).extend(sign * v for v in values if math.isfinite(v))
    ranges = {task: (min(v, default=0.0), max(v, default=0.0)) for task, v in by_task.items()}
    return {
        name: {
            task: [_normalise_score(sign * value, *ranges[task]) for value in values]
            for task, values in tasks.items()
        }
        for name, tasks in methods.items()
    }


def _normalise_score(value: float, low: float, high: float) -> float:
    """The score of a value between the worst (0) and the best (1); 0 for a value not finite."""
    if not math.isfinite(value):
        return 0.0
    return (value - low) / (high - low) if high > low else 1.0


def _mean_improvement_probability(
    first: TaskScores, second: TaskScores, tasks: Sequence[str]
) -> float:
    return math.fsum(improvement_probability(first[task], second[task]) for task in tasks) / len(
        tasks
    )


def _resample(values: Sequence[float], rng: "np.random.Generator") -> list[float]:
    return [values[index] for index in rng.integers(0, len(values), len(values))]


def _percentile_bounds(values: Sequence[float]) -> tuple[float, float]:
    import numpy as np  # here for the same reason

    low, high = np.quantile(values, [(1 - CONFIDENCE_LEVEL) / 2, (1 + CONFIDENCE_LEVEL) / 2])
    return float(low), float(high)
