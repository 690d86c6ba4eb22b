"""Multilabel: targets are k tags [n, k] of 0 and 1, outputs are logits [n, k]."""

import torch

from nnlab.engine.targets.sums import SumsBase, SumSettings, required_targets


class MultilabelSums(SumsBase):
    """The mean loss, accuracy of single tags, exact match and macro F1.

    A tag is predicted where its logit is positive, a probability above 1/2. Targets of mixed
    examples are weights; a tag counts as present where its weight is above 1/2.
    """

    def __init__(self, settings: SumSettings) -> None:
        super().__init__(settings)
        for name in ("correct", "exact"):
            self.sums[name] = self.counts()
        for name in ("true_positive", "predicted", "present"):
            self.sums[name] = self.counts(settings.num_outputs)

    @torch.no_grad()
    def add(self, outputs: torch.Tensor, targets: torch.Tensor | None) -> None:
        """Adds logits [n, k] and tags [n, k]."""
        targets = required_targets(targets).to(self.settings.device)
        outputs = self.converted(outputs)
        self.add_loss(outputs, targets, len(outputs))
        predicted, present = outputs > 0, targets > 0.5
        correct = predicted == present
        self.sums["correct"] += correct.sum()
        self.sums["exact"] += correct.all(dim=1).sum()
        self.sums["true_positive"] += (predicted & present).sum(0)
        self.sums["predicted"] += predicted.sum(0)
        self.sums["present"] += present.sum(0)

    def compute(self) -> dict[str, float]:
        """The metrics of all batches so far.

        As in torchmetrics, F1 is 0 for a tag that is neither present nor predicted.
        """
        count = self.sums["count"].double()
        pairs = self.sums["predicted"] + self.sums["present"]
        f1 = 2.0 * self.sums["true_positive"].double() / pairs.clamp(min=1)
        return {
            "loss": self.mean_loss(),
            "accuracy": (self.sums["correct"] / (count * self.settings.num_outputs)).item(),
            "exact_match": (self.sums["exact"] / count).item(),
            "f1": f1.mean().item(),
        }
