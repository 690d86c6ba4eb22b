"""Comparisons with a base: scipy's paired tests, and the error rate of all of them together."""

import math

import numpy as np
import pytest
from scipy import optimize, stats

from nnlab.stats.base_comparison import (
    compare_with_base,
    relative_interval,
)
from nnlab.stats.comparison import PairedTest

DRAW = np.random.default_rng(3)
BASE = dict(enumerate(DRAW.normal(0.8, 0.02, 8).tolist()))
OTHERS = [
    {seed: value + float(DRAW.normal(shift, 0.01)) for seed, value in BASE.items()}
    for shift in (0.0, 0.03, -0.2)
]


def test_the_difference_of_one_setting_is_that_of_scipy() -> None:
    for other in OTHERS:
        (comparison,) = compare_with_base(BASE, [other])
        assert comparison is not None
        test = stats.ttest_rel(list(other.values()), list(BASE.values()))
        bounds = test.confidence_interval(0.95)
        assert comparison.p == pytest.approx(test.pvalue)
        assert (comparison.low, comparison.high) == pytest.approx((bounds.low, bounds.high))


def test_intervals_of_several_settings_agree_with_their_corrected_p() -> None:
    decided = set()
    for other, comparison in zip(OTHERS, compare_with_base(BASE, OTHERS), strict=True):
        assert comparison is not None
        alone = stats.ttest_rel(list(other.values()), list(BASE.values()))
        assert comparison.mean == pytest.approx(
            np.mean(list(other.values())) - np.mean(list(BASE.values()))
        )
        assert comparison.adjusted == pytest.approx(min(1.0, 3 * comparison.p))
        # The spread of all settings has more degrees of freedom than that of two.
        assert math.log10(comparison.p) < math.log10(alone.pvalue) + 0.1
        excludes_zero = comparison.low > 0 or comparison.high < 0
        assert comparison.is_significant == excludes_zero
        relative_excludes_zero = comparison.relative_low > 0 or comparison.relative_high < 0
        assert relative_excludes_zero == excludes_zero
        decided.add(excludes_zero)
    assert decided == {True, False}


def test_only_shared_finite_seeds_are_compared() -> None:
    base = {0: 1.0, 1: 2.0, 2: 3.0, 3: math.nan}
    comparisons = compare_with_base(base, [{1: 3.0, 2: 5.0, 3: 1.0, 7: 0.0}, {0: 1.0}, {9: 1.0}])
    assert comparisons[1:] == (None, None)
    first = comparisons[0]
    assert first is not None
    assert (first.n, first.mean) == (2, 1.5)
    assert first.adjusted == first.p  # the others do not count for the correction
    assert not first.is_significant


def test_equal_differences_have_no_interval_and_are_tested_exactly() -> None:
    base = {seed: 0.1 * seed for seed in range(8)}
    zero, shifted = compare_with_base(
        base, [dict(base), {seed: value + 0.3 for seed, value in base.items()}]
    )
    assert zero is not None
    assert (zero.mean, zero.p, zero.relative) == (0.0, 1.0, 0.0)
    assert shifted is not None
    assert math.isnan(shifted.low)
    assert shifted.p == 2 / 2**8
    assert shifted.is_significant


def test_the_exact_test_agrees_with_its_interval() -> None:
    for comparison in compare_with_base(BASE, OTHERS, test=PairedTest.SIGN_FLIP):
        assert comparison is not None
        assert comparison.min_seeds == 7
        assert comparison.is_significant == (comparison.low > 0 or comparison.high < 0)


def test_relative_bounds_are_the_ratios_that_a_t_test_does_not_reject() -> None:
    other = list(OTHERS[2].values())
    base = list(BASE.values())

    def excess(change: float) -> float:
        scaled = [(1 + change) * value for value in base]
        return float(stats.ttest_rel(other, scaled).pvalue) - 0.05

    change = sum(other) / sum(base) - 1
    low = optimize.brentq(excess, change - 0.5, change)
    high = optimize.brentq(excess, change, change + 0.5)
    bounds = relative_interval(list(zip(other, base, strict=True)), 0.95)
    assert bounds == pytest.approx((low, high))


def test_a_negative_base_keeps_the_sign_of_the_change() -> None:
    pairs = list(zip(OTHERS[2].values(), BASE.values(), strict=True))
    low, high = relative_interval(pairs, 0.95)
    # The values -0.6 are larger than -0.8: the change is positive.
    mirrored = relative_interval([(-value, -base) for value, base in pairs], 0.95)
    assert mirrored == pytest.approx((-high, -low))
    negated = [{seed: -value for seed, value in values.items()} for values in (BASE, OTHERS[2])]
    (comparison,) = compare_with_base(negated[0], negated[1:])
    assert comparison is not None
    assert comparison.mean > 0
    assert comparison.relative > 0
    assert (comparison.relative_low, comparison.relative_high) == pytest.approx((-high, -low))


def test_a_base_that_may_be_zero_has_no_relative_bounds() -> None:
    low, high = relative_interval([(1.0, -0.5), (1.2, 0.6), (0.9, 0.1)], 0.95)
    assert math.isnan(low)
    assert math.isnan(high)


@pytest.mark.parametrize(("test", "studies"), [(PairedTest.T, 400), (PairedTest.SIGN_FLIP, 40)])
def test_of_equal_settings_one_study_in_twenty_reports_a_difference(
    test: PairedTest, studies: int
) -> None:
    draw = np.random.default_rng(11)
    wrong = 0
    for _ in range(studies):
        seeds = draw.normal(size=8)
        values = [dict(enumerate((seeds + draw.normal(size=8)).tolist())) for _ in range(5)]
        comparisons = compare_with_base(values[0], values[1:], test=test)
        wrong += any(c is not None and c.is_significant for c in comparisons)
    assert wrong <= stats.binom.ppf(0.995, studies, 0.05)
