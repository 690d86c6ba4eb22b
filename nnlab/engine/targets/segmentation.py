"""Segmentation: targets are classes of pixels [n, H, W], outputs are scores [n, C, H, W].

Pixels whose target is `IGNORED_CLASS` do not count.
"""

import torch

from nnlab.engine.targets.sums import PositionSums, SumSettings


class SegmentationSums(PositionSums):
    """The mean loss, the accuracy of the pixels and the mean intersection over union."""

    class_dim = 1

    def __init__(self, settings: SumSettings) -> None:
        super().__init__(settings)
        for name in ("intersection", "predicted", "present"):
            self.sums[name] = self.counts(settings.num_outputs)

    def add_positions(
        self,
        outputs: torch.Tensor,
        predicted: torch.Tensor,
        targets: torch.Tensor,
        counted: torch.Tensor,
    ) -> None:
        """Counts the pixels of each class among the targets, the predictions and both."""
        del outputs
        predicted, targets = predicted[counted], targets[counted]
        classes = self.settings.num_outputs
        for name, labels in (
            ("intersection", targets[predicted == targets]),
            ("predicted", predicted),
            ("present", targets),
        ):
            self.sums[name] += torch.bincount(labels, minlength=classes)

    def compute(self) -> dict[str, float]:
        """The metrics of all batches so far; a class that does not occur has no IoU."""
        union = self.sums["predicted"] + self.sums["present"] - self.sums["intersection"]
        iou = self.sums["intersection"].double() / union
        return {
            "loss": self.mean_loss(),
            "accuracy": self.accuracy(),
            "mean_iou": iou[union > 0].mean().item(),
        }
