"""A fully connected network: `depth` hidden layers of `width` units."""

import math

import torch
from torch import nn

from nnlab.config import RunConfig
from nnlab.engine.models.layers import behind, hidden_gain, initialised


def build(
    config: RunConfig, in_shape: tuple[int, ...], outputs: int, draw: torch.Generator
) -> nn.Module:
    """Inputs of any shape are flattened; the last layer is linear."""
    assert config.width is not None
    assert config.depth is not None
    modules: list[nn.Module] = [nn.Flatten()] if len(in_shape) > 1 else []
    fan_in = math.prod(in_shape)
    for part in range(config.depth):
        layer = nn.Linear(fan_in, config.width)
        modules.append(initialised(layer, config, draw, gain=hidden_gain(config)))
        modules += behind(config, config.width, part, images=False)
        fan_in = config.width
    modules.append(initialised(nn.Linear(fan_in, outputs), config, draw, gain=1.0))
    return nn.Sequential(*modules)
