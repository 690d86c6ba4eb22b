"""NN405: validation better than training by more than chance, and what else explains it."""

import math
from collections.abc import Mapping, Sequence

import pytest

from nnlab.diagnosis import diagnose
from nnlab.records import Curve, Finding, History

EPOCHS = 20


def better(curves: Mapping[str, Sequence[float]]) -> Finding | None:
    named = {n: Curve(n, tuple(range(1, len(v) + 1)), tuple(v)) for n, v in curves.items()}
    return next((f for f in diagnose(History(named)) if f.code == "NN405"), None)


def run(train_accuracy: float, val_accuracy: float) -> dict[str, Sequence[float]]:
    losses = [0.1 + math.exp(-0.5 * i) for i in range(EPOCHS)]
    return {
        "train/loss": losses,
        "val/loss": [0.6 * loss for loss in losses],
        "train/accuracy": [train_accuracy] * EPOCHS,
        "val/accuracy": [val_accuracy] * EPOCHS,
    }


@pytest.mark.parametrize(("examples", "is_easier"), [(22, False), (150, False), (2000, True)])
def test_an_easier_split_is_one_by_more_than_chance(examples: int, is_easier: bool) -> None:
    """0.97 and 0.98: the standard error of 22 examples is 0.045, that of 2,000 is 0.004."""
    size = {"data/classes": [3.0], "data/val": [float(examples)]}
    assert (better({**run(0.97, 0.98), **size}) is not None) is is_easier
    assert better(run(0.97, 0.98)) is not None, "the size is unknown"


def test_a_lower_loss_without_a_higher_accuracy_has_another_scale() -> None:
    finding = better(run(0.98, 0.96))
    assert finding is not None
    assert "label smoothing" in finding.message
    # Curves of other programs have no options.
    assert finding.remedy == "nothing, if that explains it"
    finding = better(run(0.9, 0.96))
    assert finding is not None
    assert "seems easier" in finding.message
    assert finding.remedy == "look for rows that both splits share"
