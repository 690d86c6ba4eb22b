"""The training examples of an epoch and their order: each once, or drawn with replacement."""

import torch

from nnlab.engine.seeds import make_generator
from nnlab.settings import RunConfig


def draw_order(config: RunConfig, targets: torch.Tensor, epoch: int) -> torch.Tensor:
    """The rows of an epoch in the order of training: int64 [n], on the CPU.

    With `sampling` uniform this is a permutation. With balanced sampling, n rows are drawn with
    replacement; each class that occurs has the same probability.

    Args:
        config: resolved.
        targets: of the training split, [n].
        epoch: from 1.
    """
    if config.sampling == "uniform":
        return uniform_order(config.seed, len(targets), epoch)
    return balanced_order(config.seed, targets.cpu(), epoch)


def uniform_order(seed: int, count: int, epoch: int) -> torch.Tensor:
    """A permutation of `count` rows: int64 [count], on the CPU."""
    return torch.randperm(count, generator=make_generator(seed, "order", epoch))


def balanced_order(seed: int, labels: torch.Tensor, epoch: int) -> torch.Tensor:
    """Rows drawn with replacement; each class has the same probability: int64 [n].

    Args:
        seed: the run's seed.
        labels: the classes [n] of the rows, on the CPU.
        epoch: from 1.
    """
    generator = make_generator(seed, "order", epoch)
    weights = 1.0 / torch.bincount(labels).double()
    cumulative = weights[labels].cumsum(0)
    draws = torch.rand(len(labels), generator=generator, dtype=torch.float64) * cumulative[-1]
    # A draw may round up to the total, which lies behind the last row.
    return torch.searchsorted(cumulative, draws, right=True).clamp(max=len(labels) - 1)
