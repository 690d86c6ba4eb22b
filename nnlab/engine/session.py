"""A session: all that a run holds in memory, put together from its config."""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.optim import Optimizer

from nnlab.config import RunConfig
from nnlab.engine import (
    augment,
    dynamo_bypass,
    losses,
    mixup_cutmix,
    models,
    penalties,
    probe,
    transfer,
    weight_average,
)
from nnlab.engine import device as devices
from nnlab.engine.augment import AugmentationPipeline
from nnlab.engine.batches import steps_per_epoch
from nnlab.engine.data.prepare import PreparedData, SplitTensors, prepare_data
from nnlab.engine.epoch_selection import is_better_epoch
from nnlab.engine.evaluation import compute_metrics, compute_outputs
from nnlab.engine.flops import count_multiply_adds
from nnlab.engine.losses import Loss
from nnlab.engine.mixup_cutmix import BatchMixer
from nnlab.engine.models.norms import check_batch_of_one
from nnlab.engine.optimizers import build as build_optimizer
from nnlab.engine.probe import Probe
from nnlab.engine.seeds import make_generator
from nnlab.engine.weight_average import WeightAverage
from nnlab.errors import DataError, UserCodeError
from nnlab.objective import Objective
from nnlab.records import Status

if TYPE_CHECKING:
    from nnlab.engine.process_group import ProcessGroup

# Examples of the training split that settle a data-dependent initialisation.
LSUV_EXAMPLES = 512


@dataclass(slots=True)
class Session:
    """All that a run holds in memory. `epoch` is the last finished one, 0 before the first.

    `team` are the processes that train it together, None where this one does alone. `forward` is
    the model, or its compiled twin; `step` moves the weights by their gradients;
    `val_losses` are those of the finished epochs. `selected_epoch` is the best one, with the
    objective `selected_value` and the val/loss `selected_loss`. `improved_epoch` is the last one
    that improved the objective itself: patience counts from there, since a tie is no improvement.
    `breaks_ties` is False only where a run is retrained that was selected without breaking ties.
    """

    config: RunConfig
    device: torch.device
    threads: int
    data: PreparedData
    model: nn.Module
    optimizer: Optimizer
    loss: Loss
    measured: Loss
    scaler: "torch.amp.GradScaler | None" = None
    penalty: Callable[[], torch.Tensor] | None = None
    augment: AugmentationPipeline | None = None
    mix: BatchMixer | None = None
    average: WeightAverage | None = None
    probe: Probe | None = None
    team: "ProcessGroup | None" = None
    forward: Callable[[torch.Tensor], torch.Tensor] = field(init=False)
    step: Callable[[], None] = field(init=False)
    epoch: int = 0
    val_losses: list[float] = field(default_factory=list)
    selected_epoch: int = 0
    selected_value: float = math.nan
    selected_loss: float = math.nan
    improved_epoch: int = 0
    breaks_ties: bool = True
    selected_weights: dict[str, torch.Tensor] = field(default_factory=dict)
    status: Status = Status.RUNNING
    reason: str | None = None

    def __post_init__(self) -> None:
        self.forward = self.model
        self.step = dynamo_bypass.unwrapped_step(self.optimizer)

    @property
    def done(self) -> bool:
        """True when no epoch is left: the last is reached, or patience has run out."""
        patience = self.config.early_stop
        waited = self.epoch - self.improved_epoch
        return self.epoch >= self.config.epochs or (0 < patience <= waited)

    @property
    def batch_size(self) -> int:
        """Examples in a step; all of them where the config says full."""
        return _effective_batch_size(self.config, self.data)

    def load_initial_weights(self, path: Path, *, new_head: bool = False) -> str:
        """Takes over the weights in a file, and tells in a line which fitted.

        Raises:
            CheckpointError: the file cannot be read, or nothing in it fits the model.
        """
        weights = transfer.read_weights(path)
        return str(transfer.load_matching_weights(self.model, weights, new_head=new_head))

    def measure(self, part: SplitTensors) -> Mapping[str, float]:
        """The metrics of the model as it is now on a split."""
        with self.autocast():
            if self.team is not None:
                outputs = self.team.outputs_of(self.model, part.examples, self.data.outputs)
            else:
                outputs = compute_outputs(self.forward, self.model, part)
        return self.worth(outputs, part.targets)

    def worth(self, outputs: torch.Tensor, targets: torch.Tensor) -> Mapping[str, float]:
        """The metrics of outputs against targets."""
        return compute_metrics(
            self.data.task, self.measured, outputs, targets, scale=self.data.target_scale
        )

    def select(self, values: Mapping[str, float]) -> bool:
        """Whether the epoch just finished is the best so far; its numbers are then kept.

        The caller keeps the weights.

        Args:
            values: the metrics of the epoch `epoch`.
        """
        objective = Objective.parse(self.config.objective or "")
        value, loss = values[objective.metric], values["val/loss"]
        if self.selected_epoch == 0 or objective.is_better(value, self.selected_value):
            self.improved_epoch = self.epoch
        elif not is_better_epoch(
            objective,
            (value, loss),
            (self.selected_value, self.selected_loss),
            breaks_ties=self.breaks_ties,
        ):
            return False
        self.selected_epoch, self.selected_value, self.selected_loss = self.epoch, value, loss
        return True

    def test(self) -> Mapping[str, float]:
        """The metrics `test/…` with the weights of the selected epoch, which the model then has."""
        self.model.load_state_dict(self.selected_weights)
        return prefix_metrics("test", self.measure(self.data.test))

    def autocast(self) -> AbstractContextManager[object]:
        """Products in half precision where the config says so."""
        formats = {"bfloat16": torch.bfloat16, "float16": torch.float16}
        if self.config.dtype in formats:
            return torch.autocast(self.device.type, dtype=formats[self.config.dtype])
        return nullcontext()

    @contextmanager
    def averaged_weights(self) -> Iterator[None]:
        """Puts the averaged weights into the model for as long as it is open, if there are any."""
        if self.average is None:
            yield
        else:
            with self.average.applied(self.model, self.data.train.examples):
                yield


