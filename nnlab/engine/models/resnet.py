"""The residual network for small images of He et al. 2016, section 4.2."""

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
from nnlab.engine.models.layers import (
    GlobalAveragePool,
    hidden_gain,
    initialize_layer,
    require_image_shape,
)
from nnlab.engine.models.norms import build_norm, check_instance_norm_size
from nnlab.engine.required_setting import required
from nnlab.settings import RunConfig


class PaddedShortcut(nn.Module):
    """Shortcut without parameters (option A): every second pixel, zeros for the new channels."""

    def __init__(self, stride: int, new_channels: int) -> None:
        super().__init__()
        self.stride = stride
        self.new_channels = new_channels

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[n, c, h, w] to [n, c + new_channels, h / stride, w / stride], rounded up."""
        x = x[:, :, :: self.stride, :: self.stride]
        return nn.functional.pad(x, (0, 0, 0, 0, 0, self.new_channels))


class ResidualBlock(nn.Module):
    """A branch, a shortcut, and a module (`after`) that is applied to their sum."""

    def __init__(self, branch: nn.Module, shortcut: nn.Module, after: nn.Module) -> None:
        super().__init__()
        self.branch = branch
        self.shortcut = shortcut
        self.after = after

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[n, c, h, w] to the same number of dimensions; c, h and w may change."""
        outputs: torch.Tensor = self.after(self.branch(x) + self.shortcut(x))
        return outputs


def build(
    config: RunConfig, in_shape: tuple[int, ...], outputs: int, generator: torch.Generator
) -> nn.Module:
    """A network of depth = 6n + 2 layers: n blocks of two convolutions in each of three stages.

    The stages have `width`, twice and four times as many channels; the second and third stage
    begin by halving the image. `dropout` is applied before the last layer, `channel_dropout`
    between a block's convolutions.

    Raises:
        DataError: the inputs are not images.
    """
    width, depth = required(config.width), required(config.depth)
    channels, *size = require_image_shape(config, in_shape)
    check_instance_norm_size(config, math.ceil(min(size) / 4), f"{size[0]}x{size[1]}")
    stem = build_conv3x3(config, channels, width, generator)
    modules = [stem, *build_norm(config, width, images=True), get_activation(config).build()]
    channels, blocks = width, (depth - 2) // 2
    for block, (out_channels, stride) in enumerate(stage_blocks(width, blocks)):
        modules.append(
            _build_block(config, channels, out_channels, stride, (block, blocks), generator)
        )
        channels = out_channels
    modules.append(GlobalAveragePool())
    if config.dropout:
        modules.append(Dropout(config.dropout, blocks))
    modules.append(initialize_layer(nn.Linear(channels, outputs), config, generator, gain=1.0))
    return nn.Sequential(*modules)


def stage_blocks(width: int, blocks: int) -> list[tuple[int, int]]:
    """Channels and stride of each of `blocks` blocks, divided into three equal stages."""
    blocks_per_stage = blocks // 3
    return [
        (width << stage, 2 if stage > 0 and index == 0 else 1)
        for stage in range(3)
        for index in range(blocks_per_stage)
    ]


def build_conv3x3(
    config: RunConfig, channels: int, out_channels: int, generator: torch.Generator, stride: int = 1
) -> nn.Conv2d:
    """An initialised 3x3 convolution; it has a bias unless the normalisation has one."""
    has_bias = config.norm in ("none", "rms")
    layer = nn.Conv2d(channels, out_channels, 3, stride, padding=1, bias=has_bias)
    return initialize_layer(layer, config, generator, gain=hidden_gain(config))


def _build_block(
    config: RunConfig,
    channels: int,
    out_channels: int,
    stride: int,
    position: tuple[int, int],
    generator: torch.Generator,
) -> ResidualBlock:
    """Two normalised convolutions with an activation between, and one after the sum."""
    block, blocks = position
    branch = [
        build_conv3x3(config, channels, out_channels, generator, stride),
        *build_norm(config, out_channels, images=True),
        get_activation(config).build(),
    ]
    if config.channel_dropout:
        branch.append(ChannelDropout(config.channel_dropout, block))
    branch += [
        build_conv3x3(config, out_channels, out_channels, generator),
        *build_norm(config, out_channels, images=True),
    ]
    if config.stochastic_depth:
        branch.append(
            StochasticDepth(
                stochastic_depth_probability(config.stochastic_depth, block, blocks), block
            )
        )
    keeps_shape = stride == 1 and channels == out_channels
    shortcut = nn.Identity() if keeps_shape else PaddedShortcut(stride, out_channels - channels)
    return ResidualBlock(nn.Sequential(*branch), shortcut, get_activation(config).build())
