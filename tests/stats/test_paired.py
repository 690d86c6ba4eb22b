"""Paired differences, compared to scipy and to enumerating every sign pattern."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from nnlab.stats.paired import (
    MAX_EXACT_PAIRS,
    Alternative,
    compare_paired,
    sign_flip_interval,
    sign_flip_p,
)
from nnlab.stats.student_t import t_quantile

NUMBERS = st.floats(-100, 100).map(lambda value: round(value, 3))


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=2, max_size=12))
def test_the_interval_is_that_of_scipy(pairs: list[tuple[float, float]]) -> None:
    a, b = zip(*pairs, strict=True)
    result = compare_paired(a, b)
    difference = np.subtract(a, b)
    spread = float(np.std(difference, ddof=1)) / math.sqrt(len(pairs))
    half = spread * float(stats.t.ppf(0.975, len(pairs) - 1))
    assert result.n == len(pairs)
    assert result.mean == pytest.approx(float(np.mean(difference)), abs=1e-9)
    assert result.high - result.mean == pytest.approx(half, rel=1e-6, abs=1e-9)
    assert result.mean - result.low == pytest.approx(half, rel=1e-6, abs=1e-9)


@given(st.lists(st.integers(-20, 20).map(float), min_size=1, max_size=9))
def test_every_sign_pattern_is_counted(differences: list[float]) -> None:
    sums = [
        sum(sign * value for sign, value in zip(signs, differences, strict=True))
        for signs in product((1, -1), repeat=len(differences))
    ]
    total = sum(differences)
    two_sided = sum(abs(result) >= abs(total) for result in sums) / len(sums)
    greater = sum(result >= total for result in sums) / len(sums)
    assert sign_flip_p(differences, "greater") == pytest.approx(greater)
    assert sign_flip_p(differences) == pytest.approx(two_sided if total else 1.0)


def test_it_agrees_with_scipys_permutation_test() -> None:
    draw = np.random.default_rng(5)
    differences = draw.normal(0.4, 1.0, 11)
    expected = stats.permutation_test(
        (differences, np.zeros(11)),
        lambda x, y: np.mean(x - y),
        permutation_type="samples",
        n_resamples=10_000,
        alternative="greater",
    )
    assert sign_flip_p(list(differences), "greater") == pytest.approx(expected.pvalue)


def test_rounding_does_not_lose_the_pattern_that_was_found() -> None:
    assert sign_flip_p([0.1, 0.2, 0.3, 0.1 + 0.2], "greater") == 1 / 16


def test_the_smallest_p_is_that_of_all_alike() -> None:
    assert compare_paired([1.0] * 5, [0.0] * 5).p == 2 / 2**5


@pytest.mark.parametrize("side", ["two-sided", "greater"])
def test_beyond_what_can_be_counted_the_t_test_answers(side: Alternative) -> None:
    draw = np.random.default_rng(1)
    differences = list(draw.normal(0.3, 1.0, MAX_EXACT_PAIRS + 1))
    expected = stats.ttest_1samp(differences, 0.0, alternative=side)
    assert sign_flip_p(differences, side) == pytest.approx(float(expected.pvalue))
    assert sign_flip_p([0.0] * (MAX_EXACT_PAIRS + 1)) == 1.0


def test_a_single_pair_bounds_nothing() -> None:
    difference = compare_paired([2.0], [1.0])
    assert (difference.mean, difference.low, difference.high, difference.p) == (
        1.0,
        -math.inf,
        math.inf,
        1.0,
    )


@pytest.mark.parametrize(("a", "b"), [([1.0], []), ([], []), ([math.nan], [1.0])])
def test_what_cannot_be_paired_is_refused(a: list[float], b: list[float]) -> None:
    with pytest.raises(ValueError, match=r"pairs|finite"):
        compare_paired(a, b)


def test_a_quantile_of_the_table() -> None:
    assert t_quantile(9, 0.975) == pytest.approx(2.2622, abs=1e-4)  # Student's table


@pytest.mark.parametrize(("n", "level"), [(6, 0.95), (8, 0.95), (10, 1 - 0.05 / 6)])
def test_the_sign_flip_interval_is_bounded_by_means_of_subsets(n: int, level: float) -> None:
    """Hartigan 1969: the k-th smallest and largest mean of a subset, k = 2^n (1 - level) / 2."""
    differences = np.random.default_rng(n).normal(0.3, 1, n)
    means = sorted(
        float(differences[list(chosen)].mean())
        for chosen in ([i for i in range(n) if pattern >> i & 1] for pattern in range(1, 2**n))
    )
    k = math.floor(2**n * (1 - level) / 2 + 1e-9)
    low, high = sign_flip_interval(differences.tolist(), level)
    assert (low, high) == pytest.approx((means[k - 1], means[-k]), abs=1e-6)


def test_too_few_pairs_bound_nothing() -> None:
    assert sign_flip_interval([1.0, 2.0, 3.0]) == (-math.inf, math.inf)


def test_many_pairs_are_counted_the_same_with_numpy() -> None:
    differences = np.random.default_rng(0).normal(0.4, 1, 15).tolist()
    sums = sum(
        abs(math.fsum(s * d for s, d in zip(signs, differences, strict=True)))
        >= abs(math.fsum(differences)) - 1e-12
        for signs in product((1, -1), repeat=15)
    )
    assert sign_flip_p(differences) == pytest.approx(sums / 2**15)
