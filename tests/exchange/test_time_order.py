"""Sorting of samples by time, in memory and in a temporary file."""

import math

import pytest

from nnlab.exchange import time_order
from nnlab.exchange.time_order import in_time_order
from nnlab.records import Sample


@pytest.mark.parametrize("in_memory", [3, 1000])
def test_samples_are_sorted_by_time_and_step(
    in_memory: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time_order, "_IN_MEMORY", in_memory)
    samples = [
        Sample("c", math.nan, 5, 0.5, 2.0),
        Sample("b", math.inf, 4, None, 1.0),
        Sample("a", 1.0, None, None, None),
        Sample("d", 0.1, 2**62, None, 2.0),
        Sample("e", -0.0, 5, 0.25, 2.0),
    ]
    assert repr(list(in_time_order(samples))) == repr([samples[i] for i in (2, 1, 0, 4, 3)])
