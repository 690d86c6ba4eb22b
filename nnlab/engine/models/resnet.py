"""The residual network for small images of He et al. 2016, section 4.2."""

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
from nnlab.engine.models.layers import (
    GlobalAveragePool,
    hidden_gain,
    initialize_layer,
    require_image_shape,
)
from nnlab.engine.models.norms import build_norm, check_instance_norm_size


class PaddedShortcut(nn.Module):
    """Every second pixel, and zeros for the channels that are new (option A): no parameters."""

    def __init__(self, stride: int, new: int) -> None:
        super().__init__()
        self.stride = stride
        self.new = new

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[n, c, h, w] to [n, c + new, h / stride, w / stride], rounded up."""
        x = x[:, :, :: self.stride, :: self.stride]
        return nn.functional.pad(x, (0, 0, 0, 0, 0, self.new))


class ResidualBlock(nn.Module):
    """What a branch adds to a shortcut, and what follows the sum."""

    def __init__(self, branch: nn.Module, shortcut: nn.Module, after: nn.Module) -> None:
        super().__init__()
        self.branch = branch
        self.shortcut = shortcut
        self.after = after

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[n, c, h, w] in and out, if with other sizes."""
        summed: torch.Tensor = self.after(self.branch(x) + self.shortcut(x))
        return summed


def build(
    config: RunConfig, in_shape: tuple[int, ...], outputs: int, draw: torch.Generator
) -> nn.Module:
    """Of depth = 6n + 2 layers: n blocks of two convolutions in each of three stages.

    The channels are `width`, twice and four times as many; the second and third stage begin by
    halving the image. `dropout` is before the last layer, `channel_dropout` between a block's
    convolutions.

    Raises:
        DataError: the inputs are no images.
    """
    assert config.width is not None
    assert config.depth is not None
    channels, *size = require_image_shape(config, in_shape)
    check_instance_norm_size(config, math.ceil(min(size) / 4), f"{size[0]}x{size[1]}")
    stem = build_conv3x3(config, channels, config.width, draw)
    modules = [stem, *build_norm(config, config.width, images=True), get_activation(config).build()]
    channels, blocks = config.width, (config.depth - 2) // 2
    for block, (wide, stride) in enumerate(stage_blocks(config.width, blocks)):
        modules.append(_build_block(config, channels, wide, stride, (block, blocks), draw))
        channels = wide
    modules.append(GlobalAveragePool())
    if config.dropout:
        modules.append(Dropout(config.dropout, blocks))
    modules.append(initialize_layer(nn.Linear(channels, outputs), config, draw, gain=1.0))
    return nn.Sequential(*modules)


def stage_blocks(width: int, blocks: int) -> list[tuple[int, int]]:
    """Channels and stride of each block in three stages of as many blocks."""
    third = blocks // 3
    return [
        (width << stage, 2 if stage > 0 and index == 0 else 1)
        for stage in range(3)
        for index in range(third)
    ]


def build_conv3x3(
    config: RunConfig, channels: int, wide: int, draw: torch.Generator, stride: int = 1
) -> nn.Conv2d:
    """An initialised 3x3 convolution; without a bias where a normalisation has one."""
    biased = config.norm in ("none", "rms")
    layer = nn.Conv2d(channels, wide, 3, stride, padding=1, bias=biased)
    return initialize_layer(layer, config, draw, gain=hidden_gain(config))


def _build_block(
    config: RunConfig,
    channels: int,
    wide: int,
    stride: int,
    place: tuple[int, int],
    draw: torch.Generator,
) -> ResidualBlock:
    """Two convolutions, each normalised, around an activation; another behind the sum."""
    block, blocks = place
    branch = [
        build_conv3x3(config, channels, wide, draw, stride),
        *build_norm(config, wide, images=True),
        get_activation(config).build(),
    ]
    if config.channel_dropout:
        branch.append(ChannelDropout(config.channel_dropout, block))
    branch += [build_conv3x3(config, wide, wide, draw), *build_norm(config, wide, images=True)]
    if config.stochastic_depth:
        branch.append(
            StochasticDepth(
                stochastic_depth_probability(config.stochastic_depth, block, blocks), block
            )
        )
    same = stride == 1 and channels == wide
    shortcut = nn.Identity() if same else PaddedShortcut(stride, wide - channels)
    return ResidualBlock(nn.Sequential(*branch), shortcut, get_activation(config).build())
