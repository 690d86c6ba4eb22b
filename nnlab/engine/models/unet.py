"""A small U-Net: one output per pixel, from a contracting and an expanding path.

Ronneberger et al. 2015, with padded convolutions, and with nearest-neighbour upsampling and a
convolution in place of the transposed convolution (Odena et al. 2016).
"""

from itertools import pairwise

import torch
from torch import nn

from nnlab.engine.activations import get_activation
from nnlab.engine.models.layers import (
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


class NearestUpsample(nn.Module):
    """Repeats every pixel in a square of 2x2, with a deterministic gradient on every device."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[n, c, h, w] to [n, c, 2h, 2w]."""
        n, channels, height, width = x.shape
        repeated = x[:, :, :, None, :, None].expand(n, channels, height, 2, width, 2)
        return repeated.reshape(n, channels, 2 * height, 2 * width)


class UNetLevel(nn.Module):
    """Convolutions at one resolution around everything at lower resolutions.

    `below` takes the pooled outputs of `contract`; its upsampled outputs are concatenated with
    those of `contract`.
    """

    def __init__(
        self, contract: nn.Module, below: nn.Module, upsample: nn.Module, expand: nn.Module
    ) -> None:
        super().__init__()
        self.contract = contract
        # Rounded up, so that an image of odd size has pixels for all of its border.
        self.pool = nn.MaxPool2d(2, ceil_mode=True)
        self.below = below
        self.upsample = upsample
        self.expand = expand

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[n, channels, h, w] to [n, width of the level, h, w]."""
        kept = self.contract(x)
        upsampled = self.upsample(self.below(self.pool(kept)))
        cropped = upsampled[:, :, : kept.shape[2], : kept.shape[3]]
        outputs: torch.Tensor = self.expand(torch.cat([kept, cropped], dim=1))
        return outputs


def build(
    config: RunConfig,
    in_shape: tuple[int, ...],
    outputs: int,
    generator: torch.Generator,
    *,
    facts: ModelFacts,
) -> nn.Module:
    """`depth` halvings of the image; the number of channels starts at `width` and doubles.

    The outputs are [n, outputs, h, w], or [n, channels, h, w] in reconstruction.

    Raises:
        DataError: the inputs are not images or too small, or there is not one output per pixel.
    """
    width, depth = required(config.width), required(config.depth)
    channels, *size = require_image_shape(config, in_shape)
    if facts.output_shape[1:] != tuple(size):
        raise DataError(
            f"--model {config.model} has one output per pixel; {config.data} needs outputs of shape"
            f" {list(facts.output_shape)}",
            hint="--model cnn or resnet",
        )
    _check_size(config, depth, min(size), f"{size[0]}x{size[1]}")
    body = _build_level(config, channels, 0, generator)
    head = nn.Conv2d(width, outputs if facts.has_output_per_position else channels, 1)
    return nn.Sequential(body, initialize_layer(head, config, generator, gain=1.0))


def _build_level(
    config: RunConfig, channels: int, level: int, generator: torch.Generator
) -> nn.Module:
    """The levels of the network from `level` downwards; 0 has the full resolution."""
    depth = required(config.depth)
    width = required(config.width) << level
    contract = _convolutions(config, [channels, width, width], 4 * level, generator)
    if level == depth:
        return contract
    below = _build_level(config, width, level + 1, generator)
    upsample = nn.Sequential(
        NearestUpsample(),
        initialize_layer(nn.Conv2d(2 * width, width, 3, padding=1), config, generator, gain=1.0),
    )
    expand = _convolutions(config, [2 * width, width, width], 4 * level + 2, generator)
    return UNetLevel(contract, below, upsample, expand)


def _convolutions(
    config: RunConfig, channels: list[int], layer_index: int, generator: torch.Generator
) -> nn.Sequential:
    """Two 3x3 convolutions with normalisation, activation and dropout."""
    activation = get_activation(config)
    modules: list[nn.Module] = []
    for offset, (inputs, outputs) in enumerate(pairwise(channels)):
        layer = nn.Conv2d(inputs, outputs * activation.pieces, 3, padding=1)
        modules.append(initialize_layer(layer, config, generator, gain=hidden_gain(config)))
        modules += post_layers(config, outputs, layer_index + offset, images=True)
    return nn.Sequential(*modules)


def _check_size(config: RunConfig, depth: int, side: int, size: str) -> None:
    if side >> depth < 1:
        raise DataError(
            f"--depth {depth} halves the image {depth} times; {config.data}'s {size} pixels allow"
            f" --depth {side.bit_length() - 1} at most"
        )
    check_instance_norm_size(config, side >> depth, size)
