"""Activation functions by name, and the gain that an initialisation makes up for them."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True, slots=True)
class Activation:
    """A module to build and the gain that keeps a unit-variance signal at unit variance.

    Gains: He et al. 2015, section 2.2 (relu, leaky_relu); torch's 5/3 for tanh. The smooth
    relatives of relu take its gain.
    """

    build: Callable[[], nn.Module]
    gain: float


BUILD: Mapping[str, Activation] = {
    "relu": Activation(nn.ReLU, math.sqrt(2)),
    "leaky_relu": Activation(lambda: nn.LeakyReLU(0.01), math.sqrt(2 / (1 + 0.01**2))),
    "elu": Activation(nn.ELU, math.sqrt(2)),
    "gelu": Activation(nn.GELU, math.sqrt(2)),
    "silu": Activation(nn.SiLU, math.sqrt(2)),
    "tanh": Activation(nn.Tanh, 5 / 3),
    "sigmoid": Activation(nn.Sigmoid, 1.0),
    "identity": Activation(nn.Identity, 1.0),
}
