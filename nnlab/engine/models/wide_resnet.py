"""The wide residual network of Zagoruyko and Komodakis 2016: normalised before each layer."""

import math

import torch
from torch import nn

from nnlab.config import RunConfig
from nnlab.engine.activations import get_activation
from nnlab.engine.models.dropout import (
    ChannelDropout,
    Dropout,
    StochasticDepth,
    stochastic_depth_probability,
)
from nnlab.engine.models.layers import GlobalAveragePool, initialize_layer, require_image_shape
from nnlab.engine.models.norms import build_norm, check_instance_norm_size
from nnlab.engine.models.resnet import ResidualBlock, build_conv3x3, stage_blocks


def build(
    config: RunConfig, in_shape: tuple[int, ...], outputs: int, draw: torch.Generator
) -> nn.Module:
    """Of depth = 6n + 4 layers: n blocks of two convolutions in each of three stages.

    The first layer has `width` channels, the stages `widen` times as many, then twice and four
    times that. Both dropouts are between a block's convolutions, as in the paper.

    Raises:
        DataError: the inputs are no images.
    """
    assert config.width is not None
    assert config.depth is not None
    assert config.widen is not None
    channels, *size = require_image_shape(config, in_shape)
    check_instance_norm_size(config, math.ceil(min(size) / 4), f"{size[0]}x{size[1]}")
    modules: list[nn.Module] = [build_conv3x3(config, channels, config.width, draw)]
    channels, blocks = config.width, (config.depth - 4) // 2
    for block, (wide, stride) in enumerate(stage_blocks(config.width * config.widen, blocks)):
        modules.append(_build_block(config, channels, wide, stride, (block, blocks), draw))
        channels = wide
    modules += _norm_and_activation(config, channels)
    modules.append(GlobalAveragePool())
    modules.append(initialize_layer(nn.Linear(channels, outputs), config, draw, gain=1.0))
    return nn.Sequential(*modules)


def _norm_and_activation(config: RunConfig, channels: int) -> list[nn.Module]:
    return [*build_norm(config, channels, images=True), get_activation(config).build()]


def _build_block(
    config: RunConfig,
    channels: int,
    wide: int,
    stride: int,
    place: tuple[int, int],
    draw: torch.Generator,
) -> nn.Module:
    """Normalise, activate, convolve, twice; where the width changes the shortcut is a 1x1."""
    block, blocks = place
    branch = [
        *_norm_and_activation(config, channels),
        build_conv3x3(config, channels, wide, draw, stride),
    ]
    branch += _norm_and_activation(config, wide)
    if config.channel_dropout:
        branch.append(ChannelDropout(config.channel_dropout, block))
    if config.dropout:
        branch.append(Dropout(config.dropout, block))
    branch.append(build_conv3x3(config, wide, wide, draw))
    if config.stochastic_depth:
        branch.append(
            StochasticDepth(
                stochastic_depth_probability(config.stochastic_depth, block, blocks), block
            )
        )
    shortcut: nn.Module = nn.Identity()
    if stride != 1 or channels != wide:
        layer = nn.Conv2d(channels, wide, 1, stride, bias=False)
        shortcut = initialize_layer(layer, config, draw, gain=1.0)
    return ResidualBlock(nn.Sequential(*branch), shortcut, nn.Identity())
