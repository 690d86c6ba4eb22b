"""The pieces that models share: an initialised layer, and the block behind a hidden layer."""

from typing import TypeVar

import torch
from torch import nn

from nnlab.config import RunConfig
from nnlab.engine.activations import BUILD as ACTIVATIONS
from nnlab.engine.initializers import INITIALIZE
from nnlab.engine.models.dropout import Dropout

L = TypeVar("L", nn.Linear, nn.Conv2d)


def initialised(layer: L, config: RunConfig, draw: torch.Generator, *, gain: float) -> L:
    """The same layer with weights drawn as the config says and its bias at zero."""
    assert config.init is not None
    with torch.no_grad():
        INITIALIZE[config.init](layer.weight, gain, draw)
        if layer.bias is not None:
            layer.bias.zero_()
    return layer


def hidden_gain(config: RunConfig) -> float:
    """The gain of a layer that the config's activation follows."""
    assert config.activation is not None
    return ACTIVATIONS[config.activation].gain


def behind(config: RunConfig, channels: int, part: int, *, images: bool) -> list[nn.Module]:
    """What follows a hidden layer: normalisation, activation, dropout."""
    assert config.activation is not None
    modules: list[nn.Module] = []
    if config.norm == "batch":
        modules.append(nn.BatchNorm2d(channels) if images else nn.BatchNorm1d(channels))
    modules.append(ACTIVATIONS[config.activation].build())
    if config.dropout:
        modules.append(Dropout(config.dropout, part))
    return modules
