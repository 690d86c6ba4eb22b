"""Comparisons with the best trial: hand-computed values, scipy, and error rates without a
difference.
"""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from nnlab.stats.comparison import PairedTest as How
from nnlab.stats.comparison import (
    compare_with_best,
    improvement_probability,
    min_significant_seeds,
    predict_seeds_needed,
)
from nnlab.stats.intervals import IntervalMethod, confidence_interval
from nnlab.stats.multiple_testing import holm_adjust

A = {0: 0.90, 1: 0.92, 2: 0.95, 3: 0.91}
B = {0: 0.85, 1: 0.90, 2: 0.89, 3: 0.88}


def test_a_paired_comparison_is_scipys() -> None:
    (comparison,) = compare_with_best(A, [B], higher=True)
    assert comparison is not None
    expected = stats.ttest_rel(list(A.values()), list(B.values()))
    interval = expected.confidence_interval(0.95)
    assert comparison.paired
    assert comparison.n == 4
    assert comparison.mean == pytest.approx(0.04)
    assert (comparison.p, comparison.adjusted) == pytest.approx((expected.pvalue, expected.pvalue))
    assert (comparison.low, comparison.high) == pytest.approx((interval.low, interval.high))
    assert comparison.effect == pytest.approx(0.04 / np.std([0.05, 0.02, 0.06, 0.03], ddof=1))
    assert comparison.improvement_probability == pytest.approx(15.5 / 16)  # 0.90 ties once
    (exact,) = compare_with_best(A, [B], higher=True, test=How.SIGN_FLIP)
    assert exact is not None
    assert exact.p == 2 / 16


def test_lower_is_better_turns_all_round() -> None:
    (up,) = compare_with_best(A, [B], higher=True)
    a, b = ({seed: -value for seed, value in entry.items()} for entry in (A, B))
    (down,) = compare_with_best(a, [b], higher=False)
    assert up == down


def test_seeds_that_are_not_shared_are_compared_by_welch() -> None:
    other = {seed + 10: value for seed, value in B.items()}
    (comparison,) = compare_with_best(A, [other], higher=True)
    assert comparison is not None
    expected = stats.ttest_ind(list(A.values()), list(B.values()), equal_var=False)
    assert not comparison.paired
    assert comparison.p == pytest.approx(expected.pvalue)
    assert comparison.low == pytest.approx(expected.confidence_interval(0.95).low)
    pooled = math.sqrt((np.var(list(A.values()), ddof=1) + np.var(list(B.values()), ddof=1)) / 2)
    assert comparison.effect == pytest.approx((1 - 3 / 23) * 0.04 / pooled)  # Hedges 1981, eq. 6


@pytest.mark.parametrize(
    ("first", "second"),
    [({0: 1.0}, {0: 2.0}), ({0: 1.0, 1: math.nan}, {0: 2.0, 1: 1.0}), ({}, {}), (A, {0: 1.0})],
)
def test_one_value_is_no_comparison(first: dict[int, float], second: dict[int, float]) -> None:
    assert compare_with_best(first, [second], higher=True) == (None,)


def test_equal_seeds_are_no_difference() -> None:
    (comparison,) = compare_with_best(A, [A], higher=True)
    assert comparison is not None
    assert (
        comparison.mean,
        comparison.p,
        comparison.effect,
        comparison.improvement_probability,
    ) == (
        0.0,
        1.0,
        0.0,
        0.5,
    )
    assert not comparison.is_significant


def test_trials_that_are_not_shown_count_too() -> None:
    (alone,) = compare_with_best(A, [B], higher=True)
    (among,) = compare_with_best(A, [B], higher=True, trials=5)
    assert alone is not None
    assert among is not None
    assert among.adjusted == pytest.approx(min(1.0, 10 * alone.p))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_is_monotone_and_never_below_the_p(ps: list[float]) -> None:
    adjusted = holm_adjust(ps)
    assert all(a >= p for a, p in zip(adjusted, ps, strict=True))
    order = sorted(range(len(ps)), key=ps.__getitem__)
    assert [adjusted[i] for i in order] == sorted(adjusted)
    more = holm_adjust(ps, len(ps) + 3)
    assert all(b >= a for a, b in zip(adjusted, more, strict=True))


