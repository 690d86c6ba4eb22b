"""Activations as modules of torch, and gains as source."""

import math
from collections.abc import Callable, Mapping

from nnlab.exchange.training_script.code_text import number
from nnlab.settings import RunConfig


def _without_options(module: str) -> Callable[[RunConfig], str]:
    return lambda _: f"nn.{module}()"


def _with_slope(module: str) -> Callable[[RunConfig], str]:
    return lambda config: f"nn.{module}({number(config.slope)})"


ACTIVATION_MODULES: Mapping[str, Callable[[RunConfig], str]] = {
    "relu": _without_options("ReLU"),
    "leaky_relu": _with_slope("LeakyReLU"),
    "prelu": lambda config: f"nn.PReLU(init={number(config.slope)})",
    "elu": _with_slope("ELU"),
    "selu": _without_options("SELU"),
    "gelu": _without_options("GELU"),
    "silu": _without_options("SiLU"),
    "mish": _without_options("Mish"),
    "softplus": _without_options("Softplus"),
    "tanh": _without_options("Tanh"),
    "sigmoid": _without_options("Sigmoid"),
    "hardswish": _without_options("Hardswish"),
    "identity": _without_options("Identity"),
}


def gain_text(gain: float) -> str:
    """A gain as source: the formula if it is a known one.

    >>> gain_text(2**0.5), gain_text(1.25)
    ('math.sqrt(2)', '1.25')
    """
    formulas = {math.sqrt(2): "math.sqrt(2)", 5 / 3: "5 / 3", 1.0: "1.0"}
    return formulas.get(gain) or number(gain)
