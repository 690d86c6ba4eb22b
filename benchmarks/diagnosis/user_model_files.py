"""Model files as users write them, each with one built-in fault, and nnlab's models with the same.

python benchmarks/diagnosis/user_model_files.py [RESULT.pkl]

The styles differ in what an inspection can see: activations that are modules, functions, or one
module that is called after every layer. Prints how often the fault is named first.
"""

import pickle
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from nnlab.diagnosis import diagnose
from nnlab.engine.data import dataset_facts
from nnlab.engine.loop import build_session, train
from nnlab.engine.user_code import code_versions
from nnlab.records import Curve, History, Setting, Severity
from nnlab.settings import RunConfig, resolve, setting_of

MODELS = """
import math

import torch
from torch import nn
from torch.nn import functional as F

ACTIVATIONS = {"relu": nn.ReLU, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "gelu": nn.GELU}
FUNCTIONS = {"relu": F.relu, "sigmoid": torch.sigmoid, "tanh": torch.tanh, "gelu": F.gelu}


def prepare(model, init=None, bias=None):
    for module in model.modules():
        if isinstance(module, (nn.Linear, nn.Conv2d)):
            if init is not None:
                init(module.weight)
            if bias is not None:
                nn.init.constant_(module.bias, bias)
            elif init is not None:
                nn.init.zeros_(module.bias)
    return model


def sequential(in_features, outputs, act="relu", depth=2, width=32, dropout=0.0, norm=False,
               end=None):
    layers = [nn.Flatten()]
    for index in range(depth):
        layers.append(nn.Linear(width if index else in_features, width))
        layers += [nn.BatchNorm1d(width)] if norm else []
        layers.append(ACTIVATIONS[act]())
        layers += [nn.Dropout(dropout)] if dropout else []
    layers.append(nn.Linear(width, outputs))
    return nn.Sequential(*layers, *([nn.Softmax(1)] if end else []))


class Functional(nn.Module):
    def __init__(self, in_features, outputs, act="relu", depth=2, width=32, dropout=0.0,
                 norm=False, end=None):
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Linear(width if index else in_features, width) for index in range(depth)
        )
        self.head = nn.Linear(width, outputs)
        self.act, self.p, self.end, self.norm = FUNCTIONS[act], dropout, end, norm

    def forward(self, x):
        x = x.flatten(1)
        for layer in self.layers:
            x = layer(x)
            x = F.layer_norm(x, x.shape[1:]) if self.norm else x
            x = F.dropout(self.act(x), self.p, self.training)
        x = self.head(x)
        return F.softmax(x, 1) if self.end else x


class Reused(nn.Module):
    def __init__(self, in_features, outputs, act="relu", depth=2, width=32, dropout=0.0,
                 norm=False, end=None):
        super().__init__()
        self.act, self.dropout = ACTIVATIONS[act](), nn.Dropout(dropout)
        for index in range(depth):
            setattr(self, f"fc{index}", nn.Linear(width if index else in_features, width))
            setattr(self, f"norm{index}", nn.LayerNorm(width) if norm else nn.Identity())
        self.out = nn.Linear(width, outputs)
        self.depth, self.end = depth, end

    def forward(self, x):
        x = x.flatten(1)
        for index in range(self.depth):
            x = getattr(self, f"norm{index}")(getattr(self, f"fc{index}")(x))
            x = self.dropout(self.act(x))
        x = self.out(x)
        return x.softmax(1) if self.end else x


class Conv(nn.Module):
    def __init__(self, in_shape, outputs, act="relu", depth=2, width=8, dropout=0.0,
                 norm=False, end=None):
        super().__init__()
        self.convs = nn.ModuleList(
            nn.Conv2d(width if index else in_shape[0], width, 3, padding=1)
            for index in range(depth)
        )
        self.norms = nn.ModuleList(
            nn.BatchNorm2d(width) if norm else nn.Identity() for _ in range(depth)
        )
        self.head = nn.Linear(width * 16, outputs)
        self.drop = nn.Dropout2d(dropout)
        self.act, self.end = FUNCTIONS[act], end

    def forward(self, x):
        for conv, norm in zip(self.convs, self.norms):
            x = self.drop(self.act(norm(conv(x))))
        x = self.head(F.adaptive_avg_pool2d(x, 4).flatten(1))
        return torch.softmax(x, 1) if self.end else x


class Residual(nn.Module):
    def __init__(self, in_features, outputs, act="relu", depth=3, width=32, dropout=0.0, end=None):
        super().__init__()
        self.stem, self.head = nn.Linear(in_features, width), nn.Linear(width, outputs)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), ACTIVATIONS[act](),
                          nn.Dropout(dropout), nn.Linear(width, width)) for _ in range(depth)
        )
        self.end = end

    def forward(self, x):
        x = self.stem(x.flatten(1))
        for block in self.blocks:
            x = x + block(x)
        x = self.head(x)
        return x.softmax(1) if self.end else x


class Recurrent(nn.Module):
    def __init__(self, in_shape, outputs, width=32):
        super().__init__()
        self.rnn = nn.LSTM(in_shape[-1], width, batch_first=True)
        self.head = nn.Linear(width, outputs)

    def forward(self, x):
        return self.head(self.rnn(x.squeeze(1))[0][:, -1])


class Gated(nn.Module):
    def __init__(self, in_features, outputs, width=32):
        super().__init__()
        self.a, self.g = nn.Linear(in_features, width), nn.Linear(width, width)
        self.b = nn.Linear(width, width)
        self.head = nn.Linear(width, outputs)

    def forward(self, x):
        x = F.silu(self.a(x.flatten(1)))
        return self.head(F.silu(self.b(x)) * torch.sigmoid(self.g(x)))


class Transformer(nn.Module):
    def __init__(self, in_shape, outputs, width=32):
        super().__init__()
        self.embed = nn.Linear(in_shape[-1], width)
        layer = nn.TransformerEncoderLayer(width, 4, 64, dropout=0.1, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2)
        self.position = nn.Parameter(torch.zeros(in_shape[-2], width))
        self.head = nn.Linear(width, outputs)

    def forward(self, x):
        return self.head(self.encoder(self.embed(x.squeeze(1)) + self.position).mean(1))


STYLES = {"sequential": sequential, "functional": Functional, "reused": Reused, "conv": Conv,
          "residual": Residual, "recurrent": Recurrent, "gated": Gated, "transformer": Transformer}


def normal(std):
    return lambda weight: nn.init.normal_(weight, std=std)


def uniform(bound):
    return lambda weight: nn.init.uniform_(weight, -bound, bound)


def constant(value):
    return lambda weight: nn.init.constant_(weight, value)
"""


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of a model file (or of the setting), and the same in nnlab's own models.

    `codes` are the findings that describe it, the best first; empty for a healthy run. `arguments`
    is the text of the arguments of a style, `prepare` that of `prepare`. `builtin` are the fields
    of nnlab's models, None if they cannot have the fault.
    """

    name: str
    codes: tuple[str, ...]
    arguments: str = ""
    prepare: str = ""
    setting: Mapping[str, Any] = field(default_factory=dict)
    builtin: Mapping[str, Any] | None = field(default_factory=dict)
    styles: tuple[str, ...] = ("sequential", "functional", "reused", "conv")


ADAM: Mapping[str, Any] = {"opt": "adam", "lr": 1e-3}
SGD: Mapping[str, Any] = {"opt": "momentum", "lr": 0.01}
RESIDUAL_TOO = ("sequential", "functional", "reused", "conv", "residual")
FAULTS = (
    Fault("deep sigmoid", ("NN301",), "act='sigmoid', depth=10", "", ADAM,
          {"activation": "sigmoid", "depth": 10, "init": "xavier"}),
    Fault("deep sigmoid, sgd", ("NN301",), "act='sigmoid', depth=7", "",
          {"opt": "sgd", "lr": 0.1},
          {"activation": "sigmoid", "depth": 7, "init": "xavier"}),
    Fault("init too large", ("NN305", "NN304"), "depth=6", "normal(1.0)",
          {"opt": "sgd", "lr": 1e-3},
          {"depth": 6, "init": "normal", "init_scale": 1.0}),
    Fault("init too small", ("NN305",), "depth=6", "normal(0.01)", SGD,
          {"depth": 6, "init": "normal", "init_scale": 0.01}),
    Fault("zero weights", ("NN306",), "depth=2", "constant(0.0)", ADAM,
          {"depth": 2, "init": "zeros"}),
    Fault("constant weights", ("NN306",), "depth=3", "constant(0.05)", ADAM, None),
    Fault("biases -4", ("NN303",), "depth=3", "None, bias=-4.0", ADAM,
          {"depth": 3, "bias_init": -4.0}),
    Fault("biases -20", ("NN303",), "depth=2", "None, bias=-20.0", ADAM,
          {"depth": 2, "bias_init": -20.0}),
    Fault("dropout 0.8", ("NN307",), "depth=3, dropout=0.8", "", ADAM,
          {"depth": 3, "dropout": 0.8}, RESIDUAL_TOO[:4]),
    Fault("dropout 0.95", ("NN307",), "depth=2, dropout=0.95", "", ADAM,
          {"depth": 2, "dropout": 0.95}, RESIDUAL_TOO[:4]),
    Fault("saturated tanh", ("NN304", "NN305"), "act='tanh', depth=3", "normal(3.0)",
          {"opt": "sgd", "lr": 1e-3},
          {"activation": "tanh", "depth": 3, "init": "normal", "init_scale": 3.0}),
    Fault("lr too high", ("NN202", "NN201"), "", "", {"opt": "adam", "lr": 1.0}, {}, RESIDUAL_TOO),
    Fault("lr too high, momentum", ("NN202", "NN201"), "", "", {"opt": "momentum", "lr": 3.0}, {},
          RESIDUAL_TOO),
    Fault("lr too low", ("NN203",), "", "", {"opt": "adam", "lr": 3e-6}, {}, RESIDUAL_TOO),
    Fault("second softmax", ("NN308",), "end='softmax'", "", ADAM, None, RESIDUAL_TOO),
    Fault("healthy relu", (), "", "", {**ADAM, "l2": 1e-3, "decay": "cosine"}, {}, RESIDUAL_TOO),
    Fault("healthy tanh", (), "act='tanh'", "", {**ADAM, "l2": 1e-3, "decay": "cosine"},
          {"activation": "tanh"}, RESIDUAL_TOO),
    Fault("healthy norm", (), "depth=4, norm=True", "", {**ADAM, "l2": 1e-3, "decay": "cosine"},
          {"depth": 4, "norm": "batch"}),
    Fault("healthy deep gelu", (), "act='gelu', depth=6", "nn.init.kaiming_normal_",
          {**ADAM, "l2": 1e-3, "decay": "cosine"}, {"activation": "gelu", "depth": 6}),
    Fault("healthy dropout", (), "depth=2, width=128, dropout=0.5", "",
          {**ADAM, "decay": "cosine"}, {"depth": 2, "dropout": 0.5, "width": 128},
          RESIDUAL_TOO[:3]),
    Fault("healthy other", (), "", "", {**ADAM, "l2": 1e-3, "decay": "cosine"}, None,
          ("recurrent", "gated", "transformer")),
)  # fmt: skip
DATA = ("digits", "two-moons", "wine")
IMAGE_STYLES = ("conv", "recurrent", "transformer")


@dataclass(frozen=True, slots=True)
class Case:
    """One training run: a fault in one style (`nnlab` for nnlab's own models)."""

    fault: Fault
    style: str
    data: str
    seed: int


def cases(seeds: Sequence[int]) -> Iterator[Case]:
    """All runs; models of images only for images."""
    for fault in FAULTS:
        for style in (*fault.styles, *(("nnlab",) if fault.builtin is not None else ())):
            for data in DATA[:1] if style in IMAGE_STYLES else DATA:
                for seed in seeds:
                    yield Case(fault, style, data, seed)


def write_models(path: Path) -> None:
    """Writes the file with one function per fault and style."""
    lines = [MODELS]
    for index, fault in enumerate(FAULTS):
        for style in fault.styles:
            facts = "in_shape" if style in IMAGE_STYLES else "in_features"
            call = f"STYLES[{style!r}]({facts}, outputs, {fault.arguments})"
            lines.append(
                f"\n\ndef {style}_{index}({facts}, outputs):\n"
                f"    return prepare({call}, {fault.prepare})\n"
            )
    path.write_text("".join(lines), encoding="utf-8")


def case_setting(case: Case, models: Path | str) -> dict[str, Any]:
    """The options of a run; `models` is the file of the models."""
    setting: dict[str, Any] = {"data": case.data, "epochs": 25, "batch_size": 32}
    if case.data == "two-moons":
        setting["samples"] = 1000
    setting |= case.fault.setting
    if case.style == "nnlab":
        setting |= {"model": "mlp", "width": 32, **(case.fault.builtin or {})}
    else:
        setting["model"] = f"{models}:{case.style}_{FAULTS.index(case.fault)}"
    return setting


def train_case(case: Case, models: Path) -> tuple[Setting, History]:
    """The setting and the curves of a run."""
    setting = case_setting(case, models)
    raw = RunConfig(**setting, seed=case.seed, device="cpu", threads=1)
    config = resolve(raw, dataset_facts(case.data), versions=code_versions(raw))
    curves: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for epoch in train(build_session(config)):
        for metric, value in epoch.values.items():
            curves[metric].append((epoch.number, value))
    history = History(
        {
            name: Curve(name, *map(tuple, zip(*points, strict=True)))
            for name, points in curves.items()
        }
    )
    return setting_of(config), history


def first_warning(history: History, setting: Setting) -> str:
    """The code of the first finding that is a warning or an error; empty without one."""
    findings = (f for f in diagnose(history, setting) if f.severity is not Severity.INFO)
    return next((finding.code for finding in findings), "")


def print_shares(results: Sequence[tuple[Case, str]]) -> None:
    """How often the fault is named first, by group, and every fault that is not."""
    groups: dict[str, list[bool]] = defaultdict(list)
    wrong: dict[tuple[str, str, str], int] = defaultdict(int)
    for case, code in results:
        is_right = code in case.fault.codes if case.fault.codes else not code
        owner = "nnlab's" if case.style == "nnlab" else "user's"
        kind = "faults" if case.fault.codes else "healthy"
        groups[f"{owner} models, {kind}"].append(is_right)
        if not is_right:
            wrong[case.fault.name, case.style, code or "none"] += 1
    for group, outcomes in sorted(groups.items()):
        print(f"{group}: {sum(outcomes)} of {len(outcomes)} ({sum(outcomes) / len(outcomes):.0%})")
    for (fault, style, code), count in sorted(wrong.items()):
        print(f"  {fault:24} {style:12} {code:6} {count}")


def main(stored: Path | None) -> None:
    """Trains all runs, or reads them from the file if it exists; prints the shares."""
    torch.set_num_threads(1)
    if stored is not None and stored.exists():
        trained = pickle.loads(stored.read_bytes())
    else:
        trained = []
        with TemporaryDirectory() as folder:
            models = Path(folder) / "model.py"
            write_models(models)
            for case in cases((1,)):
                setting, history = train_case(case, models)
                curves = {n: (c.epochs, c.values) for n, c in history.curves.items()}
                trained.append((case.fault.name, case.style, case.data, case.seed, setting, curves))
                if stored is not None:
                    stored.with_suffix(".part").write_bytes(pickle.dumps(trained))
        if stored is not None:
            stored.write_bytes(pickle.dumps(trained))
    by_name = {fault.name: fault for fault in FAULTS}
    results = []
    for name, style, data, seed, setting, curves in trained:
        history = History({n: Curve(n, *columns) for n, columns in curves.items()})
        results.append((Case(by_name[name], style, data, seed), first_warning(history, setting)))
    print_shares(results)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
