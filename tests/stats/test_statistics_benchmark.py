"""The simulation of `make bench-statistics`, in small: it repeats nnlab's test, with its errors."""

import math

import numpy as np
import pytest
from comparison_statistics.collapse_results import false_rate, interval_coverage, split_rate
from comparison_statistics.earlier_tests import bonferroni_decisions
from comparison_statistics.simulated_tables import (
    DISTRIBUTIONS,
    UNEQUAL,
    Distribution,
    best_first,
    draw_tables,
)
from comparison_statistics.vectorized_test import moderated_decisions

from nnlab.stats.comparison import compare_with_best
from nnlab.stats.sampling_noise import SamplingNoise

NORMAL = DISTRIBUTIONS[0]


def _id(distribution: Distribution) -> str:
    return distribution.name


@pytest.mark.parametrize("distribution", [*DISTRIBUTIONS, UNEQUAL[1]], ids=_id)
@pytest.mark.parametrize(("trials", "seeds"), [(2, 3), (3, 4), (10, 3)])
def test_the_vectorized_test_decides_as_nnlab(
    distribution: Distribution, trials: int, seeds: int
) -> None:
    rng = np.random.default_rng(trials)
    values, _ = best_first(draw_tables(distribution, 40, trials, seeds, rng, effect=3.0))
    noise = SamplingNoise(examples=distribution.examples)
    decided = []
    for table in values.tolist():
        rows = [dict(enumerate(row)) for row in table]
        comparisons = compare_with_best(
            rows[0],
            rows[1:],
            higher=True,
            predict=False,
            limits=distribution.limits,
            noise=noise,
        )
        assert None not in comparisons
        decided.append([c is not None and c.is_significant for c in comparisons])
        for comparison in comparisons:
            assert comparison is not None
            excludes_zero = comparison.low > 0 or comparison.high < 0
            assert excludes_zero == (comparison.adjusted <= 0.05)
    assert np.array_equal(moderated_decisions(values, distribution), np.array(decided))


@pytest.mark.parametrize("distribution", DISTRIBUTIONS, ids=_id)
@pytest.mark.parametrize(("trials", "seeds"), [(2, 3), (10, 3), (30, 3), (10, 10)])
def test_equal_trials_rarely_differ(distribution: Distribution, trials: int, seeds: int) -> None:
    tables = 1000
    values, _ = best_first(
        draw_tables(distribution, tables, trials, seeds, np.random.default_rng(trials))
    )
    rate = moderated_decisions(values, distribution).any(axis=1).mean()
    assert rate <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / tables)


@pytest.mark.parametrize("effect", [2.0, 4.0])
@pytest.mark.parametrize(("trials", "factor"), [(2, 1.0), (10, 2.0), (30, 2.0)])
def test_three_seeds_have_more_power_than_separate_t_tests(
    effect: float, trials: int, factor: float
) -> None:
    values, order = best_first(
        draw_tables(NORMAL, 1000, trials, 3, np.random.default_rng(1), effect)
    )
    is_best = (order[:, 0] == 0)[:, None]
    power = (moderated_decisions(values, NORMAL) & is_best).mean()
    before = (bonferroni_decisions(values) & is_best).mean()
    assert power >= factor * before


def test_collapsing_seeds_cause_no_differences_and_intervals_of_the_working_ones_cover() -> None:
    rng = np.random.default_rng(5)
    assert false_rate(150, 10, 3, rng) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 150)
    of_all, of_working = interval_coverage(60, 10, 5, rng)
    assert of_all < 0.8
    assert of_working == pytest.approx(0.95, abs=0.03)


@pytest.mark.parametrize("distribution", DISTRIBUTIONS, ids=_id)
def test_ordinary_values_are_no_mixture(distribution: Distribution) -> None:
    rng = np.random.default_rng(0)
    assert split_rate(distribution, 150, [(2, 3), (3, 3), (10, 3)], rng) <= 0.03
