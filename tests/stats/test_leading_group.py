"""Bold trials: never one whose own interval excludes 0, nor one that is only too noisy to test."""

import math

import numpy as np
import pytest
from scipy import stats

from nnlab.stats.comparison import compare_with_best
from nnlab.stats.leading_group import may_equal_best, typical_sd

SEEDS = 5


def _leaders(values: list[list[float]]) -> list[bool]:
    """Whether each trial but the first, which is the best, may equal it."""
    by_seed = [dict(enumerate(row)) for row in values]
    comparisons = compare_with_best(by_seed[0], by_seed[1:], higher=True, predict=False)
    table_sd = typical_sd(values[0], values[1:])
    return [c is not None and may_equal_best(c, table_sd) for c in comparisons]


def test_a_noisy_trial_far_behind_is_not_a_leader() -> None:
    """0.6 ± 0.4 next to 0.988: no test is significant, for lack of power."""
    best = [0.985, 0.99, 0.988, 0.987, 0.99]
    near = [0.984, 0.991, 0.986, 0.988, 0.986]
    noisy = [0.98, 0.2, 0.15, 0.97, 0.7]
    comparison = compare_with_best(
        dict(enumerate(best)), [dict(enumerate(near)), dict(enumerate(noisy))], higher=True
    )[1]
    assert comparison is not None
    assert comparison.p > 0.05
    assert _leaders([best, near, noisy]) == [True, False]


def test_a_leader_has_an_own_interval_with_zero() -> None:
    draw = np.random.default_rng(0)
    for _ in range(100):
        values = draw.normal(0, 1, SEEDS) + draw.normal(
            draw.normal(0, 1, (8, 1)), draw.uniform(0.1, 2, (8, 1)), (8, SEEDS)
        )
        values = values[np.argsort(-values.mean(1))]
        for row, leads in zip(values[1:], _leaders(values.tolist()), strict=True):
            own = stats.ttest_rel(values[0], row).confidence_interval(0.95)
            assert not leads or own.low <= 0 <= own.high


def test_equal_values_lead_and_a_constant_difference_does_not() -> None:
    best = [0.95, 0.95, 0.95, 0.95, 0.95]
    assert _leaders([best, best, [0.9] * SEEDS]) == [True, False]


def test_the_typical_spread_is_at_least_that_of_the_best() -> None:
    assert typical_sd([0.0, 2.0], [[1.0, 1.0], [1.0, 1.1]]) == pytest.approx(math.sqrt(2))
    assert math.isnan(typical_sd([1.0], [[1.0, 2.0]]))
