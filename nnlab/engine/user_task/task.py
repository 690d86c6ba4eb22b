"""`UserTask`: the object of a user's class as the training loop uses it."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from nnlab.engine.optimizers import build as build_optimizer
from nnlab.engine.seeds import derive_seed
from nnlab.engine.training_task import EvaluatedSplit
from nnlab.engine.user_call import call_user_code
from nnlab.engine.user_task.batches import batch_size
from nnlab.engine.user_task.construction import construct_task
from nnlab.engine.user_task.lightning import is_lightning_class, without_trainer
from nnlab.engine.user_task.loading import has_optimizers, load_task_class
from nnlab.engine.user_task.logged_metrics import (
    LoggedMeans,
    LoggedMetrics,
    as_number,
    directions_of,
    is_metric_object,
    metric_name,
)
from nnlab.engine.user_task.modules import collect_modules
from nnlab.engine.user_task.optimizers import TaskScheduler, read_optimizers
from nnlab.engine.user_task.step_call import StepCall
from nnlab.errors import UserCodeError
from nnlab.objective import Direction
from nnlab.settings import RunConfig

_SPLITS = ("train", "val", "test")
_NAMES_FOR_PLAIN_CLASSES = ("log", "log_dict", "optimizers", "manual_backward")


class UserTask:
    """A user's task: its weights, optimizers and steps, and what it logs.

    Attributes:
        instance: the object of the user's class.
        module: everything with weights.
        optimizers: those of `configure_optimizers`, or the one of `--opt`.
        schedules: the schedulers of `configure_optimizers`.
        uses_setting_optimizer: whether the only optimizer is that of `--opt`.
        steps_itself: whether `training_step` updates the weights itself.
        directions: of the metrics of `configure_metrics`.
        epoch: the current epoch, from 1.
        step: the number of training steps before the current one.
    """

    def __init__(
        self,
        config: RunConfig,
        device: torch.device,
        *,
        data_facts: Mapping[str, object] | None = None,
        model: nn.Module | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        """Builds the user's object on the device.

        Args:
            config: resolved.
            device: of the training.
            data_facts: facts about the data that constructors may name.
            model: the module of `--model`, if the constructor names it.
            dtype: of the floating point weights; None keeps that of the constructor.

        Raises:
            UserCodeError: the class cannot be used; the message has the user's file and line.
        """
        self.reference = config.task or ""
        self._device, self._seed = device, config.seed
        self.epoch, self.step = 1, 0
        self._split, self._weight = "train", 1.0
        self.optimizers: tuple[Optimizer, ...] = ()
        self.schedules: tuple[TaskScheduler, ...] = ()
        task_class = load_task_class(self.reference)
        self.instance = self._construct(config, task_class, data_facts or {}, model)
        self.module = collect_modules(self.instance, self.reference)
        self.module.to(device, dtype)
        self._means = {split: LoggedMeans() for split in _SPLITS}
        # Metric objects that the task passes to `log`, as Lightning users do.
        self._logged_objects: dict[str, dict[str, Any]] = {split: {} for split in _SPLITS}
        self.directions: Mapping[str, Direction | None] = {}
        self._metrics = self._configure_metrics()
        self._training_step = StepCall(self.reference, self.instance.training_step)
        self._validation_step = StepCall(self.reference, self.instance.validation_step)
        test_step = getattr(task_class, "test_step", None)
        has_test_step = callable(test_step) and not test_step.__module__.startswith(
            ("lightning.", "pytorch_lightning.")
        )
        self._test_step = (
            StepCall(self.reference, self.instance.test_step)
            if has_test_step
            else self._validation_step
        )
        self._configure_optimizers(config, task_class)

    def _construct(
        self,
        config: RunConfig,
        task_class: type[Any],
        data_facts: Mapping[str, object],
        model: nn.Module | None,
    ) -> Any:
        methods = {
            "log": self.log,
            "log_dict": self.log_dict,
            "optimizers": self._optimizers,
            "lr_schedulers": self._lr_schedulers,
            "manual_backward": _backward,
        }
        if is_lightning_class(task_class):
            adapted = without_trainer(task_class, methods, self._trainer_facts)
            return construct_task(config, adapted, data_facts, model)
        instance = construct_task(config, task_class, data_facts, model)
        for name in _NAMES_FOR_PLAIN_CLASSES:
            if not hasattr(instance, name):
                setattr(instance, name, methods[name])
        return instance

    def _configure_metrics(self) -> Mapping[str, LoggedMetrics]:
        configure = getattr(self.instance, "configure_metrics", None)
        if configure is None:
            return {}
        option = f"--task {self.reference}"
        metrics = call_user_code(option, configure)
        if not isinstance(metrics, Mapping) or not all(callable(m) for m in metrics.values()):
            raise UserCodeError(
                f"{option}: configure_metrics returns an object of type {type(metrics).__name__};"
                " nnlab needs a dict of functions or torchmetrics.Metric objects by name"
            )
        self.directions = directions_of(metrics)
        return {split: LoggedMetrics(metrics, self._device) for split in ("val", "test")}

    def _configure_optimizers(self, config: RunConfig, task_class: type[Any]) -> None:
        self.uses_setting_optimizer = not has_optimizers(task_class)
        if not self.uses_setting_optimizer:
            configured = call_user_code(
                f"--task {self.reference}", self.instance.configure_optimizers
            )
            self.optimizers, self.schedules = read_optimizers(configured, self.reference)
        else:
            self.optimizers = (build_optimizer(self.module, config),)
        is_automatic = getattr(self.instance, "automatic_optimization", True)
        self.steps_itself = not is_automatic or len(self.optimizers) != 1

    def training_step(self, batch: Any, batch_index: int) -> Tensor | None:
        """The loss of a batch with its graph; None if the task updates the weights itself.

        Raises:
            UserCodeError: the step fails, or returns no loss.
        """
        self._split, self._weight = "train", float(batch_size(batch))
        named = {"optimizers": list(self.optimizers), "epoch": self.epoch, "step": self.step}
        result = self._training_step(batch, batch_index, named)
        self.step += 1
        loss = self._log_result(result, self._training_step)
        if self.steps_itself:
            return None
        if loss is None:
            raise UserCodeError(
                f"--task {self.reference}: training_step returns no loss -"
                f" {self._training_step.location}",
                hint="return the loss, or a dict with the key loss; a task that updates its weights"
                " itself sets self.automatic_optimization = False",
            )
        if not loss.requires_grad:
            raise UserCodeError(
                f"--task {self.reference}: the loss of training_step has no gradient -"
                f" {self._training_step.location}"
            )
        return loss

    def validation_step(self, batch: Any, batch_index: int, split: EvaluatedSplit) -> None:
        """Measures a batch of the validation or test split.

        Its random numbers depend on the seed and the batch, and are the same in every epoch.

        Raises:
            UserCodeError: the step fails, or its result is no loss, metrics or outputs.
        """
        self._split, self._weight = split, float(batch_size(batch))
        torch.manual_seed(derive_seed(self._seed, "user_model", 0, batch_index))
        call = self._test_step if split == "test" else self._validation_step
        result = call(batch, batch_index, {"epoch": self.epoch, "step": self.step})
        if isinstance(result, tuple | list):
            self._update_metrics(result, call, split)
        else:
            self._log_result(result, call)

    def _update_metrics(self, result: Any, call: StepCall, split: str) -> None:
        is_pair = len(result) == 2 and all(isinstance(part, Tensor) for part in result)
        if split not in self._metrics or not is_pair:
            reason = (
                "which are two tensors"
                if not is_pair
                else "which needs the method configure_metrics"
            )
            raise UserCodeError(
                f"--task {self.reference}: validation_step returns a tuple of {len(result)}; it may"
                f" return a loss, a dict of metrics, or (outputs, targets), {reason} -"
                f" {call.location}"
            )
        outputs, targets = result
        call_user_code(
            f"--task {self.reference}",
            lambda: self._metrics[split].update(outputs.detach(), targets.detach()),
        )

    def _log_result(self, result: Any, call: StepCall) -> Tensor | None:
        """Logs what a step returned; returns its loss, if that is a tensor."""
        values = result if isinstance(result, Mapping) else {"loss": result}
        for name, value in values.items():
            number = None if value is None else as_number(value)
            if number is not None:
                self._means[self._split].add(
                    metric_name(str(name), self._split), number, self._weight
                )
            elif name == "loss" and value is not None:
                raise UserCodeError(
                    f"--task {self.reference}: the loss must be one number, got"
                    f" {_description(value)} - {call.location}"
                )
        loss = values.get("loss")
        return loss.reshape(()) if isinstance(loss, Tensor) else None

    def log(
        self, name: str, value: Any, *args: Any, batch_size: int | None = None, **_: Any
    ) -> None:
        """Logs a number of the current batch as `train/NAME` or `val/NAME`.

        The value of an epoch is the mean over its batches, weighted by their examples. A Metric of
        torchmetrics is computed at the end of the epoch. Lightning's other options have no effect.
        """
        del args
        clean = metric_name(name, self._split)
        if is_metric_object(value):
            self._logged_objects[self._split][clean] = value
            return
        number = as_number(value)
        if number is None:
            raise UserCodeError(
                f"--task {self.reference}: log({name!r}) needs one number, got"
                f" {_description(value)}"
            )
        weight = self._weight if batch_size is None else float(batch_size)
        self._means[self._split].add(clean, number, weight)

    def log_dict(self, values: Mapping[str, Any], *args: Any, **options: Any) -> None:
        """Logs several numbers; see `log`."""
        for name, value in values.items():
            self.log(name, value, *args, **options)

    def logged(self, split: str) -> dict[str, float]:
        """The metrics of a split since `reset`, by their names without the split.

        Raises:
            UserCodeError: a metric fails or is no number.
        """
        values: dict[str, float] = dict(self._means[split].compute())
        measured: dict[str, Any] = {
            name: metric.compute() for name, metric in self._logged_objects[split].items()
        }
        if split in self._metrics:
            measured |= call_user_code(f"--task {self.reference}", self._metrics[split].compute)
        for name, value in measured.items():
            number = as_number(value)
            if number is None:
                raise UserCodeError(
                    f"--task {self.reference}: the metric {name} must be one number, got"
                    f" {_description(value)}"
                )
            values[name] = float(number)
        return values

    def reset(self, split: str) -> None:
        """Starts a new epoch of a split."""
        self._means[split] = LoggedMeans()
        for metric in self._logged_objects[split].values():
            metric.reset()
        self._logged_objects[split] = {}
        if split in self._metrics:
            self._metrics[split].reset()

    def state_dict(self) -> dict[str, Any]:
        """The schedulers, the number of steps, and what was logged in the current epoch."""
        return {
            "schedulers": [schedule.scheduler.state_dict() for schedule in self.schedules],
            "step": self.step,
            "logged": self._means["train"].state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continues from a state that `state_dict` returned."""
        for schedule, saved in zip(self.schedules, state["schedulers"], strict=True):
            schedule.scheduler.load_state_dict(saved)
        self.step = state["step"]
        self._means["train"].load_state_dict(state["logged"])

    def after_step(self) -> None:
        """Steps the schedulers with the interval `step`; called after the weights' update."""
        if self._steps_schedulers:
            for schedule in self.schedules:
                if schedule.per_step:
                    schedule.step(self.step, {})

    def after_epoch(self, values: Mapping[str, float]) -> None:
        """Steps the schedulers with the interval `epoch`.

        Args:
            values: the metrics of the epoch by their full names.
        """
        if self._steps_schedulers:
            for schedule in self.schedules:
                if not schedule.per_step:
                    schedule.step(self.epoch, values)

    @property
    def _steps_schedulers(self) -> bool:
        # As in Lightning, a module with manual optimization steps its schedulers itself.
        is_manual = not getattr(self.instance, "automatic_optimization", True)
        return not (is_manual and is_lightning_class(type(self.instance)))

    def _optimizers(self, use_pl_optimizer: bool = True) -> Any:
        del use_pl_optimizer
        return self.optimizers[0] if len(self.optimizers) == 1 else list(self.optimizers)

    def _lr_schedulers(self) -> Any:
        schedulers = [schedule.scheduler for schedule in self.schedules]
        return schedulers[0] if len(schedulers) == 1 else schedulers or None

    def _trainer_facts(self) -> Mapping[str, Any]:
        return {
            "current_epoch": self.epoch - 1,
            "global_step": self.step,
            "optimizers": list(self.optimizers),
        }


def _backward(loss: Tensor, *args: Any, **options: Any) -> None:
    """Lightning's `manual_backward` without its strategies."""
    loss.backward(*args, **options)  # type: ignore[no-untyped-call]


def _description(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"a tensor {list(value.shape)}"
    return f"a value of type {type(value).__name__}"
