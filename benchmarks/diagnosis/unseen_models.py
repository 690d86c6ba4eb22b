"""Model files of the unseen half, in other styles than those of `user_model_files`.

Some write their own layers around a parameter, some use activations that nnlab's models lack. Each
is trained through nnlab with one built-in fault.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from diagnosis.specimen import Specimen

FILE = "unseen_models.py"
SOURCE = """
from collections import OrderedDict

import torch
from torch import nn
from torch.nn import functional as F


class Affine(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        bound = inputs ** -0.5
        self.weight = nn.Parameter(torch.empty(inputs, outputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x):
        return torch.einsum("ni,io->no", x, self.weight) + self.bias


def initialise(model, std=None, value=None, bias=None):
    for name, parameter in model.named_parameters():
        if name.endswith("bias") and bias is not None and "head" not in name:
            nn.init.constant_(parameter, bias)
        if parameter.dim() > 1 and std is not None:
            nn.init.normal_(parameter, 0.0, std)
        if parameter.dim() > 1 and value is not None:
            nn.init.constant_(parameter, value)
    return model


def last(kind):
    return [("probabilities", nn.Softmax(dim=-1))] if kind == "softmax" else []


def ordered(in_features, outputs, act=nn.ReLU, depth=2, width=40, p=0.0, end=None):
    layers = OrderedDict(flat=nn.Flatten())
    for i in range(depth):
        layers[f"hidden{i}"] = nn.Linear(in_features if i == 0 else width, width)
        layers[f"act{i}"] = act()
        if p:
            layers[f"drop{i}"] = nn.Dropout(p)
    layers["head"] = nn.Linear(width, outputs)
    layers.update(last(end))
    return nn.Sequential(layers)


class OwnLayers(nn.Module):
    def __init__(self, in_features, outputs, act=nn.ReLU, depth=2, width=40, p=0.0, end=None):
        super().__init__()
        sizes = [in_features] + depth * [width]
        self.layers = nn.ModuleList(Affine(a, b) for a, b in zip(sizes, sizes[1:]))
        self.head, self.act, self.p = Affine(width, outputs), act(), p
        self.end = nn.Sequential(OrderedDict(last(end)))

    def forward(self, x):
        x = x.flatten(1)
        for layer in self.layers:
            x = F.dropout(self.act(layer(x)), self.p, training=self.training)
        return self.end(self.head(x))


class Encoder(nn.Module):
    def __init__(self, in_features, outputs, act=nn.ReLU, depth=2, width=40, p=0.0, end=None):
        super().__init__()

        def block(inputs):
            return nn.Sequential(nn.Linear(inputs, width), act(), nn.Dropout(p))

        self.encoder = nn.Sequential(*[block(width if i else in_features) for i in range(depth)])
        self.head = nn.Sequential(nn.Linear(width, outputs), *[m for _, m in last(end)])

    def forward(self, x):
        return self.head(self.encoder(torch.flatten(x, 1)))


class Dense(nn.Module):
    def __init__(self, in_features, outputs, act=nn.ReLU, depth=3, width=24, p=0.0, end=None):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(in_features + i * width, width) for i in range(depth))
        self.head = nn.Linear(in_features + depth * width, outputs)
        self.act, self.dropout = act(), nn.Dropout(p)

    def forward(self, x):
        x = x.flatten(1)
        for layer in self.layers:
            x = torch.cat([x, self.dropout(self.act(layer(x)))], 1)
        return self.head(x)


class PooledConv(nn.Module):
    def __init__(self, in_shape, outputs, act=nn.ReLU, width=8, p=0.0, end=None):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(in_shape[0], width, 3, padding=1), act(), nn.MaxPool2d(2), nn.Dropout(p),
            nn.Conv2d(width, 2 * width, 3, padding=1), act(), nn.MaxPool2d(2), nn.Dropout(p),
        )
        size = in_shape[1] // 4 * (in_shape[2] // 4) * 2 * width
        self.head = nn.Sequential(nn.Linear(size, outputs), *[m for _, m in last(end)])

    def forward(self, x):
        return self.head(self.features(x).flatten(1))


class Mixer(nn.Module):
    def __init__(self, in_features, outputs, width=32):
        super().__init__()
        self.lift = nn.Linear(1, 8)
        self.mix, self.norm = nn.Linear(in_features, in_features), nn.LayerNorm(8)
        self.wide = nn.Sequential(nn.Linear(8, 32), nn.GELU(), nn.Linear(32, 8))
        self.head = nn.Linear(8 * in_features, outputs)

    def forward(self, x):
        x = self.lift(x.flatten(1)[:, :, None])
        x = x + self.mix(self.norm(x).transpose(1, 2)).transpose(1, 2)
        return self.head((x + self.wide(x)).flatten(1))


