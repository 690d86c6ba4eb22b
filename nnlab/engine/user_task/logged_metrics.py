"""The metrics of a user task: numbers that it logs, and the metrics of `configure_metrics`."""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor

from nnlab.objective import Direction

_SPLIT_PREFIXES: Mapping[str, tuple[str, ...]] = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation"),
    "test": ("test",),
}


def metric_name(name: str, split: str) -> str:
    """The name of a logged metric without its split, with `_` for what a name cannot contain.

    In the validation step of a task, `val_loss`, `val/loss` and `loss` are the same metric; the
    test split is measured by the validation step too.

    >>> metric_name("val/f1-macro", "val"), metric_name("val_loss", "test")
    ('f1_macro', 'loss')
    """
    prefixes = _SPLIT_PREFIXES[split] if split == "train" else _SPLIT_PREFIXES["val"] + ("test",)
    match = re.fullmatch(rf"(?:{'|'.join(prefixes)})[/_. ](.+)", name)
    clean = re.sub(r"\W", "_", match[1] if match else name, flags=re.ASCII)
    return clean if clean.isidentifier() else f"_{clean}"


def as_number(value: Any) -> Tensor | float | None:
    """A logged value as a number or a scalar tensor; None if it is neither."""
    if isinstance(value, Tensor):
        return value.detach().reshape(()) if value.numel() == 1 and not value.is_complex() else None
    if isinstance(value, bool | int | float):
        return float(value)
    try:
        return float(value)  # a number of numpy
    except (TypeError, ValueError):
        return None


class LoggedMeans:
    """Means of logged numbers, weighted by the number of examples of each batch."""

    def __init__(self) -> None:
        # Sums stay on their device: copying each value to the CPU would wait for the device.
        self._sums: dict[str, Tensor] = {}
        self._weights: dict[str, float] = {}

    def add(self, name: str, value: Tensor | float, weight: float) -> None:
        """Adds the value of a batch."""
        number = torch.as_tensor(value)
        exact = torch.float32 if number.device.type == "mps" else torch.float64
        term = number.to(exact) * weight
        self._sums[name] = self._sums[name] + term if name in self._sums else term
        self._weights[name] = self._weights.get(name, 0.0) + weight

    def compute(self) -> dict[str, float]:
        """The means by name."""
        return {
            name: total.item() / self._weights[name] if self._weights[name] else math.nan
            for name, total in self._sums.items()
        }

    def state_dict(self) -> dict[str, Tensor]:
        """A tensor [2] by name: the weighted sum and the weight."""
        return {
            name: torch.stack([total.cpu().double(), torch.tensor(self._weights[name]).double()])
            for name, total in self._sums.items()
        }

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Continues from a state that `state_dict` returned."""
        self._sums = {name: pair[0].clone() for name, pair in state.items()}
        self._weights = {name: pair[1].item() for name, pair in state.items()}


def is_metric_object(value: Any) -> bool:
    """Whether a value accumulates over batches, as a Metric of torchmetrics does."""
    return all(callable(getattr(value, name, None)) for name in ("update", "compute", "reset"))


def directions_of(metrics: Mapping[str, Any]) -> dict[str, Direction]:
    """The directions that the metrics of `configure_metrics` state by `higher_is_better`."""
    stated = {name: getattr(metric, "higher_is_better", None) for name, metric in metrics.items()}
    return {
        metric_name(name, "val"): "max" if higher else "min"
        for name, higher in stated.items()
        if isinstance(higher, bool)
    }


class LoggedMetrics:
    """The metrics of `configure_metrics` for one split: metric objects, and functions.

    Functions are called with all outputs and targets of the split, which are kept on the CPU.
    """

    def __init__(self, metrics: Mapping[str, Any], device: torch.device) -> None:
        copies = {
            metric_name(name, "val"): _copy(metric, device) for name, metric in metrics.items()
        }
        self._objects = {n: metric for n, metric in copies.items() if is_metric_object(metric)}
        self._functions: dict[str, Callable[[Tensor, Tensor], Any]] = {
            name: metric for name, metric in copies.items() if name not in self._objects
        }
        self._outputs: list[Tensor] = []
        self._targets: list[Tensor] = []
        self._batches = 0

    def update(self, outputs: Tensor, targets: Tensor) -> None:
        """Adds the outputs and targets of a batch."""
        self._batches += 1
        for metric in self._objects.values():
            metric.update(outputs, targets)
        if self._functions:
            self._outputs.append(outputs.cpu())
            self._targets.append(targets.cpu())

    def compute(self) -> dict[str, Any]:
        """The values over all batches since `reset`, by name; empty if there was none."""
        if self._batches == 0:
            return {}
        values = {name: metric.compute() for name, metric in self._objects.items()}
        if self._functions:
            outputs, targets = torch.cat(self._outputs), torch.cat(self._targets)
            values |= {name: call(outputs, targets) for name, call in self._functions.items()}
        return values

    def reset(self) -> None:
        """Removes all batches."""
        self._batches = 0
        self._outputs, self._targets = [], []
        reset_all(self._objects.values())


def reset_all(metrics: Iterable[Any]) -> None:
    """Resets metric objects."""
    for metric in metrics:
        metric.reset()


def _copy(metric: Any, device: torch.device) -> Any:
    """A metric of its own for a split, on the device of the training."""
    if not is_metric_object(metric):
        return metric
    copied = deepcopy(metric)
    return copied.to(device) if hasattr(copied, "to") else copied