def build_session(config: RunConfig, *, model_at: torch.device | None = None) -> Session:
    """Everything before the first epoch, from a resolved config.

    Args:
        config: resolved.
        model_at: where the model is kept at first, if not where it is trained: one that will be
            spread over several devices need not fit on the first.

    Raises:
        DeviceError: the device is not there, or cannot do the number format.
        DataError: the data set cannot be used, or does not fit the model.
        UserCodeError: the user's own model or data fails, or is not what it was.
    """
    device = devices.resolve_device(config.device)
    devices.check_dtype(device, config.dtype)
    data = prepare_data(config, device)
    if not models.matches_model_version(config.model, config.model_version):
        raise UserCodeError(
            f"{config.model} has changed since this run was set up",
            hint="run the same `nnlab train` line again: the new code makes a new trial",
        )
    model = models.build(
        config, data.in_shape, data.outputs, make_generator(config.seed, "weights")
    )
    model.to(model_at or device, data.train.examples.dtype)
    threads = config.threads or devices.choose_thread_count(
        device, _forward_multiply_adds(config, data, model)
    )
    devices.make_deterministic(device, threads, compiles=config.compile)
    if not config.compile:
        dynamo_bypass.bypass_dynamo_wrappers()
    devices.set_matmul_precision(config.dtype)
    models.lsuv_(model, config, data.train.examples[:LSUV_EXAMPLES].to(model_at or device))
    if config.freeze is not None:
        transfer.freeze(model, config.freeze)
    elif models.user_defined.is_user_defined(model) and _effective_batch_size(config, data) == 1:
        check_batch_of_one(model, data.train.examples[:1].to(model_at or device))
    session = _assemble_session(config, device, threads, data, model)
    if config.channels_last:
        _convert_to_channels_last(session)
    if config.compile:
        session.forward = devices.compile_model(model)
    return session


def _assemble_session(
    config: RunConfig, device: torch.device, threads: int, data: PreparedData, model: nn.Module
) -> Session:
    loss = losses.build(config)
    session = Session(
        config,
        device,
        threads,
        data,
        model,
        build_optimizer(model, config),
        loss,
        losses.build_eval_loss(config),
        scaler=torch.amp.GradScaler("cuda") if config.dtype == "float16" else None,
        penalty=penalties.build(config, model),
        augment=augment.build(config, data.in_shape),
        mix=mixup_cutmix.build(config, data.in_shape, data.outputs),
    )
    steps = steps_per_epoch(len(data.train), config.batch_size)
    session.average = weight_average.build(model, config)
    session.probe = probe.build(config, model, data, steps)
    return session


def _forward_multiply_adds(config: RunConfig, data: PreparedData, model: nn.Module) -> int:
    """Multiply-adds of a batch's forward pass."""
    where = next(model.parameters()).device
    return count_multiply_adds(model, data.train.examples[:1].to(where)) * _effective_batch_size(
        config, data
    )


def _effective_batch_size(config: RunConfig, data: PreparedData) -> int:
    """Examples in a step; all of them where the config says full."""
    size = config.batch_size
    return min(size, len(data.train)) if isinstance(size, int) else len(data.train)


def _convert_to_channels_last(session: Session) -> None:
    """Moves the channels of images to the last place in memory; shapes stay as they are.

    Raises:
        DataError: the examples are no images.
    """
    if len(session.data.in_shape) != 3:
        raise DataError(f"--channels-last needs images; {session.config.data} has none")
    session.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    session.data = session.data.channels_last()


def prefix_metrics(split: str, values: Mapping[str, float]) -> dict[str, float]:
    """The metrics of a split under their full names."""
    return {f"{split}/{name}": value for name, value in values.items()}
