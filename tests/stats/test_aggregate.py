"""Summary statistics: hand-computed values, `statistics`, and properties."""

import math
import statistics

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from nnlab.stats import aggregate

NAN = math.nan
VALUES = st.floats(-1e150, 1e150, allow_subnormal=False)


def test_by_hand() -> None:
    summary = aggregate([0.97, 0.95, 0.99])
    assert (summary.n, summary.missing, summary.low, summary.high) == (3, 0, 0.95, 0.99)
    assert summary.mean == pytest.approx(0.97)
    assert summary.sd == pytest.approx(0.02)
    assert summary.sem == pytest.approx(0.02 / math.sqrt(3))


def test_one_seed_says_nothing_of_the_spread() -> None:
    summary = aggregate([0.5])
    assert (summary.n, summary.mean, summary.low, summary.high) == (1, 0.5, 0.5, 0.5)
    assert math.isnan(summary.sd)
    assert math.isnan(summary.sem)


@pytest.mark.parametrize("values", [[], [NAN], [None, NAN]])
def test_nothing_left_is_nan_throughout(values: list[float | None]) -> None:
    summary = aggregate(values)
    assert (summary.n, summary.missing) == (0, len(values))
    assert all(map(math.isnan, (summary.mean, summary.sd, summary.sem, summary.low, summary.high)))


def test_nan_and_none_are_counted_apart() -> None:
    summary = aggregate([1.0, NAN, 3.0, None])
    assert (summary.n, summary.missing, summary.mean) == (2, 2, 2.0)


@pytest.mark.parametrize(
    ("values", "mean"), [([1.0, math.inf], math.inf), ([-math.inf, 2.0], -math.inf)]
)
def test_an_infinite_value_is_a_result(values: list[float], mean: float) -> None:
    summary = aggregate(values)
    assert (summary.n, summary.missing, summary.mean) == (2, 0, mean)
    assert math.isnan(summary.sd)


def test_infinities_of_both_signs_have_no_mean() -> None:
    assert math.isnan(aggregate([-math.inf, math.inf]).mean)


def test_a_large_offset_costs_no_digits() -> None:
    assert aggregate([1e9 + 1, 1e9 + 2, 1e9 + 3]).sd == pytest.approx(1.0, rel=1e-6)


def test_values_near_the_limits_neither_overflow_nor_vanish() -> None:
    assert aggregate([1e308, 1e308, -1e308]).mean == pytest.approx(1e308 / 3)
    assert aggregate([1e308, -1e308]).sd == pytest.approx(1e308 * math.sqrt(2))
    assert aggregate([1e-300, 3e-300]).sd == pytest.approx(math.sqrt(2) * 1e-300)


@given(st.lists(VALUES, min_size=2, max_size=50))
def test_agrees_with_the_standard_library(values: list[float]) -> None:
    summary = aggregate(values)
    scale = max(map(abs, values))
    assert summary.mean == pytest.approx(statistics.mean(values), rel=1e-12, abs=scale * 1e-15)
    assert summary.sd == pytest.approx(statistics.stdev(values), rel=1e-9, abs=scale * 1e-15)


@given(st.lists(VALUES, min_size=1, max_size=50))
def test_mean_lies_between_the_extremes(values: list[float]) -> None:
    summary = aggregate(values)
    assert summary.low <= summary.mean <= summary.high
    assert aggregate(reversed(values)) == summary or len(values) == 1


@given(st.lists(st.floats(-100, 100), min_size=2, max_size=20), st.floats(-1e3, 1e3))
def test_shifting_moves_the_mean_and_not_the_spread(values: list[float], by: float) -> None:
    assume(max(values) - min(values) > 1e-3)
    shifted = aggregate(value + by for value in values)
    assert shifted.mean == pytest.approx(aggregate(values).mean + by, abs=1e-9)
    assert shifted.sd == pytest.approx(aggregate(values).sd, rel=1e-6)
