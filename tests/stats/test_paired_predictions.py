"""Models compared on the same examples: McNemar, DeLong, and the noise of a finite set."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats
from sklearn.metrics import roc_auc_score

from nnlab.stats.paired_predictions import (
    accuracy_noise,
    area_noise,
    binomial_noise,
    compare_accuracies,
    compare_areas,
    mcnemar_p,
    placements,
)


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_is_the_sign_test_of_scipy(only_a: int, only_b: int) -> None:
    total = only_a + only_b
    expected = stats.binomtest(only_a, total, 0.5).pvalue if total else 1.0
    assert mcnemar_p(only_a, only_b) == pytest.approx(expected, rel=1e-9)


def test_the_published_example_of_mcnemar() -> None:
    # Agresti, Categorical Data Analysis, table 10.1: approval at two surveys of 1,600 voters.
    first = np.repeat([True, True, False, False], [794, 150, 86, 570])
    second = np.repeat([True, False, True, False], [794, 150, 86, 570])
    result = compare_accuracies(first[None], second[None])
    assert result.difference == pytest.approx(0.04)
    # The book has the interval of Wald; that of Agresti and Min differs in the fourth decimal.
    assert result.low == pytest.approx(0.021, abs=6e-4)
    assert result.high == pytest.approx(0.059, abs=6e-4)
    assert result.p == pytest.approx(4e-5, rel=0.2)
    assert result.method == "McNemar"


@given(st.integers(0, 30), st.integers(0, 30), st.integers(2, 300))
def test_an_interval_contains_zero_unless_the_test_rejects(
    only_a: int, only_b: int, agreed: int
) -> None:
    a = np.repeat([True, False, True], [only_a, only_b, agreed])[None]
    b = np.repeat([False, True, True], [only_a, only_b, agreed])[None]
    result = compare_accuracies(a, b)
    assert -1 <= result.low < result.high <= 1
    if result.p > 0.05:
        assert result.low <= 0 <= result.high


def test_equal_models_differ_by_at_most_a_little() -> None:
    correct = np.ones((1, 100), dtype=bool)
    result = compare_accuracies(correct, correct)
    assert (result.difference, result.p) == (0, 1)
    assert result.low == pytest.approx(-result.high)
    assert 0.01 < result.high < 0.04


def test_several_seeds_are_averaged_example_by_example() -> None:
    generator = np.random.default_rng(0)
    a, b = generator.random((3, 200)) < 0.9, generator.random((2, 200)) < 0.8
    result = compare_accuracies(a, b)
    differences = a.mean(axis=0) - b.mean(axis=0)
    error = differences.std(ddof=1) / math.sqrt(200)
    assert result.difference == pytest.approx(a.mean() - b.mean())
    assert result.high - result.difference == pytest.approx(1.96 * error, rel=1e-4)
    assert result.p == pytest.approx(2 * stats.norm.sf(result.difference / error), rel=1e-9)


def _delong_by_counting(
    a: NDArray[np.float64], b: NDArray[np.float64], is_positive: NDArray[np.bool_]
) -> tuple[float, float]:
    """The difference of two areas and its variance from all pairs of examples."""
    kernels = []
    for scores in (a, b):
        x, y = scores[is_positive][:, None], scores[~is_positive][None, :]
        kernels.append((x > y) + 0.5 * (x == y))
    kernel = kernels[0] - kernels[1]
    by_positive, by_negative = kernel.mean(axis=1), kernel.mean(axis=0)
    variance = by_positive.var(ddof=1) / len(by_positive)
    return kernel.mean(), variance + by_negative.var(ddof=1) / len(by_negative)


@given(st.integers(0, 1000))
def test_delong_equals_the_count_of_all_pairs(seed: int) -> None:
    generator = np.random.default_rng(seed)
    is_positive = np.arange(30) % 3 == 0
    # Few distinct scores, so that some are equal.
    a, b = generator.integers(0, 8, (2, 30)) + 2.0 * is_positive
    result = compare_areas(a[None], b[None], is_positive)
    difference, variance = _delong_by_counting(a, b, is_positive)
    assert result.difference == pytest.approx(difference)
    assert result.high - result.low == pytest.approx(2 * 1.959964 * math.sqrt(variance))


def test_the_mean_placement_is_the_area() -> None:
    generator = np.random.default_rng(1)
    is_positive = generator.random(80) < 0.4
    scores = np.round(generator.normal(is_positive, 1.0), 1)
    area = roc_auc_score(is_positive, scores)
    for values in placements(scores, is_positive):
        assert values.mean() == pytest.approx(area)


def test_delong_by_hand() -> None:
    # Positive scores 3 and 1, negative ones 2 and 0: placements 1 and 1/2 of either class.
    is_positive = np.asarray([True, True, False, False])
    a, b = np.asarray([3.0, 1.0, 2.0, 0.0]), np.asarray([3.0, 2.0, 1.0, 0.0])
    result = compare_areas(a[None], b[None], is_positive)
    assert result.difference == pytest.approx(0.75 - 1.0)
    # Differences of placements 0 and -1/2 in both classes: variance 1/8 / 2 each.
    assert result.high - result.difference == pytest.approx(1.959964 * math.sqrt(1 / 8))


def test_the_noise_of_areas() -> None:
    generator = np.random.default_rng(3)
    is_positive = np.arange(400) % 2 == 0
    independent = generator.normal(is_positive, 1.0, (30, 400))
    noise = area_noise(independent, is_positive)
    areas = [roc_auc_score(is_positive, row) for row in independent]
    # The spread of independent models is that of single areas.
    assert noise.share == pytest.approx(1.0, abs=0.35)
    assert noise.standard_error == pytest.approx(np.std(areas) / math.sqrt(30), rel=0.5)
    one = area_noise(independent[:1], is_positive)
    assert one.share is None
    assert one.standard_error == pytest.approx(np.std(areas), rel=0.3)


def test_one_class_has_no_area() -> None:
    with pytest.raises(ValueError, match="two examples of each class"):
        compare_areas(np.zeros((1, 4)), np.ones((1, 4)), np.asarray([True, False, False, False]))


def test_seeds_that_differ_only_by_chance_have_all_their_spread_from_the_examples() -> None:
    correct = np.random.default_rng(2).random((40, 500)) < 0.9
    noise = accuracy_noise(correct)
    assert noise.share == pytest.approx(1.0, abs=0.35)
    assert noise.share is not None
    # Models that are right on the same examples, but with different accuracies.
    nested = np.arange(500)[None, :] < np.linspace(300, 480, 40)[:, None]
    share = accuracy_noise(nested).share
    assert share is not None
    assert share < 0.1


def test_noise_by_hand() -> None:
    # Two seeds, accuracies 3/4 and 1/4; the mean predictions of the examples are 1, 1/2, 1/2, 0.
    noise = accuracy_noise(np.asarray([[1, 1, 1, 0], [1, 0, 0, 0]], dtype=bool))
    assert noise.standard_error == pytest.approx(math.sqrt(0.5 / 3 / 4))
    # Residuals: 4 of size 1/4 and 4 of size 1/4: sum of squares 1/2, with 3 degrees of freedom.
    assert noise.share == pytest.approx((0.5 / 3) / 4 / 0.125)
    assert accuracy_noise(np.ones((1, 4), dtype=bool)).share is None


def test_binomial_noise_by_hand() -> None:
    noise = binomial_noise([0.5], 25)
    assert noise.standard_error == pytest.approx(0.1)
    assert noise.share is None
    assert binomial_noise([0.5, 0.5], 25).share is None
