"""A session: everything that a run holds in memory, assembled from its config."""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import nn
from torch.optim import Optimizer

from nnlab.catalogue import DENSE_TASKS, is_user_code
from nnlab.engine import (
    augment,
    dynamo_bypass,
    losses,
    metrics,
    mixup_cutmix,
    models,
    penalties,
    probe,
    transfer,
    user_code,
    weight_average,
)
from nnlab.engine import device as devices
from nnlab.engine.augment import AugmentationPipeline
from nnlab.engine.batches import steps_per_epoch
from nnlab.engine.class_weights import class_weights, positive_weights
from nnlab.engine.data.prepare import PreparedData, SplitTensors, prepare_data
from nnlab.engine.evaluation import compute_metrics, compute_outputs, eval_batch_size
from nnlab.engine.flops import count_multiply_adds
from nnlab.engine.losses import Loss
from nnlab.engine.metric_versions import check_metrics_version
from nnlab.engine.metrics import AddedMetrics
from nnlab.engine.mixup_cutmix import BatchMixer
from nnlab.engine.models.norms import check_batch_of_one
from nnlab.engine.optimizers import build as build_optimizer
from nnlab.engine.optimizers import step_function
from nnlab.engine.probe import Probe
from nnlab.engine.process_group import ProcessGroup
from nnlab.engine.seeds import make_generator
from nnlab.engine.split_metrics import SplitMetrics
from nnlab.engine.targets.metric_sums import metric_sums
from nnlab.engine.targets.output_shape import IGNORED_CLASS
from nnlab.engine.training_progress import TrainingProgress
from nnlab.engine.user_losses import check_user_loss
from nnlab.engine.weight_average import WeightAverage
from nnlab.errors import DataError, UserCodeError
from nnlab.io.files import main_memory_bytes
from nnlab.settings import RunConfig, check_plugins, is_loader_run
from nnlab.settings.user_task import is_user_task

# Examples of the training split used by the data-dependent initialisation.
LSUV_EXAMPLES = 512


