"""`SupervisedTask`: a model and a loss of its outputs, trained over loaders."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from nnlab.catalogue import DENSE_TASKS
from nnlab.engine import augment, losses, metrics, models
from nnlab.engine import device as devices
from nnlab.engine.augment import AugmentationPipeline
from nnlab.engine.class_weights import class_weights, positive_weights
from nnlab.engine.data.example_facts import split_batch
from nnlab.engine.error_description import forward_location
from nnlab.engine.models.call import call_model, converted
from nnlab.engine.models.model_facts import ModelFacts
from nnlab.engine.models.output_selection import describe_output
from nnlab.engine.optimizers import build as build_optimizer
from nnlab.engine.seeds import derive_seed, make_generator
from nnlab.engine.split_metrics import counted_positions
from nnlab.engine.streaming.streamed_data import StreamedData, open_streamed_data
from nnlab.engine.targets.metric_sums import MetricSums, metric_sums
from nnlab.engine.targets.output_shape import output_shape
from nnlab.engine.training_task import EvaluatedSplit
from nnlab.errors import ConfigError, DataError, UserCodeError
from nnlab.objective import Direction
from nnlab.settings import RunConfig

# Examples of the training split for the data-dependent initialisation.
_LSUV_EXAMPLES = 512


class SupervisedTask:
    """Trains a model by a loss of its outputs and the targets of a batch.

    A reconstruction compares the outputs with the inputs; an unsupervised loss gets the outputs
    only. The scores of a split are kept on the CPU only if `--metrics` needs them.
    """

    uses_setting_optimizer = True
    steps_itself = False
    directions: Mapping[str, Direction | None] = {}

    def __init__(
        self,
        config: RunConfig,
        data: StreamedData,
        module: nn.Module,
        optimizer: Optimizer,
        device: torch.device,
    ) -> None:
        """Prepares the losses and metrics.

        Args:
            config: resolved.
            data: the batches.
            module: the model, on the device.
            optimizer: of the model.
            device: of the training.
        """
        self.epoch = 1
        self.module, self.optimizers = module, (optimizer,)
        self.forward: Any = devices.compile_model(module) if config.compile else module
        self._config, self._data, self._device = config, data, device
        self._dtype = next(module.parameters()).dtype
        weights = _loss_weights(config, data, device, self._dtype)
        self._loss = losses.build(config, weights, task=data.task)
        self._eval_loss = losses.build_eval_loss(config, task=data.task)
        self._augmentation = _build_augmentation(config, data)
        self.added_metrics = metrics.build(
            config,
            data.task,
            data.num_outputs,
            target_scale=data.scale_of_targets,
            target_mean=data.mean_of_targets,
        )
        self._sums: dict[str, MetricSums] = {}
        self._scores: dict[str, list[tuple[torch.Tensor, torch.Tensor]]] = {}
        for split in ("train", "val", "test"):
            self.reset(split)

    def training_step(self, batch: Any, batch_index: int) -> torch.Tensor:
        """The training loss of a batch.

        Raises:
            UserCodeError: the outputs do not have the shape that the targets need.
        """
        inputs, targets = self._split(batch)
        if self._augmentation is not None:
            generator = torch.Generator(self._device)
            seed = derive_seed(self._config.seed, "augment", self.epoch, batch_index)
            augmented = self._augmentation(inputs, generator.manual_seed(seed))
            targets = augmented if targets is inputs else targets
            inputs = augmented
        outputs = self._outputs(inputs, targets)
        loss = self._loss(outputs, targets)
        self._measure("train", _detached(outputs), targets)
        return loss

    def validation_step(self, batch: Any, batch_index: int, split: EvaluatedSplit) -> None:
        """Adds a batch to the metrics of a split."""
        del batch_index
        inputs, targets = self._split(batch)
        self._measure(split, self._outputs(inputs, targets), targets)

    def after_step(self) -> None:
        """Does nothing: the loop sets the learning rate."""

    def after_epoch(self, values: Mapping[str, float]) -> None:
        """Does nothing: the loop sets the learning rate."""

    def reset(self, split: str) -> None:
        """Forgets the metrics of a split."""
        self._sums[split] = metric_sums(
            self._data.task,
            self._eval_loss,
            num_outputs=self._data.num_outputs,
            target_scale=self._data.scale_of_targets,
            dtype=self._dtype,
            # MPS has no float64, which sums need.
            device="cpu" if self._device.type == "mps" else self._device,
        )
        self._scores[split] = []

    def logged(self, split: str) -> dict[str, float]:
        """The metrics of the task and those of `--metrics` since the last `reset`."""
        values = self._sums[split].compute()
        if self.added_metrics is not None and self._scores[split]:
            outputs, targets = (
                torch.cat(parts) for parts in zip(*self._scores[split], strict=True)
            )
            values |= self.added_metrics.compute(outputs, targets, self.epoch)
        return values

    def state_dict(self) -> Mapping[str, Any]:
        """The sums and scores of the unfinished epoch."""
        return {"sums": self._sums["train"].state_dict(), "scores": self._scores["train"]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continues an epoch."""
        self._sums["train"].load_state_dict(state["sums"])
        self._scores["train"] = list(state["scores"])

    def _split(self, batch: Any) -> tuple[Any, Any]:
        """Inputs and targets in the model's floating-point type."""
        if self._data.task == "unsupervised":
            return converted(batch, self._dtype), None
        inputs, targets = split_batch(batch)
        inputs = converted(inputs, self._dtype)
        if self._data.task == "reconstruction":
            return inputs, inputs
        if targets is None:
            raise DataError(f"{self._config.data} has no targets in a batch")
        targets = converted(targets, self._dtype)
        if self._data.task == "multilabel":
            targets = targets.to(self._dtype)  # tags may be booleans or whole numbers
        if self._data.task == "regression" and targets.ndim == 1:
            targets = targets[:, None]
        return inputs, targets

    def _outputs(self, inputs: Any, targets: Any) -> Any:
        outputs = call_model(self.forward, inputs)
        expected = _expected_shape(self._data, targets)
        if expected is not None and getattr(outputs, "shape", None) != expected:
            raise self._shape_error(inputs, outputs, list(expected))
        return outputs

    def _shape_error(self, inputs: Any, outputs: Any, expected: list[int]) -> UserCodeError:
        location = forward_location(self.module)
        return UserCodeError(
            f"--model {self._config.model} returns {describe_output(outputs)} for inputs"
            f" {describe_output(inputs)}, the targets of {self._config.data} need {expected}"
            + ("" if location is None else f" - {location}")
        )

    def _measure(self, split: str, outputs: Any, targets: Any) -> None:
        self._sums[split].add(outputs, targets)
        if self.added_metrics is not None and targets is not None:
            kept = (outputs.cpu(), targets.cpu())
            self._scores[split].append(
                counted_positions(*kept) if self._data.task in DENSE_TASKS else kept
            )


