"""Initializers by name: each fills a weight tensor [out, in, *kernel] using a given generator."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import nn

from nnlab.settings import RunConfig


@dataclass(frozen=True, slots=True)
class InitParams:
    """The parameters of an initializer.

    `gain` compensates for the activation after a hidden layer, unless `init_gain` is another
    number; Glorot's initialisation has gain 1 for every activation. `scale` multiplies the
    weights; for normal it is their standard deviation and for uniform their bound. `fan` is the
    side (in or out) whose variance msra preserves.
    """

    gain: float
    scale: float = 1.0
    fan: str = "in"


Initializer = Callable[[torch.Tensor, InitParams, torch.Generator], object]


def msra(weight: torch.Tensor, params: InitParams, generator: torch.Generator) -> None:
    """Normal, sd gain / sqrt(fan), fan_in = in * kernel (He et al. 2015, eq. 10 and 14)."""
    fan = weight[0].numel() if params.fan == "in" else weight[:, 0].numel()
    nn.init.normal_(weight, 0.0, params.scale * params.gain / math.sqrt(fan), generator=generator)


def xavier(weight: torch.Tensor, params: InitParams, generator: torch.Generator) -> None:
    """Uniform with sd gain sqrt(2 / (fan_in + fan_out)).

    With gain 1 this is the normalised initialisation of Glorot and Bengio 2010, eq. 16.
    """
    nn.init.xavier_uniform_(weight, params.scale * params.gain, generator=generator)


def xavier_normal(weight: torch.Tensor, params: InitParams, generator: torch.Generator) -> None:
    """Normal with the standard deviation of `xavier`."""
    nn.init.xavier_normal_(weight, params.scale * params.gain, generator=generator)


def orthogonal(weight: torch.Tensor, params: InitParams, generator: torch.Generator) -> None:
    """Orthonormal rows (or columns, if there are fewer), times the gain (Saxe et al. 2014)."""
    nn.init.orthogonal_(weight, params.scale * params.gain, generator=generator)


def lsuv(weight: torch.Tensor, params: InitParams, generator: torch.Generator) -> None:  # noqa: ARG001
    """Orthonormal; `models.lsuv_` then scales by the outputs (Mishkin and Matas 2016)."""
    nn.init.orthogonal_(weight, generator=generator)


def normal(weight: torch.Tensor, params: InitParams, generator: torch.Generator) -> None:
    """Normal with standard deviation `scale`, independent of the layer's width and activation."""
    nn.init.normal_(weight, 0.0, params.scale, generator=generator)


def uniform(weight: torch.Tensor, params: InitParams, generator: torch.Generator) -> None:
    """Uniform in [-`scale`, `scale`], independent of the layer's width and activation."""
    nn.init.uniform_(weight, -params.scale, params.scale, generator=generator)


def zeros(weight: torch.Tensor, params: InitParams, generator: torch.Generator) -> None:  # noqa: ARG001
    """All weights are 0."""
    nn.init.zeros_(weight)


# Default initializer by activation. msra (the fallback) preserves the variance of the forward
# signal, which matters for activations that are linear on one side; xavier, here times the gain of
# the activation, balances forward and backward variance, for those that saturate or are linear.
# selu is designed for sd 1 / sqrt(fan_in) (Klambauer et al. 2017), which is msra with selu's gain
# of 1.
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
    """The initializer of a resolved config; `default` depends on the activation."""
    if config.init == "default":
        return _BY_ACTIVATION.get(config.activation or "identity", msra)
    return INITIALIZERS[config.init or ""]


def initialize_weights_(
    weight: torch.Tensor, config: RunConfig, generator: torch.Generator, *, gain: float
) -> None:
    """Fills a layer's weights in place with the initializer of a resolved config.

    Args:
        weight: [out, in, *kernel].
        config: resolved.
        generator: on the CPU, where the weights are.
        gain: of the layer: `models.layers.hidden_gain`, or 1 without an activation after it.
    """
    params = InitParams(
        gain, 1.0 if config.init_scale is None else config.init_scale, config.fan or "in"
    )
    with torch.no_grad():
        get_initializer(config)(weight, params, generator)
