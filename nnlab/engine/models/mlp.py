"""A fully connected network: `depth` hidden layers of `width` units, or any `widths`."""

import math

import torch
from torch import nn

from nnlab.config import RunConfig, hidden_widths
from nnlab.engine.activations import get_activation
from nnlab.engine.models.dropout import DropConnect
from nnlab.engine.models.layers import initialize_layer, post_layers


def build(
    config: RunConfig, in_shape: tuple[int, ...], outputs: int, draw: torch.Generator
) -> nn.Module:
    """Inputs of any shape are flattened; the last layer is linear, and never drops weights."""
    activation = get_activation(config)
    modules: list[nn.Module] = [nn.Flatten()] if len(in_shape) > 1 else []
    fan_in = math.prod(in_shape)
    for part, width in enumerate(hidden_widths(config)):
        layer = _linear_layer(config, fan_in, width * activation.pieces, part)
        modules.append(initialize_layer(layer, config, draw, gain=activation.gain))
        modules += post_layers(config, width, part, images=False)
        fan_in = width
    modules.append(initialize_layer(nn.Linear(fan_in, outputs), config, draw, gain=1.0))
    return nn.Sequential(*modules)


def _linear_layer(config: RunConfig, fan_in: int, fan_out: int, part: int) -> nn.Linear:
    if config.dropconnect:
        return DropConnect(fan_in, fan_out, config.dropconnect, part)
    return nn.Linear(fan_in, fan_out)
