"""Levels of SAFFRON and ADDIS, compared to R's onlineFDR, and the rate that they control."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import zeta

from nnlab.stats.online_fdr import (
    GATE_WEIGHTS,
    STANDARD_WEIGHTS,
    OnlineLevels,
    addis_levels,
    gate_levels,
    next_level,
    saffron_levels,
)

# The example of SAFFRON() and ADDIS() in the reference manual of R's onlineFDR (Robertson et al.,
# https://dsrobertson.github.io/onlineFDR/reference): p values, and the levels that it prints.
P_VALUES = (
    *(2.90e-08, 0.06743, 0.01514, 0.08174, 0.00171, 3.60e-05, 0.79149, 0.27201),
    *(0.28295, 7.59e-08, 0.69274, 0.30443, 0.00136, 0.72342, 0.54757),
)
SAFFRON_LEVELS = (
    *(0.005468627, 0.010937254, 0.010937254, 0.010937254, 0.010937254, 0.021874508),
    *(0.032811762, 0.010823845, 0.010823845, 0.010823845, 0.021761099, 0.009265591),
    *(0.009265591, 0.020202846, 0.009064367),
)
ADDIS_LEVELS = (
    *(0.002734314, 0.005468627, 0.005468627, 0.005468627, 0.005468627, 0.010937254),
    *(0.016405881, 0.016405881, 0.005411923, 0.002828822, 0.008297449, 0.008297449),
    *(0.003589243, 0.009057870, 0.009057870),
)
# The third example of SAFFRON(): another rate and wealth, in the order of its random seed.
REORDERED = (
    *(2.90e-08, 0.06743, 0.01514, 0.08174, 0.00171, 0.27201, 3.60e-05, 0.79149),
    *(7.59e-08, 0.28295, 0.69274, 0.72342, 0.30443, 0.54757, 0.00136),
)
LEVELS_OF_LITTLE_WEALTH = (
    *(0.005468627, 0.021874508, 0.021874508, 0.043749017, 0.043749017, 0.065623525),
    *(0.065623525, 0.087498033, 0.028863587, 0.050738095, 0.050738095, 0.022302945),
    *(0.013293195, 0.013293195, 0.009042997),
)


def test_levels_of_saffron_equal_those_of_r() -> None:
    assert saffron_levels(P_VALUES)[:-1] == pytest.approx(SAFFRON_LEVELS, abs=6e-10)


def test_levels_of_addis_equal_those_of_r() -> None:
    assert addis_levels(P_VALUES)[:-1] == pytest.approx(ADDIS_LEVELS, abs=6e-10)


def test_rate_and_wealth_equal_those_of_r() -> None:
    state = OnlineLevels(0.1, wealth=0.025)
    levels = []
    for p in REORDERED:
        levels.append(state.level)
        state.add(p)
    assert levels == pytest.approx(LEVELS_OF_LITTLE_WEALTH, abs=6e-10)


def test_weights_sum_to_one() -> None:
    assert STANDARD_WEIGHTS.scale == pytest.approx(1 / zeta(1.6), rel=1e-9)
    assert GATE_WEIGHTS.scale == pytest.approx(1 / zeta(2, 21), rel=1e-8)


def test_level_of_a_first_candidate() -> None:
    # (1 - lambda) * wealth * weight of the first test
    assert next_level([]) == pytest.approx(0.95 * 0.045 / zeta(2, 21) / 21**2, rel=1e-8)


def test_a_candidate_p_value_costs_nothing() -> None:
    assert next_level([0.04]) == next_level([])
    assert next_level([0.9]) < next_level([])
    assert next_level([1e-6]) > next_level([])


@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan")])
def test_values_that_are_no_p_values_are_errors(p: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        next_level([0.5, p])


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_a_rate_outside_its_range_is_an_error(rate: float) -> None:
    with pytest.raises(ValueError, match="false discovery rate"):
        next_level([], rate=rate)


@given(st.lists(st.floats(0, 1), max_size=60), st.floats(0.01, 0.3))
def test_the_estimate_of_the_rate_never_exceeds_it(p_values: list[float], rate: float) -> None:
    # The invariant of SAFFRON: sum of level * 1{p > lambda} / (1 - lambda) <= rate * rejections.
    for state, limit in ((OnlineLevels(rate), 0.5), (gate_levels(rate), 0.05)):
        spent, rejections = 0.0, 0
        for p in p_values:
            spent += state.level * (p > limit) / (1 - limit)
            rejections += p <= state.level
            state.add(p)
            assert spent <= rate * max(rejections, 1) + 1e-12


@given(st.lists(st.floats(0, 1), max_size=40), st.integers(0, 40))
def test_levels_depend_only_on_the_tests_before(p_values: list[float], n: int) -> None:
    assert saffron_levels(p_values)[: n + 1] == saffron_levels(p_values[:n])[: n + 1]


def test_the_false_discovery_rate_of_independent_tests() -> None:
    generator = np.random.default_rng(3)
    rates, found = [], []
    for _ in range(300):
        is_null = generator.random(150) < 0.9
        p_values = np.where(is_null, generator.random(150), 10 ** generator.uniform(-7, -2, 150))
        state, rejected = gate_levels(0.1), np.zeros(150, dtype=bool)
        for i, p in enumerate(p_values.tolist()):
            rejected[i] = p <= state.level
            state.add(p)
        rates.append((rejected & is_null).sum() / max(rejected.sum(), 1))
        found.append((rejected & ~is_null).sum() / max((~is_null).sum(), 1))
    assert np.mean(rates) < 0.1 + 3 * np.std(rates) / len(rates) ** 0.5
    assert np.mean(found) > 0.5
