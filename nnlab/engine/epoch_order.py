"""The training examples of an epoch and their order: each once, or drawn with replacement."""

import torch

from nnlab.config import RunConfig
from nnlab.engine.seeds import make_generator


def draw_order(config: RunConfig, targets: torch.Tensor, epoch: int) -> torch.Tensor:
    """The rows of an epoch in the order of training: int64 [n], on the CPU.

    With `sampling` uniform this is a permutation. With balanced sampling, n rows are drawn with
    replacement; each class that occurs has the same probability.

    Args:
        config: resolved.
        targets: of the training split, [n].
        epoch: from 1.
    """
    generator = make_generator(config.seed, "order", epoch)
    if config.sampling == "uniform":
        return torch.randperm(len(targets), generator=generator)
    labels = targets.cpu()
    weights = 1.0 / torch.bincount(labels).double()
    cumulative = weights[labels].cumsum(0)
    draws = torch.rand(len(labels), generator=generator, dtype=torch.float64) * cumulative[-1]
    # A draw may round up to the total, which lies behind the last row.
    return torch.searchsorted(cumulative, draws, right=True).clamp(max=len(labels) - 1)
