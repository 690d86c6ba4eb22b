"""A convolutional network in the manner of VGG: 3x3 convolutions, pooled, then averaged."""

import torch
from torch import nn

from nnlab.config import RunConfig
from nnlab.engine.models.layers import behind, hidden_gain, initialised
from nnlab.errors import DataError


class GlobalAverage(nn.Module):
    """The mean over height and width; its gradient is the same bits each time on every device."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[n, channels, height, width] to [n, channels]."""
        return x.mean(dim=(2, 3))


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
    if len(in_shape) != 3:
        raise DataError(
            f"--model cnn needs images; {config.data} has {in_shape[0]} features",
            hint="--model mlp takes any inputs",
        )
    channels, *size = in_shape
    if min(size) >> (config.depth - 1) < 1:
        raise DataError(
            f"--depth {config.depth} halves the image {config.depth - 1} times;"
            f" {config.data}'s {size[0]}x{size[1]} pixels allow --depth"
            f" {min(size).bit_length()} at most"
        )
    modules: list[nn.Module] = []
    for block in range(config.depth):
        wide = config.width << block
        for half in range(2):
            layer = nn.Conv2d(channels, wide, 3, padding=1)
            modules.append(initialised(layer, config, draw, gain=hidden_gain(config)))
            modules += behind(config, wide, 2 * block + half, images=True)
            channels = wide
        if block < config.depth - 1:
            modules.append(nn.MaxPool2d(2))
    modules.append(GlobalAverage())
    modules.append(initialised(nn.Linear(channels, outputs), config, draw, gain=1.0))
    return nn.Sequential(*modules)
