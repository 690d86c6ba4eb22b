"""The optimizers and schedulers that `configure_optimizers` of a user task returns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau

from nnlab.errors import UserCodeError

_FORMS = (
    "it returns an optimizer, several, a pair of lists ([optimizers], [schedulers]), or a dict"
    " with the keys optimizer and lr_scheduler"
)


@dataclass(frozen=True, slots=True)
class TaskScheduler:
    """A scheduler of a user task.

    Attributes:
        scheduler: of torch.
        per_step: whether it is stepped after each training step instead of each epoch.
        frequency: it is stepped every `frequency` steps or epochs.
        monitor: the metric of the epoch that a ReduceLROnPlateau reads, such as `val/loss`.
    """

    scheduler: Any
    per_step: bool = False
    frequency: int = 1
    monitor: str = "val/loss"

    def step(self, count: int, values: Mapping[str, float]) -> None:
        """Steps the scheduler if it is due after `count` steps or epochs.

        Args:
            count: how many training steps or epochs are finished.
            values: the metrics of the epoch by their full names; empty between steps.

        Raises:
            UserCodeError: the monitored metric was not logged.
        """
        if count % self.frequency:
            return
        if not isinstance(self.scheduler, ReduceLROnPlateau):
            self.scheduler.step()
        elif self.monitor in values:
            self.scheduler.step(values[self.monitor])
        else:
            raise UserCodeError(
                f"ReduceLROnPlateau monitors {self.monitor}, which the task does not log",
                hint=f"it logs {', '.join(values)}",
            )


def read_optimizers(
    configured: Any, reference: str
) -> tuple[tuple[Optimizer, ...], tuple[TaskScheduler, ...]]:
    """The optimizers and schedulers in a value of `configure_optimizers`, as in Lightning.

    Raises:
        UserCodeError: the value has another form.
    """
    if configured is None:
        return (), ()
    if isinstance(configured, Optimizer):
        return (configured,), ()
    if isinstance(configured, Mapping):
        return _read_dict(configured, reference)
    if isinstance(configured, Sequence) and not isinstance(configured, str):
        if len(configured) == 2 and all(isinstance(part, list | tuple) for part in configured):
            optimizers = tuple(_checked(optimizer, reference) for optimizer in configured[0])
            return optimizers, tuple(_read_scheduler(item, reference) for item in configured[1])
        pairs = [
            _read_dict(item, reference)
            if isinstance(item, Mapping)
            else ((_checked(item, reference),), ())
            for item in configured
        ]
        return sum((pair[0] for pair in pairs), ()), sum((pair[1] for pair in pairs), ())
    raise _wrong_form(configured, reference)


def _read_dict(
    item: Mapping[str, Any], reference: str
) -> tuple[tuple[Optimizer, ...], tuple[TaskScheduler, ...]]:
    optimizer = _checked(item.get("optimizer"), reference)
    scheduler = item.get("lr_scheduler")
    if scheduler is None:
        return (optimizer,), ()
    if isinstance(scheduler, Mapping) and "monitor" in item:
        scheduler = {"monitor": item["monitor"], **scheduler}
    elif "monitor" in item:
        scheduler = {"scheduler": scheduler, "monitor": item["monitor"]}
    return (optimizer,), (_read_scheduler(scheduler, reference),)


def _read_scheduler(item: Any, reference: str) -> TaskScheduler:
    if not isinstance(item, Mapping):
        item = {"scheduler": item}
    scheduler, interval = item.get("scheduler"), item.get("interval", "epoch")
    if not callable(getattr(scheduler, "step", None)):
        raise _wrong_form(scheduler, reference)
    if interval not in ("epoch", "step"):
        raise UserCodeError(
            f"--task {reference}: the interval of a scheduler is epoch or step, got {interval!r}"
        )
    if interval == "step" and isinstance(scheduler, ReduceLROnPlateau):
        raise UserCodeError(f"--task {reference}: ReduceLROnPlateau needs the interval epoch")
    monitor = str(item.get("monitor") or "val/loss")
    split, has_split, quantity = monitor.replace("/", "_", 1).partition("_")
    if has_split and split in ("train", "val"):
        monitor = f"{split}/{quantity}"
    return TaskScheduler(scheduler, interval == "step", int(item.get("frequency", 1)), monitor)


def _checked(optimizer: Any, reference: str) -> Optimizer:
    if isinstance(optimizer, Optimizer):
        return optimizer
    raise _wrong_form(optimizer, reference)


def _wrong_form(value: Any, reference: str) -> UserCodeError:
    return UserCodeError(
        f"--task {reference}: configure_optimizers returns an object of type"
        f" {type(value).__name__}, which is no optimizer or scheduler",
        hint=_FORMS,
    )
