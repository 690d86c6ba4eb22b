"""Classification: targets are classes [n], outputs are scores [n, C]."""

import torch

from nnlab.engine.targets.sums import SumsBase, SumSettings, required_targets


class ClassificationSums(SumsBase):
    """The mean loss and the accuracy; see `metric_sums.MetricSums`."""

    def __init__(self, settings: SumSettings) -> None:
        super().__init__(settings)
        self.sums["correct"] = self.zeros()

    @torch.no_grad()
    def add(self, outputs: torch.Tensor, targets: torch.Tensor | None) -> None:
        """Adds scores [n, C], and classes [n] or the class weights [n, C] of mixed examples."""
        targets = required_targets(targets).to(self.settings.device)
        outputs = self.converted(outputs)
        self.add_loss(outputs, targets, len(outputs))
        predicted = outputs.argmax(dim=1)
        correct = (
            predicted == targets if targets.ndim == 1 else targets.gather(1, predicted[:, None])
        )
        self.sums["correct"] += correct.double().sum()

    def compute(self) -> dict[str, float]:
        """The metrics of all batches so far."""
        accuracy = (self.sums["correct"] / self.sums["count"]).item()
        return {"loss": self.mean_loss(), "accuracy": accuracy}
