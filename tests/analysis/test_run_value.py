"""The value of a run at each epoch that a comparison can name."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from nnlab.analysis.run_value import metrics_in, read_run_value, required_metrics
from nnlab.errors import UsageError
from nnlab.records import Curve, History, Run, Status, Trial

NAN = float("nan")
RUN = Run(
    id=1, trial=Trial(1, "s", {}, "d"), seed=0, repeat=0, current=True, status=Status.FINISHED,
    name=None, tags=(), epochs=4, epochs_planned=4, selected_epoch=3, data_fingerprint=None,
    parent_id=None,
    reason=None, wall_seconds=None, device_seconds=None, created_at=datetime.now(UTC),
    started_at=None, ended_at=None,
)  # fmt: skip


def history(**curves: tuple[float, ...]) -> History:
    named = {name.replace("_", "/", 1): values for name, values in curves.items()}
    return History({name: Curve(name, tuple(range(1, len(v) + 1)), v) for name, v in named.items()})


LOSSES = history(
    val_loss=(4.0, 2.0, 1.0, 3.0),
    train_loss=(2.0, 1.0, 0.5, 0.25),
    val_accuracy=(0.5, 0.9, 0.8, 0.7),
    time_epoch=(1.0, 1.0, 2.0, 1.0),
)


@pytest.mark.parametrize(
    ("metric", "at", "expected"),
    [
        ("val/loss", "selected", 1.0),
        ("val/loss", "last", 3.0),
        ("val/loss", "first", 4.0),
        ("val/loss", "best", 1.0),
        ("val/accuracy", "best", 0.9),
        ("val/loss", "mean", 2.5),
        ("time/epoch", "total", 5.0),
        ("val/loss", "epoch 2", 2.0),
        ("val/loss", "epoch 9", None),
        ("val/loss", "seconds 2", 2.0),
        ("val/loss", "seconds 3.5", 2.0),
        ("val/loss", "seconds 0.5", None),
        ("val/loss", "epochs to 2", 2.0),
        ("val/accuracy", "epochs to 0.85", 2.0),
        ("val/loss", "epochs to 0.1", 5.0),
        ("val/loss", "seconds to 1", 4.0),
        ("val/loss", "seconds to 0.1", 5.0),
        ("val/loss", "once train/loss 0.6", 1.0),
        ("val/loss", "once val/accuracy 0.85", 2.0),
        ("val/loss", "once train/loss 0.1", None),
        ("val/loss", "once test/loss 0.1", None),
        ("val/loss - train/loss", "once train/loss 1", 1.0),
        ("val/loss", "since best val/loss", 2.0),
        ("train/loss", "since best val/loss", -0.25),
        ("val/loss", "since best val/accuracy", 1.0),
        ("val/loss - train/loss", "since best val/loss", 2.25),
        ("val/loss", "since best test/loss", None),
        ("val/loss - train/loss", "last", 2.75),
        ("val/loss / train/loss", "selected", 2.0),
        ("test/loss", "selected", None),
    ],
)
def test_a_number_is_read_at_a_moment(metric: str, at: str, expected: float | None) -> None:
    assert read_run_value(RUN, LOSSES, metric, at) == expected


def test_what_is_not_finite_is_no_number() -> None:
    assert read_run_value(RUN, history(val_loss=(1.0, NAN)), "val/loss", "last") is None
    assert (
        read_run_value(
            RUN, history(val_loss=(1.0,), train_loss=(0.0,)), "val/loss / train/loss", "last"
        )
        is None
    )


def test_a_run_that_diverged_classifies_nothing_in_the_end() -> None:
    diverged = replace(RUN, status=Status.DIVERGED)
    assert read_run_value(diverged, LOSSES, "val/accuracy", "last") == 0.0
    assert read_run_value(diverged, LOSSES, "val/accuracy", "selected") == 0.8
    assert read_run_value(diverged, LOSSES, "val/loss", "last") is None
    nothing = replace(diverged, selected_epoch=None)
    assert read_run_value(nothing, History(), "test/accuracy", "selected") == 0.0


def test_only_the_metrics_that_are_read_are_fetched() -> None:
    assert metrics_in("a/b / c/d") == ("a/b", "c/d")
    assert required_metrics(["a - b", "a"]) == ("a", "b", "time/epoch")
    assert required_metrics(["a"], ["last", "once c/d 0.2"]) == ("a", "c/d", "time/epoch")
    assert required_metrics(["a"], ["since best c/d"]) == ("a", "c/d", "time/epoch")


def test_the_best_of_a_user_metric_follows_its_direction() -> None:
    curves = history(val_gini=(0.2, 0.6, 0.4))
    for expression in ("val/gini", "val/gini - val/gini"):
        with pytest.raises(UsageError, match="val/gini:min or val/gini:max says so"):
            read_run_value(RUN, curves, expression, "best")
    assert read_run_value(RUN, curves, "val/gini:max", "best") == 0.6
    assert read_run_value(RUN, curves, "val/gini:min", "best") == 0.2
    assert read_run_value(RUN, curves, "val/gini", "last") == 0.4
    measured = replace(RUN, trial=replace(RUN.trial, setting={"metrics": "m.py:gini:max"}))
    assert read_run_value(measured, curves, "val/gini", "best") == 0.6
    assert read_run_value(measured, curves, "val/gini", "epochs to 0.5") == 2.0
