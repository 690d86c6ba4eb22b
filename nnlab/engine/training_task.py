"""`TrainingTask`: what a training loop over a loader asks of a task.

`SupervisedTask` is a model with a loss; tasks of users are adapted to the same protocol.
"""

from collections.abc import Mapping
from typing import Any, Literal, Protocol

import torch
from torch import nn
from torch.optim import Optimizer

from nnlab.objective import Direction

EvaluatedSplit = Literal["val", "test"]


class TrainingTask(Protocol):
    """The steps of training and evaluation, with everything that they train.

    The loop moves each batch to the device, sets training or evaluation mode, opens the autocast
    context and seeds the global generators before it calls a step.

    Attributes:
        epoch: the current epoch, from 1; set by the loop.
    """

    epoch: int

    @property
    def module(self) -> nn.Module:
        """Contains all weights; its state_dict is saved."""

    @property
    def optimizers(self) -> tuple[Optimizer, ...]:
        """All optimizers; they are saved in checkpoints."""

    @property
    def uses_setting_optimizer(self) -> bool:
        """Whether the only optimizer is that of `--opt`.

        The loop then sets its learning rate from `--lr` and `--decay`.
        """

    @property
    def steps_itself(self) -> bool:
        """Whether `training_step` updates the weights itself, as GANs do."""

    @property
    def directions(self) -> Mapping[str, Direction | None]:
        """The directions of the task's own metrics, by names without the split; None: unknown."""

    def training_step(self, batch: Any, batch_index: int) -> torch.Tensor | None:
        """The loss of a batch with its graph; None only if the task steps itself.

        Args:
            batch: on the device, in the structure that the loader yields.
            batch_index: counted from 0 in the current epoch.
        """

    def validation_step(self, batch: Any, batch_index: int, split: EvaluatedSplit) -> None:
        """Evaluates a batch of the validation or test split; gradients are disabled."""

    def after_step(self) -> None:
        """Called after the weights were updated."""

    def after_epoch(self, values: Mapping[str, float]) -> None:
        """Called after an epoch with its metrics by their full names, for schedules."""

    def reset(self, split: str) -> None:
        """Forgets the metrics of `train`, `val` or `test`."""

    def logged(self, split: str) -> dict[str, float]:
        """The metrics of a split since the last `reset`; their names lack the split."""

    def state_dict(self) -> Mapping[str, Any]:
        """What a checkpoint needs besides module and optimizers.

        These are schedules, counters, and the sums behind the train metrics of an unfinished
        epoch, as tensors, numbers, texts and containers of them.
        """

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restores what `state_dict` returned."""
