"""A VGG-like convolutional network: 3x3 convolutions, max pooling, global average pooling.

With an output per pixel it is fully convolutional (Long et al. 2015), with dilated convolutions
instead of pooling (Yu and Koltun 2016).
"""

import torch
from torch import nn

from nnlab.engine.activations import get_activation
from nnlab.engine.models.layers import (
    GlobalAveragePool,
    hidden_gain,
    initialize_layer,
    post_layers,
    require_image_shape,
)
from nnlab.engine.models.model_facts import ModelFacts
from nnlab.engine.models.norms import check_instance_norm_size
from nnlab.engine.required_setting import required
from nnlab.errors import DataError
from nnlab.settings import RunConfig


def build(
    config: RunConfig,
    in_shape: tuple[int, ...],
    outputs: int,
    generator: torch.Generator,
    *,
    facts: ModelFacts,
) -> nn.Module:
    """`depth` blocks of two convolutions; the number of channels starts at `width` and doubles.

    Max pooling halves the image between blocks; the last block is followed by global average
    pooling. For an output per pixel the network is fully convolutional: it keeps the resolution,
    and instead of pooling each block doubles the dilation of its convolutions.

    Raises:
        DataError: the inputs are not images, or too small to be halved that often.
    """
    width, depth = required(config.width), required(config.depth)
    channels, *size = require_image_shape(config, in_shape)
    dense = facts.has_output_per_position
    if not dense:
        _check_size(config, depth, min(size), f"{size[0]}x{size[1]}")
    activation = get_activation(config)
    modules: list[nn.Module] = []
    for block in range(depth):
        out_channels = width << block
        dilation = 1 << block if dense else 1
        for position in range(2):
            layer = nn.Conv2d(
                channels, out_channels * activation.pieces, 3, padding=dilation, dilation=dilation
            )
            modules.append(initialize_layer(layer, config, generator, gain=hidden_gain(config)))
            modules += post_layers(config, out_channels, 2 * block + position, images=True)
            channels = out_channels
        if block < depth - 1 and not dense:
            modules.append(nn.MaxPool2d(2))
    if dense:
        pixel_head = nn.Conv2d(channels, outputs, 1)
        modules.append(initialize_layer(pixel_head, config, generator, gain=1.0))
        return nn.Sequential(*modules)
    modules.append(GlobalAveragePool())
    modules.append(initialize_layer(nn.Linear(channels, outputs), config, generator, gain=1.0))
    return nn.Sequential(*modules)


def _check_size(config: RunConfig, depth: int, side: int, size: str) -> None:
    if side >> (depth - 1) < 1:
        raise DataError(
            f"--depth {depth} halves the image {depth - 1} times;"
            f" {config.data}'s {size} pixels allow --depth {side.bit_length()} at most"
        )
    check_instance_norm_size(config, side >> (depth - 1), size)
