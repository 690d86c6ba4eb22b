"""Buckets have the extremes of their values, however they are merged."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnlab import store
from nnlab.board.curve_buckets import buckets_of_rows
from nnlab.board.curve_lines import round_significant
from nnlab.records import Sample

VALUES = st.lists(
    st.one_of(st.none(), st.just(math.inf), st.floats(-1e6, 1e6)), min_size=1, max_size=300
)


@given(VALUES, st.sampled_from([1, 2, 7, 64]), st.sampled_from([1, 2, 8]))
def test_a_bucket_has_the_extremes_and_the_mean_of_its_values(
    values: list[float | None], size: int, factor: int
) -> None:
    rows = store.CurveRows(range(1, len(values) + 1), values)
    buckets = buckets_of_rows(rows, size).merged(factor)
    assert buckets.total_count == len(values)
    width = size * factor
    for index in range(len(buckets)):
        part = values[index * width : (index + 1) * width]
        finite = [v for v in part if v is not None and math.isfinite(v)]
        assert buckets["finite"][index] == len(finite)
        assert buckets["position_first"][index] == index * width + 1
        assert buckets["position_last"][index] == index * width + len(part)
        if finite:
            assert buckets["low"][index] == min(finite)
            assert buckets["high"][index] == max(finite)
            assert buckets.mean[index] == pytest.approx(
                math.fsum(finite) / len(finite), rel=1e-9, abs=1e-6
            )
        else:
            assert math.isnan(buckets["low"][index])
            assert math.isnan(buckets.mean[index])


@given(st.lists(st.one_of(st.none(), st.integers(0, 12)), min_size=1, max_size=40))
def test_samples_that_were_replaced_are_left_out(steps: list[int | None]) -> None:
    known = [step for step in steps if step is not None]
    rows = store.CurveRows(range(len(known)), [float(i) for i in range(len(known))], known)
    samples = [Sample("loss", float(i), step, None, None) for i, step in enumerate(known)]
    visible = [sample.value for sample in store.visible_samples(samples)]
    assert buckets_of_rows(rows, 1)["first"].tolist() == visible


def test_limited_buckets_stay_while_values_are_appended() -> None:
    values = [math.sin(i / 50) for i in range(5_000)]
    whole = buckets_of_rows(store.CurveRows(range(5_000), values), 1).limited(100)
    part = buckets_of_rows(store.CurveRows(range(4_000), values[:4_000]), 1).limited(100)
    assert part.size == whole.size == 64
    complete = len(part) - 1
    np.testing.assert_array_equal(part["low"][:complete], whole["low"][:complete])


@given(st.floats(-1e200, 1e200).filter(lambda v: v == 0 or abs(v) > 1e-200))
def test_rounding_keeps_six_digits(value: float) -> None:
    (rounded,) = round_significant(np.array([value]), 6)
    assert rounded == pytest.approx(value, rel=5.1e-6)
    assert len(repr(float(rounded)).partition("e")[0].lstrip("-0.").replace(".", "")) <= 20


def test_rounding_gives_short_texts() -> None:
    rounded = round_significant(np.array([0.1234567891, 123456.789, 1 / 3e-7, 0.0]), 6)
    assert [repr(float(v)) for v in rounded] == ["0.123457", "123457.0", "3333330.0", "0.0"]
