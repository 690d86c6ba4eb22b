"""Pareto fronts: all pairs compared, and the bootstrap over seeds."""

import random

import pytest

from nnlab.stats.pareto import front_probabilities, pareto_front


def dominates(a: tuple[float, float], b: tuple[float, float]) -> bool:
    return a[0] <= b[0] and a[1] <= b[1] and a != b


@pytest.mark.parametrize("seed", range(20))
def test_a_front_holds_exactly_the_points_that_no_other_dominates(seed: int) -> None:
    rng = random.Random(seed)
    # Few different values, so that there are ties.
    points = [(float(rng.randrange(6)), float(rng.randrange(6))) for _ in range(15)]
    expected = {i for i, p in enumerate(points) if not any(dominates(q, p) for q in points)}
    front = pareto_front([x for x, _ in points], [y for _, y in points])
    assert set(front) == expected
    assert [points[i][0] for i in front] == sorted(points[i][0] for i in front)


def test_no_points_have_no_front() -> None:
    assert pareto_front([], []) == []
    assert front_probabilities([], []) == []


def test_the_bootstrap_tells_certain_from_uncertain_trials() -> None:
    costs = [[1.0, 1.0, 1.0], [2.0, 2.0, 2.0], [3.0, 3.0, 3.0]]
    losses = [[0.5, 0.6, 0.7], [0.4, 0.65, 0.7], [0.9, 0.8, 0.9]]
    first, second, third = front_probabilities(costs, losses)
    assert first == 1.0  # the cheapest
    assert 0.3 < second < 1.0
    assert third == 0.0


def test_with_one_seed_the_front_is_certain() -> None:
    assert front_probabilities([[1.0], [2.0]], [[0.5], [0.6]]) == [1.0, 0.0]
