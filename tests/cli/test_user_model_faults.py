"""Faults in a user's model file, each trained and diagnosed by the command line."""

from pathlib import Path

import pytest
from command_line_runner import Nnlab

MODEL = """
import torch
from torch import nn
from torch.nn import functional as F

class Net(nn.Module):
    def __init__(self, in_features, outputs, act="relu", depth=3, drop=0.0, weight=None,
                 sd=None, bias=None):
        super().__init__()
        widths = [in_features] + [32] * depth
        self.hidden = nn.ModuleList(nn.Linear(*pair) for pair in zip(widths, widths[1:]))
        self.head = nn.Linear(32, outputs)
        self.act, self.drop = getattr(torch, act), drop
        for layer in (*self.hidden, self.head):
            if weight is not None:
                nn.init.constant_(layer.weight, weight)
            if sd is not None:
                nn.init.normal_(layer.weight, std=sd)
            if bias is not None:
                nn.init.constant_(layer.bias, bias)

    def forward(self, x):
        x = x.flatten(1)
        for layer in self.hidden:
            x = F.dropout(self.act(layer(x)), self.drop, self.training)
        return self.head(x)
"""


@pytest.mark.parametrize(
    ("code", "options"),
    [
        ("NN301", ["--model.act", "sigmoid", "--model.depth", "8"]),
        ("NN303", ["--model.bias=-4"]),
        ("NN304", ["--model.act", "tanh", "--model.sd", "3", "--opt", "sgd", "--lr", "1e-3"]),
        ("NN305", ["--model.sd", "0.01", "--model.bias", "0", "--model.depth", "5"]),
        ("NN306", ["--model.weight", "0"]),
        ("NN306", ["--model.weight", "0.05"]),
        ("NN307", ["--model.drop", "0.8"]),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value[:2]),
)
def test_the_fault_of_a_model_file_is_named_first(
    nnlab: Nnlab, folder: Path, code: str, options: list[str]
) -> None:
    (folder / "model.py").write_text(MODEL, encoding="utf-8")
    train = ("train", "--data", "digits", "--model", "model.py:Net", "--epochs", "8", *options)
    nnlab(*train, "--device", "cpu", "--name", "mine")
    first, *_ = nnlab("diagnose", "mine", "--format", "json").json[0]["findings"]
    assert first["code"] == code
    assert "--dropout" not in first["remedy"]
    assert "--init" not in first["remedy"]
