"""The wide residual network of Zagoruyko and Komodakis 2016: normalised before each layer."""

import math

import torch
from torch import nn

from nnlab.config import RunConfig
from nnlab.engine.activations import activation_of
from nnlab.engine.models.layers import GlobalAverage, image_shape, initialised
from nnlab.engine.models.noise import ChannelDropout, Dropout, StochasticDepth, rising
from nnlab.engine.models.norms import check_pixels, norm_of
from nnlab.engine.models.resnet import Residual, convolution, stages


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
    channels, *size = image_shape(config, in_shape)
    check_pixels(config, math.ceil(min(size) / 4), f"{size[0]}x{size[1]}")
    modules: list[nn.Module] = [convolution(config, channels, config.width, draw)]
    channels, blocks = config.width, (config.depth - 4) // 2
    for block, (wide, stride) in enumerate(stages(config.width * config.widen, blocks)):
        modules.append(_block(config, channels, wide, stride, (block, blocks), draw))
        channels = wide
    modules += _normalised(config, channels)
    modules.append(GlobalAverage())
    modules.append(initialised(nn.Linear(channels, outputs), config, draw, gain=1.0))
    return nn.Sequential(*modules)


def _normalised(config: RunConfig, channels: int) -> list[nn.Module]:
    return [*norm_of(config, channels, images=True), activation_of(config).build()]


def _block(
    config: RunConfig,
    channels: int,
    wide: int,
    stride: int,
    place: tuple[int, int],
    draw: torch.Generator,
) -> nn.Module:
    """Normalise, activate, convolve, twice; where the width changes the shortcut is a 1x1."""
    block, blocks = place
    branch = [*_normalised(config, channels), convolution(config, channels, wide, draw, stride)]
    branch += _normalised(config, wide)
    if config.channel_dropout:
        branch.append(ChannelDropout(config.channel_dropout, block))
    if config.dropout:
        branch.append(Dropout(config.dropout, block))
    branch.append(convolution(config, wide, wide, draw))
    if config.stochastic_depth:
        branch.append(StochasticDepth(rising(config.stochastic_depth, block, blocks), block))
    shortcut: nn.Module = nn.Identity()
    if stride != 1 or channels != wide:
        layer = nn.Conv2d(channels, wide, 1, stride, bias=False)
        shortcut = initialised(layer, config, draw, gain=1.0)
    return Residual(nn.Sequential(*branch), shortcut, nn.Identity())
