"""Activation functions by name, and the gain with which each one scales initial weights."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import nn

from nnlab.engine.required_setting import required
from nnlab.settings import RunConfig


class Maxout(nn.Module):
    """The maximum of k linear pieces (Goodfellow et al. 2013): [n, k·c, ...] to [n, c, ...].

    In three dimensions the channels are the last one, [n, tokens, k·c], as elsewhere in torch.
    """

    def __init__(self, pieces: int) -> None:
        super().__init__()
        self.pieces = pieces

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Takes the maximum over neighbouring channels: the k pieces of a unit are adjacent."""
        if x.ndim == 4:
            return torch.unflatten(x, 1, (-1, self.pieces)).amax(2)
        return torch.unflatten(x, -1, (-1, self.pieces)).amax(-1)

    def extra_repr(self) -> str:
        """The arguments that print(model) shows."""
        return f"pieces={self.pieces}"


# Modules that are treated as activations in every model, including models of the user.
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
    """An activation: how to build its module, and the gain of the layer before it.

    `gain` is 1 / sqrt(E[f(z)²]) for z ~ N(0, 1): weights scaled by it keep a signal of variance 1
    at variance 1. `pieces` is the number of inputs per output (1 except for maxout).
    """

    build: Callable[[], nn.Module]
    gain: float
    pieces: int = 1


def get_activation(config: RunConfig) -> Activation:
    """The activation of a resolved config, with the slope or the pieces that it sets."""
    return ACTIVATION_BUILDERS[required(config.activation)](config)


def second_moment_of_max(pieces: int) -> float:
    """E[max(z_1..z_k)²] for k = `pieces` independent z_i ~ N(0, 1).

    Integrates z² over the density k φ(z) Φ(z)^(k-1) with the trapezoidal rule on [-12, 12]. The
    density is flat at both ends, which makes the rule exact to 1e-12. The value for k = 2 is 1.
    """
    z = torch.linspace(-12, 12, 4801, dtype=torch.float64)
    density = torch.exp(-z.square() / 2) / math.sqrt(2 * math.pi)
    cumulative = torch.special.ndtr(z)
    return torch.trapezoid(z.square() * pieces * density * cumulative ** (pieces - 1), z).item()


def _leaky(config: RunConfig) -> Activation:
    slope = required(config.slope)
    return Activation(lambda: nn.LeakyReLU(slope), _leaky_gain(slope))


def _prelu(config: RunConfig) -> Activation:
    slope = required(config.slope)
    return Activation(lambda: nn.PReLU(init=slope), _leaky_gain(slope))


def _elu(config: RunConfig) -> Activation:
    alpha = required(config.slope)
    return Activation(lambda: nn.ELU(alpha), math.sqrt(2))


def _maxout(config: RunConfig) -> Activation:
    pieces = required(config.pieces)
    gain = 1 / math.sqrt(second_moment_of_max(pieces))
    return Activation(lambda: Maxout(pieces), gain, pieces)


def _leaky_gain(slope: float) -> float:
    return math.sqrt(2 / (1 + slope**2))


def _without_options(
    build: Callable[[], nn.Module], gain: float
) -> Callable[[RunConfig], Activation]:
    """Builds the table entry of an activation that has no options."""
    return lambda _: Activation(build, gain)


# Exact gains: relu and its leaky variants (He et al. 2015, section 2.2), selu (designed to have
# gain 1) and identity. Conventional gains: relu's for elu, gelu and silu, torch's 5/3 for tanh, 1
# for sigmoid. Computed by quadrature: mish, softplus, hardswish, and maxout with more than two
# pieces. For mish and hardswish the variance is an unstable fixed point: the gain holds for some
# layers, not for a hundred.
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
