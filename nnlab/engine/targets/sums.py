"""Sums over the batches of a split, which the metrics of each kind of targets are computed from."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch

from nnlab.engine.targets.output_shape import IGNORED_CLASS

Loss = Callable[..., torch.Tensor]


class MetricSums(Protocol):
    """The metrics of a split; independent of its division into batches, up to rounding."""

    def add(self, outputs: torch.Tensor, targets: torch.Tensor | None) -> None:
        """Adds a batch: detached outputs and targets in the shapes of the task."""

    def compute(self) -> dict[str, float]:
        """The metrics of all batches so far, by their names without the split."""

    def state_dict(self) -> dict[str, torch.Tensor]:
        """Copies of the sums, to continue inside an epoch."""

    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        """Replaces the sums by those of `state_dict`."""


@dataclass(frozen=True, slots=True)
class SumSettings:
    """What an accumulator depends on; see `metric_sums.metric_sums`."""

    eval_loss: Loss
    num_outputs: int
    target_scale: float | Sequence[float]
    dtype: torch.dtype
    device: torch.device


class SumsBase:
    """Named tensors that batches are added to, with the sum of the losses.

    The sums are float64 or int64 on the device, so that no batch waits for a copy to the CPU.
    """

    def __init__(self, settings: SumSettings) -> None:
        self.settings = settings
        self.sums: dict[str, torch.Tensor] = {"loss": self.zeros(), "count": self.counts()}

    def zeros(self, *shape: int) -> torch.Tensor:
        """A sum of numbers."""
        return torch.zeros(shape, dtype=torch.float64, device=self.settings.device)

    def counts(self, *shape: int) -> torch.Tensor:
        """A sum of whole numbers."""
        return torch.zeros(shape, dtype=torch.int64, device=self.settings.device)

    def converted(self, outputs: torch.Tensor) -> torch.Tensor:
        """Outputs on the device of the sums, at least in float32."""
        dtype = torch.promote_types(outputs.dtype, torch.float32)
        return outputs.detach().to(self.settings.device, dtype)

    def add_loss(
        self, outputs: torch.Tensor, targets: torch.Tensor | None, count: torch.Tensor | int
    ) -> None:
        """Adds the mean loss of `count` examples or positions; a batch without any adds nothing."""
        loss = self.settings.eval_loss
        mean = loss(outputs) if targets is None else loss(outputs, targets)
        count = torch.as_tensor(count, device=self.settings.device)
        weighted = mean.detach().double() * count
        self.sums["loss"] += torch.where(count > 0, weighted, torch.zeros_like(weighted))
        self.sums["count"] += count

    def mean_loss(self) -> float:
        """The mean loss of all examples or positions; NaN without any."""
        return (self.sums["loss"] / self.sums["count"]).item()

    def state_dict(self) -> dict[str, torch.Tensor]:
        """Copies of the sums, to continue inside an epoch."""
        return {name: value.clone() for name, value in self.sums.items()}

    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        """Replaces the sums by those of `state_dict`.

        Raises:
            KeyError: a sum is missing.
        """
        for name, value in self.sums.items():
            value.copy_(state[name])


class PositionSums(SumsBase):
    """Sums over the tokens or pixels that count: the loss and the number of right classes."""

    # The dimension of the classes in the outputs.
    class_dim = -1

    def __init__(self, settings: SumSettings) -> None:
        super().__init__(settings)
        self.sums["correct"] = self.counts()

    @torch.no_grad()
    def add(self, outputs: torch.Tensor, targets: torch.Tensor | None) -> None:
        """Adds a batch: outputs with one score per class and position, classes of the positions.

        Raises:
            ValueError: there are no targets.
        """
        targets = required_targets(targets).to(self.settings.device)
        outputs = self.converted(outputs)
        counted = targets != IGNORED_CLASS
        predicted = outputs.argmax(dim=self.class_dim)
        self.add_loss(outputs, targets, counted.sum())
        self.sums["correct"] += ((predicted == targets) & counted).sum()
        self.add_positions(outputs, predicted, targets, counted)

    def add_positions(
        self,
        outputs: torch.Tensor,
        predicted: torch.Tensor,
        targets: torch.Tensor,
        counted: torch.Tensor,
    ) -> None:
        """Adds what a kind of targets measures besides loss and accuracy."""

    def compute(self) -> dict[str, float]:
        """The mean loss and the share of right classes of the positions that count."""
        return {"loss": self.mean_loss(), "accuracy": self.accuracy()}

    def accuracy(self) -> float:
        """The share of right classes of the positions that count."""
        return (self.sums["correct"].double() / self.sums["count"]).item()


def required_targets(targets: torch.Tensor | None) -> torch.Tensor:
    """The targets of a kind that has them.

    Raises:
        ValueError: there are none.
    """
    if targets is None:
        raise ValueError("metrics of this kind need targets")
    return targets
