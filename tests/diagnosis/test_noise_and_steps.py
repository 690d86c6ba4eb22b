"""NN204 on results that swing, NN202 on runs whose first steps were too long, and NN105."""

import math
import random
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from nnlab.diagnosis import diagnose
from nnlab.records import Curve, Finding, History, Severity

EPOCHS = 20
CLASSES: dict[str, Sequence[float]] = {
    "data/classes": [3], "data/majority": [0.34], "data/entropy": [1.0986], "data/val": [300],
}  # fmt: skip


def findings(
    curves: Mapping[str, Sequence[float]], setting: Mapping[str, Any] | None = None
) -> dict[str, Finding]:
    named = {n: Curve(n, tuple(range(1, len(v) + 1)), tuple(v)) for n, v in curves.items()}
    return {finding.code: finding for finding in diagnose(History(named), setting or {})}


def falling(end: float, start: float = 1.1, rate: float = 0.4, n: int = EPOCHS) -> list[float]:
    return [end + (start - end) * math.exp(-rate * i) for i in range(n)]


def rising(end: float, start: float = 0.4, rate: float = 0.4, n: int = EPOCHS) -> list[float]:
    return [end - (end - start) * math.exp(-rate * i) for i in range(n)]


def swinging(amount: float, seed: int = 0) -> dict[str, list[float]]:
    """A smooth training loss, and a validation accuracy below 0.92 by a random amount."""
    noise = random.Random(seed)
    accuracies = [0.92 - amount * (i % 2) * noise.uniform(0.5, 1) for i in range(EPOCHS)]
    return {
        "train/loss": falling(0.4),
        "train/accuracy": rising(0.85),
        "val/loss": [0.3 + 2 * (0.92 - accuracy) for accuracy in accuracies],
        "val/accuracy": accuracies,
    }


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("setting", [{"batch_size": 1}, {"batch_size": 2}, {}])
def test_accuracies_between_054_and_092_are_noisy(seed: int, setting: Mapping[str, int]) -> None:
    found = findings(swinging(0.38, seed), setting)
    finding = found["NN204"]
    assert next(iter(found)) == "NN204"
    assert finding.severity is Severity.WARNING
    assert ("a step uses" in finding.message) == bool(setting)
    assert finding.evidence["val_accuracy_swing"] > 0.08


@pytest.mark.parametrize("seed", range(5))
def test_accuracies_within_three_points_are_no_fault(seed: int) -> None:
    curves = swinging(0.03, seed)
    finding = findings(curves, {"batch_size": 1}).get("NN204")
    assert finding is None or finding.severity is Severity.INFO
    del curves["val/loss"]
    assert "NN204" not in findings(curves, {"batch_size": 1})


def test_swings_that_the_size_of_the_split_explains_are_none() -> None:
    """With 20 examples an accuracy of 0.8 has a standard error of 0.09."""
    swings = [0.8 + 0.05 * (-1) ** i for i in range(EPOCHS)]
    curves = {"train/loss": falling(0.4), "val/accuracy": swings, **CLASSES}
    assert "NN204" in findings(curves, {"batch_size": 1})
    assert "NN204" not in findings({**curves, "data/val": [20]}, {"batch_size": 1})


def test_a_single_spike_is_no_swing() -> None:
    accuracies = rising(0.95)
    accuracies[12] = 0.4
    assert "NN204" not in findings({"train/loss": falling(0.1), "val/accuracy": accuracies})


LONG_FIRST_STEPS: dict[str, Sequence[float]] = {
    **CLASSES,
    "probe/start_loss": [1.2],
    "probe/start_activation_sd/1": [0.5],
    "probe/activation_sd/1": [9.0] * EPOCHS,
    "train/loss": falling(0.1),
    "train/accuracy": rising(0.97),
    "val/loss": falling(0.15),
}


def test_a_run_that_recovered_from_long_first_steps_has_no_warning() -> None:
    finding = findings({**LONG_FIRST_STEPS, "val/accuracy": rising(0.96)})["NN202"]
    assert finding.severity is Severity.INFO


def test_one_epoch_that_learned_well_has_no_warning() -> None:
    """Training accuracy is a mean over the epoch, in which the weights were still worse."""
    curves = {name: values[:1] for name, values in LONG_FIRST_STEPS.items()}
    curves |= {"train/loss": [0.6], "train/accuracy": [0.78], "val/loss": [0.3]}
    assert findings({**curves, "val/accuracy": [0.9]})["NN202"].severity is Severity.INFO
    assert findings({**curves, "val/accuracy": [0.5]})["NN202"].severity is Severity.WARNING


@pytest.mark.parametrize(("accuracy", "is_fault"), [(1.0, False), (0.9, False), (0.4, True)])
def test_units_that_died_matter_only_where_training_stalled(
    accuracy: float, is_fault: bool
) -> None:
    curves = {
        **CLASSES,
        "probe/start_loss": [1.1],
        "probe/start_dead/1": [0.1],
        "probe/dead/1": [0.9] * EPOCHS,
        "train/loss": falling(1.2 * (1 - accuracy)),
        "train/accuracy": rising(accuracy, 0.35),
    }
    assert ("NN202" in findings(curves)) is is_fault


CUT: dict[str, Sequence[float]] = {
    "train/loss": [1.1 - 0.03 * i for i in range(EPOCHS)],
    "val/loss": [1.12 - 0.029 * i for i in range(EPOCHS)],
    "val/accuracy": [0.4 + 0.02 * i for i in range(EPOCHS)],
}


def test_a_run_that_was_cut_short() -> None:
    assert findings({**CUT, "lr": [1e-3] * EPOCHS})["NN105"].confidence > 0.8
    assert "NN105" in findings(CUT)


@pytest.mark.parametrize(
    "changed",
    [
        {"val/accuracy": [0.62 + 0.02 * i for i in range(EPOCHS)]},
        {"val/loss": falling(1e-3, rate=0.5), "train/loss": falling(1e-3, rate=0.5)},
        {"lr": [1 + math.cos(math.pi * i / EPOCHS) for i in range(EPOCHS)]},
        {"lr": [1.0 - 0.2 * (i % 5) for i in range(EPOCHS)]},
    ],
    ids=["learned", "a loss near zero halves again", "cosine to zero", "cycles"],
)
def test_more_epochs_promise_nothing(changed: Mapping[str, Sequence[float]]) -> None:
    assert "NN105" not in findings({**CUT, **changed})


def test_losses_that_repeat_a_cycle_are_not_falling() -> None:
    cycle = [0.3 + 0.4 * math.exp(-0.9 * (i % 5)) for i in range(EPOCHS)]
    assert "NN105" not in findings({"train/loss": cycle, "val/loss": [1.1 * v for v in cycle]})
