"""The built-in data of two inputs and of two views, trained through loaders."""

import math
from pathlib import Path

import pytest
import torch
from command_line_runner import Nnlab

from nnlab.engine.data.generated.paired_signals import SIGNAL_LENGTH, TwoInputs, TwoViews

MODELS = """
import torch
from torch import nn

class Siamese(nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(24, 32), nn.ReLU(), nn.Linear(32, 16))
        self.head = nn.Linear(32, num_classes)

    def forward(self, left, right):
        a, b = self.body(left), self.body(right)
        return self.head(torch.cat([(a - b).abs(), a * b], dim=1))

class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(24, 32), nn.ReLU(), nn.Linear(32, 8))

    def forward(self, first, second):
        return torch.stack([self.body(first), self.body(second)], dim=1)

def info_nce(outputs):
    a, b = nn.functional.normalize(outputs, dim=2).unbind(1)
    return nn.functional.cross_entropy(a @ b.T / 0.1, torch.arange(len(a)))
"""


def test_two_inputs_depend_on_the_seed_only() -> None:
    data, again, other = TwoInputs(40, 0.1, 3), TwoInputs(40, 0.1, 3), TwoInputs(40, 0.1, 4)
    (left, right), target = data[5]
    assert left.shape == right.shape == (SIGNAL_LENGTH,)
    assert sorted(data.targets) == [0] * 20 + [1] * 20
    assert torch.equal(left, again[5][0][0])
    assert torch.equal(right, again[5][0][1])
    assert target == again[5][1]
    assert not torch.equal(left, other[5][0][0])


def test_views_share_their_signal_and_have_new_noise() -> None:
    silent = TwoViews(10, 0.0, 0)[3]
    assert torch.equal(silent["first"], silent["second"])
    noisy = TwoViews(10, 0.2, 0)
    first, again = noisy[3], noisy[3]
    assert not torch.equal(first["first"], first["second"])
    assert not torch.equal(first["first"], again["first"])
    noise = first["first"] - silent["first"]
    assert 0.05 < noise.std() < 0.5


@pytest.fixture
def models(nnlab: Nnlab, folder: Path) -> Nnlab:
    """Runs in a folder with `two.py`."""
    (folder / "two.py").write_text(MODELS)
    return nnlab


def best_value(nnlab: Nnlab) -> float:
    """The best value of the objective of the only run."""
    (row,) = nnlab("ls", "--format", "json").json
    return float(row["best"])


def test_a_model_of_two_inputs_learns(models: Nnlab) -> None:
    models(
        *("train", "--data", "two-inputs", "--model", "two.py:Siamese", "--lr", "0.003"),
        *("--epochs", "12", "-q"),
    )
    assert best_value(models) > 0.85


def test_a_contrastive_loss_needs_no_targets(models: Nnlab) -> None:
    arguments = ("train", "--data", "two-views", "--model", "two.py:Encoder")
    models(*arguments, "--loss", "two.py:info_nce", "--epochs", "4", "-q")
    # Guessing one of 64 examples has the loss ln 64.
    assert best_value(models) < 0.6 * math.log(64)


def test_data_show_says_that_it_is_read_through_a_loader(nnlab: Nnlab) -> None:
    assert "read through a loader" in nnlab("data", "show", "two-inputs", expect=2).err


@pytest.mark.parametrize("data", ["two-inputs", "two-views"])
def test_a_built_in_model_is_refused_before_anything_is_stored(models: Nnlab, data: str) -> None:
    loss = ("--loss", "two.py:info_nce") if data == "two-views" else ()
    answer = models("train", "--data", data, "--model", "mlp", *loss, expect=2)
    assert f"--model mlp takes one tensor, and {data} has two inputs" in " ".join(
        answer.err.split()
    )
