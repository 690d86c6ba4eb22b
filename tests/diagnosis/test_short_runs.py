"""Runs of few epochs, such as fine-tuning, and curves with nothing to read."""

import math
from collections.abc import Sequence
from typing import Any

import pytest

from nnlab.diagnosis import diagnose
from nnlab.diagnosis.external_curves import diagnose_external
from nnlab.records import Curve, History, Severity

PROBE = {
    "data/classes": 4.0, "data/majority": 0.27, "data/entropy": math.log(4), "data/val": 400.0,
    "probe/start_loss": 1.45, "probe/start_dead/1": 0.1, "probe/start_activation_sd/1": 0.6,
}  # fmt: skip


def history(curves: dict[str, Sequence[float]], epochs: int) -> History:
    return History(
        {n: Curve(n, tuple(range(1, epochs + 1)), tuple(v[:epochs])) for n, v in curves.items()}
    )


def with_probe(curves: History) -> History:
    start = {name: Curve(name, (1,), (value,)) for name, value in PROBE.items()}
    return History({**curves.curves, **start})


# Losses and accuracies of training and validation over five epochs.
HEALTHY: dict[str, dict[str, Sequence[float]]] = {
    "from scratch": {
        "train/loss": [0.92, 0.41, 0.30, 0.25, 0.22],
        "val/loss": [0.50, 0.33, 0.28, 0.26, 0.25],
        "train/accuracy": [0.68, 0.87, 0.90, 0.92, 0.93],
        "val/accuracy": [0.84, 0.89, 0.91, 0.915, 0.92],
    },
    "fine-tuning": {
        "train/loss": [0.31, 0.22, 0.19, 0.17, 0.16],
        "val/loss": [0.24, 0.22, 0.215, 0.213, 0.214],
        "train/accuracy": [0.89, 0.92, 0.935, 0.94, 0.945],
        "val/accuracy": [0.91, 0.92, 0.925, 0.923, 0.926],
    },
    "a language model": {
        "train/loss": [2.31, 2.22, 2.18, 2.16, 2.15],
        "val/loss": [2.25, 2.21, 2.19, 2.185, 2.183],
    },
    "quick, with a large rate": {
        "train/loss": [0.55, 0.20, 0.14, 0.15, 0.12],
        "val/loss": [0.21, 0.17, 0.19, 0.16, 0.17],
        "train/accuracy": [0.79, 0.93, 0.95, 0.95, 0.96],
        "val/accuracy": [0.93, 0.945, 0.94, 0.95, 0.945],
        "probe/activation_sd/1": [5.5, 6.0, 6.2, 6.3, 6.5],
        "probe/dead/1": [0.7, 0.7, 0.72, 0.72, 0.73],
    },
}


@pytest.mark.parametrize("epochs", [1, 2, 3, 5])
@pytest.mark.parametrize("name", HEALTHY)
def test_healthy_runs_of_few_epochs_have_no_warnings(name: str, epochs: int) -> None:
    curves = history(HEALTHY[name], epochs)
    for findings in (diagnose(curves), diagnose_external(curves), diagnose(with_probe(curves))):
        assert [f.code for f in findings if f.severity is not Severity.INFO] == []
    # An info needs a run long enough to say something about its end.
    if epochs <= 3 and name != "quick, with a large rate":
        assert diagnose(curves) == ()


@pytest.mark.parametrize("epochs", [1, 2, 3, 5])
def test_a_loss_that_became_nan_is_found_at_any_length(epochs: int) -> None:
    losses = [*HEALTHY["fine-tuning"]["train/loss"][: epochs - 1], math.nan]
    (finding,) = diagnose(history({"train/loss": losses}, epochs))
    assert (finding.code, finding.onset) == ("NN201", epochs)


@pytest.mark.parametrize("epochs", [1, 2, 3, 5])
def test_first_steps_that_were_too_long_are_found_at_any_length(epochs: int) -> None:
    curves = with_probe(
        history(
            {
                "train/loss": [40.0, 1.6, 1.41, 1.4, 1.4],
                "val/loss": [1.7, 1.42, 1.41, 1.4, 1.4],
                "train/accuracy": [0.26] * 5,
                "val/accuracy": [0.25] * 5,
            },
            epochs,
        )
    )
    first = diagnose(curves)[0]
    assert (first.code, first.severity) == ("NN202", Severity.WARNING)


EMPTY: dict[str, dict[str, Any]] = {
    "no curves": {},
    "an empty curve": {"train/loss": ()},
    "one point": {"train/loss": (1.0,)},
    "one point of validation": {"val/loss": (1.0,)},
    "one point each": {"train/loss": (1.0,), "val/loss": (1.1,), "val/accuracy": (0.5,)},
    "zeros": {"train/loss": (0.0, 0.0), "val/loss": (0.0, 0.0)},
    "accuracies alone": {"train/accuracy": (0.5, 0.7), "val/accuracy": (0.5, 0.6)},
    "no training accuracy": {"train/loss": (1.0, 0.8, 0.7), "train/accuracy": ()},
}


@pytest.mark.parametrize("name", EMPTY)
def test_curves_with_nothing_to_read_have_no_findings(name: str) -> None:
    curves = History(
        {n: Curve(n, tuple(range(1, len(v) + 1)), tuple(v)) for n, v in EMPTY[name].items()}
    )
    assert diagnose(curves) == ()
    assert diagnose_external(curves) == ()
