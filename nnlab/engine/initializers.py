"""Initialisations of a weight tensor [out, in, *kernel], drawn from a generator given."""

import math
from collections.abc import Callable, Mapping

import torch
from torch import nn

Initializer = Callable[[torch.Tensor, float, torch.Generator], object]


def msra(weight: torch.Tensor, gain: float, draw: torch.Generator) -> None:
    """Normal with sd gain / sqrt(fan_in), where fan_in = in * kernel (He et al. 2015, eq. 10)."""
    fan_in = weight[0].numel()
    nn.init.normal_(weight, 0.0, gain / math.sqrt(fan_in), generator=draw)


def xavier(weight: torch.Tensor, gain: float, draw: torch.Generator) -> None:
    """Uniform with sd gain sqrt(2 / (fan_in + fan_out)) (Glorot and Bengio 2010, eq. 16)."""
    nn.init.xavier_uniform_(weight, gain, generator=draw)


def orthogonal(weight: torch.Tensor, gain: float, draw: torch.Generator) -> None:
    """Rows (or columns, if fewer) orthonormal, times the gain (Saxe et al. 2014)."""
    nn.init.orthogonal_(weight, gain, generator=draw)


def normal(weight: torch.Tensor, gain: float, draw: torch.Generator) -> None:  # noqa: ARG001
    """Normal with sd 0.01, whatever the layer's width and activation."""
    nn.init.normal_(weight, 0.0, 0.01, generator=draw)


def zeros(weight: torch.Tensor, gain: float, draw: torch.Generator) -> None:  # noqa: ARG001
    """All zero."""
    nn.init.zeros_(weight)


INITIALIZE: Mapping[str, Initializer] = {
    "msra": msra,
    "xavier": xavier,
    "orthogonal": orthogonal,
    "normal": normal,
    "zeros": zeros,
}
