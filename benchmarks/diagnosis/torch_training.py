"""Training in plain torch, without nnlab: small networks with a known true risk, several at once.

The runs of a group share the sizes, the optimizer and the schedule. Their weights are stacked, so
that one batched matrix product trains all of them; their data, label noise, dropout, label
smoothing and numbers of validation examples differ. Nothing of one run affects another.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from diagnosis.generated_tasks import TASKS, Task
from torch import Tensor

FRESH_EXAMPLES, PRETRAINING_EXAMPLES = 1_500, 1_000
MAX_RISK_EPOCHS = 40


@dataclass(frozen=True, slots=True)
class RunGroup:
    """The settings of a group of runs: shared values, and one value per run in the sequences."""

    task: str
    seed: int
    train_size: int
    epochs: int
    batch_size: int
    widths: tuple[int, ...]
    activation: str
    optimizer: str
    lr: float
    decay: str
    weight_decay: float
    batch_norm: bool
    label_noise: Sequence[float]
    noisy_validation: Sequence[bool]
    dropout: Sequence[float]
    label_smoothing: Sequence[float]
    smoothed_validation: Sequence[bool]
    val_sizes: Sequence[int]
    train_in_eval_mode: Sequence[bool]
    pretraining_epochs: int = 0


@dataclass(frozen=True, slots=True)
class GroupHistory:
    """Curves of a group: name -> array (runs, epochs); and the true risk at `risk_epochs`."""

    curves: Mapping[str, np.ndarray[Any, Any]]
    risk_epochs: Sequence[int]
    risk: np.ndarray[Any, Any]


class StackedNetwork:
    """Independent networks with the same sizes: linear, MLP, or Elman network for sequences."""

    def __init__(
        self, group: RunGroup, task: Task, features: int, generator: torch.Generator
    ) -> None:
        self.group, self.is_sequence, self.generator = group, task.is_sequence, generator
        self.runs = len(group.dropout)
        self.keep = 1.0 - torch.tensor(group.dropout, dtype=torch.float32)[:, None, None]
        sizes = [features, *group.widths, task.classes or 1]
        self.weights: list[Tensor] = []
        for fan_in, fan_out in pairwise(sizes):
            self.weights += [
                self._uniform(fan_in, (self.runs, fan_in, fan_out)),
                self._uniform(fan_in, (self.runs, 1, fan_out)),
            ]
        width = group.widths[0] if group.widths else 1
        self.recurrent = self._uniform(width, (self.runs, width, width))
        self.scales = [torch.ones(self.runs, 1, w, requires_grad=True) for w in group.widths]
        self.shifts = [torch.zeros(self.runs, 1, w, requires_grad=True) for w in group.widths]
        self.running = [
            (torch.zeros(self.runs, 1, w), torch.ones(self.runs, 1, w)) for w in group.widths
        ]

    def _uniform(self, fan_in: int, shape: tuple[int, ...]) -> Tensor:
        bound = 1 / math.sqrt(fan_in)
        values = torch.empty(shape).uniform_(-bound, bound, generator=self.generator)
        return values.requires_grad_()

    def parameters(self) -> list[Tensor]:
        """The trained tensors."""
        norms = [*self.scales, *self.shifts] if self.group.batch_norm else []
        return [*self.weights, *norms, *([self.recurrent] if self.is_sequence else [])]

    def __call__(self, x: Tensor, *, training: bool) -> Tensor:
        """The outputs (runs, examples, outputs)."""
        if self.is_sequence:
            x = self._last_state(x)
        start = 1 if self.is_sequence else 0
        for layer in range(start, len(self.group.widths)):
            x = torch.baddbmm(self.weights[2 * layer + 1], x, self.weights[2 * layer])
            if self.group.batch_norm:
                x = self._normalised(x, layer, training=training)
            x = torch.tanh(x) if self.group.activation == "tanh" else torch.relu(x)
            x = self._dropped(x, training=training)
        return torch.baddbmm(self.weights[-1], x, self.weights[-2])

    def _last_state(self, x: Tensor) -> Tensor:
        inputs = x @ self.weights[0][:, None] + self.weights[1][:, None]
        state = torch.tanh(inputs[:, :, 0])
        for step in range(1, x.shape[2]):
            state = torch.tanh(torch.baddbmm(inputs[:, :, step], state, self.recurrent))
        return state

    def _normalised(self, x: Tensor, layer: int, *, training: bool) -> Tensor:
        mean, variance = self.running[layer]
        if training and x.shape[1] > 1:
            batch_mean, batch_variance = x.mean(1, keepdim=True), x.var(1, keepdim=True)
            mean.lerp_(batch_mean.detach(), 0.1)
            variance.lerp_(batch_variance.detach(), 0.1)
            mean, variance = batch_mean, batch_variance
        return (x - mean) * torch.rsqrt(variance + 1e-5) * self.scales[layer] + self.shifts[layer]

    def _dropped(self, x: Tensor, *, training: bool) -> Tensor:
        if not training or bool((self.keep == 1).all()):
            return x
        mask = torch.rand(x.shape, generator=self.generator) < self.keep
        return x * mask / self.keep


def train_group(group: RunGroup) -> GroupHistory:
    """The histories of all runs of a group; deterministic."""
    task = TASKS[group.task]
    generator = torch.Generator().manual_seed(group.seed)
    train, val, fresh = _draw_data(group, task)
    network = StackedNetwork(group, task, train[0].shape[-1], generator)
    if group.pretraining_epochs:
        _pretrain(network, group, task)
    optimizer = _optimizer(group, network.parameters())
    smoothing = torch.tensor(group.label_smoothing, dtype=torch.float32)[:, None]
    val_smoothing = smoothing * torch.tensor(group.smoothed_validation)[:, None]
    mask = torch.arange(val[0].shape[1]) < torch.tensor(group.val_sizes)[:, None]
    every = math.ceil(group.epochs / MAX_RISK_EPOCHS)
    risk_epochs = sorted({group.epochs, *range(1, group.epochs + 1, every)})
    rows: dict[str, list[Tensor]] = {}
    risk = []
    for epoch in range(1, group.epochs + 1):
        for options in optimizer.param_groups:
            options["lr"] = group.lr * _decay_factor(group.decay, epoch, group.epochs)
        values = _train_epoch(network, optimizer, train, smoothing, group.batch_size)
        with torch.no_grad():
            if any(group.train_in_eval_mode):
                outputs = network(train[0], training=False)
                exact = _losses(outputs, train[1], smoothing).mean(1)
                values["train/loss"] = torch.where(
                    torch.tensor(group.train_in_eval_mode), exact, values["train/loss"]
                )
            outputs = network(val[0], training=False)
            values["val/loss"] = _masked_mean(_losses(outputs, val[1], val_smoothing), mask)
            if task.classes:
                values["val/accuracy"] = _masked_mean(outputs.argmax(2) == val[1], mask)
            if epoch in risk_epochs:
                outputs = network(fresh[0], training=False)
                risk.append(_losses(outputs, fresh[1], val_smoothing).mean(1))
        for name, value in values.items():
            rows.setdefault(name, []).append(value)
    curves = {name: torch.stack(values, 1).numpy() for name, values in rows.items()}
    return GroupHistory(curves, risk_epochs, torch.stack(risk, 1).numpy())


def _pretrain(network: StackedNetwork, group: RunGroup, task: Task) -> None:
    """Trains on many examples of the same problem with shifted, smaller inputs."""
    splits = []
    for run in range(network.runs):
        rng = np.random.default_rng([group.seed, run])
        x, y = task.problem(rng)(np.random.default_rng([group.seed, run, 1]), PRETRAINING_EXAMPLES)
        target = torch.tensor(y, dtype=torch.int64 if task.classes else torch.float32)
        splits.append((torch.tensor(0.8 * x + 0.3, dtype=torch.float32), target))
    data = torch.stack([x for x, _ in splits]), torch.stack([y for _, y in splits])
    optimizer = torch.optim.Adam(network.parameters(), 3e-3, foreach=True)
    for _ in range(group.pretraining_epochs):
        _train_epoch(network, optimizer, data, torch.zeros(network.runs, 1), 64)


_Split = tuple[Tensor, Tensor]


def _draw_data(group: RunGroup, task: Task) -> tuple[_Split, _Split, _Split]:
    """Training, validation and fresh examples of every run, stacked."""
    splits: tuple[list[_Split], list[_Split], list[_Split]] = ([], [], [])
    for run, noise in enumerate(group.label_noise):
        rng = np.random.default_rng([group.seed, run])
        sample = task.problem(rng)
        sizes = (group.train_size, max(group.val_sizes), FRESH_EXAMPLES)
        for index, size in enumerate(sizes):
            x, y = sample(rng, size)
            if index == 0 or group.noisy_validation[run]:
                y = _with_noise(rng, y, task.classes, noise)
            target = torch.tensor(y, dtype=torch.int64 if task.classes else torch.float32)
            splits[index].append((torch.tensor(x, dtype=torch.float32), target))
    train, val, fresh = (
        (torch.stack([x for x, _ in split]), torch.stack([y for _, y in split])) for split in splits
    )
    return train, val, fresh


def _with_noise(rng: np.random.Generator, y: Any, classes: int, noise: float) -> Any:
    """The targets, a share of them (classes) replaced by random ones, or with added noise."""
    if not classes:
        return y + rng.normal(0, noise, len(y))
    return np.where(rng.random(len(y)) < noise, rng.integers(0, classes, len(y)), y)


def _train_epoch(
    network: StackedNetwork,
    optimizer: torch.optim.Optimizer,
    train: _Split,
    smoothing: Tensor,
    batch_size: int,
) -> dict[str, Tensor]:
    """One epoch; the mean training loss and accuracy of its batches, per run."""
    x, y = train
    order = torch.randperm(x.shape[1], generator=network.generator)
    loss_sum, correct = torch.zeros(len(x)), torch.zeros(len(x))
    for batch in torch.split(order, batch_size):
        outputs = network(x[:, batch], training=True)
        losses = _losses(outputs, y[:, batch], smoothing)
        optimizer.zero_grad()
        losses.mean(1).sum().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        loss_sum += losses.detach().sum(1)
        if y.dtype == torch.int64:
            correct += (outputs.detach().argmax(2) == y[:, batch]).sum(1)
    values = {"train/loss": loss_sum / x.shape[1]}
    return values | ({"train/accuracy": correct / x.shape[1]} if y.dtype == torch.int64 else {})


def _losses(outputs: Tensor, targets: Tensor, smoothing: Tensor) -> Tensor:
    """The loss of every example (runs, examples): squared error, or smoothed cross entropy."""
    if targets.dtype != torch.int64:
        return (outputs[:, :, 0] - targets) ** 2
    log_p = torch.log_softmax(outputs, 2)
    exact = -log_p.gather(2, targets[:, :, None])[:, :, 0]
    if not smoothing.any():
        return exact
    return (1 - smoothing) * exact - smoothing * log_p.mean(2)


def _masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    return (values * mask).sum(1) / mask.sum(1)


def _optimizer(group: RunGroup, parameters: list[Tensor]) -> torch.optim.Optimizer:
    lr, decay = group.lr, group.weight_decay
    match group.optimizer:
        case "adam":
            return torch.optim.Adam(parameters, lr, fused=True)
        case "adamw":
            return torch.optim.AdamW(parameters, lr, weight_decay=decay, fused=True)
        case "rmsprop":
            return torch.optim.RMSprop(parameters, lr, foreach=True)
        case "nesterov":
            return torch.optim.SGD(
                parameters, lr, momentum=0.9, nesterov=True, weight_decay=decay, foreach=True
            )
        case "momentum":
            return torch.optim.SGD(parameters, lr, momentum=0.9, weight_decay=decay, foreach=True)
    raise ValueError(f"unknown optimizer: {group.optimizer}")


def _decay_factor(decay: str, epoch: int, epochs: int) -> float:
    progress = (epoch - 1) / epochs
    match decay:
        case "cosine":
            return 0.5 * (1 + math.cos(math.pi * progress))
        case "step":
            return 0.1 ** int(progress * 3)
    return 1.0
