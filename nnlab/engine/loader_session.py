"""`LoaderSession`: everything that a run holds in memory that trains over loaders."""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim import Optimizer

from nnlab.engine import device as devices
from nnlab.engine import dynamo_bypass, penalties, transfer, user_code, weight_average
from nnlab.engine.batch_cursor import BatchCursor
from nnlab.engine.device_batch import to_device
from nnlab.engine.metric_versions import check_metrics_version
from nnlab.engine.metrics import AddedMetrics
from nnlab.engine.optimizers import ClosureOptimizer, gradient_norm, step_function
from nnlab.engine.probe.loader_probe import LoaderProbe
from nnlab.engine.step_noise import StepNoise
from nnlab.engine.streaming.batch_source import BatchSource
from nnlab.engine.training_progress import TrainingProgress
from nnlab.engine.training_task import EvaluatedSplit, TrainingTask
from nnlab.engine.user_task.opening import open_user_task
from nnlab.engine.weight_average import WeightAverage
from nnlab.errors import ConfigError, UserCodeError
from nnlab.objective import Objective
from nnlab.settings import RunConfig, check_plugins
from nnlab.settings.user_task import is_user_task


class LoaderData(Protocol):
    """The batches of the splits of a run; `test` is None if there is no test split.

    `fingerprint` is equal for equal data, and `notes` say what the user should know about it.
    """

    @property
    def train(self) -> BatchSource:
        """The training split."""

    @property
    def val(self) -> BatchSource:
        """The validation split."""

    @property
    def test(self) -> BatchSource | None:
        """The test split."""

    @property
    def fingerprint(self) -> str:
        """16 hex digits."""

    @property
    def notes(self) -> tuple[str, ...]:
        """Messages for the user."""


