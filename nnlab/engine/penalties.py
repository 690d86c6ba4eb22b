"""Penalties on the weights, added to the loss."""

from collections.abc import Callable

import torch
from torch import nn

from nnlab.config import RunConfig


def build(config: RunConfig, model: nn.Module) -> Callable[[], torch.Tensor] | None:
    """l1 times the sum of |w| plus half of l2 times the sum of w², or None where both are 0.

    Over the weights of two or more dimensions; biases and the scales of normalisation layers go
    free. Both together are the elastic net (Zou and Hastie 2005, eq. 3).
    """
    if config.l1 == 0.0 and config.l2 == 0.0:
        return None
    weights = [parameter for parameter in model.parameters() if parameter.ndim >= 2]
    if not weights:
        return None

    def penalty() -> torch.Tensor:
        total = weights[0].new_zeros(())
        if config.l1 > 0.0:
            sizes = [torch.linalg.vector_norm(weight, 1) for weight in weights]
            total = total + config.l1 * torch.stack(sizes).sum()
        if config.l2 > 0.0:
            squares = [torch.dot(flat, flat) for flat in (weight.flatten() for weight in weights)]
            total = total + config.l2 / 2 * torch.stack(squares).sum()
        return total

    return penalty
