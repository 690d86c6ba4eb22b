"""Confusion, calibration and losses of predictions, compared to scikit-learn and hand-computed
values.
"""

import math

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import confusion_matrix, log_loss

from nnlab.stats.class_predictions import (
    count_confusions,
    cross_entropy_losses,
    expected_calibration_error,
    reliability_bins,
    wilson,
)

RNG = np.random.default_rng(0)
PROBABILITIES = RNG.dirichlet(np.ones(5) * 0.5, 300)
TARGETS = RNG.integers(0, 5, 300)


def test_confusion_is_that_of_scikit_learn() -> None:
    predicted = PROBABILITIES.argmax(axis=1)
    expected = confusion_matrix(TARGETS, predicted, labels=range(5))
    assert count_confusions(TARGETS, predicted, 5) == expected.tolist()


def test_classes_that_never_come_have_empty_rows() -> None:
    assert count_confusions(np.array([0, 0]), np.array([0, 2]), 3) == [
        [1, 0, 1],
        [0, 0, 0],
        [0, 0, 0],
    ]


def test_losses_are_cross_entropies() -> None:
    mean = math.fsum(cross_entropy_losses(PROBABILITIES, TARGETS)) / 300
    assert mean == pytest.approx(log_loss(TARGETS, PROBABILITIES, labels=range(5)))


def test_a_certain_mistake_has_a_finite_loss() -> None:
    assert cross_entropy_losses(np.array([[1.0, 0.0]]), np.array([1])) == [
        pytest.approx(300 * math.log(10))
    ]


def test_calibration_by_hand() -> None:
    """Ten at 0.85, of which six are right; ten at 0.65, of which eight are."""
    sure = np.array([[0.85, 0.15]] * 10 + [[0.65, 0.35]] * 10)
    targets = np.array([0] * 6 + [1] * 4 + [0] * 8 + [1] * 2)
    bins = reliability_bins(sure, targets, 10)
    assert [(b.low, b.high, b.count, b.right) for b in bins] == [
        (0.6, 0.7, 10, 0.8),
        (0.8, 0.9, 10, 0.6),
    ]
    assert expected_calibration_error(bins) == pytest.approx((0.15 + 0.25) / 2)


def test_every_example_is_in_one_bin() -> None:
    for count in (2, 7, 15, 100):
        assert sum(b.count for b in reliability_bins(PROBABILITIES, TARGETS, count)) == 300
    certain = np.array([[1.0, 0.0], [0.5, 0.5]])
    assert sum(b.count for b in reliability_bins(certain, np.array([0, 0]), 10)) == 2


def test_a_calibrated_model_has_little_error() -> None:
    draw = np.random.default_rng(1)
    sure = draw.uniform(0.5, 1.0, 100_000)
    right = draw.random(100_000) < sure
    probabilities = np.column_stack([sure, 1 - sure])
    assert expected_calibration_error(reliability_bins(probabilities, np.where(right, 0, 1))) < 0.01


@pytest.mark.parametrize(("right", "count"), [(0, 5), (3, 10), (99, 100), (7, 7)])
def test_the_interval_is_wilsons(right: int, count: int) -> None:
    expected = binomtest(right, count).proportion_ci(0.95, method="wilson")
    assert wilson(right / count, count) == pytest.approx((expected.low, expected.high))