def test_holm_by_hand() -> None:
    """Four tests: 0.005 x 4, 0.01 x 3, 0.03 x 2, and 0.04 no smaller than the one before."""
    assert holm_adjust([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    with pytest.raises(ValueError, match="2 p values of 1 tests"):
        holm_adjust([0.1, 0.2], 1)


@pytest.mark.parametrize("how", list(How))
@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_equal_trials_are_told_apart_no_more_often_than_stated(how: How, seeds: int) -> None:
    """Six equal trials, the best of them chosen: any pair called different is an error."""
    draw = np.random.default_rng(seeds)
    studies, errors = 300, 0
    for _ in range(studies):
        shared = draw.normal(0, 1, seeds)  # what a seed does to every trial
        values = shared + draw.normal(0, 0.5, (6, seeds))
        order = np.argsort(-values.mean(1))
        ranked = [dict(enumerate(values[i].tolist())) for i in order]
        comparison = compare_with_best(ranked[0], ranked[1:], higher=True, test=how, predict=False)
        errors += any(entry is not None and entry.is_significant for entry in comparison)
    # Three standard errors above the level at most.
    assert errors / studies <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / studies)


@pytest.mark.parametrize("how", list(How))
@pytest.mark.parametrize(("seeds", "paired"), [(4, True), (9, True), (6, False)])
def test_an_interval_excludes_zero_exactly_if_the_corrected_p_is_significant(
    how: How, seeds: int, paired: bool
) -> None:
    draw = np.random.default_rng(seeds)
    decided = []
    for shift in np.linspace(0, 4, 60):
        best = dict(enumerate(draw.normal(shift, 1, seeds).tolist()))
        first = 0 if paired else seeds
        other = dict(enumerate(draw.normal(0, 1, seeds).tolist(), first))
        (comparison,) = compare_with_best(
            best, [other], higher=True, test=how, trials=3, predict=False
        )
        assert comparison is not None
        excludes_zero = comparison.low > 0 or comparison.high < 0
        assert excludes_zero == (comparison.adjusted <= 0.05)
        decided.append(excludes_zero)
    if how is How.T or seeds > 6 or not paired:
        assert any(decided)
    assert not all(decided)


@pytest.mark.parametrize("seeds", [4, 8])
def test_the_intervals_of_a_table_cover_all_differences_together(seeds: int) -> None:
    """Six trials with different means and spreads, the best by its mean chosen."""
    draw = np.random.default_rng(seeds)
    means, spreads = np.array([0, 0, 0, 0.2, 0.5, 1.0]), np.array([1, 1, 0.5, 0.1, 1, 2])
    studies, misses = 300, 0
    for _ in range(studies):
        values = draw.normal(0, 1, seeds) + draw.normal(
            means[:, None], spreads[:, None], (6, seeds)
        )
        order = np.argsort(-values.mean(1))
        ranked = [dict(enumerate(values[i].tolist())) for i in order]
        intervals = compare_with_best(ranked[0], ranked[1:], higher=True, predict=False)
        differences = means[order[0]] - means[order[1:]]
        misses += any(
            interval is None or not interval.low <= difference <= interval.high
            for interval, difference in zip(intervals, differences, strict=True)
        )
    assert misses / studies <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / studies)


def test_equal_values_need_no_more_seeds_to_be_in_the_first_tier() -> None:
    (comparison,) = compare_with_best(A, [A], higher=True, trials=12)
    assert comparison is not None
    assert (comparison.has_enough_seeds, comparison.is_significant) == (True, False)


@pytest.mark.parametrize("n", [3, 5, 10, 30])
def test_the_t_interval_covers_as_stated(n: int) -> None:
    draw = np.random.default_rng(n)
    bounds = [confidence_interval(draw.normal(0, 1, n).tolist()) for _ in range(2000)]
    share = sum(low <= 0 <= high for low, high in bounds) / len(bounds)
    assert share == pytest.approx(0.95, abs=0.015)


@pytest.mark.parametrize("how", [IntervalMethod.BOOTSTRAP, IntervalMethod.BCA])
def test_the_bootstrap_covers_about_as_stated_with_thirty_and_too_little_with_five(
    how: IntervalMethod,
) -> None:
    draw = np.random.default_rng(4)

    def share(n: int) -> float:
        bounds = [confidence_interval(draw.normal(0, 1, n).tolist(), how) for _ in range(100)]
        return sum(low <= 0 <= high for low, high in bounds) / len(bounds)

    assert share(30) == pytest.approx(0.95, abs=0.07)
    assert 0.7 < share(5) < 0.93  # why t is the default


def test_an_interval_of_nothing_is_nan() -> None:
    for values in ([], [1.0], [1.0, math.nan], [1.0, math.inf]):
        assert all(map(math.isnan, confidence_interval(values)))
    assert confidence_interval([2.0, 2.0], IntervalMethod.BCA) == (2.0, 2.0)


