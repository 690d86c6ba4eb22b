"""The pieces that models share: an initialised layer, and the block behind a hidden layer."""

from typing import TypeVar

import torch
from torch import nn

from nnlab.config import RunConfig
from nnlab.engine.activations import get_activation
from nnlab.engine.initializers import initialize_weights_
from nnlab.engine.models.dropout import ChannelDropout, Dropout
from nnlab.engine.models.norms import build_norm
from nnlab.errors import DataError

LayerT = TypeVar("LayerT", nn.Linear, nn.Conv2d)


def initialize_layer(
    layer: LayerT, config: RunConfig, draw: torch.Generator, *, gain: float
) -> LayerT:
    """The same layer with weights and bias as the config says."""
    initialize_weights_(layer.weight, config, draw, gain=gain)
    if layer.bias is not None:
        with torch.no_grad():
            layer.bias.fill_(config.bias_init or 0.0)
    return layer


def hidden_gain(config: RunConfig) -> float:
    """The gain of a layer that the config's activation follows."""
    return get_activation(config).gain


def post_layers(config: RunConfig, channels: int, part: int, *, images: bool) -> list[nn.Module]:
    """What follows a hidden layer: normalisation and activation in either order, dropout.

    Args:
        config: resolved.
        channels: that come out; a maxout takes in so many for each of its pieces.
        part: number of the layer, which its noise is told apart by.
        images: [n, channels, h, w] goes in; else [n, channels].
    """
    activation = get_activation(config)
    modules = [activation.build()]
    if config.norm_place == "after":
        modules += build_norm(config, channels, images=images)
    else:
        modules = build_norm(config, channels * activation.pieces, images=images) + modules
    if config.channel_dropout:
        modules.append(ChannelDropout(config.channel_dropout, part))
    if config.dropout:
        modules.append(Dropout(config.dropout, part))
    return modules


def require_image_shape(config: RunConfig, in_shape: tuple[int, ...]) -> tuple[int, int, int]:
    """(channels, height, width) of the examples.

    Raises:
        DataError: they are no images.
    """
    if len(in_shape) != 3:
        raise DataError(
            f"--model {config.model} needs images; {config.data} has {in_shape[0]} features",
            hint="--model mlp takes any inputs",
        )
    channels, height, width = in_shape
    return channels, height, width


class GlobalAveragePool(nn.Module):
    """The mean over height and width; its gradient is the same bits each time on every device."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[n, channels, height, width] to [n, channels]."""
        return x.mean(dim=(2, 3))
