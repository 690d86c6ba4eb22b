"""Comparison with a base whose seeds are unknown: Welch's test, checked against scipy."""

import math

import pytest
from scipy import stats

from nnlab.stats.base_comparison import compare_with_base, relative_interval_unpaired
from nnlab.stats.comparison import key_without_seed

BASE = {key_without_seed(run): v for run, v in enumerate((1.0, 1.2, 0.9, 1.1))}
OTHER = {0: 2.0, 1: 2.3, 2: 1.8, 3: 2.2}


def test_unknown_seeds_are_compared_by_welchs_test() -> None:
    (comparison,) = compare_with_base(BASE, [OTHER])
    assert comparison is not None
    expected = stats.ttest_ind([*OTHER.values()], [*BASE.values()], equal_var=False)
    assert not comparison.paired
    assert comparison.n == 4
    assert comparison.p == pytest.approx(expected.pvalue, rel=1e-9)
    interval = expected.confidence_interval(0.95)
    assert (comparison.low, comparison.high) == pytest.approx(tuple(interval), rel=1e-6)
    assert comparison.relative == pytest.approx(comparison.mean / 1.05)


def test_the_relative_interval_excludes_zero_exactly_if_the_test_does() -> None:
    for shift in (0.0, 0.1, 0.2, 0.4, 0.8):
        values = [value + shift for value in (1.0, 1.3, 0.8, 1.2)]
        (comparison,) = compare_with_base(
            BASE, [{key_without_seed(9 + i): v for i, v in enumerate(values)}]
        )
        assert comparison is not None
        low, high = relative_interval_unpaired(values, [*BASE.values()], 0.95)
        assert (low > 0 or high < 0) == (comparison.p < 0.05)


def test_known_seeds_stay_paired_and_few_values_are_not_compared() -> None:
    known = {0: 1.0, 1: 1.2, 2: 0.9}
    (paired,) = compare_with_base(known, [{0: 1.1, 1: 1.4, 2: 0.9}])
    assert paired is not None
    assert paired.paired
    assert compare_with_base(known, [{5: 1.0, 6: 2.0}]) == (None,)
    assert compare_with_base(BASE, [{key_without_seed(9): 1.0, 8: math.nan}]) == (None,)