def test_improvement_is_the_mann_whitney_share() -> None:
    a, b = list(A.values()), list(B.values())
    expected = stats.mannwhitneyu(a, b).statistic / 16
    assert improvement_probability(a, b) == pytest.approx(expected)


@pytest.mark.parametrize(("tests", "least"), [(1, 6), (3, 7), (15, 10)])
def test_below_the_fewest_seeds_no_result_could_tell(tests: int, least: int) -> None:
    assert min_significant_seeds(How.SIGN_FLIP, tests) == least
    assert 2 / 2**least * tests <= 0.05 < 2 / 2 ** (least - 1) * tests


@pytest.mark.parametrize("effect", [0.6, 1.0, 2.0])
def test_as_many_seeds_as_power_tables_say(effect: float) -> None:
    """Against the noncentral t distribution, for differences with exactly this mean and sd."""
    around = [effect + value for value in (-1.0, 0.0, 1.0)]  # sd 1
    result = predict_seeds_needed(around)

    def power(n: int) -> float:
        edge = stats.t.ppf(0.975, n - 1)
        return float(stats.nct.sf(edge, n - 1, effect * math.sqrt(n)))

    expected = next(n for n in range(2, 100) if power(n) >= 0.8)
    assert result is not None
    assert abs(result - expected) <= max(2, 0.1 * expected)


def test_what_no_number_of_seeds_tells() -> None:
    assert predict_seeds_needed([1.0]) is None
    assert predict_seeds_needed([1.0, -1.0]) is None
    assert predict_seeds_needed([1.001, -0.999]) is None  # more than a hundred
    assert predict_seeds_needed([0.5, 0.5], test=How.SIGN_FLIP, tests=3) == 7


def test_equal_differences_are_tested_exactly_and_not_by_t() -> None:
    """0.615 on both seeds, up to rounding: t would be infinite, the exact p is 2 / 2^2."""
    best, other = {0: 0.815, 1: 0.915}, {0: 0.2, 1: 0.3}
    for how in How:
        (comparison,) = compare_with_best(best, [other], higher=True, test=how)
        assert comparison is not None
        assert comparison.p == 0.5
        assert math.isnan(comparison.low)
        assert not comparison.has_enough_seeds
        assert not comparison.is_significant
    many = {seed: 0.9 + seed / 7 for seed in range(6)}
    (exact,) = compare_with_best(many, [{s: v - 0.1 for s, v in many.items()}], higher=True)
    assert exact is not None
    assert (exact.p, exact.min_seeds) == (2 / 2**6, 6)
    assert exact.is_significant


def test_constant_values_on_other_seeds_are_tested_by_permutation() -> None:
    best = dict.fromkeys(range(4), 0.9)
    (comparison,) = compare_with_best(best, [dict.fromkeys(range(10, 14), 0.5)], higher=True)
    assert comparison is not None
    assert comparison.p == pytest.approx(2 / 70)  # of the C(8, 4) ways to deal out the values
    assert comparison.is_significant
    (among,) = compare_with_best(best, [dict.fromkeys(range(10, 14), 0.5)], higher=True, trials=3)
    assert among is not None
    assert (among.min_seeds, among.is_significant) == (
        5,
        False,
    )  # 3 pairs: 2 / C(8, 4) is 0.086, 2 / 252 is not


@pytest.mark.parametrize(("seeds", "decides"), [(2, False), (3, True)])
def test_a_t_test_needs_three_seeds(seeds: int, decides: bool) -> None:
    best = {seed: 0.97 + 0.001 * seed for seed in range(seeds)}
    other = {seed: 0.20 + 0.0013 * seed for seed in range(seeds)}
    (comparison,) = compare_with_best(best, [other], higher=True)
    assert comparison is not None
    assert comparison.p < 0.05
    assert (comparison.min_seeds, comparison.is_significant) == (3, decides)


@pytest.mark.parametrize(("trials", "fewest"), [(2, 6), (3, 7), (4, 8)])
def test_the_exact_test_decides_from_the_seeds_on_that_reach_the_level(
    trials: int, fewest: int
) -> None:
    def compared(seeds: int) -> bool:
        best = {seed: 0.9 + 0.01 * seed for seed in range(seeds)}
        other = {seed: 0.1 + 0.02 * seed for seed in range(seeds)}
        (comparison,) = compare_with_best(
            best, [other], higher=True, test=How.SIGN_FLIP, trials=trials
        )
        assert comparison is not None
        assert comparison.min_seeds == fewest
        return comparison.is_significant

    assert not compared(fewest - 1)
    assert compared(fewest)
