"""`RunningMetrics`: the metrics of a split whose outputs are not held in memory."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch

from nnlab.catalogue import Task

EvalLoss = Callable[[Any, Any], torch.Tensor]


class RunningMetrics:
    """Sums over the batches of a split, from which its metrics are computed."""

    def __init__(
        self, task: Task, eval_loss: EvalLoss, *, target_scale: float, device: torch.device
    ) -> None:
        """Starts with no examples.

        Args:
            task: the kind of targets.
            eval_loss: mean over the examples of a batch.
            target_scale: the target's unit per unit of the batches.
            device: of the sums.
        """
        self._task, self._eval_loss, self._scale = task, eval_loss, target_scale
        # examples, loss, correct or absolute errors, squared errors, targets and their squares
        self._sums = torch.zeros(6, dtype=torch.float64, device=_sum_device(device))

    @torch.no_grad()
    def add(self, outputs: Any, targets: Any, count: int) -> None:
        """Adds a batch of `count` examples; its outputs are detached."""
        loss = self._eval_loss(outputs, targets)
        parts = [torch.full_like(loss, count), loss * count]
        if self._task == "classification":
            parts.append((outputs.argmax(dim=1) == targets).sum())
        elif self._task == "regression":
            errors = outputs - targets
            parts += [errors.abs().sum(), errors.square().sum(), targets.sum()]
            parts.append(targets.double().square().sum())
        values = torch.stack([part.to(self._sums) for part in parts])
        self._sums[: len(values)] += values

    def compute(self) -> dict[str, float]:
        """The metrics of all batches so far, by their names without the split."""
        count, loss, third, squares, targets, target_squares = self._sums.tolist()
        if count == 0:
            return {"loss": math.nan}
        values = {"loss": loss / count}
        if self._task == "classification":
            values["accuracy"] = third / count
        elif self._task == "regression":
            values["rmse"] = math.sqrt(squares / count) * self._scale
            values["mae"] = third / count * self._scale
            variance = target_squares - targets**2 / count
            values["r2"] = 1 - squares / variance if variance > 0 else math.nan
        return values

    def state_dict(self) -> dict[str, torch.Tensor]:
        """The sums, for a checkpoint."""
        return {"sums": self._sums}

    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        """Continues from sums that `state_dict` returned."""
        self._sums.copy_(state["sums"])


def _sum_device(device: torch.device) -> torch.device:
    # MPS has no float64.
    return torch.device("cpu") if device.type == "mps" else device
