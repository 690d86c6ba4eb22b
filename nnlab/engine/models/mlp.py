"""A fully connected network: `depth` hidden layers of `width` units, or any `widths`."""

import math

import torch
from torch import nn

from nnlab.config import RunConfig, widths_of
from nnlab.engine.activations import activation_of
from nnlab.engine.models.layers import behind, initialised
from nnlab.engine.models.noise import DropConnect


def build(
    config: RunConfig, in_shape: tuple[int, ...], outputs: int, draw: torch.Generator
) -> nn.Module:
    """Inputs of any shape are flattened; the last layer is linear, and never drops weights."""
    activation = activation_of(config)
    modules: list[nn.Module] = [nn.Flatten()] if len(in_shape) > 1 else []
    fan_in = math.prod(in_shape)
    for part, width in enumerate(widths_of(config)):
        layer = _layer(config, fan_in, width * activation.pieces, part)
        modules.append(initialised(layer, config, draw, gain=activation.gain))
        modules += behind(config, width, part, images=False)
        fan_in = width
    modules.append(initialised(nn.Linear(fan_in, outputs), config, draw, gain=1.0))
    return nn.Sequential(*modules)


def _layer(config: RunConfig, fan_in: int, fan_out: int, part: int) -> nn.Linear:
    if config.dropconnect:
        return DropConnect(fan_in, fan_out, config.dropconnect, part)
    return nn.Linear(fan_in, fan_out)
