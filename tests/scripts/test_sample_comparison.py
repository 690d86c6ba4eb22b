"""Comparison of what executions of a script have logged."""

import math

import pytest

from nnlab.records import Sample
from nnlab.scripts.sample_comparison import (
    Resume,
    SampleDifference,
    compare_executions,
    compare_with_stored,
    find_resumes,
)

Logged = list[tuple[int, Sample]]


def _logged(*values: tuple[int, float], metric: str = "loss", time: float = 0.0) -> Logged:
    return [
        (seq, Sample(metric, value, step=step, time=time + seq))
        for seq, (step, value) in enumerate(values)
    ]


def test_the_first_difference_of_two_executions() -> None:
    first = _logged((0, 1.0), (1, 0.5), (2, math.nan), (3, 0.25))
    same = compare_executions(first, _logged((0, 1.0), (1, 0.5), (2, math.nan)))
    assert (same.calls, same.values, same.difference, same.largest) == (3, 3, None, 0.0)
    other = compare_executions(first, _logged((0, 1.0), (1, 0.6), (2, 9.0)))
    assert other.difference == SampleDifference("loss", 1, None, 0.5, 0.6)
    assert other.difference.position == "at step 1"
    assert other.difference.relative == pytest.approx(1 / 6)
    close = compare_executions(first, _logged((0, 1.0), (1, 0.5001)), tolerance=1e-3)
    assert close.difference is None
    assert close.largest == pytest.approx(2e-4, rel=0.01)


def test_a_metric_that_only_one_execution_logs_is_a_difference() -> None:
    first = [(0, Sample("loss", 1.0, epoch=1.0)), (0, Sample("acc", 0.5, epoch=1.0))]
    result = compare_executions(first, first[:1])
    assert result.difference == SampleDifference("acc", None, 1.0, 0.5, None)
    assert result.difference.position == "in epoch 1"
    assert result.difference.relative is None


def test_measurements_of_the_machine_are_not_compared() -> None:
    first = [
        (0, Sample("system/cpu", 3.0)),
        (1, Sample("loss", 1.0)),
        (1, Sample("epoch_time", 2.0)),
    ]
    second = [(0, Sample("loss", 1.0)), (0, Sample("epoch_time", 3.0)), (1, Sample("gpu.mem", 1.0))]
    assert compare_executions(first, second).difference is None
    assert compare_executions(first, second).values == 1


def test_comparison_with_stored_values_uses_the_newest() -> None:
    stored = _logged((0, 1.0), (1, 0.5), (1, 0.6), (0, 1.1), (1, 0.7))
    result = compare_with_stored(stored, _logged((0, 1.1), (1, 0.7), (5, 9.0)))
    assert (result.values, result.difference) == (2, None)
    result = compare_with_stored(stored, _logged((0, 1.1), (1, 0.7), (1, 0.5)))
    assert result.difference == SampleDifference("loss", 1, None, 0.6, 0.5)


def test_resumes_where_steps_go_back() -> None:
    joined = _logged((0, 1.0), (1, 0.5), (2, 0.3), (1, 0.5), (2, 0.3), (3, 0.2))
    assert find_resumes(joined, [0.0]) == (Resume(1, 2, 2, None),)
    apart = _logged((0, 1.0), (1, 0.5), (2, 0.3), (1, 0.5), (2, 0.4), (3, 0.2))
    (resume,) = find_resumes(apart, [0.0])
    assert resume.difference == SampleDifference("loss", 2, None, 0.3, 0.4)
    assert resume.joins is False
    # Another metric at an earlier step is no resume.
    mixed = [*_logged((10, 1.0), (20, 0.5)), (9, Sample("val", 1.0, step=0))]
    assert find_resumes(mixed, [0.0]) == ()


def test_resumes_where_attempts_begin() -> None:
    logged = [*_logged((0, 1.0), (1, 0.5)), *_logged((2, 0.3), (3, 0.2), time=100.0)]
    (resume,) = find_resumes(logged, [0.0, 50.0])
    assert resume == Resume(2, 1, 0, None)
    assert resume.joins is None
    without_steps = [(seq, Sample("loss", 1.0, time=60.0 * seq)) for seq in range(4)]
    assert find_resumes(without_steps, [0.0, 90.0])[0].joins is None
