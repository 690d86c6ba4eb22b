"""Confidence intervals of a mean: by hand, within the limits of the metric, and their coverage."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnlab.objective import UNLIMITED, Limits, limits_of
from nnlab.stats.intervals import (
    IntervalMethod,
    applicable_limits,
    confidence_interval,
    interval_within_limits,
)
from nnlab.stats.student_t import t_quantile

SHARE: Limits = (0.0, 1.0)
POSITIVE: Limits = (0.0, math.inf)
BELOW_ONE: Limits = (-math.inf, 1.0)


def test_a_share_is_bounded_on_the_logit_scale() -> None:
    """Mean 0.8, sd 0.1, n 3: logit(0.8) ± t * 0.1 / sqrt(3) / (0.8 * 0.2)."""
    low, high = confidence_interval([0.7, 0.8, 0.9], limits=SHARE)
    step = t_quantile(2, 0.975) * 0.1 / math.sqrt(3) / 0.16
    assert math.log(low / (1 - low)) == pytest.approx(math.log(4) - step)
    assert math.log(high / (1 - high)) == pytest.approx(math.log(4) + step)


def test_a_loss_is_bounded_on_the_log_scale_and_r2_by_its_distance_from_one() -> None:
    step = t_quantile(1, 0.975) * 0.5 / 1.5  # sd / sqrt(2) of 1 and 2 is 0.5
    assert confidence_interval([1.0, 2.0], limits=POSITIVE) == pytest.approx(
        (1.5 * math.exp(-step), 1.5 * math.exp(step))
    )
    assert confidence_interval([0.0, -1.0], limits=BELOW_ONE) == pytest.approx(
        (1 - 1.5 * math.exp(step), 1 - 1.5 * math.exp(-step))
    )


@pytest.mark.parametrize(
    ("values", "limits"),
    [
        ([1.0, 1.0, 0.4], SHARE),
        ([0.0, 0.0, 1.0], SHARE),
        ([0.69, 1.0], SHARE),
        ([0.0, 0.5], POSITIVE),
        ([0.0, 0.0, 1e-100], POSITIVE),
        ([1e-9, 1e9], POSITIVE),
        ([1.0, -100.0], BELOW_ONE),
        ([1.0, 1.0], SHARE),
        ([0.0, 0.0], POSITIVE),
    ],
)
@pytest.mark.parametrize("method", [IntervalMethod.T, IntervalMethod.BOOTSTRAP])
def test_values_at_a_limit_have_an_interval_inside(
    values: list[float], limits: Limits, method: IntervalMethod
) -> None:
    low, high = confidence_interval(values, method, limits=limits)
    assert limits[0] <= low <= sum(values) / len(values) <= high <= limits[1]
    assert (low == high) is (min(values) == max(values))


@given(st.lists(st.floats(0.0, 1.0), min_size=2, max_size=8))
def test_a_share_never_leaves_zero_to_one(values: list[float]) -> None:
    low, high = confidence_interval(values, limits=SHARE)
    mean = math.fsum(values) / len(values)
    assert 0.0 <= low <= mean * (1 + 1e-15)
    assert mean * (1 - 1e-15) <= high <= 1.0


def test_far_from_its_limits_the_interval_is_students() -> None:
    values = [0.500, 0.501, 0.502, 0.499]
    assert confidence_interval(values, limits=SHARE) == pytest.approx(
        confidence_interval(values), abs=1e-5
    )


def test_limits_that_a_value_is_beyond_do_not_hold() -> None:
    assert applicable_limits(SHARE, [97.0, 98.0]) == (0.0, math.inf)  # in per cent
    assert applicable_limits(POSITIVE, [-0.1, 2.0]) == UNLIMITED  # a loss of the user's
    assert confidence_interval([-1.0, 1.0], limits=POSITIVE) == confidence_interval([-1.0, 1.0])


@pytest.mark.parametrize("half_width", [0.0, math.inf])
def test_half_widths_at_the_ends(half_width: float) -> None:
    low, high = interval_within_limits(0.5, half_width, SHARE)
    assert (low, high) == ((0.5, 0.5) if half_width == 0 else SHARE)


@pytest.mark.parametrize(
    ("metric", "limits"),
    [
        ("val/accuracy", SHARE),
        ("train/accuracy_exact", SHARE),
        ("probe/dead/2", SHARE),
        ("val/loss", POSITIVE),
        ("test/mae", POSITIVE),
        ("val/r2", BELOW_ONE),
        ("my/score", UNLIMITED),
    ],
)
def test_limits_by_the_name_of_the_metric(metric: str, limits: Limits) -> None:
    assert limits_of(metric) == limits


@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_accuracies_near_one_are_covered_better_than_by_a_clipped_interval(seeds: int) -> None:
    """Beta(97, 3): near 1 the plain t interval, clipped, covers too rarely."""
    draw = np.random.default_rng(0)
    covered, clipped = 0, 0
    for _ in range(1500):
        values = draw.beta(97, 3, seeds).tolist()
        low, high = confidence_interval(values, limits=SHARE)
        covered += low <= 0.97 <= high
        low, high = confidence_interval(values)
        clipped += low <= 0.97 <= min(high, 1.0)
    assert covered >= clipped
    assert covered / 1500 >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / 1500)
