"""The training loop: one run from its config to its last epoch, read from top to bottom.

session = start(config)
for epoch in train(session):
    ...                      # store it, show it, save a checkpoint
session.test()               # the test split, opened once, at the selected epoch
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

import torch
from torch import nn
from torch.optim import Optimizer

from nnlab.config import RunConfig
from nnlab.engine import device as devices
from nnlab.engine.data.prepare import Part, Prepared, prepare
from nnlab.engine.evaluate import measure, outputs_of
from nnlab.engine.losses import LOSS
from nnlab.engine.models import Dropout, build, parameter_count
from nnlab.engine.optimizers import build as build_optimizer
from nnlab.engine.optimizers import gradient_norm, set_lr
from nnlab.engine.schedules import schedule_of
from nnlab.engine.seeds import generator
from nnlab.errors import DeviceError
from nnlab.records import Epoch, Objective, Status


@dataclass(slots=True)
class Session:
    """All that a run holds in memory. `epoch` is the last finished one, 0 before the first."""

    config: RunConfig
    device: torch.device
    threads: int
    data: Prepared
    model: nn.Module
    optimizer: Optimizer
    scaler: "torch.amp.GradScaler | None"
    epoch: int = 0
    selected_epoch: int = 0
    selected_value: float = math.nan
    selected_weights: dict[str, torch.Tensor] = field(default_factory=dict)
    status: Status = Status.RUNNING
    reason: str | None = None

    @property
    def done(self) -> bool:
        """True when no epoch is left: the last is reached, or patience has run out."""
        patience = self.config.early_stop
        waited = self.epoch - self.selected_epoch
        return self.epoch >= self.config.epochs or (0 < patience <= waited)

    def measure(self, part: Part) -> Mapping[str, float]:
        """The metrics of the model as it is now on a split."""
        with autocast(self):
            outputs = outputs_of(self.model, part)
        return self.worth(outputs, part.targets)

    def worth(self, outputs: torch.Tensor, targets: torch.Tensor) -> Mapping[str, float]:
        """The metrics of outputs against targets."""
        loss = LOSS[self.config.loss or ""]
        return measure(self.data.task, loss, outputs, targets, scale=self.data.target_scale)

    def test(self) -> Mapping[str, float]:
        """The metrics `test/…` with the weights of the selected epoch, which the model then has."""
        self.model.load_state_dict(self.selected_weights)
        return _named("test", self.measure(self.data.test))


def start(config: RunConfig) -> Session:
    """Everything before the first epoch, from a resolved config.

    Raises:
        DeviceError: the device is not there, or cannot do the number format.
        DataError: the data set cannot be used, or does not fit the model.
    """
    device = devices.find(config.device)
    if config.dtype == "float16" and device.type != "cuda":
        raise DeviceError(
            f"--dtype float16 needs a CUDA device, this run is on {device}",
            hint="--dtype bfloat16 works everywhere",
        )
    if config.dtype == "float64" and device.type == "mps":
        raise DeviceError("--dtype float64: mps has no double precision", hint="--device cpu")
    data = prepare(config, device)
    model = build(config, data.in_shape, data.outputs, generator(config.seed, "weights"))
    threads = devices.threads_for(parameter_count(model)) if device.type == "cpu" else 1
    devices.make_deterministic(device, threads)
    model.to(device, data.train.examples.dtype)
    scaler = torch.amp.GradScaler("cuda") if config.dtype == "float16" else None
    return Session(config, device, threads, data, model, build_optimizer(model, config), scaler)


def train(session: Session, should_stop: Callable[[], bool] = lambda: False) -> Iterator[Epoch]:
    """Trains until the last epoch, an early stop, a divergence or a request to stop.

    Yields every epoch once it is finished and evaluated; `session.status` tells in the end how
    it ended. `should_stop` is asked between epochs.
    """
    objective = Objective.parse(session.config.objective or "")
    while not session.done:
        started = time.perf_counter()
        number = session.epoch + 1
        values = _train_epoch(session, number)
        values |= _named("val", session.measure(session.data.val))
        if session.config.exact_train:
            exact = session.measure(session.data.train)
            values |= {f"train/{name}_exact": value for name, value in exact.items()}
        session.epoch = number
        if session.selected_epoch == 0 or objective.better(
            values[objective.metric], session.selected_value
        ):
            _select(session, number, values[objective.metric])
        yield Epoch(number, values, time.perf_counter() - started)
        if not math.isfinite(values["train/loss"]):
            session.status = Status.DIVERGED
            session.reason = f"train/loss is {values['train/loss']} at epoch {number}"
            return
        if should_stop() and not session.done:
            session.status = Status.INTERRUPTED
            return
    session.status = Status.FINISHED


def _train_epoch(session: Session, number: int) -> dict[str, float]:
    """One pass over the training split; the metrics are those met on the way."""
    config, model, optimizer = session.config, session.model, session.optimizer
    examples, targets = session.data.train.examples, session.data.train.targets
    loss_of = LOSS[config.loss or ""]
    bounds = batches(len(targets), config.batch_size)
    schedule = schedule_of(config, len(bounds))
    order = torch.randperm(len(targets), generator=generator(config.seed, "order", number))
    order = order.to(session.device)
    seen = targets.new_empty((len(targets), session.data.outputs), dtype=examples.dtype)
    lr = norm = None
    model.train()
    for module in model.modules():
        if isinstance(module, Dropout):
            module.start_epoch(config.seed, number, session.device)
    for index, (begin, end) in enumerate(bounds):
        lr = (config.lr or 0.0) * schedule(number - 1 + index / len(bounds))
        set_lr(optimizer, lr)
        rows = order[begin:end]
        with autocast(session):
            outputs = model(examples.index_select(0, rows))
            loss = loss_of(outputs, targets.index_select(0, rows))
        optimizer.zero_grad(set_to_none=True)
        _scaled(session, loss).backward()  # type: ignore[no-untyped-call]
        if config.clip > 0 or end == len(targets):
            norm = _clip(session)
        _step(session)
        # Metrics wait for the end of the epoch: read there at once, they cost a copy a step.
        seen[begin:end] = outputs.detach()
    running = session.worth(seen, targets.index_select(0, order))
    values = dict(_named("train", running))
    values["train/grad_norm"] = math.nan if norm is None else norm.item()
    values["lr"] = lr or 0.0
    return values


def batches(examples: int, size: int) -> tuple[tuple[int, int], ...]:
    """Bounds of each batch. A last batch of one joins the one before: it has no variance.

    >>> batches(9, 4)
    ((0, 4), (4, 9))
    """
    edges = list(range(0, examples, size))
    if len(edges) > 1 and examples - edges[-1] == 1:
        edges.pop()
    return tuple(zip(edges, [*edges[1:], examples], strict=True))


def autocast(session: Session) -> AbstractContextManager[object]:
    """Products in half precision where the config says so."""
    formats = {"bfloat16": torch.bfloat16, "float16": torch.float16}
    if session.config.dtype in formats:
        return torch.autocast(session.device.type, dtype=formats[session.config.dtype])
    return nullcontext()


def _scaled(session: Session, loss: torch.Tensor) -> torch.Tensor:
    return loss if session.scaler is None else session.scaler.scale(loss)


def _clip(session: Session) -> torch.Tensor:
    """The gradient norm of this step, before gradients longer than `clip` are cut."""
    if session.scaler is not None:
        session.scaler.unscale_(session.optimizer)
    norm = gradient_norm(session.model)
    if session.config.clip > 0:
        nn.utils.clip_grads_with_norm_(session.model.parameters(), session.config.clip, norm)
    return norm


def _step(session: Session) -> None:
    if session.scaler is None:
        session.optimizer.step()
    else:
        session.scaler.step(session.optimizer)
        session.scaler.update()


def _select(session: Session, number: int, value: float) -> None:
    """Keeps a copy of the weights: this epoch is the best so far."""
    session.selected_epoch, session.selected_value = number, value
    state = session.model.state_dict()
    if not session.selected_weights:
        session.selected_weights = {name: tensor.clone() for name, tensor in state.items()}
    for name, tensor in state.items():
        session.selected_weights[name].copy_(tensor)


def _named(split: str, values: Mapping[str, float]) -> dict[str, float]:
    return {f"{split}/{name}": value for name, value in values.items()}
