"""A convolutional network in the manner of VGG: 3x3 convolutions, pooled, then averaged."""

import torch
from torch import nn

from nnlab.config import RunConfig
from nnlab.engine.activations import get_activation
from nnlab.engine.models.layers import (
    GlobalAveragePool,
    initialize_layer,
    post_layers,
    require_image_shape,
)
from nnlab.engine.models.norms import check_instance_norm_size
from nnlab.errors import DataError


def build(
    config: RunConfig, in_shape: tuple[int, ...], outputs: int, draw: torch.Generator
) -> nn.Module:
    """`depth` blocks of two convolutions; the channels start at `width` and double.

    Between blocks the image is halved; after the last it is averaged to one number a channel.

    Raises:
        DataError: the inputs are no images, or too small to be halved so often.
    """
    assert config.width is not None
    assert config.depth is not None
    channels, *size = require_image_shape(config, in_shape)
    _check_size(config, config.depth, min(size), f"{size[0]}x{size[1]}")
    activation = get_activation(config)
    modules: list[nn.Module] = []
    for block in range(config.depth):
        wide = config.width << block
        for half in range(2):
            layer = nn.Conv2d(channels, wide * activation.pieces, 3, padding=1)
            modules.append(initialize_layer(layer, config, draw, gain=activation.gain))
            modules += post_layers(config, wide, 2 * block + half, images=True)
            channels = wide
        if block < config.depth - 1:
            modules.append(nn.MaxPool2d(2))
    modules.append(GlobalAveragePool())
    modules.append(initialize_layer(nn.Linear(channels, outputs), config, draw, gain=1.0))
    return nn.Sequential(*modules)


def _check_size(config: RunConfig, depth: int, side: int, size: str) -> None:
    if side >> (depth - 1) < 1:
        raise DataError(
            f"--depth {depth} halves the image {depth - 1} times;"
            f" {config.data}'s {size} pixels allow --depth {side.bit_length()} at most"
        )
    check_instance_norm_size(config, side >> (depth - 1), size)
