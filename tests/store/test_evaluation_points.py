"""The points that are derived from the samples of another program: one value per evaluation."""

import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnlab.records import Sample
from nnlab.store.curve_summary import summarize_curve
from nnlab.store.evaluation_points import (
    MAX_POINTS_WITHOUT_EVALUATION,
    EvaluationPoints,
    derive_points,
)

Points = dict[str, list[tuple[int, float]]]


def curves_of(points: EvaluationPoints) -> Points:
    return {
        metric: list(zip(curve.positions, curve.values, strict=True))
        for metric, curve in points.curves.items()
    }


def test_a_training_loss_is_averaged_between_evaluations_at_steps() -> None:
    calls = []
    for step in range(1, 11):
        calls.append([Sample("train/loss", float(step), step=step)])
        if step % 5 == 0:
            calls.append([Sample("val/loss", 1 / step, step=step)])
    points = derive_points(calls)
    assert points.axis == "step"
    assert points.last_position == 10
    assert curves_of(points) == {
        "train/loss": [(5, 3.0), (10, 8.0)],
        "val/loss": [(5, 0.2), (10, 0.1)],
    }


def test_what_was_logged_after_the_last_evaluation_is_not_lost() -> None:
    points = derive_points(
        [
            [Sample("train/loss", 1.0, step=1), Sample("val/loss", 2.0, step=1)],
            [Sample("train/loss", 0.5, step=2)],
            [Sample("train/loss", 0.25, step=3)],
        ]
    )
    assert curves_of(points)["train/loss"] == [(1, 1.0), (3, 0.375)]


def test_epochs_from_zero_as_keras_counts_them() -> None:
    points = derive_points(
        [[Sample("loss", 1.0 - e / 4, epoch=e), Sample("val_loss", 2.0, epoch=e)] for e in range(3)]
    )
    assert points.axis == "epoch"
    assert curves_of(points)["loss"] == [(0, 1.0), (1, 0.75), (2, 0.5)]


def test_lightning_logs_the_training_epoch_after_its_validation() -> None:
    calls = []
    for epoch in range(2):
        step = 10 * epoch + 9
        calls += [[Sample("train_loss_step", 1.0 + epoch, step=step - 1, epoch=epoch)]]
        calls += [[Sample("val_loss", 2.0 + epoch, step=step, epoch=epoch)]]
        calls += [[Sample("train_loss_epoch", 3.0 + epoch, step=step, epoch=epoch)]]
    assert curves_of(derive_points(calls)) == {
        "train_loss_step": [(0, 1.0), (1, 2.0)],
        "val_loss": [(0, 2.0), (1, 3.0)],
        "train_loss_epoch": [(0, 3.0), (1, 4.0)],
    }


def test_fractional_epochs_of_training_belong_to_the_evaluation_at_their_end() -> None:
    calls = [
        [Sample("loss", 2.0, step=5, epoch=0.5)],
        [Sample("loss", 1.0, step=10, epoch=1.0)],
        [Sample("eval_loss", 3.0, step=10, epoch=1.0)],
        [Sample("loss", 0.5, step=15, epoch=1.5)],
        [Sample("eval_loss", 2.0, step=20, epoch=2.0)],
    ]
    assert curves_of(derive_points(calls)) == {
        "loss": [(1, 1.5), (2, 0.5)],
        "eval_loss": [(1, 3.0), (2, 2.0)],
    }


@pytest.mark.parametrize(
    "evaluations",
    [
        [(10, 0.0), (20, 0.0), (30, 1.0)],  # several evaluations in an epoch
        [(10, 1.0), (15, 1.5), (20, 2.0)],  # an evaluation in the middle of an epoch
    ],
)
def test_epochs_that_do_not_identify_evaluations(evaluations: list[tuple[int, float]]) -> None:
    calls = [[Sample("val/loss", 1.0, step=step, epoch=epoch)] for step, epoch in evaluations]
    assert derive_points(calls).is_ambiguous
    again = derive_points(calls, "step")
    assert not again.is_ambiguous
    assert [step for step, _ in curves_of(again)["val/loss"]] == [s for s, _ in evaluations]


