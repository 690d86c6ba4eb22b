"""Penalties on the weights (L1, L2, elastic net), added to the loss."""

from collections.abc import Callable

import torch
from torch import nn

from nnlab.settings import RunConfig


def build(config: RunConfig, model: nn.Module) -> Callable[[], torch.Tensor] | None:
    """The penalty l1 Σ|w| + l2/2 Σw² of a resolved config; None if both factors are 0.

    The sums run over weights of two or more dimensions, not over biases and the scales of
    normalisation layers. Both terms together are the elastic net (Zou and Hastie 2005, eq. 3).
    """
    if config.l1 == 0.0 and config.l2 == 0.0:
        return None
    weights = [parameter for parameter in model.parameters() if parameter.ndim >= 2]
    if not weights:
        return None

    def penalty() -> torch.Tensor:
        total = weights[0].new_zeros(())
        if config.l1 > 0.0:
            norms = [torch.linalg.vector_norm(weight, 1) for weight in weights]
            total = total + config.l1 * torch.stack(norms).sum()
        if config.l2 > 0.0:
            squares = [torch.dot(flat, flat) for flat in (weight.flatten() for weight in weights)]
            total = total + config.l2 / 2 * torch.stack(squares).sum()
        return total

    return penalty