def open_supervised_task(
    config: RunConfig, device: torch.device
) -> tuple[StreamedData, SupervisedTask]:
    """The streamed data of a resolved config, and the task of its model.

    Raises:
        DataError: the data set cannot be used, or does not fit the model.
        UserCodeError: the model, the loss or the data fails.
        ConfigError: a choice does not work with streamed data.
    """
    data = open_streamed_data(config, device, num_workers=config.loader_workers)
    inputs, targets = split_batch(data.example)
    module = models.build(
        config,
        data.in_shape,
        data.num_outputs,
        make_generator(config.seed, "weights"),
        columns=data.columns,
        facts=_model_facts(data, inputs, targets),
        example=data.example if data.task == "unsupervised" else inputs,
    )
    dtype = torch.float64 if config.dtype == "float64" else torch.float32
    module.to(device, dtype)
    if config.init == "lsuv":
        _initialise_from_data(config, data, module, device)
    return data, SupervisedTask(config, data, module, build_optimizer(module, config), device)


def _expected_shape(data: StreamedData, targets: Any) -> tuple[int, ...] | None:
    """The shape of the outputs for the targets of a batch; None without targets.

    Batches of sequences may have different lengths, so it is not the same for all batches.
    """
    if targets is None or not isinstance(targets, torch.Tensor):
        return None
    if data.task == "reconstruction":
        return tuple(targets.shape)
    shape = output_shape(data.task, data.num_outputs, (), tuple(targets.shape[1:]))
    return (len(targets), *shape)


def _model_facts(data: StreamedData, inputs: Any, targets: Any) -> ModelFacts:
    """What a model must know, from a batch with one example."""
    expected = _expected_shape(data, inputs if data.task == "reconstruction" else targets)
    is_tokens = isinstance(inputs, torch.Tensor) and not inputs.is_floating_point()
    vocab_size = len(data.vocabulary)
    if not vocab_size and is_tokens and data.task == "language_modeling":
        vocab_size = data.num_outputs
    shape = (data.num_outputs,) if expected is None else expected[1:]
    return ModelFacts(shape, vocab_size, data.task, data.pad_token)


def _initialise_from_data(
    config: RunConfig, data: StreamedData, module: nn.Module, device: torch.device
) -> None:
    inputs, _ = split_batch(next(iter(data.train.epoch(1))))
    if not isinstance(inputs, torch.Tensor):
        raise ConfigError(["--init lsuv needs inputs that are one tensor"])
    models.lsuv_(
        module, config, inputs[:_LSUV_EXAMPLES].to(device, next(module.parameters()).dtype)
    )


def _build_augmentation(config: RunConfig, data: StreamedData) -> AugmentationPipeline | None:
    if data.in_shape is None and config.augment not in (None, "none"):
        raise ConfigError([f"--augment {config.augment} needs inputs that are one tensor"])
    return augment.build(config, data.in_shape or ())


def _loss_weights(
    config: RunConfig, data: StreamedData, device: torch.device, dtype: torch.dtype
) -> torch.Tensor | None:
    targets = torch.zeros(1, dtype=torch.int64, device=device)
    if config.pos_weight is not None:
        return positive_weights(config.pos_weight, data.num_outputs, targets, dtype)
    return class_weights(config.class_weights, targets, data.num_outputs, dtype)


def _detached(outputs: Any) -> Any:
    if isinstance(outputs, torch.Tensor):
        return outputs.detach()
    if isinstance(outputs, Mapping):
        return {name: _detached(value) for name, value in outputs.items()}
    if isinstance(outputs, tuple | list):
        return type(outputs)(_detached(value) for value in outputs)
    return outputs
