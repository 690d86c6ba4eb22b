"""Regression: targets are k standardised numbers [n, k], outputs have the same shape."""

import torch

from nnlab.engine.targets.sums import SumsBase, SumSettings, required_targets


class RegressionSums(SumsBase):
    """The mean loss, rmse, mae and r2; see `metric_sums.MetricSums`.

    With several targets, rmse and mae are the means over the targets, each in its own unit, and r2
    is the mean of their r2. The variance of the targets is merged from batch to batch as in Chan
    et al. 1979, because a difference of sums of squares would lose digits.
    """

    def __init__(self, settings: SumSettings) -> None:
        super().__init__(settings)
        targets = settings.num_outputs
        for name in ("squares", "absolutes", "mean", "deviations"):
            self.sums[name] = self.zeros(targets)
        self.sums["low"] = torch.full_like(self.zeros(targets), torch.inf)
        self.sums["high"] = torch.full_like(self.zeros(targets), -torch.inf)

    @torch.no_grad()
    def add(self, outputs: torch.Tensor, targets: torch.Tensor | None) -> None:
        """Adds predictions [n, k] and targets [n, k]."""
        targets = required_targets(targets).to(self.settings.device)
        outputs = self.converted(outputs)
        before, size = self.sums["count"].clone(), len(targets)
        self.add_loss(outputs, targets, size)
        if size == 0:
            return
        errors, numbers = outputs.double() - targets.double(), targets.double()
        self.sums["squares"] += errors.square().sum(0)
        self.sums["absolutes"] += errors.abs().sum(0)
        mean = numbers.mean(0)
        shift = mean - self.sums["mean"]
        self.sums["deviations"] += (numbers - mean).square().sum(0)
        self.sums["deviations"] += shift.square() * (before.double() * size / self.sums["count"])
        self.sums["mean"] += shift * (size / self.sums["count"].double())
        self.sums["low"] = torch.minimum(self.sums["low"], numbers.amin(0))
        self.sums["high"] = torch.maximum(self.sums["high"], numbers.amax(0))

    def compute(self) -> dict[str, float]:
        """The metrics of all batches so far."""
        count = self.sums["count"].double()
        scale = torch.as_tensor(
            self.settings.target_scale, dtype=torch.float64, device=self.settings.device
        )
        rmse = (self.sums["squares"] / count).sqrt() * scale
        mae = self.sums["absolutes"] / count * scale
        varies = self.sums["high"] > self.sums["low"]
        r2 = torch.where(varies, 1.0 - self.sums["squares"] / self.sums["deviations"], torch.nan)
        return {
            "loss": self.mean_loss(),
            "rmse": rmse.mean().item(),
            "mae": mae.mean().item(),
            "r2": r2.mean().item(),
        }
