"""The sequential test of the gate: error rate, p values and intervals, hand-computed cases."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from nnlab.stats.group_sequential import nominal_levels, overall_p, spending_shares
from nnlab.stats.sequential_test import (
    GateVerdict,
    SequentialResult,
    assess_differences,
    least_sd_of_difference,
    run_tests,
)

PATHS = 30_000
LEVELS = (0.2, 0.05, 0.01)
DIFFERENCES = st.lists(st.integers(-40, 60).map(lambda i: i / 7), min_size=2, max_size=6)

Floats = NDArray[np.float64]


def test_equal_values_are_discarded_early_and_named() -> None:
    result = assess_differences([0.0, 0.0], level=0.01, max_pairs=10)
    assert (result.verdict, result.reason) == (
        GateVerdict.DISCARD,
        "no difference: all 2 pairs have equal values",
    )


def _assess(
    differences: list[float], level: float = 0.05, min_effect: float = 0.0, min_sd: float = 0.0
) -> SequentialResult:
    return assess_differences(
        differences, level=level, max_pairs=6, min_effect=min_effect, min_sd=min_sd
    )


def _kept_at_some_look(excess: Floats, level: float) -> Floats:
    """Whether each path is kept by somebody who never discards: futility is ignored."""
    n = np.arange(2, excess.shape[1] + 1)
    means = np.cumsum(excess, axis=1)[:, 1:] / n
    squares = np.cumsum(excess**2, axis=1)[:, 1:] - n * means**2
    p = overall_p(stats.t.sf(means * np.sqrt(n * (n - 1) / squares), n - 1), excess.shape[1])
    return np.asarray(p.min(axis=1) <= level)


def _tolerance(level: float, paths: int = PATHS) -> float:
    """Three standard errors of a simulated rate, and one percent for the numerical integration."""
    return 3 * math.sqrt(level / paths) + 0.01 * level


@pytest.mark.parametrize("max_pairs", [2, 3, 5, 10])
def test_all_looks_together_have_the_level(max_pairs: int) -> None:
    excess = np.random.default_rng(1).standard_normal((PATHS, max_pairs))
    for level in LEVELS:
        rate = _kept_at_some_look(excess, level).mean()
        assert rate == pytest.approx(level, abs=_tolerance(level))


@pytest.mark.parametrize("max_pairs", [2, 3, 5, 10])
def test_stops_for_futility_do_not_increase_the_error_rate(max_pairs: int) -> None:
    excess = np.random.default_rng(2).standard_normal((PATHS, max_pairs))
    for level in LEVELS:
        stopped = run_tests(excess, np.full(PATHS, level))
        assert stopped.is_kept.mean() <= level + _tolerance(level)


def test_p_is_super_uniform_at_the_stop() -> None:
    excess = np.random.default_rng(3).standard_normal((PATHS, 8))
    p = run_tests(excess, np.full(PATHS, 0.02)).p
    for u in (0.001, 0.01, 0.02, 0.05, 0.1, 0.3, 0.5, 0.8):
        assert (p <= u).mean() <= u + _tolerance(u)


def test_values_of_a_metric_with_a_resolution_keep_the_level() -> None:
    generator = np.random.default_rng(4)
    for examples, accuracy in ((22, 0.9), (22, 0.97), (270, 0.97)):
        pairs = generator.binomial(examples, accuracy, (2, PATHS, 6)) / examples
        min_sd = least_sd_of_difference(1 / examples)
        for level in LEVELS:
            stopped = run_tests(pairs[0] - pairs[1], np.full(PATHS, level), min_sd=min_sd)
            assert stopped.is_kept.mean() <= level + _tolerance(level)


def test_seeds_that_collapse_keep_the_level() -> None:
    generator = np.random.default_rng(5)
    values = generator.standard_normal((2, PATHS, 6))
    values -= 30 * (generator.random(values.shape) < 0.15)
    for level in (0.05, 0.01):
        stopped = run_tests(values[0] - values[1], np.full(PATHS, level))
        assert stopped.is_kept.mean() <= level + _tolerance(level)


def test_the_interval_contains_the_mean_at_all_looks() -> None:
    paths, level = 400, 0.1
    differences = np.random.default_rng(6).normal(3.0, 1.0, (paths, 4))
    above = below = 0
    for path in differences.tolist():
        result = assess_differences(path, level=level, max_pairs=4)
        below += result.low > 3.0
        above += result.high < 3.0
    assert below / paths <= level + 3 * math.sqrt(level / paths)
    assert above / paths <= 0.05 + 3 * math.sqrt(0.05 / paths)


def test_most_useless_candidates_stop_early_and_useful_ones_are_kept() -> None:
    generator = np.random.default_rng(7)
    levels = np.full(20_000, 0.003)
    useless = run_tests(generator.standard_normal((20_000, 10)), levels)
    useful = run_tests(generator.normal(2.0, 1.0, (20_000, 10)), levels)
    assert useless.n.mean() < 3.2
    assert useless.is_discarded.mean() > 0.95
    assert useful.is_kept.mean() > 0.92
    assert useful.n[useful.is_kept].mean() < 8


def test_two_looks_by_hand() -> None:
    # The first of two looks spends 1/8 of the level: t = 0.05 / 8 at one degree of freedom.
    assert spending_shares(3) == pytest.approx([1 / 8, 7 / 8])
    first, second = nominal_levels(np.asarray([0.05]), 3)[0]
    assert first == pytest.approx(0.05 / 8, rel=5e-3)
    # The second look has at least its share, and at most the rest of the level.
    assert 0.05 * 7 / 8 < second < 0.05
    result = assess_differences([2.0, 3.0], level=0.05, max_pairs=3)
    error = 0.5  # sd 1 / sqrt(2), divided by sqrt(2)
    assert result.low == pytest.approx(2.5 - stats.t.isf(first, 1) * error, rel=1e-6)
    assert result.p == pytest.approx(8 * stats.t.sf(2.5 / error, 1), rel=0.02)


def test_one_look_is_the_t_test() -> None:
    differences = [0.5, 1.25]
    expected = stats.ttest_1samp(differences, 0.25, alternative="greater")
    result = assess_differences(differences, level=0.3, max_pairs=2, min_effect=0.25)
    assert result.p == pytest.approx(expected.pvalue, rel=5e-3)
    low = expected.confidence_interval(0.7).low
    assert result.low == pytest.approx(low, rel=5e-3)


def test_clear_cases() -> None:
    better = _assess([1.0, 1.2, 0.9, 1.1, 1.05])
    assert better.verdict is GateVerdict.KEEP
    assert better.low > 0
    assert better.expected_left == 0
    worse = _assess([-1.0, -1.2])
    assert (worse.verdict, worse.expected_left) == (GateVerdict.DISCARD, 0)
    undecided = _assess([1.0, 0.8])
    assert undecided.verdict is GateVerdict.NOT_YET
    assert undecided.expected_left is not None
    assert 1 <= undecided.expected_left <= 4
    too_small = _assess([1.0, 1.2, 0.9, 1.1, 1.05], min_effect=1.5)
    assert too_small.verdict is GateVerdict.DISCARD
    assert "minimum effect" in too_small.reason


def test_the_last_look_keeps_discards_or_remains_undecided() -> None:
    undecided = _assess([0.9, -0.2, 0.8, -0.3, 1.0, 0.1])
    assert undecided.verdict is GateVerdict.NOT_YET
    assert undecided.expected_left is None
    assert "undecided after 6 pairs" in undecided.reason
    assert _assess([0.9, -0.2, 0.8, -0.3, 1.0, -2.5]).verdict is GateVerdict.DISCARD


@pytest.mark.parametrize("differences", [[], [0.4]])
def test_fewer_than_two_pairs_are_undecided(differences: list[float]) -> None:
    result = _assess(differences)
    assert (result.verdict, result.p) == (GateVerdict.NOT_YET, 1.0)
    assert (result.low, result.high) == (-math.inf, math.inf)


def test_equal_differences_have_the_p_of_the_sign_flip_test() -> None:
    # 0.91 - 0.9 and 0.93 - 0.92 differ by rounding only.
    rounded = [0.91 - 0.9, 0.93 - 0.92, 0.95 - 0.94, 0.97 - 0.96]
    for differences in ([0.01] * 4, rounded):
        result = assess_differences(differences, level=0.01, max_pairs=4)
        assert result.verdict is GateVerdict.NOT_YET
        assert result.p >= 2**-4
        assert result.low == -math.inf
    assert assess_differences([0.0] * 4, level=0.01, max_pairs=4).p > 0.5


def test_the_least_spread_bounds_the_evidence() -> None:
    differences = [0.01, 0.01, 0.0101, 0.01, 0.01, 0.01]
    assert _assess(differences, 0.01).verdict is GateVerdict.KEEP
    coarse = _assess(differences, 0.01, min_sd=0.02)
    assert coarse.verdict is GateVerdict.NOT_YET
    assert coarse.p > 0.01


@given(DIFFERENCES, st.sampled_from(LEVELS), st.sampled_from([0.0, 0.5]))
@settings(max_examples=60)
def test_the_interval_agrees_with_the_verdict(
    differences: list[float], level: float, min_effect: float
) -> None:
    result = _assess(differences, level, min_effect=min_effect)
    assert (result.verdict is GateVerdict.KEEP) == (result.p <= level)
    assert (result.verdict is GateVerdict.KEEP) == (result.low > min_effect)
    if result.high < min_effect:
        assert result.verdict is not GateVerdict.NOT_YET


@given(DIFFERENCES, st.sampled_from([0.01, 3.0, 1024.0]), st.integers(-3, 3))
@settings(max_examples=60)
def test_a_change_of_the_unit_changes_only_the_unit(
    differences: list[float], factor: float, shift: int
) -> None:
    result = _assess(differences, min_effect=0.0, min_sd=0.1)
    changed = [factor * (value + shift) for value in differences]
    other = _assess(changed, min_effect=factor * shift, min_sd=factor * 0.1)
    assert other.verdict is result.verdict
    assert other.p == pytest.approx(result.p, rel=1e-6)
    assert other.low == pytest.approx(factor * (result.low + shift), rel=1e-6, abs=1e-6 * factor)
    assert other.high == pytest.approx(factor * (result.high + shift), rel=1e-6, abs=1e-6 * factor)


@given(DIFFERENCES)
@settings(max_examples=60)
def test_more_pairs_never_lose_evidence(differences: list[float]) -> None:
    results = [_assess(differences[:n]) for n in range(2, len(differences) + 1)]
    for before, after in pairwise(results):
        assert after.p <= before.p
        assert after.low >= before.low
        assert after.high <= before.high


@given(DIFFERENCES, st.sampled_from(LEVELS))
@settings(max_examples=60)
def test_many_tests_at_once_stop_like_one(differences: list[float], level: float) -> None:
    path = [*differences, 0.25, -1.0, 2.0, 0.0, 1.0][:6]
    stopped = run_tests(np.asarray([path]), np.asarray([level]))
    for n in range(2, 7):
        result = _assess(path[:n], level)
        if result.verdict is not GateVerdict.NOT_YET or n == 6:
            break
    assert n == stopped.n[0]
    assert result.p == pytest.approx(float(stopped.p[0]))
    assert (result.verdict is GateVerdict.KEEP) == stopped.is_kept[0]
    assert (result.verdict is GateVerdict.DISCARD) == stopped.is_discarded[0]


@pytest.mark.parametrize(
    ("differences", "options"),
    [
        ([1.0, math.nan], {}),
        ([1.0] * 7, {}),
        ([1.0, 2.0], {"level": 0.0}),
        ([1.0, 2.0], {"level": 1.0}),
        ([1.0, 2.0], {"min_sd": -1.0}),
        ([1.0, 2.0], {"min_effect": math.inf}),
    ],
)
def test_values_outside_their_range_are_errors(
    differences: list[float], options: dict[str, float]
) -> None:
    with pytest.raises(ValueError, match=r"\d|differences"):
        _assess(differences, **options)
