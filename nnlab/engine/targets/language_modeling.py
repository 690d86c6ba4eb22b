"""Language models: targets are the next tokens [n, T], outputs are scores [n, T, V].

Tokens whose target is `IGNORED_CLASS` are padding and do not count.
"""

import torch
from torch.nn import functional

from nnlab.engine.targets.output_shape import IGNORED_CLASS
from nnlab.engine.targets.sums import PositionSums, SumSettings


class LanguageModelingSums(PositionSums):
    """The mean loss, the perplexity and the accuracy of the tokens.

    The perplexity is that of the cross-entropy, whatever the loss is.
    """

    def __init__(self, settings: SumSettings) -> None:
        super().__init__(settings)
        self.sums["cross_entropy"] = self.zeros()

    def add_positions(
        self,
        outputs: torch.Tensor,
        predicted: torch.Tensor,
        targets: torch.Tensor,
        counted: torch.Tensor,
    ) -> None:
        """Adds the cross-entropy of the tokens that count."""
        del predicted, counted
        total = functional.cross_entropy(
            outputs.flatten(0, -2), targets.flatten(), ignore_index=IGNORED_CLASS, reduction="sum"
        )
        self.sums["cross_entropy"] += total.double()

    def compute(self) -> dict[str, float]:
        """The metrics of all batches so far; a perplexity beyond float64 is infinite."""
        perplexity = (self.sums["cross_entropy"] / self.sums["count"]).exp().item()
        return {"loss": self.mean_loss(), "perplexity": perplexity, "accuracy": self.accuracy()}
