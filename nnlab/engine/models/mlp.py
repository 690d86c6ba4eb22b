"""A multilayer perceptron: `depth` hidden layers of `width` units, or given `widths`."""

import math

import torch
from torch import nn

from nnlab.engine.activations import get_activation
from nnlab.engine.models.dropout import DropConnect
from nnlab.engine.models.layers import hidden_gain, initialize_layer, post_layers
from nnlab.settings import RunConfig, hidden_widths


def build(
    config: RunConfig, in_shape: tuple[int, ...], outputs: int, generator: torch.Generator
) -> nn.Module:
    """Hidden layers and a linear output layer, which has no dropconnect; inputs are flattened."""
    activation = get_activation(config)
    modules: list[nn.Module] = [nn.Flatten()] if len(in_shape) > 1 else []
    fan_in = math.prod(in_shape)
    for layer_index, width in enumerate(hidden_widths(config)):
        layer = _linear_layer(config, fan_in, width * activation.pieces, layer_index)
        modules.append(initialize_layer(layer, config, generator, gain=hidden_gain(config)))
        modules += post_layers(config, width, layer_index, images=False)
        fan_in = width
    modules.append(initialize_layer(nn.Linear(fan_in, outputs), config, generator, gain=1.0))
    return nn.Sequential(*modules)


def _linear_layer(config: RunConfig, fan_in: int, fan_out: int, layer_index: int) -> nn.Linear:
    if config.dropconnect:
        return DropConnect(fan_in, fan_out, config.dropconnect, layer_index)
    return nn.Linear(fan_in, fan_out)
