"""The Pareto front of trials: those that no other trial beats in both cost and result."""

from collections.abc import Sequence

RESAMPLES = 1000


def pareto_front(costs: Sequence[float], losses: Sequence[float]) -> list[int]:
    """The indices of the points that no other point dominates, cheapest first.

    A point dominates another one if it is at least as good in both coordinates and better in one.
    Lower is better in both. Equal points do not dominate each other.

    >>> pareto_front([1.0, 2.0, 3.0, 2.5], [0.5, 0.3, 0.2, 0.4])
    [0, 1, 2]
    """
    order = sorted(range(len(costs)), key=lambda i: (costs[i], losses[i]))
    front: list[int] = []
    for i in order:
        last = front[-1] if front else None
        if last is None or losses[i] < losses[last] or _are_equal(costs, losses, i, last):
            front.append(i)
    return front


def front_probabilities(
    costs: Sequence[Sequence[float]], losses: Sequence[Sequence[float]]
) -> list[float]:
    """The share of bootstrap resamples of the seeds in which each trial lies on the front.

    Args:
        costs: the costs of the runs of each trial.
        losses: their results, lower is better, in the same order.
    """
    import numpy as np  # here, because importing numpy delays commands that do not need it

    rng = np.random.default_rng(0)
    mean_costs, mean_losses = [], []
    for cost, loss in zip(costs, losses, strict=True):
        drawn = rng.integers(0, len(cost), (RESAMPLES, len(cost)))
        mean_costs.append(np.asarray(cost, dtype=np.float64)[drawn].mean(axis=1))
        mean_losses.append(np.asarray(loss, dtype=np.float64)[drawn].mean(axis=1))
    x, y = np.array(mean_costs), np.array(mean_losses)  # [trials, resamples]
    shares = []
    for i in range(len(x)):
        no_worse = (x <= x[i]) & (y <= y[i])
        better = (x < x[i]) | (y < y[i])
        shares.append(float((~(no_worse & better).any(axis=0)).mean()))
    return shares


def _are_equal(costs: Sequence[float], losses: Sequence[float], i: int, j: int) -> bool:
    return costs[i] == costs[j] and losses[i] == losses[j]
