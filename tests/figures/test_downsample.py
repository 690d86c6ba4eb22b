"""Downsampling long curves keeps their peaks."""

import math

from hypothesis import given
from hypothesis import strategies as st

from nnlab.figures.draw.downsample import downsample_band
from nnlab.records import Curve
from nnlab.stats import mean_curve


def test_by_hand() -> None:
    band = mean_curve([Curve("lr", (1, 2, 3, 4, 5), (1.0, 3.0, math.nan, math.nan, 7.0))])
    result = downsample_band(band, 3)
    assert result.epochs == (2, 4, 5)
    assert (result.mean[0], result.mean[2]) == (2.0, 7.0)
    assert math.isnan(result.mean[1])
    assert (result.low[0], result.high[0]) == (1.0, 3.0)
    assert result.n == (1, 0, 1)


def test_a_short_curve_is_itself() -> None:
    band = mean_curve([Curve("lr", (1, 2), (1.0, 2.0))])
    assert downsample_band(band, 2) is band


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=200), st.integers(1, 50))
def test_no_extreme_is_lost(values: list[float], most: int) -> None:
    band = mean_curve([Curve("lr", tuple(range(1, len(values) + 1)), tuple(values))])
    result = downsample_band(band, most)
    assert len(result) <= most
    assert (min(result.low), max(result.high)) == (min(values), max(values))
    assert set(result.epochs) <= set(band.epochs)
