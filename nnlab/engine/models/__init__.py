"""Models by name, built from a config with their weights drawn from a generator."""

from collections.abc import Callable, Mapping

import torch
from torch import nn

from nnlab.config import RunConfig
from nnlab.engine.models import cnn, linear, mlp
from nnlab.engine.models.dropout import Dropout

__all__ = ["BUILD", "Dropout", "build", "parameter_count"]

Build = Callable[[RunConfig, tuple[int, ...], int, torch.Generator], nn.Module]

BUILD: Mapping[str, Build] = {"mlp": mlp.build, "cnn": cnn.build, "linear": linear.build}


def build(
    config: RunConfig, in_shape: tuple[int, ...], outputs: int, draw: torch.Generator
) -> nn.Module:
    """The model of a resolved config for inputs of one shape, on the CPU in float32.

    Args:
        config: resolved.
        in_shape: shape of one example: (features,) or (channels, height, width).
        outputs: classes, or 1 for regression.
        draw: generator of the weights.

    Raises:
        DataError: the model does not take inputs of that shape.
    """
    return BUILD[config.model](config, in_shape, outputs, draw)


def parameter_count(model: nn.Module) -> int:
    """How many numbers the optimizer moves."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)
