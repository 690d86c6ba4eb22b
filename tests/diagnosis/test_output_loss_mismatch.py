"""NN308: a second softmax, and its look-alikes: label smoothing, language models."""

import math
import random
from collections.abc import Mapping, Sequence

import pytest
import torch
from torch.nn.functional import cross_entropy, one_hot

from nnlab.diagnosis import diagnose
from nnlab.diagnosis.loss_floors import (
    double_softmax_floor,
    double_softmax_min_loss,
    label_smoothing_floor,
    matching_label_smoothing,
)
from nnlab.records import Curve, Finding, History, Severity

EPOCHS = 30


def mismatch(
    curves: Mapping[str, Sequence[float]], setting: Mapping[str, str | float] | None = None
) -> Finding | None:
    history = History(
        {n: Curve(n, tuple(range(1, len(v) + 1)), tuple(v)) for n, v in curves.items()}
    )
    return next((f for f in diagnose(history, setting or {}) if f.code == "NN308"), None)


def error_rates(classes: int, end: float, start: float | None = None) -> list[float]:
    start = 1 - 1.5 / classes if start is None else start
    return [end + (start - end) * math.exp(-0.35 * epoch) for epoch in range(EPOCHS)]


def smoothed(amount: float, classes: int, end: float = 0.0) -> dict[str, list[float]]:
    """A run with label smoothing: a wrong example costs the log odds of the best probabilities."""
    rest = amount / classes
    per_error = min(
        0.6 * (1 - amount) * math.log((1 - amount + rest) / rest), 1.1 * math.log(classes)
    )
    errors = error_rates(classes, end)
    losses = [label_smoothing_floor(amount, classes) * 1.004 + per_error * e for e in errors]
    return {"train/loss": losses, "train/accuracy": [1 - e for e in errors]}


def softmax_twice(classes: int, end: float, above: float = 0.02) -> dict[str, list[float]]:
    errors = error_rates(classes, end)
    losses = [
        double_softmax_floor(classes) + e + above * math.exp(-i / 4) for i, e in enumerate(errors)
    ]
    losses = [min(loss, math.log(classes)) for loss in losses]
    return {"train/loss": losses, "train/accuracy": [1 - e for e in errors]}


@pytest.mark.parametrize("classes", [2, 3, 10, 100])
@pytest.mark.parametrize("amount", [0.05, 0.1, 0.3])
def test_the_floor_of_label_smoothing_is_that_of_torch(amount: float, classes: int) -> None:
    target = torch.tensor([1])
    best = one_hot(target, classes).double() * (1 - amount) + amount / classes
    floor = cross_entropy(best.log(), target, label_smoothing=amount).item()
    assert label_smoothing_floor(amount, classes) == pytest.approx(floor, abs=1e-12)
    worse = cross_entropy((best**1.1).log(), target, label_smoothing=amount).item()
    assert worse > floor


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_the_floors_of_a_second_softmax_are_the_lowest_losses(classes: int) -> None:
    outputs = torch.rand(20_000, classes, dtype=torch.float64).pow(6) + 1e-12
    outputs = outputs / outputs.sum(1, keepdim=True)
    losses = cross_entropy(outputs, torch.zeros(len(outputs), dtype=torch.long), reduction="none")
    wrong = outputs.argmax(1) != 0
    assert losses.min() >= double_softmax_floor(classes) - 1e-12
    assert losses.min() == pytest.approx(double_softmax_floor(classes), rel=0.02)
    assert losses[wrong].min() >= double_softmax_min_loss(classes, 0.0) - 1e-12
    assert losses[wrong].min() == pytest.approx(double_softmax_min_loss(classes, 0.0), rel=0.02)


@pytest.mark.parametrize("classes", [2, 3, 10, 100])
@pytest.mark.parametrize("end", [0.0, 0.02])
def test_a_second_softmax_is_found_without_the_number_of_classes(classes: int, end: float) -> None:
    finding = mismatch(softmax_twice(classes, end))
    assert finding is not None
    assert (finding.severity, finding.evidence["classes"]) == (Severity.WARNING, classes)
    assert finding.confidence >= 0.7


@pytest.mark.parametrize("amount", [0.05, 0.1, 0.2])
@pytest.mark.parametrize("classes", [3, 5, 10, 20, 100, 1000])
@pytest.mark.parametrize("end", [0.0, 0.03])
def test_label_smoothing_is_no_second_softmax(amount: float, classes: int, end: float) -> None:
    finding = mismatch(smoothed(amount, classes, end))
    assert finding is None or "label smoothing" in finding.message
    assert finding is None or finding.severity is Severity.INFO


def test_a_validation_loss_below_the_minimum_excludes_a_second_softmax() -> None:
    curves = softmax_twice(3, 0.0)
    assert mismatch(curves | {"val/loss": [0.6] * EPOCHS, "val/accuracy": [0.98] * EPOCHS})
    assert not mismatch(curves | {"val/loss": [0.1] * EPOCHS, "val/accuracy": [0.98] * EPOCHS})


def test_where_both_explain_the_loss_both_are_named() -> None:
    """0.325 is the minimum of label smoothing 0.2 over two classes, 0.313 that of two softmaxes."""
    errors = error_rates(2, 0.0, 0.3)
    curves = {
        "train/loss": [0.327 + 0.9 * e for e in errors],
        "train/accuracy": [1 - e for e in errors],
    }
    finding = mismatch(curves)
    assert finding is not None
    assert finding.severity is Severity.INFO
    assert "label smoothing 0.2 over 2 classes" in finding.message
    measured = curves | {"probe/start_probability_outputs": [0.0]}
    assert mismatch(measured, {"model": "net.py:Net"}) is None
    assert mismatch(curves, {"label_smoothing": 0.2}) is None


@pytest.mark.parametrize("floor", [0.3133, 0.5514, 0.7437, 0.9043, 1.0435, 1.4612])
@pytest.mark.parametrize("seed", range(4))
def test_a_language_model_that_ends_near_a_minimum_is_none(floor: float, seed: int) -> None:
    noise = random.Random(seed)
    scaling = [floor * (0.97 + 3.0 * (i + 1) ** -1.2) for i in range(60)]
    assert mismatch({"train/loss": [v * (1 + 0.01 * noise.gauss(0, 1)) for v in scaling]}) is None
    assert mismatch({"train/loss": scaling}) is None
    from_the_vocabulary = [floor * 1.0005 + 8 * math.exp(-0.4 * i) for i in range(60)]
    assert mismatch({"train/loss": from_the_vocabulary}) is None


def test_a_match_of_label_smoothing_by_hand() -> None:
    assert matching_label_smoothing(0.5003, 1.0, [10]) == (0.1, 10)
    assert matching_label_smoothing(0.4, 1.0, [10]) is None
    # 1 % of errors, each of which costs 0.9 ln(91) at most.
    assert matching_label_smoothing(0.5003 + 0.01 * 0.9 * math.log(91), 0.99, [10]) == (0.1, 10)
