"""Initialisations of a weight tensor [out, in, *kernel], drawn from a generator given."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import nn

from nnlab.config import RunConfig


@dataclass(frozen=True, slots=True)
class InitParams:
    """What an initialisation is told of a layer.

    `gain` makes up for the activation behind it; `scale` is a factor on the weights, or for
    normal its sd and for uniform its bound; `fan` is the side that msra keeps in scale, in or
    out.
    """

    gain: float
    scale: float = 1.0
    fan: str = "in"


Initializer = Callable[[torch.Tensor, InitParams, torch.Generator], object]


def msra(weight: torch.Tensor, to: InitParams, draw: torch.Generator) -> None:
    """Normal with sd gain / sqrt(fan), fan_in = in * kernel (He et al. 2015, eq. 10 and 14)."""
    fan = weight[0].numel() if to.fan == "in" else weight[:, 0].numel()
    nn.init.normal_(weight, 0.0, to.scale * to.gain / math.sqrt(fan), generator=draw)


def xavier(weight: torch.Tensor, to: InitParams, draw: torch.Generator) -> None:
    """Uniform with sd gain sqrt(2 / (fan_in + fan_out)) (Glorot and Bengio 2010, eq. 16)."""
    nn.init.xavier_uniform_(weight, to.scale * to.gain, generator=draw)


def xavier_normal(weight: torch.Tensor, to: InitParams, draw: torch.Generator) -> None:
    """Normal with the sd of xavier."""
    nn.init.xavier_normal_(weight, to.scale * to.gain, generator=draw)


def orthogonal(weight: torch.Tensor, to: InitParams, draw: torch.Generator) -> None:
    """Rows (or columns, if fewer) orthonormal, times the gain (Saxe et al. 2014)."""
    nn.init.orthogonal_(weight, to.scale * to.gain, generator=draw)


def lsuv(weight: torch.Tensor, to: InitParams, draw: torch.Generator) -> None:  # noqa: ARG001
    """Orthonormal; `models.settle` scales it by what comes out (Mishkin and Matas 2016)."""
    nn.init.orthogonal_(weight, generator=draw)


def normal(weight: torch.Tensor, to: InitParams, draw: torch.Generator) -> None:
    """Normal with sd `scale`, whatever the layer's width and activation."""
    nn.init.normal_(weight, 0.0, to.scale, generator=draw)


def uniform(weight: torch.Tensor, to: InitParams, draw: torch.Generator) -> None:
    """Uniform from -`scale` to `scale`, whatever the layer's width and activation."""
    nn.init.uniform_(weight, -to.scale, to.scale, generator=draw)


def zeros(weight: torch.Tensor, to: InitParams, draw: torch.Generator) -> None:  # noqa: ARG001
    """All zero."""
    nn.init.zeros_(weight)


# What suits an activation: the variance of what comes in matters to those that are linear on a
# side, both directions to those that saturate or are linear. selu is made for sd 1 / sqrt(fan_in)
# (Klambauer et al. 2017), which is msra with its gain of 1.
_BY_ACTIVATION: Mapping[str, Initializer] = {
    "tanh": xavier,
    "sigmoid": xavier,
    "softplus": xavier,
    "identity": xavier,
}

INITIALIZERS: Mapping[str, Initializer] = {
    "msra": msra,
    "xavier": xavier,
    "xavier_normal": xavier_normal,
    "orthogonal": orthogonal,
    "lsuv": lsuv,
    "normal": normal,
    "uniform": uniform,
    "zeros": zeros,
    "default": msra,
}


def get_initializer(config: RunConfig) -> Initializer:
    """The initialisation of a resolved config; `default` is by the activation."""
    if config.init == "default":
        return _BY_ACTIVATION.get(config.activation or "identity", msra)
    return INITIALIZERS[config.init or ""]


def initialize_weights_(
    weight: torch.Tensor, config: RunConfig, draw: torch.Generator, *, gain: float
) -> None:
    """Fills a layer's weights as a resolved config says.

    Args:
        weight: [out, in, *kernel], filled in place.
        config: resolved.
        draw: generator on the CPU, where the weights are.
        gain: of the activation behind the layer.
    """
    to = InitParams(
        gain, 1.0 if config.init_scale is None else config.init_scale, config.fan or "in"
    )
    with torch.no_grad():
        get_initializer(config)(weight, to, draw)