class Rows(nn.Module):
    def __init__(self, in_features, outputs):
        super().__init__()
        self.rnn = nn.GRU(4, 24, batch_first=True)
        self.head = nn.Linear(24, outputs)

    def forward(self, x):
        x = x.flatten(1)
        x = F.pad(x, (0, -x.shape[1] % 4)).reshape(len(x), -1, 4)
        return self.head(self.rnn(x)[1][-1])
"""
STYLES = {"ordered": "ordered", "own_layers": "OwnLayers", "encoder": "Encoder", "dense": "Dense"}


@dataclass(frozen=True, slots=True)
class ModelFault:
    """A fault in the code of a model (`arguments`, `initialise`) or in the setting of its run."""

    name: str
    codes: tuple[str, ...]
    arguments: str = ""
    initialise: str = ""
    setting: Mapping[str, Any] = field(default_factory=dict)
    styles: tuple[str, ...] = ("ordered", "own_layers", "encoder")


_ADAM: Mapping[str, Any] = {"opt": "adam", "lr": 1e-3}
_SGD: Mapping[str, Any] = {"opt": "momentum", "lr": 0.01}
_HEALTHY: Mapping[str, Any] = {"opt": "adamw", "lr": 3e-3, "decay": "cosine", "l2": 1e-3}
_SLOW: Mapping[str, Any] = {"opt": "sgd", "lr": 1e-3}
_UNSTABLE = ("NN202", "NN201")
_STYLES = ("ordered", "own_layers", "dense")
_WITH_CONV = ("ordered", "own_layers", "encoder", "conv")
FAULTS = (
    ModelFault("deep sigmoid", ("NN301",), "act=nn.Sigmoid, depth=9", "", _ADAM),
    ModelFault("deep sigmoid, sgd", ("NN301",), "act=nn.Sigmoid, depth=6", "", _SGD),
    ModelFault("weights too large", ("NN305", "NN304"), "depth=5", "std=1.5", _SLOW),
    ModelFault("weights too small", ("NN305",), "depth=5", "std=0.005", _SGD),
    ModelFault("weights zero", ("NN306",), "depth=3", "value=0.0", _ADAM),
    ModelFault("weights equal", ("NN306",), "depth=2", "value=0.1", _ADAM),
    ModelFault("biases -6", ("NN303",), "depth=3", "bias=-6.0", _ADAM),
    ModelFault("dropout 0.9", ("NN307",), "depth=3, p=0.9", "", _ADAM),
    ModelFault("saturated tanh", ("NN304", "NN305"), "act=nn.Tanh, depth=3", "std=4.0", _SLOW),
    ModelFault("softmax at the end", ("NN308",), "end='softmax'", "", _ADAM, _WITH_CONV),
    ModelFault("lr too high", _UNSTABLE, "", "", {"opt": "adamw", "lr": 1.0}, _WITH_CONV),
    ModelFault("lr far too high", _UNSTABLE, "", "", {"opt": "nesterov", "lr": 3.0}, _WITH_CONV),
    ModelFault("lr too low", ("NN203",), "", "", {"opt": "adam", "lr": 2e-6}, _WITH_CONV),
    ModelFault("healthy", (), "", "", _HEALTHY, (*_WITH_CONV, "dense", "mixer", "rows")),
    ModelFault("healthy elu", (), "act=nn.ELU, depth=4", "", _HEALTHY),
    ModelFault("healthy silu", (), "act=nn.SiLU, depth=3", "", _HEALTHY, _STYLES),
    ModelFault("healthy dropout", (), "p=0.3, width=96", "", _HEALTHY),
)  # fmt: skip
DATA = ("circles", "breast-cancer", "digits")


def write_models(folder: Path) -> None:
    """Writes the file of the models to a folder: one function per fault and style."""
    lines = [SOURCE]
    styles = {**STYLES, "conv": "PooledConv", "mixer": "Mixer", "rows": "Rows"}
    for fault in FAULTS:
        for style in fault.styles:
            facts = "in_shape" if style == "conv" else "in_features"
            call = f"{styles[style]}({facts}, outputs, {fault.arguments})"
            lines.append(
                f"\n\ndef {_function(fault, style)}({facts}, outputs):\n"
                f"    return initialise({call}, {fault.initialise})\n"
            )
    (folder / FILE).write_text("".join(lines), encoding="utf-8")


def model_specimens() -> Iterator[Specimen]:
    """All runs of these models."""
    for fault in FAULTS:
        for style in fault.styles:
            for seed, data in enumerate(("digits",) if style == "conv" else DATA):
                setting = {"data": data, "epochs": 25, "batch_size": 32, **fault.setting}
                if data == "digits":
                    setting |= {"classes": "5-9"}
                setting["model"] = f"{FILE}:{_function(fault, style)}"
                truth = fault.codes[0] if fault.codes else ""
                name = f"model file: {fault.name}"
                yield Specimen(
                    name, "unseen", truth, setting, seed + 1, fault.codes[1:], "user models"
                )


def _function(fault: ModelFault, style: str) -> str:
    return f"{style}_{FAULTS.index(fault)}"
