"""Mean curves over seeds on the union of their epochs."""

import math
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from nnlab.records import Curve
from nnlab.stats import mean_curve, median_epoch
from nnlab.stats.curve_band import BandKind

NAN = math.nan


def curve(points: Mapping[int, float]) -> Curve:
    return Curve("val/loss", tuple(sorted(points)), tuple(points[e] for e in sorted(points)))


def test_seeds_that_agree_on_epochs() -> None:
    band = mean_curve([curve({1: 1.0, 2: 4.0}), curve({1: 3.0, 2: 8.0})])
    assert band.epochs == (1, 2)
    assert band.mean == (2.0, 6.0)
    assert band.low == (1.0, 4.0)
    assert band.high == (3.0, 8.0)
    assert band.n == (2, 2)


def test_union_of_epochs_counts_who_was_measured() -> None:
    band = mean_curve([curve({1: 1.0, 3: 3.0}), curve({1: 3.0, 2: 2.0})])
    assert band.epochs == (1, 2, 3)
    assert band.mean == (2.0, 2.0, 3.0)
    assert band.n == (2, 1, 1)


def test_values_that_are_not_finite_leave_a_gap_or_the_other_seeds() -> None:
    band = mean_curve([curve({1: NAN, 2: math.inf, 3: 1.0}), curve({1: 2.0, 2: NAN, 3: NAN})])
    assert band.n == (1, 0, 1)
    assert (band.mean[0], band.mean[2]) == (2.0, 1.0)
    assert all(map(math.isnan, (band.mean[1], band.low[1], band.high[1])))


def test_no_curves_make_an_empty_band() -> None:
    assert len(mean_curve([])) == len(mean_curve([curve({})])) == 0


@given(st.lists(st.dictionaries(st.integers(1, 30), st.floats(-1e6, 1e6)), max_size=5))
def test_band_holds_its_mean_and_every_seed(seeds: list[dict[int, float]]) -> None:
    band = mean_curve([curve(points) for points in seeds])
    assert band.epochs == tuple(sorted({epoch for points in seeds for epoch in points}))
    for i, epoch in enumerate(band.epochs):
        present = [points[epoch] for points in seeds if epoch in points]
        assert (band.low[i], band.high[i], band.n[i]) == (min(present), max(present), len(present))
        assert band.low[i] <= band.mean[i] <= band.high[i]


def test_median_epoch_is_one_that_a_run_had() -> None:
    assert median_epoch([]) is None
    assert median_epoch([None, None]) is None
    assert median_epoch([7]) == 7
    assert median_epoch([9, 1, None, 4]) == 4
    assert median_epoch([9, 1, 4, 6]) == 4


def test_bands_of_few_seeds_are_their_range_and_of_more_an_interval() -> None:
    for seeds in (2, 3, 4, 5, 6):
        values = [0.1 * (k + 1) for k in range(seeds)]
        band = mean_curve([curve({1: value}) for value in values], BandKind.INTERVAL)
        is_range = (band.low[0], band.high[0]) == (values[0], values[-1])
        assert is_range is (seeds < 5)


@pytest.mark.parametrize("spread", [BandKind.INTERVAL, BandKind.SD])
def test_bands_stay_within_the_limits_of_the_metric(spread: BandKind) -> None:
    losses = [0.001, 0.001, 0.001, 0.001, 0.9]
    band = mean_curve([curve({1: value}) for value in losses], spread)
    assert 0 < band.low[0] < band.mean[0] < band.high[0]
    shares = [Curve("val/accuracy", (1,), (1 - value,)) for value in losses]
    band = mean_curve(shares, spread)
    assert band.low[0] < band.mean[0] < band.high[0] < 1


def test_on_a_logarithmic_axis_positive_values_have_positive_bounds() -> None:
    curves = [Curve("my/scale", (1,), (value,)) for value in (0.1, 0.1, 0.1, 0.1, 9.0)]
    assert mean_curve(curves, BandKind.INTERVAL).low[0] < 0
    assert mean_curve(curves, BandKind.INTERVAL, log_axis=True).low[0] > 0


def test_negative_values_of_a_loss_lift_its_limit_at_all_epochs() -> None:
    seeds = [curve({1: 0.01 * 9**k, 2: -1.0}) for k in range(5)]
    assert mean_curve(seeds, BandKind.SD).low[0] < 0


LOSSES = (0.001, 0.02, 0.03, 0.5, 0.9, 4.0)


def test_on_a_logarithmic_axis_the_band_is_that_of_the_logarithms() -> None:
    logarithms = np.log(LOSSES)
    center, error = logarithms.mean(), stats.sem(logarithms)
    interval = stats.t.interval(0.95, len(LOSSES) - 1, center, error)
    sd = logarithms.std(ddof=1)
    expected = {
        BandKind.INTERVAL: interval,
        BandKind.SD: (center - sd, center + sd),
        BandKind.SE: (center - error, center + error),
        BandKind.RANGE: (logarithms.min(), logarithms.max()),
    }
    for kind, bounds in expected.items():
        band = mean_curve([curve({1: value}) for value in LOSSES], kind, log_axis=True)
        assert band.mean[0] == pytest.approx(stats.gmean(LOSSES), rel=1e-12)
        assert (band.low[0], band.high[0]) == pytest.approx(tuple(np.exp(bounds)), rel=1e-9)


def test_on_a_linear_axis_standard_deviation_and_error_are_those_of_the_values() -> None:
    values = np.array([-3.0, 1.0, 2.0, 4.0, 7.0])
    for kind, width in ((BandKind.SD, values.std(ddof=1)), (BandKind.SE, stats.sem(values))):
        band = mean_curve([Curve("my/gain", (1,), (value,)) for value in values], kind)
        bounds = (values.mean() - width, values.mean() + width)
        assert (band.low[0], band.high[0]) == pytest.approx(bounds)


def test_a_single_seed_and_equal_seeds_are_exact_on_a_logarithmic_axis() -> None:
    for seeds in (1, 6):
        band = mean_curve([curve({1: 0.1})] * seeds, BandKind.INTERVAL, log_axis=True)
        assert (band.mean, band.low, band.high) == ((0.1,), (0.1,), (0.1,))


def test_values_without_logarithm_keep_the_arithmetic_mean() -> None:
    band = mean_curve([curve({1: 0.0, 2: 4.0}), curve({1: 2.0, 2: 1.0})], log_axis=True)
    assert band.mean == (1.0, 2.0)
    gap = mean_curve([curve({1: NAN, 2: 4.0}), curve({1: NAN, 2: 1.0})], log_axis=True)
    assert math.isnan(gap.mean[0])
    assert gap.n == (0, 2)
