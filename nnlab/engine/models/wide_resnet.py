"""The wide residual network of Zagoruyko and Komodakis 2016, with pre-activation blocks."""

import math

import torch
from torch import nn

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
from nnlab.engine.required_setting import required
from nnlab.settings import RunConfig


def build(
    config: RunConfig, in_shape: tuple[int, ...], outputs: int, generator: torch.Generator
) -> nn.Module:
    """A network of depth = 6n + 4 layers: n blocks of two convolutions in each of three stages.

    The first layer has `width` channels; the stages have `widen` times as many, then twice and
    four times that number. Both kinds of dropout are applied between a block's convolutions, as in
    the paper.

    Raises:
        DataError: the inputs are not images.
    """
    width, depth, widen = required(config.width), required(config.depth), required(config.widen)
    channels, *size = require_image_shape(config, in_shape)
    check_instance_norm_size(config, math.ceil(min(size) / 4), f"{size[0]}x{size[1]}")
    modules: list[nn.Module] = [build_conv3x3(config, channels, width, generator)]
    channels, blocks = width, (depth - 4) // 2
    for block, (out_channels, stride) in enumerate(stage_blocks(width * widen, blocks)):
        modules.append(
            _build_block(config, channels, out_channels, stride, (block, blocks), generator)
        )
        channels = out_channels
    modules += _norm_and_activation(config, channels)
    modules.append(GlobalAveragePool())
    modules.append(initialize_layer(nn.Linear(channels, outputs), config, generator, gain=1.0))
    return nn.Sequential(*modules)


def _norm_and_activation(config: RunConfig, channels: int) -> list[nn.Module]:
    return [*build_norm(config, channels, images=True), get_activation(config).build()]


def _build_block(
    config: RunConfig,
    channels: int,
    out_channels: int,
    stride: int,
    position: tuple[int, int],
    generator: torch.Generator,
) -> nn.Module:
    """Normalise, activate, convolve, twice; a 1x1 convolution as shortcut if the shape changes."""
    block, blocks = position
    branch = [
        *_norm_and_activation(config, channels),
        build_conv3x3(config, channels, out_channels, generator, stride),
    ]
    branch += _norm_and_activation(config, out_channels)
    if config.channel_dropout:
        branch.append(ChannelDropout(config.channel_dropout, block))
    if config.dropout:
        branch.append(Dropout(config.dropout, block))
    branch.append(build_conv3x3(config, out_channels, out_channels, generator))
    if config.stochastic_depth:
        branch.append(
            StochasticDepth(
                stochastic_depth_probability(config.stochastic_depth, block, blocks), block
            )
        )
    shortcut: nn.Module = nn.Identity()
    if stride != 1 or channels != out_channels:
        layer = nn.Conv2d(channels, out_channels, 1, stride, bias=False)
        shortcut = initialize_layer(layer, config, generator, gain=1.0)
    return ResidualBlock(nn.Sequential(*branch), shortcut, nn.Identity())
