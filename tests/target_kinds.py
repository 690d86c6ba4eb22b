"""Small data and models for each kind of targets, and a plain torch loop to compare runs with."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

from nnlab.catalogue import Task
from nnlab.engine.batches import batch_bounds
from nnlab.engine.data import facts_of
from nnlab.engine.epoch_order import draw_order
from nnlab.engine.session import Session
from nnlab.engine.versions import file_versions
from nnlab.settings import RunConfig, resolve

SOURCE = """
import numpy as np
import torch
from torch import nn

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 5))
TOKENS = RNG.integers(0, 7, (60, 6))
IMAGES = RNG.normal(size=(60, 1, 4, 4))


def numbers():
    noise = RNG.normal(size=(60, 2))
    return {"x": X, "y": X[:, :2] * [3.0, 100.0] + noise, "target_names": ["speed", "mass"]}


def tags():
    return {"x": X, "y": X[:, :3] > 0.4, "classes": ["sea", "sun", "sand"]}


def tagged_words():
    y = TOKENS % 3
    y[::4, -2:] = -100
    return TOKENS, y


def text():
    return {"x": RNG.integers(0, 7, (60, 7)), "vocabulary": list("abcdefg"), "pad_token": 6}


def masks():
    y = (IMAGES[:, 0] > 0).astype(np.uint8) + (IMAGES[:, 0] > 1)
    y[:, 0, 0] = 255
    return IMAGES, y


def signals():
    return X


class Vector(nn.Sequential):
    def __init__(self, in_features, outputs):
        super().__init__(nn.Linear(in_features, 8), nn.Tanh(), nn.Linear(8, outputs))


class Words(nn.Module):
    def __init__(self, vocab_size, sequence_length, num_classes, out_shape):
        super().__init__()
        assert out_shape == (sequence_length, num_classes)
        self.embed, self.head = nn.Embedding(vocab_size, 8), nn.Linear(8, num_classes)

    def forward(self, x):
        return self.head(torch.tanh(self.embed(x)))


class Pixels(nn.Module):
    def __init__(self, in_channels, out_shape):
        super().__init__()
        self.layer = nn.Conv2d(in_channels, out_shape[0], 3, padding=1)

    def forward(self, x):
        return self.layer(x)
"""


@dataclass(frozen=True)
class Kind:
    """The data function, the model, the plain loss and the plain metrics of a kind of targets."""

    data: str
    model: str
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
    metrics: Callable[[torch.Tensor, torch.Tensor], dict[str, float]]
    task: Task | None = None


def _number_metrics(outputs: torch.Tensor, targets: torch.Tensor) -> dict[str, float]:
    return {"mse": float(functional.mse_loss(outputs, targets))}


def _tag_metrics(outputs: torch.Tensor, targets: torch.Tensor) -> dict[str, float]:
    right = (outputs.sigmoid() > 0.5) == (targets == 1)
    return {
        "accuracy": float(right.double().mean()),
        "exact_match": float(right.all(1).double().mean()),
    }


def _token_metrics(outputs: torch.Tensor, targets: torch.Tensor) -> dict[str, float]:
    counted = targets != -100
    return {"accuracy": float((outputs.argmax(-1) == targets)[counted].double().mean())}


def _language_metrics(outputs: torch.Tensor, targets: torch.Tensor) -> dict[str, float]:
    loss = float(token_loss(outputs, targets))
    return {**_token_metrics(outputs, targets), "perplexity": math.exp(loss)}


def _pixel_metrics(outputs: torch.Tensor, targets: torch.Tensor) -> dict[str, float]:
    predicted, counted = outputs.argmax(1), targets != -100
    ious = [
        float(both.sum() / either.sum())
        for k in range(outputs.shape[1])
        for both in [(predicted == k) & (targets == k)]
        for either in [((predicted == k) | (targets == k)) & counted]
        if either.any()
    ]
    return {
        "accuracy": float((predicted == targets)[counted].double().mean()),
        "mean_iou": sum(ious) / len(ious),
    }


def _reconstruction_metrics(outputs: torch.Tensor, targets: torch.Tensor) -> dict[str, float]:
    return {
        "rmse": float(functional.mse_loss(outputs, targets)) ** 0.5,
        "mae": float(functional.l1_loss(outputs, targets)),
    }


def token_loss(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """The cross-entropy as a plain loop computes it, with the classes in the second dimension."""
    return functional.cross_entropy(outputs.transpose(1, 2), targets, ignore_index=-100)


KINDS: Mapping[Task, Kind] = {
    "regression": Kind("numbers", "Vector", nn.MSELoss(), _number_metrics),
    "multilabel": Kind("tags", "Vector", nn.BCEWithLogitsLoss(), _tag_metrics),
    "token_classification": Kind("tagged_words", "Words", token_loss, _token_metrics),
    "language_modeling": Kind("text", "Words", token_loss, _language_metrics, "language_modeling"),
    "segmentation": Kind("masks", "Pixels", nn.CrossEntropyLoss(), _pixel_metrics),
    "reconstruction": Kind("signals", "Vector", nn.MSELoss(), _reconstruction_metrics),
}


def make_config(folder: Path, task: Task, **settings: object) -> RunConfig:
    """The resolved config of a run of one kind; the working folder must be `folder`."""
    (folder / "own.py").write_text(SOURCE)
    kind = KINDS[task]
    chosen = {
        "data": f"own.py:{kind.data}",
        "model": f"own.py:{kind.model}",
        "task": kind.task,
        "opt": "sgd",
        "lr": 0.1,
        "batch_size": 16,
        "epochs": 3,
        "device": "cpu",
        "probe": "none",
        **settings,
    }
    config = RunConfig(**chosen)  # type: ignore[arg-type]
    return resolve(config, facts_of(config), versions=file_versions(config))


def train_plainly(session: Session, kind: Kind) -> list[dict[str, float]]:
    """The metrics of each epoch of a plain loop that starts from the weights of a session."""
    config, data, model = session.config, session.data, session.model
    optimizer = torch.optim.SGD(
        model.parameters(), lr=config.lr or 0.0, momentum=config.momentum or 0.0
    )
    epochs = []
    for epoch in range(1, config.epochs + 1):
        order = draw_order(config, data.train.targets, epoch)
        model.train()
        outputs, targets = [], []
        for begin, end in batch_bounds(len(order), session.batch_size):
            rows = order[begin:end]
            outputs.append(model(data.train.examples[rows]))
            targets.append(data.train.targets[rows])
            optimizer.zero_grad()
            kind.loss(outputs[-1], targets[-1]).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        model.eval()
        with torch.no_grad():
            values = _measure(kind, "train", torch.cat(outputs), torch.cat(targets))
            for split in ("val", "test"):
                part = getattr(data, split)
                values |= _measure(kind, split, model(part.examples), part.targets)
        epochs.append(values)
    return epochs


def _measure(
    kind: Kind, split: str, outputs: torch.Tensor, targets: torch.Tensor
) -> dict[str, float]:
    outputs = outputs.detach()
    values = {"loss": float(kind.loss(outputs, targets)), **kind.metrics(outputs, targets)}
    return {f"{split}/{name}": value for name, value in values.items()}
