"""NN202 and NN205: training loss oscillates by itself where mixup or cutmix mix the examples."""

import math
import random

import pytest

from nnlab.diagnosis import diagnose
from nnlab.records import Curve, History


def history(train_noise: float, val_noise: float) -> History:
    """Losses that fall to 0.5 and oscillate, at a constant learning rate."""
    rng = random.Random(0)
    epochs = tuple(range(1, 61))

    def loss(name: str, noise: float) -> Curve:
        values = [0.5 + math.exp(-epoch / 5) for epoch in epochs]
        return Curve(name, epochs, tuple(v + rng.uniform(-noise, noise) for v in values))

    curves = (loss("train/loss", train_noise), loss("val/loss", val_noise))
    rates = Curve("lr", epochs, (0.001,) * len(epochs))
    return History({curve.metric: curve for curve in (*curves, rates)})


@pytest.mark.parametrize(
    ("setting", "val_noise", "found"),
    [
        ({}, 0.0, True),
        ({"mixup": 0.4}, 0.0, False),
        ({"cutmix": 1.0}, 0.0, False),
        ({"mixup": 0.0, "cutmix": 0.0}, 0.0, True),
        ({"mixup": 0.4}, 0.3, True),
    ],
)
def test_the_oscillation_of_mixed_examples_is_no_fault(
    setting: dict[str, float], val_noise: float, found: bool
) -> None:
    codes = {finding.code for finding in diagnose(history(0.3, val_noise), setting)}
    assert ("NN202" in codes) == found
    assert "NN205" not in codes or not setting.get("mixup")
