"""One linear layer: softmax regression or linear regression."""

import math

import torch
from torch import nn

from nnlab.engine.models.layers import initialize_layer
from nnlab.settings import RunConfig


def build(
    config: RunConfig, in_shape: tuple[int, ...], outputs: int, generator: torch.Generator
) -> nn.Module:
    """A linear layer; inputs of any shape are flattened."""
    layer = initialize_layer(nn.Linear(math.prod(in_shape), outputs), config, generator, gain=1.0)
    return nn.Sequential(nn.Flatten(), layer) if len(in_shape) > 1 else nn.Sequential(layer)
