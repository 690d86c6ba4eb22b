"""Aggregate scores of methods over tasks with bootstrap intervals: Agarwal et al. 2021.

"Deep reinforcement learning at the edge of the statistical precipice", sections 4.1 and 4.3, and
the library rliable of its authors. A score is 1 at best. The stratified bootstrap resamples the
seeds within each task, independently for each method.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nnlab.stats.across_tasks import TaskScores
from nnlab.stats.paired import CONFIDENCE_LEVEL

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    # The resampled scores of one method: for each task an array [resamples, seeds].
    Resamples = Sequence[NDArray[np.float64]]

RESAMPLES = 2000
_TRIMMED_SHARE = 0.25  # cut off at each end for the interquartile mean
_BEST_SCORE = 1.0


@dataclass(frozen=True, slots=True)
class Estimate:
    """A statistic, and its 95 % percentile interval over the resamples."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class MethodAggregates:
    """The aggregate scores of a method; all but the optimality gap are better if higher.

    `iqm` is the mean of the middle half of all runs, `median` and `mean` are those over tasks of
    the mean score of a task, and `optimality_gap` is the mean of 1 - score over all runs.
    """

    name: str
    tasks: int
    runs: int
    iqm: Estimate
    median: Estimate
    mean: Estimate
    optimality_gap: Estimate


@dataclass(frozen=True, slots=True)
class Improvement:
    """The probability that a run of `first` is better than one of `second` on the same task.

    It is averaged over tasks; a tie counts one half.
    """

    first: str
    second: str
    probability: Estimate


def aggregate_scores(
    methods: Mapping[str, TaskScores], *, resamples: int = RESAMPLES, seed: int = 0
) -> list[MethodAggregates]:
    """The aggregates of each method, the highest interquartile mean first.

    Args:
        methods: finite scores of each method by task, one for each seed; the tasks are the same.
        resamples: the number of bootstrap resamples.
        seed: the seed of the bootstrap.
    """
    import numpy as np  # here, because importing numpy delays commands that do not need it

    results = []
    for index, (name, by_task) in enumerate(sorted(methods.items())):
        observed = [np.array([values], dtype=float) for _, values in sorted(by_task.items())]
        resampled = _resample(observed, np.random.default_rng([seed, index]), resamples)
        results.append(
            MethodAggregates(
                name,
                len(observed),
                sum(values.shape[1] for values in observed),
                *(
                    _estimate(statistic(observed)[0], statistic(resampled))
                    for statistic in (_iqm, _median, _mean, _optimality_gap)
                ),
            )
        )
    return sorted(results, key=lambda method: -method.iqm.value)


def improvement_probabilities(
    methods: Mapping[str, TaskScores], *, resamples: int = RESAMPLES, seed: int = 0
) -> list[Improvement]:
    """The probability of improvement of each method over each other one.

    Args:
        methods: finite scores of each method by task, one for each seed; the tasks are the same.
        resamples: the number of bootstrap resamples.
        seed: the seed of the bootstrap.
    """
    import numpy as np  # here for the same reason

    rng = np.random.default_rng([seed, len(methods)])
    results = []
    for first in methods:
        for second in methods:
            if first == second:
                continue
            observed, resampled = [], []
            for task in methods[first]:
                x, y = (np.array(methods[name][task], dtype=float) for name in (first, second))
                wins = (x[:, None] > y) + 0.5 * (x[:, None] == y)
                observed.append(wins.mean())
                # How often each seed is drawn is enough to know which pairs are compared.
                x_counts, y_counts = (
                    rng.multinomial(len(z), [1 / len(z)] * len(z), size=resamples) for z in (x, y)
                )
                resampled.append(((x_counts @ wins) * y_counts).sum(1) / wins.size)
            estimate = _estimate(np.mean(observed), np.mean(resampled, axis=0))
            results.append(Improvement(first, second, estimate))
    return results


def _resample(
    observed: "Resamples", rng: "np.random.Generator", count: int
) -> "list[NDArray[np.float64]]":
    return [
        values[0][rng.integers(0, values.shape[1], (count, values.shape[1]))] for values in observed
    ]


def _estimate(value: float, resampled: "NDArray[np.float64]") -> Estimate:
    import numpy as np  # here for the same reason

    low, high = np.quantile(resampled, [(1 - CONFIDENCE_LEVEL) / 2, (1 + CONFIDENCE_LEVEL) / 2])
    return Estimate(float(value), float(low), float(high))


def _iqm(tasks: "Resamples") -> "NDArray[np.float64]":
    import numpy as np  # here for the same reason

    scores = np.sort(np.concatenate(tasks, axis=1), axis=1)
    cut = int(_TRIMMED_SHARE * scores.shape[1])
    middle: NDArray[np.float64] = scores[:, cut : scores.shape[1] - cut].mean(1)
    return middle


def _task_means(tasks: "Resamples") -> "NDArray[np.float64]":
    """The mean score of each task: [resamples, tasks]."""
    import numpy as np  # here for the same reason

    return np.stack([scores.mean(1) for scores in tasks], axis=1)


def _median(tasks: "Resamples") -> "NDArray[np.float64]":
    import numpy as np  # here for the same reason

    medians: NDArray[np.float64] = np.median(_task_means(tasks), axis=1)
    return medians


def _mean(tasks: "Resamples") -> "NDArray[np.float64]":
    means: NDArray[np.float64] = _task_means(tasks).mean(1)
    return means


def _optimality_gap(tasks: "Resamples") -> "NDArray[np.float64]":
    import numpy as np  # here for the same reason

    scores = np.concatenate(tasks, axis=1)
    gaps: NDArray[np.float64] = np.maximum(_BEST_SCORE - scores, 0.0).mean(1)
    return gaps