@dataclass(slots=True)
class Session(TrainingProgress):
    """Everything that a run holds in memory.

    `forward` is the model or its compiled version; `unwrapped_step` updates the weights from their
    gradients. `loss` is the training loss, `eval_loss` the reported one. `process_group` are the
    processes that train the run together, None for a single process.
    """

    config: RunConfig
    device: torch.device
    threads: int
    data: PreparedData
    model: nn.Module
    optimizer: Optimizer
    loss: Loss
    eval_loss: Loss
    scaler: torch.amp.GradScaler | None = None
    penalty: Callable[[], torch.Tensor] | None = None
    augmentation: AugmentationPipeline | None = None
    batch_mixer: BatchMixer | None = None
    weight_average: WeightAverage | None = None
    probe: Probe | None = None
    process_group: ProcessGroup | None = None
    added_metrics: AddedMetrics | None = None
    forward: Callable[[torch.Tensor], torch.Tensor] = field(init=False)
    unwrapped_step: Callable[[], None] = field(init=False)

    def __post_init__(self) -> None:
        self.forward = self.model
        self.unwrapped_step = step_function(self.config, self.optimizer)

    @property
    def batch_size(self) -> int:
        """Examples per step; all examples if the config says `full`."""
        return _effective_batch_size(self.config, self.data)

    def load_initial_weights(self, path: Path, *, new_head: bool = False) -> str:
        """As `transfer.load_weights_file`, into the model of the run."""
        return transfer.load_weights_file(self.model, path, new_head=new_head)

    def evaluate_split(self, part: SplitTensors) -> Mapping[str, float]:
        """The metrics of the current model on a split, by their names without the split."""
        if not self.data.keeps_outputs:
            return self._evaluate_in_batches(part)
        with self.autocast():
            if self.process_group is not None:
                outputs = self.process_group.compute_outputs(
                    self.model, part.examples, self.data.num_outputs
                )
            else:
                outputs = compute_outputs(self.forward, self.model, part)
        return self.compute_metrics(outputs, part.targets)

    @torch.no_grad()
    def _evaluate_in_batches(self, part: SplitTensors) -> Mapping[str, float]:
        """The metrics of a split whose outputs are too large to be kept."""
        self.model.eval()
        metrics = self.new_split_metrics()
        size = eval_batch_size(self.data.output_shape)
        for examples, targets in zip(
            torch.split(part.examples, size), torch.split(part.targets, size), strict=True
        ):
            with self.autocast():
                outputs = self.forward(examples)
            metrics.add(outputs, targets)
        return self.compute_split_metrics(metrics)

    def new_split_metrics(self) -> SplitMetrics:
        """An empty accumulator for the metrics of one split."""
        sums = metric_sums(
            self.data.task,
            self.eval_loss,
            num_outputs=self.data.num_outputs,
            target_scale=self.data.scale_of_targets,
            dtype=self.data.dtype,
            device=self.device,
        )
        return SplitMetrics(self.data.task, sums, keeps_outputs=self.added_metrics is not None)

    def compute_split_metrics(self, metrics: SplitMetrics) -> Mapping[str, float]:
        """The metrics of all batches of a split, with those of `--metrics`.

        Raises:
            UserCodeError: a metric of the user raises an error or returns no number.
        """
        values = metrics.compute()
        if self.added_metrics is None:
            return values
        return {**values, **self.compute_added_metrics(*metrics.outputs_and_targets())}

    def compute_metrics(self, outputs: torch.Tensor, targets: torch.Tensor) -> Mapping[str, float]:
        """The metrics of all outputs of a split against its targets, with those of `--metrics`.

        See `evaluation.compute_metrics`.

        Raises:
            UserCodeError: a metric of the user raises an error or returns no number.
        """
        values = compute_metrics(
            self.data.task, self.eval_loss, outputs, targets, scale=self.data.scale_of_targets
        )
        return {**values, **self.compute_added_metrics(outputs, targets)}

    def compute_added_metrics(
        self, outputs: torch.Tensor, targets: torch.Tensor
    ) -> Mapping[str, float]:
        """The metrics of `--metrics`; equal in all processes that train the run together."""
        if self.added_metrics is None:
            return {}
        values = self.added_metrics.compute(outputs, targets, self.epoch)
        if self.process_group is not None and self.added_metrics.has_user_code:
            # User code need not return equal values in all processes, which must decide alike.
            values = dict(self.process_group.broadcast_object(values))
        return values

    def test(self) -> Mapping[str, float]:
        """The metrics `test/…` of the selected epoch's weights, which the model keeps."""
        self.model.load_state_dict(self.selected_weights)
        return prefix_metrics("test", self.evaluate_split(self.data.test))

    def autocast(self) -> AbstractContextManager[object]:
        """A context with automatic mixed precision, if the config's dtype is a half precision."""
        return devices.autocast(self.device, self.config.dtype)

    @contextmanager
    def averaged_weights(self) -> Iterator[None]:
        """While this context is open, the model has the averaged weights, if there are any."""
        if self.weight_average is None:
            yield
        else:
            with self.weight_average.swapped_in(self.model, self.data.train.examples):
                yield


