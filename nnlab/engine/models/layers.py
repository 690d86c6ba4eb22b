"""Building blocks that models share: initialised layers, and the modules after a hidden layer."""

from typing import TypeVar

import torch
from torch import nn

from nnlab.engine.activations import get_activation
from nnlab.engine.initializers import initialize_weights_
from nnlab.engine.models.dropout import ChannelDropout, Dropout
from nnlab.engine.models.norms import build_norm
from nnlab.errors import DataError
from nnlab.settings import RunConfig

LayerT = TypeVar("LayerT", nn.Linear, nn.Conv2d)


def initialize_layer(
    layer: LayerT, config: RunConfig, generator: torch.Generator, *, gain: float
) -> LayerT:
    """The given layer, with weights and bias initialised as configured."""
    initialize_weights_(layer.weight, config, generator, gain=gain)
    if layer.bias is not None:
        with torch.no_grad():
            layer.bias.fill_(config.bias_init or 0.0)
    return layer


def hidden_gain(config: RunConfig) -> float:
    """The initialisation gain of a layer that is followed by the configured activation."""
    if isinstance(config.init_gain, float | int):
        return float(config.init_gain)
    return get_activation(config).gain


def post_layers(
    config: RunConfig, channels: int, layer_index: int, *, images: bool
) -> list[nn.Module]:
    """The modules after a hidden layer: normalisation and activation in either order, dropout.

    Args:
        config: resolved.
        channels: output channels; a maxout has this many inputs for each of its pieces.
        layer_index: of the hidden layer, which seeds its dropout.
        images: the input is [n, channels, h, w]; else [n, channels].
    """
    activation = get_activation(config)
    modules = [activation.build()]
    if config.norm_place == "after":
        modules += build_norm(config, channels, images=images)
    else:
        modules = build_norm(config, channels * activation.pieces, images=images) + modules
    if config.channel_dropout:
        modules.append(ChannelDropout(config.channel_dropout, layer_index))
    if config.dropout:
        modules.append(Dropout(config.dropout, layer_index))
    return modules


def require_image_shape(config: RunConfig, in_shape: tuple[int, ...]) -> tuple[int, int, int]:
    """(channels, height, width) of the examples.

    Raises:
        DataError: they are not images.
    """
    if len(in_shape) != 3:
        raise DataError(
            f"--model {config.model} needs images; {config.data} has {in_shape[0]} features",
            hint="--model mlp takes any inputs",
        )
    channels, height, width = in_shape
    return channels, height, width


class GlobalAveragePool(nn.Module):
    """The mean over height and width, with a deterministic gradient on every device."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[n, channels, height, width] to [n, channels]."""
        return x.mean(dim=(2, 3))
