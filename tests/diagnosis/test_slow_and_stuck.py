"""NN203 and NN106 on runs that hardly learn: a low learning rate, and a plateau at chance level."""

import math
import random
from collections.abc import Mapping, Sequence

import pytest

from nnlab.diagnosis import diagnose
from nnlab.records import Curve, History

EPOCHS = 40


def codes(curves: Mapping[str, Sequence[float]]) -> list[str]:
    named = {n: Curve(n, tuple(range(1, len(v) + 1)), tuple(v)) for n, v in curves.items()}
    return [finding.code for finding in diagnose(History(named))]


def even(start: float, fall: float) -> list[float]:
    return [start * (1 - fall * i / (EPOCHS - 1)) for i in range(EPOCHS)]


@pytest.mark.parametrize("fall", [0.002, 0.02, 0.1])
def test_losses_that_fall_alike_and_evenly_are_a_low_learning_rate(fall: float) -> None:
    assert codes({"train/loss": even(2.33, fall), "val/loss": even(2.34, fall)})[0] == "NN203"


@pytest.mark.parametrize("classes", [2, 4, 10])
@pytest.mark.parametrize("excess", [0.0, 0.02])
def test_slow_memorisation_at_chance_level_is_no_low_learning_rate(
    classes: int, excess: float
) -> None:
    """Random labels: training loss falls from above ln(C) to below it, validation stays there."""
    chance = math.log(classes)
    train = [chance * (1 + excess * math.exp(-0.3 * i) - 0.01 * i / EPOCHS) for i in range(EPOCHS)]
    val = [chance * (1.002 + 0.2 * excess * math.exp(-0.3 * i)) for i in range(EPOCHS)]
    accuracy = [1 / classes + 0.02 * i / EPOCHS for i in range(EPOCHS)]
    reported = codes({"train/loss": train, "val/loss": val, "train/accuracy": accuracy})
    assert reported[0] == "NN106"
    assert "NN203" not in reported


@pytest.mark.parametrize("seed", range(5))
def test_a_noisy_plateau_is_no_low_learning_rate(seed: int) -> None:
    noise = random.Random(seed)
    train = [math.log(10) * (1 + 0.003 * noise.gauss(0, 1)) for _ in range(EPOCHS)]
    reported = codes({"train/loss": train, "train/accuracy": [0.1] * EPOCHS})
    assert reported[0] == "NN106"
    assert "NN203" not in reported


def test_steps_of_zero_have_no_low_learning_rate() -> None:
    """A dead network has no gradient: a higher learning rate changes nothing."""
    curves = {"train/loss": even(2.33, 1e-4), "val/loss": even(2.34, 1e-4)}
    assert "NN203" in codes({**curves, "probe/update_ratio": [1e-7] * EPOCHS})
    assert "NN203" not in codes({**curves, "probe/update_ratio": [0.0] * EPOCHS})
