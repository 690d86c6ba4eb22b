"""Activation functions by name, and the gain that an initialisation makes up for them."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import nn

from nnlab.config import RunConfig


class Maxout(nn.Module):
    """The largest of k linear pieces (Goodfellow et al. 2013): [n, k·c, ...] to [n, c, ...].

    In three dimensions the channels are the last, [n, tokens, k·c], as elsewhere in torch.
    """

    def __init__(self, pieces: int) -> None:
        super().__init__()
        self.pieces = pieces

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The pieces of a unit lie beside one another."""
        if x.ndim == 4:
            return torch.unflatten(x, 1, (-1, self.pieces)).amax(2)
        return torch.unflatten(x, -1, (-1, self.pieces)).amax(-1)

    def extra_repr(self) -> str:
        """What print(model) shows."""
        return f"pieces={self.pieces}"


# What counts as an activation in any model, a user's too.
ACTIVATION_MODULES: tuple[type[nn.Module], ...] = (
    nn.ReLU,
    nn.LeakyReLU,
    nn.PReLU,
    nn.ELU,
    nn.SELU,
    nn.GELU,
    nn.SiLU,
    nn.Mish,
    nn.Softplus,
    nn.Tanh,
    nn.Sigmoid,
    nn.Hardswish,
    Maxout,
)


@dataclass(frozen=True, slots=True)
class Activation:
    """A module to build, and the gain that keeps a unit-variance signal at unit variance.

    The gain is 1 / sqrt(E[f(z)²]) for z ~ N(0, 1). `pieces` is how many numbers go in for one
    that comes out.
    """

    build: Callable[[], nn.Module]
    gain: float
    pieces: int = 1


def get_activation(config: RunConfig) -> Activation:
    """The activation of a resolved config, with its slope or pieces."""
    assert config.activation is not None
    return ACTIVATION_BUILDERS[config.activation](config)


def second_moment_of_max(pieces: int) -> float:
    """E[max(z_1..z_k)²] for independent z_i ~ N(0, 1); 1 for two of them.

    The trapezium rule over the density k φ(z) Φ(z)^(k-1), whose ends are flat: exact to 1e-12.
    """
    z = torch.linspace(-12, 12, 4801, dtype=torch.float64)
    density = torch.exp(-z.square() / 2) / math.sqrt(2 * math.pi)
    below = torch.special.ndtr(z)
    return torch.trapezoid(z.square() * pieces * density * below ** (pieces - 1), z).item()


def _leaky(config: RunConfig) -> Activation:
    slope = _required_slope(config)
    return Activation(lambda: nn.LeakyReLU(slope), _leaky_gain(slope))


def _prelu(config: RunConfig) -> Activation:
    slope = _required_slope(config)
    return Activation(lambda: nn.PReLU(init=slope), _leaky_gain(slope))


def _elu(config: RunConfig) -> Activation:
    alpha = _required_slope(config)
    return Activation(lambda: nn.ELU(alpha), math.sqrt(2))


def _maxout(config: RunConfig) -> Activation:
    assert config.pieces is not None
    pieces = config.pieces
    gain = 1 / math.sqrt(second_moment_of_max(pieces))
    return Activation(lambda: Maxout(pieces), gain, pieces)


def _required_slope(config: RunConfig) -> float:
    assert config.slope is not None
    return config.slope


def _leaky_gain(slope: float) -> float:
    return math.sqrt(2 / (1 + slope**2))


def _without_options(
    build: Callable[[], nn.Module], gain: float
) -> Callable[[RunConfig], Activation]:
    """An activation without options."""
    return lambda _: Activation(build, gain)


# Exact: relu and its leaky relatives (He et al. 2015, section 2.2), selu (made to have gain 1),
# identity. By custom: relu's for elu, gelu and silu, torch's 5/3 for tanh, 1 for sigmoid.
# Computed by quadrature: mish, softplus, hardswish, maxout of more than two pieces. In mish and
# hardswish a signal that has grown grows on: their scale holds for some layers, not for a hundred.
ACTIVATION_BUILDERS: Mapping[str, Callable[[RunConfig], Activation]] = {
    "relu": _without_options(nn.ReLU, math.sqrt(2)),
    "leaky_relu": _leaky,
    "prelu": _prelu,
    "elu": _elu,
    "selu": _without_options(nn.SELU, 1.0),
    "gelu": _without_options(nn.GELU, math.sqrt(2)),
    "silu": _without_options(nn.SiLU, math.sqrt(2)),
    "mish": _without_options(nn.Mish, 1.4868475812732078),
    "softplus": _without_options(nn.Softplus, 1.0418668355353016),
    "tanh": _without_options(nn.Tanh, 5 / 3),
    "sigmoid": _without_options(nn.Sigmoid, 1.0),
    "hardswish": _without_options(nn.Hardswish, 1.7366572127932374),
    "maxout": _maxout,
    "identity": _without_options(nn.Identity, 1.0),
}
