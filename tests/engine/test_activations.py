"""Activations: formulas, gains, and maxout over its pieces."""

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nnlab.catalogue import choice_names
from nnlab.engine.activations import (
    Activation,
    Maxout,
    get_activation,
    second_moment_of_max,
)
from nnlab.settings import RunConfig, resolve
from nnlab.settings.data_facts import DataFacts

_Z = torch.linspace(-14, 14, 40001, dtype=torch.float64)
_DENSITY = torch.exp(-_Z.square() / 2) / math.sqrt(2 * math.pi)


def activation(name: str, **settings: object) -> Activation:
    chosen = RunConfig(activation=name, **settings)  # type: ignore[arg-type]
    return get_activation(resolve(chosen, DataFacts("classification")))


FORMULAS: dict[str, Callable[[float], float]] = {
    "relu": lambda x: max(0.0, x),
    "leaky_relu": lambda x: x if x > 0 else 0.01 * x,
    "prelu": lambda x: x if x > 0 else 0.25 * x,
    "elu": lambda x: x if x > 0 else math.expm1(x),
    "selu": lambda x: 1.0507009873554805 * (x if x > 0 else 1.6732632423543772 * math.expm1(x)),
    "gelu": lambda x: x * (1 + math.erf(x / math.sqrt(2))) / 2,
    "silu": lambda x: x / (1 + math.exp(-x)),
    "mish": lambda x: x * math.tanh(math.log1p(math.exp(x))),
    "softplus": lambda x: math.log1p(math.exp(x)),
    "tanh": math.tanh,
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
    "hardswish": lambda x: x * min(max(x + 3, 0), 6) / 6,
    "identity": lambda x: x,
}


def test_every_activation_but_maxout_has_its_formula_here() -> None:
    assert {*FORMULAS, "maxout"} == set(choice_names("activation"))


@pytest.mark.parametrize("name", FORMULAS)
@given(x=st.floats(-8, 8))
def test_an_activation_is_its_formula(name: str, x: float) -> None:
    got = activation(name).build().double()(torch.tensor([x], dtype=torch.float64))
    assert got.item() == pytest.approx(FORMULAS[name](x), rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "tanh"])
def test_gains_are_torchs(name: str) -> None:
    slope = 0.01 if name == "leaky_relu" else None
    assert activation(name).gain == pytest.approx(torch.nn.init.calculate_gain(name, slope))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("relu", {}),
        ("leaky_relu", {"slope": 0.2}),
        ("prelu", {}),
        ("selu", {}),
        ("mish", {}),
        ("softplus", {}),
        ("hardswish", {}),
        ("identity", {}),
    ],
)
def test_a_gain_brings_a_standard_signal_back_to_unit_size(
    name: str, settings: dict[str, object]
) -> None:
    chosen = activation(name, **settings)
    with torch.no_grad():
        squares = chosen.build().double()(_Z).square()
    moment = torch.trapezoid(squares * _DENSITY, _Z).item()
    assert chosen.gain == pytest.approx(1 / math.sqrt(moment), rel=1e-6)


@pytest.mark.parametrize(
    ("name", "settings"), [("leaky_relu", {"slope": 0.3}), ("elu", {"slope": 2.0})]
)
def test_a_slope_is_what_lies_below_zero(name: str, settings: dict[str, object]) -> None:
    got = activation(name, **settings).build()(torch.tensor([-1.0, 2.0])).tolist()
    below = {"leaky_relu": -0.3, "elu": 2.0 * math.expm1(-1.0)}[name]
    assert got == pytest.approx([below, 2.0])


def test_prelu_learns_its_slope() -> None:
    module = activation("prelu", slope=0.1).build()
    assert [p.item() for p in module.parameters()] == [pytest.approx(0.1)]


def test_maxout_takes_the_largest_of_its_pieces() -> None:
    assert Maxout(2)(torch.tensor([[1.0, 5.0, -3.0, -2.0]])).tolist() == [[5.0, -2.0]]
    images = torch.randn(3, 6, 4, 4)
    assert torch.equal(Maxout(3)(images), images.reshape(3, 2, 3, 4, 4).amax(2))
    tokens = torch.randn(3, 5, 8)
    assert torch.equal(Maxout(4)(tokens), tokens.reshape(3, 5, 2, 4).amax(3))


def test_the_largest_of_normal_numbers_has_the_known_moments() -> None:
    assert second_moment_of_max(1) == pytest.approx(1.0, rel=1e-9)
    assert second_moment_of_max(2) == pytest.approx(1.0, rel=1e-9)
    # David and Nagaraja 2003, section 3.2: of three, 1 + sqrt(3) / (2 pi).
    assert second_moment_of_max(3) == pytest.approx(1 + math.sqrt(3) / (2 * math.pi), rel=1e-9)
    assert activation("maxout", pieces=3).gain == pytest.approx(1.2757**-0.5, rel=1e-4)