@dataclass(slots=True)
class LoaderSession(TrainingProgress):
    """Everything that a run over loaders holds in memory.

    `unwrapped_step` updates the weights from their gradients, None for a task that does it.
    `cursor` is the position in the training data, `epoch_seconds` the time spent on the unfinished
    epoch.
    `last_lr` is the learning rate of the last step, `last_norm` the norm of its gradients if they
    no longer have it.
    """

    config: RunConfig
    device: torch.device
    threads: int
    data: LoaderData
    task: TrainingTask
    scaler: torch.amp.GradScaler | None = None
    penalty: Callable[[], torch.Tensor] | None = None
    weight_average: WeightAverage | None = None
    added_metrics: AddedMetrics | None = None
    probe: LoaderProbe | None = None
    epoch_seconds: float = 0.0
    last_lr: float | None = None
    last_norm: torch.Tensor | None = None
    notes: list[str] = field(default_factory=list)
    cursor: BatchCursor = field(init=False)
    noise: StepNoise = field(init=False)
    unwrapped_step: Callable[[], None] | None = field(init=False)

    def __post_init__(self) -> None:
        self.cursor = BatchCursor(self.data.train)
        self.noise = StepNoise(
            self.task.module, self.config.seed, self.device, has_user_code=_has_user_code(self)
        )
        self.unwrapped_step = (
            None if self.task.steps_itself else step_function(self.config, self.task.optimizers[0])
        )
        self.notes.extend(self.data.notes)

    @property
    def model(self) -> nn.Module:
        """The module with all weights."""
        return self.task.module

    @property
    def optimizer(self) -> Optimizer:
        """The optimizer of a task that does not step itself."""
        return self.task.optimizers[0]

    @property
    def can_save(self) -> bool:
        """Whether the run can be resumed from its current position exactly."""
        return self.step == 0 or self.cursor.can_resume

    @property
    def steps_per_epoch(self) -> int | None:
        """The number of steps of the next epoch; None if it is unknown."""
        config = self.config
        if config.steps is None:
            return self.data.train.batches_per_epoch
        every = config.eval_every or config.steps
        return min(every, config.steps - self.epoch * every)

    def load_initial_weights(self, path: Path, *, new_head: bool = False) -> str:
        """As `transfer.load_weights_file`, into the model of the run."""
        return transfer.load_weights_file(self.model, path, new_head=new_head)

    def autocast(self) -> AbstractContextManager[object]:
        """A context with automatic mixed precision, if the config's dtype is a half precision."""
        return devices.autocast(self.device, self.config.dtype)

    @torch.no_grad()
    def evaluate(self, source: BatchSource, split: EvaluatedSplit) -> dict[str, float]:
        """The metrics of the current weights on a split, by their full names."""
        task = self.task
        task.module.eval()
        task.reset(split)
        # The same batches after every epoch: random transforms must not change the metrics.
        for index, batch in enumerate(source.epoch(1)):
            with self.autocast():
                task.validation_step(to_device(batch, self.device), index, split)
        return {f"{split}/{name}": value for name, value in task.logged(split).items()}

    def test(self) -> Mapping[str, float]:
        """The metrics `test/…` of the selected epoch's weights, which the model keeps."""
        self.model.load_state_dict(self.selected_weights)
        return {} if self.data.test is None else self.evaluate(self.data.test, "test")

    def check_objective(self, values: Mapping[str, float]) -> None:
        """Checks that the objective is measured, before an epoch is selected by it.

        Raises:
            UserCodeError: the task does not log it.
        """
        metric = Objective.parse(self.config.objective or "").metric
        measured = sorted(name for name in values if name.startswith(("train/", "val/")))
        if metric not in values:
            raise UserCodeError(
                f"{metric}, the objective, is not measured: --objective selects another metric,"
                f" with :min or :max; the run has {', '.join(measured)}"
            )

    @contextmanager
    def averaged_weights(self) -> Iterator[None]:
        """While this context is open, the model has the averaged weights, if there are any."""
        if self.weight_average is None:
            yield
        else:
            with self.weight_average.swapped_in(self.model):
                yield

    def gradient_norm(self) -> float:
        """The norm of the gradients of the last step before clipping."""
        return float(gradient_norm(self.model) if self.last_norm is None else self.last_norm)

    def training_state(self) -> dict[str, Any]:
        """The position inside an epoch and the task's state, for a checkpoint."""
        return {
            "optimizers": [optimizer.state_dict() for optimizer in self.task.optimizers],
            "task": dict(self.task.state_dict()),
            "cursor": self.cursor.state_dict(),
            "step": self.step,
            "epoch_seconds": self.epoch_seconds,
            "lr": self.last_lr,
            "grad_norm": None if self.task.steps_itself else self.gradient_norm(),
            "probe": None if self.probe is None else self.probe.state_dict(),
        }

    def load_training_state(self, state: Mapping[str, Any]) -> None:
        """Restores what `training_state` returned; adds a note if the loader cannot continue."""
        for optimizer, saved in zip(self.task.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.task.load_state_dict(state["task"])
        self.cursor.load_state_dict(state["cursor"], self.notes.append)
        self.step, self.epoch_seconds = state["step"], state["epoch_seconds"]
        self.last_lr = state["lr"]
        if state["grad_norm"] is not None:
            self.last_norm = torch.tensor(state["grad_norm"], dtype=torch.float64)
        # Checkpoints of earlier versions have no such entry.
        if self.probe is not None and state.get("probe") is not None:
            self.probe.load_state_dict(state["probe"])


def build_loader_session(config: RunConfig) -> LoaderSession:
    """A session before its first epoch, from the resolved config of a run over loaders.

    Raises:
        DeviceError: the device does not exist, or does not support the number format.
        DataError: the data set cannot be used, or does not fit the model.
        PluginError: a plugin is missing, has changed or fails.
        UserCodeError: user code raises an error, or has changed.
        ConfigError: a choice does not work over loaders.
    """
    from nnlab.engine.supervised_task import open_supervised_task

    check_plugins(config)
    device = devices.resolve_device(config.device)
    devices.check_dtype(device, config.dtype)
    user_code.check_unchanged(config)
    if config.metrics is not None:
        check_metrics_version(config.metrics, config.metrics_version)
    if is_user_task(config):
        opened = open_user_task(config, device)
        return assemble_loader_session(config, device, opened, opened.task)
    data, task = open_supervised_task(config, device)
    return assemble_loader_session(config, device, data, task, added_metrics=task.added_metrics)


def assemble_loader_session(
    config: RunConfig,
    device: torch.device,
    data: LoaderData,
    task: TrainingTask,
    *,
    added_metrics: AddedMetrics | None = None,
) -> LoaderSession:
    """The session of a task whose module is on its device.

    Raises:
        ConfigError: a choice does not work over loaders.
    """
    _check_support(task)
    threads = config.threads or devices.choose_thread_count(device, _work_per_step(config, task))
    devices.make_deterministic(device, threads, compiles=config.compile)
    if not config.compile:
        dynamo_bypass.bypass_dynamo_wrappers()
    devices.set_matmul_precision(config.dtype)
    if config.freeze is not None:
        transfer.freeze(task.module, config.freeze)
    average = weight_average.build(task.module, config)
    if config.average == "swa" and any(isinstance(m, _BatchNorm) for m in task.module.modules()):
        raise ConfigError(
            ["--average swa does not work with batch normalisation and streamed data"],
            hint="--average ema also averages the running statistics",
        )
    is_scaled = config.dtype == "float16" and not task.steps_itself
    return LoaderSession(
        config,
        device,
        threads,
        data,
        task,
        scaler=torch.amp.GradScaler("cuda") if is_scaled else None,
        penalty=penalties.build(config, task.module),
        weight_average=average,
        added_metrics=added_metrics,
        probe=_build_probe(config, task),
    )


def _build_probe(config: RunConfig, task: TrainingTask) -> LoaderProbe | None:
    """The probe of a task, None for `none`, and for a task that steps several models itself."""
    if config.probe == "none" or task.steps_itself:
        return None
    return LoaderProbe(
        task.module, can_record=not config.compile, clips_values=config.clip_value > 0
    )


def _check_support(task: TrainingTask) -> None:
    if any(isinstance(optimizer, ClosureOptimizer) for optimizer in task.optimizers):
        raise ConfigError(
            ["an optimizer that evaluates the loss repeatedly does not work with streamed data"],
            hint="use a first-order optimizer such as --opt adam",
        )


def _work_per_step(config: RunConfig, task: TrainingTask) -> int:
    """Multiply-adds of the forward pass of a batch, estimated: one per weight and example."""
    batch_size = config.batch_size if isinstance(config.batch_size, int) else 1
    return math.prod((batch_size, sum(p.numel() for p in task.module.parameters())))


def _has_user_code(session: LoaderSession) -> bool:
    """Whether user code takes part in training steps, which may draw random numbers."""
    config = session.config
    choices = {"model": config.model, "loss": config.loss, "opt": config.opt, "task": config.task}
    versions = (config.model_version, config.loss_version, config.opt_version)
    return any(version is not None for version in versions) or any(
        value is not None and ":" in str(value) for value in choices.values()
    )
