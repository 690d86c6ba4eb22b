"""Reconstruction: the target is the preprocessed input; outputs have its shape."""

import torch

from nnlab.engine.targets.sums import SumsBase, SumSettings, required_targets


class ReconstructionSums(SumsBase):
    """The mean loss, and rmse and mae over all numbers of all examples, as preprocessed."""

    def __init__(self, settings: SumSettings) -> None:
        super().__init__(settings)
        self.sums |= {"squares": self.zeros(), "absolutes": self.zeros(), "numbers": self.counts()}

    @torch.no_grad()
    def add(self, outputs: torch.Tensor, targets: torch.Tensor | None) -> None:
        """Adds outputs [n, ...] and the inputs of the model [n, ...]."""
        targets = required_targets(targets).to(self.settings.device)
        outputs = self.converted(outputs)
        self.add_loss(outputs, targets, len(outputs))
        errors = outputs.double() - targets.double()
        self.sums["squares"] += errors.square().sum()
        self.sums["absolutes"] += errors.abs().sum()
        self.sums["numbers"] += errors.numel()

    def compute(self) -> dict[str, float]:
        """The metrics of all batches so far."""
        return {
            "loss": self.mean_loss(),
            "rmse": (self.sums["squares"] / self.sums["numbers"]).sqrt().item(),
            "mae": (self.sums["absolutes"] / self.sums["numbers"]).item(),
        }