def build_session(config: RunConfig, *, model_at: torch.device | None = None) -> Session:
    """A session before its first epoch, from a resolved config.

    Args:
        config: resolved.
        model_at: the device that holds the model at first, if not the training device: a model
            that is going to be sharded need not fit on one device.

    Raises:
        DeviceError: the device does not exist, or does not support the number format.
        DataError: the data set cannot be used, is streamed, or does not fit the model.
        PluginError: a plugin is missing, has changed or fails.
        UserCodeError: the user-defined model, data or metric raises an error, or has changed.
        ConfigError: a metric needs a package that is not installed.
    """
    if is_user_task(config):
        raise UserCodeError(
            f"this needs a model of inputs and targets in memory; --task {config.task} has steps of"
            " its own",
            hint="nnlab train, compare and plot curves work with tasks",
        )
    if is_loader_run(config):
        raise DataError(
            f"{config.data} is streamed batch by batch, and this needs the data in memory",
            hint="train without --stream",
        )
    check_plugins(config)
    device = devices.resolve_device(config.device)
    devices.check_dtype(device, config.dtype)
    data = prepare_data(config, device)
    user_code.check_unchanged(config)
    if config.metrics is not None:
        check_metrics_version(config.metrics, config.metrics_version)
    model = models.build(
        config,
        data.in_shape,
        data.num_outputs,
        make_generator(config.seed, "weights"),
        columns=data.columns,
        facts=models.ModelFacts.of(data),
    )
    model.to(model_at or device, data.dtype)
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
    """The session of a model that is on its device, with optimizer, losses and probe."""
    loss = losses.build(config, _loss_weights(config, data), task=data.task)
    if is_user_code("loss", config.loss):
        check_user_loss(config, loss, data.train.targets[:2], data.output_shape, data.dtype)
    _check_metrics_memory(config, data)
    session = Session(
        config,
        device,
        threads,
        data,
        model,
        build_optimizer(model, config),
        loss,
        losses.build_eval_loss(config, task=data.task),
        scaler=torch.amp.GradScaler("cuda") if config.dtype == "float16" else None,
        penalty=penalties.build(config, model),
        augmentation=augment.build(config, data.in_shape),
        batch_mixer=mixup_cutmix.build(config, data.in_shape, data.num_outputs),
        added_metrics=metrics.build(
            config,
            data.task,
            data.num_outputs,
            target_scale=data.scale_of_targets,
            target_mean=data.mean_of_targets,
        ),
    )
    steps = steps_per_epoch(len(data.train), config.batch_size)
    session.weight_average = weight_average.build(model, config)
    session.probe = probe.build(config, model, data, steps)
    return session


def _loss_weights(config: RunConfig, data: PreparedData) -> torch.Tensor | None:
    """The weights of the classes in the training loss, a tensor [c]; None without weights."""
    targets, dtype = data.train.targets, data.dtype
    if data.task in DENSE_TASKS:
        targets = targets[targets != IGNORED_CLASS]
    if config.pos_weight is not None:
        return positive_weights(config.pos_weight, data.num_outputs, targets, dtype)
    return class_weights(config.class_weights, targets, data.num_outputs, dtype)


def _check_metrics_memory(config: RunConfig, data: PreparedData) -> None:
    """Checks that the outputs of a split, which `--metrics` keeps, fit into memory.

    Raises:
        DataError: they do not.
    """
    if config.metrics is None or data.keeps_outputs:
        return
    examples = max(len(part) for part in (data.train, data.val, data.test))
    # The sorted copies that the metrics make are in float64.
    needed, limit = 12 * examples * math.prod(data.output_shape), main_memory_bytes() // 2
    if needed > limit:
        raise DataError(
            f"--metrics {config.metrics} keeps the outputs of a split: {examples:,} examples with"
            f" outputs of shape {list(data.output_shape)} need {needed:,} bytes; the limit is"
            f" {limit:,}, half of the memory of this machine",
            hint="train without --metrics, or on less data with --train-size",
        )


def _forward_multiply_adds(config: RunConfig, data: PreparedData, model: nn.Module) -> int:
    """Multiply-adds of the forward pass of one batch."""
    device = next(model.parameters()).device
    return count_multiply_adds(model, data.train.examples[:1].to(device)) * _effective_batch_size(
        config, data
    )


def _effective_batch_size(config: RunConfig, data: PreparedData) -> int:
    """Examples per step; all examples if the config says `full`."""
    size = config.batch_size
    return min(size, len(data.train)) if isinstance(size, int) else len(data.train)


def _convert_to_channels_last(session: Session) -> None:
    """Stores images with the channels last in memory (channels_last); shapes do not change.

    Raises:
        DataError: the examples are not images.
    """
    if len(session.data.in_shape) != 3:
        raise DataError(f"--channels-last needs images; {session.config.data} has none")
    session.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    session.data = session.data.channels_last()


def prefix_metrics(split: str, values: Mapping[str, float]) -> dict[str, float]:
    """The metrics of a split by their full names `split/metric`."""
    return {f"{split}/{name}": value for name, value in values.items()}