def test_steps_that_go_back_start_a_new_segment() -> None:
    steps = [10, 20, 30, 20, 30, 40]
    calls = [[Sample("val/loss", float(n), step=step)] for n, step in enumerate(steps)]
    points = derive_points(calls)
    assert curves_of(points)["val/loss"] == [(10, 0.0), (20, 3.0), (30, 4.0), (40, 5.0)]


def test_steps_of_minus_one_and_unknown_steps_have_a_position() -> None:
    points = derive_points([[Sample("val/loss", 1.0, step=-1)], [Sample("val/loss", 2.0, step=4)]])
    assert curves_of(points)["val/loss"] == [(0, 1.0), (4, 2.0)]
    points = derive_points([[Sample("val/loss", 1.0)], [Sample("val/loss", 2.0)]])
    assert curves_of(points)["val/loss"] == [(1, 1.0), (2, 2.0)]


def test_nan_and_infinity_are_points() -> None:
    points = derive_points(
        [[Sample("val/loss", value, step=n)] for n, value in enumerate([math.inf, math.nan, 1.0])]
    )
    values = points.curves["val/loss"].values
    assert values[0] == math.inf
    assert math.isnan(values[1])
    change = points.pending_changes()["val/loss"]
    assert change.lowest == (3, 1.0, 2, 1.0, 2)
    assert change.highest == (3, 1.0, 2, math.inf, 0)


def test_a_run_without_evaluations_is_thinned_to_means() -> None:
    points = derive_points([[Sample("loss", float(n), step=n)] for n in range(5000)])
    curve = points.curves["loss"]
    assert points.axis == "step"
    assert 512 < len(curve.positions) <= MAX_POINTS_WITHOUT_EVALUATION
    assert curve.positions[-1] == 4999
    assert curve.values[0] == 3.5  # of steps 0 to 7
    assert curve.positions[0] == 7


def test_usage_of_the_machine_has_no_points() -> None:
    points = derive_points([[Sample("system/cpu", 0.5, time=1.0), Sample("loss", 1.0, step=1)]])
    assert list(points.curves) == ["loss"]


_SAMPLES = st.lists(
    st.lists(
        st.builds(
            Sample,
            st.sampled_from(["train/loss", "val/loss", "loss", "lr", "test/acc"]),
            st.floats(width=32),
            st.none() | st.integers(-1, 50),
            st.none() | st.floats(0, 9),
        ),
        max_size=3,
    ),
    max_size=40,
)


@given(_SAMPLES, st.integers(1, 7))
def test_changes_build_up_the_same_points_however_often_they_are_stored(
    calls: list[list[Sample]], every: int
) -> None:
    points = EvaluationPoints()
    stored: dict[str, dict[int, float]] = {}
    summaries = {}
    for number, samples in enumerate([*calls, None]):
        if samples is None:
            points.finish()
        else:
            points.add(samples)
        if samples is None or number % every == 0:
            for metric, change in points.pending_changes().items():
                curve = stored.setdefault(metric, {})
                if change.delete_from is not None:
                    for position in [p for p in curve if p >= change.delete_from]:
                        del curve[position]
                curve.update(zip(change.positions, change.values, strict=True))
                summaries[metric] = change
            points.mark_stored()
    for metric, derived in points.curves.items():
        _check_curve(derived.positions, derived.values, stored[metric])
        if derived.positions:
            lowest = summarize_curve("min", derived.positions, derived.values)
            highest = summarize_curve("max", derived.positions, derived.values)
            change = summaries[metric]
            assert repr((change.lowest, change.highest)) == repr((lowest, highest))


def _check_curve(
    positions: Sequence[int], values: Sequence[float], stored: dict[int, float]
) -> None:
    assert list(positions) == sorted(set(positions))
    assert repr(sorted(stored.items())) == repr(list(zip(positions, values, strict=True)))
