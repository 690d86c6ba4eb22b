"""Initialisations: standard deviation, gain, and signal propagation in a deep network."""

import math
from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from nnlab.engine import models
from nnlab.engine.initializers import INITIALIZERS, InitParams, get_initializer, msra, xavier
from nnlab.engine.seeds import make_generator
from nnlab.settings import RunConfig, resolve
from nnlab.settings.data_facts import DataFacts

Shape = tuple[int, ...]


def draw_weights(
    name: str, shape: Shape, gain: float = 1.0, seed: int = 0, scale: float = 1.0, fan: str = "in"
) -> torch.Tensor:
    weight = torch.empty(shape)
    INITIALIZERS[name](weight, InitParams(gain, scale, fan), torch.Generator().manual_seed(seed))
    return weight


def network(**settings: object) -> tuple[RunConfig, nn.Module]:
    """A network of 256 inputs and 10 outputs."""
    chosen = RunConfig(**{"width": 256, "depth": 20, **settings})  # type: ignore[arg-type]
    config = resolve(chosen, DataFacts("classification"))
    return config, models.build(config, (256,), 10, make_generator(0, "weights"))


def spreads(config: RunConfig, model: nn.Module) -> list[float]:
    """The sd of what each hidden layer gives, before its activation, on a standard input."""
    deviations: list[float] = []
    examples = torch.randn(512, 256, generator=torch.Generator().manual_seed(1))
    models.lsuv_(model, config, examples)
    for layer in model.modules():
        if isinstance(layer, nn.Linear):
            layer.register_forward_hook(lambda _, __, out: deviations.append(out.std().item()))
    with torch.no_grad():
        model(examples)
    return deviations[:-1]


@pytest.mark.parametrize(
    ("name", "shape", "sd"),
    [
        ("msra", (300, 400), math.sqrt(2) / math.sqrt(400)),
        ("msra", (64, 32, 3, 3), math.sqrt(2) / math.sqrt(32 * 9)),
        ("xavier", (300, 400), math.sqrt(2) * math.sqrt(2 / 700)),
        ("xavier_normal", (300, 400), math.sqrt(2) * math.sqrt(2 / 700)),
        ("orthogonal", (300, 400), math.sqrt(2) / math.sqrt(400)),
        ("normal", (300, 400), 1.0),
        ("uniform", (300, 400), 1 / math.sqrt(3)),
    ],
)
def test_the_standard_deviation_is_the_papers(name: str, shape: Shape, sd: float) -> None:
    weight = draw_weights(name, shape, gain=math.sqrt(2))
    assert weight.std().item() == pytest.approx(sd, rel=0.02)
    assert abs(weight.mean().item()) < sd * 0.02


@given(fan_in=st.integers(100, 400), fan_out=st.integers(100, 400), scale=st.floats(0.1, 10))
def test_the_spread_follows_from_the_fans(fan_in: int, fan_out: int, scale: float) -> None:
    shape = (fan_out, fan_in)
    expected = {
        ("msra", "in"): scale / math.sqrt(fan_in),
        ("msra", "out"): scale / math.sqrt(fan_out),
        ("xavier", "in"): scale * math.sqrt(2 / (fan_in + fan_out)),
        ("xavier_normal", "in"): scale * math.sqrt(2 / (fan_in + fan_out)),
        ("orthogonal", "in"): scale / math.sqrt(max(fan_in, fan_out)),
        ("normal", "in"): scale,
        ("uniform", "in"): scale / math.sqrt(3),
    }
    for (name, fan), sd in expected.items():
        weight = draw_weights(name, shape, scale=scale, fan=fan)
        # 10,000 numbers or more: the sd is known to 1 % or better, five times that is allowed.
        assert weight.std().item() == pytest.approx(sd, rel=0.05), name


@pytest.mark.parametrize("fan", ["in", "out"])
@pytest.mark.parametrize("shape", [(30, 40), (8, 6, 3, 3)])
def test_msra_is_torchs_kaiming(fan: str, shape: Shape) -> None:
    expected = torch.empty(shape)
    nn.init.kaiming_normal_(
        expected,
        nonlinearity="relu",
        mode="fan_in" if fan == "in" else "fan_out",
        generator=torch.Generator().manual_seed(0),
    )
    assert torch.equal(draw_weights("msra", shape, gain=math.sqrt(2), fan=fan), expected)


def test_orthogonal_rows_are_orthonormal() -> None:
    weight = draw_weights("orthogonal", (20, 50), gain=2.0)
    assert torch.allclose(weight @ weight.T, 4.0 * torch.eye(20), atol=1e-5)


def test_zeros_are_zero() -> None:
    assert not draw_weights("zeros", (3, 4)).any()


def test_uniform_keeps_within_its_bound() -> None:
    assert 0.049 < draw_weights("uniform", (100, 100), scale=0.05).abs().max() <= 0.05


def test_the_same_generator_gives_the_same_weights() -> None:
    assert torch.equal(draw_weights("msra", (5, 5)), draw_weights("msra", (5, 5)))
    assert not torch.equal(draw_weights("msra", (5, 5)), draw_weights("msra", (5, 5), seed=1))


def test_default_is_chosen_by_the_activation() -> None:
    by = {
        name: get_initializer(network(init="default", activation=name, depth=1)[0])
        for name in ("relu", "gelu", "maxout", "selu", "tanh", "sigmoid", "softplus", "identity")
    }
    assert {name for name, chosen in by.items() if chosen is msra} == {
        "relu", "gelu", "maxout", "selu",
    }  # fmt: skip
    assert {name for name, chosen in by.items() if chosen is xavier} == {
        "tanh", "sigmoid", "softplus", "identity",
    }  # fmt: skip


def test_selu_gets_lecuns_standard_deviation_by_default() -> None:
    weight = next(network(init="default", activation="selu", depth=1)[1].parameters())
    assert weight.std().item() == pytest.approx(1 / math.sqrt(256), rel=0.02)


def test_too_small_weights_make_the_activations_shrink_layer_by_layer() -> None:
    deviations = spreads(*network(init="normal", init_scale=0.01))
    assert all(after < 0.3 * before for before, after in pairwise(deviations))
    assert deviations[-1] < 1e-15


def test_too_large_weights_make_the_activations_explode() -> None:
    deviations = spreads(*network(init="normal", init_scale=0.5))
    assert all(after > 3 * before for before, after in pairwise(deviations))
    assert deviations[-1] > 1e12


@pytest.mark.parametrize(
    ("init", "activation"),
    [
        ("msra", "relu"),
        ("msra", "prelu"),
        ("msra", "mish"),
        ("msra", "softplus"),
        ("msra", "selu"),
        ("msra", "maxout"),
        ("orthogonal", "relu"),
        ("default", "tanh"),
        ("lsuv", "relu"),
        ("lsuv", "tanh"),
        ("lsuv", "sigmoid"),
        ("default", "relu"),
        ("default", "selu"),
    ],
)
def test_the_scale_holds_through_twenty_layers(init: str, activation: str) -> None:
    deviations = spreads(*network(init=init, activation=activation))
    assert len(deviations) == 20
    assert min(deviations) > 0.2
    assert max(deviations) < 5.0


@pytest.mark.parametrize("init", ["xavier", "xavier_normal"])
def test_the_scale_of_xavier_holds_with_the_gain_of_the_activation(init: str) -> None:
    deviations = spreads(*network(init=init, activation="relu", init_gain="activation"))
    assert min(deviations) > 0.2
    assert max(deviations) < 5.0


@pytest.mark.parametrize(
    ("name", "torchs"),
    [("xavier", nn.init.xavier_uniform_), ("xavier_normal", nn.init.xavier_normal_)],
)
@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid", "gelu", "maxout"])
def test_xavier_is_torchs_with_gain_one_for_every_activation(
    name: str, torchs: Callable[..., torch.Tensor], activation: str
) -> None:
    _, model = network(init=name, activation=activation, depth=1, width=30)
    weight = next(model.parameters())
    expected = torchs(torch.empty_like(weight), generator=make_generator(0, "weights"))
    assert torch.equal(weight, expected)


@pytest.mark.parametrize(
    ("init", "activation", "init_gain", "expected"),
    [
        ("xavier", "relu", None, 1.0),
        ("xavier", "relu", "auto", 1.0),
        ("xavier", "relu", "activation", math.sqrt(2)),
        ("xavier", "tanh", "activation", nn.init.calculate_gain("tanh")),
        ("xavier", "relu", 0.5, 0.5),
        ("msra", "relu", None, math.sqrt(2)),
        ("msra", "leaky_relu", "auto", nn.init.calculate_gain("leaky_relu", 0.01)),
        ("msra", "relu", 1.0, 1.0),
        ("orthogonal", "relu", None, math.sqrt(2)),
        ("default", "tanh", None, nn.init.calculate_gain("tanh")),
        ("default", "relu", 2.0, 2.0),
    ],
)
@pytest.mark.parametrize("model", ["mlp", "cnn", "resnet", "wide_resnet"])
def test_the_gain_scales_hidden_layers_but_not_the_last_one(
    model: str, init: str, activation: str, init_gain: str | float | None, expected: float
) -> None:
    def weights(**settings: object) -> list[torch.Tensor]:
        chosen = {"model": model, "init": init, "activation": activation, "width": 4}
        config = resolve(RunConfig(**{**chosen, **settings}), DataFacts("classification"))  # type: ignore[arg-type]
        built = models.build(config, (1, 8, 8), 10, make_generator(0, "weights"))
        layers = (m for m in built.modules() if isinstance(m, nn.Linear | nn.Conv2d))
        return [layer.weight for layer in layers]

    scaled, unscaled = weights(init_gain=init_gain), weights(init_gain=1.0)
    assert torch.allclose(scaled[0], expected * unscaled[0], rtol=1e-5)
    assert torch.equal(scaled[-1], unscaled[-1])


def test_xavier_on_relu_loses_half_of_the_variance_per_layer() -> None:
    """He et al. 2015, eq. 10 and 15: n Var[w] = 1 halves E[x²] in each layer; msra keeps it."""

    def moments(init: str) -> list[float]:
        _, model = network(init=init, activation="relu", width=2048, depth=6)
        signal = torch.randn(512, 256, generator=torch.Generator().manual_seed(1))
        values = []
        for layer in model[:-1]:  # type: ignore[index]
            signal = layer(signal)
            if isinstance(layer, nn.ReLU):
                values.append(signal.square().mean().item())
        return values

    with torch.no_grad():
        xavier, msra = moments("xavier"), moments("msra")
    for values, factor in ((xavier, 0.5), (msra, 1.0)):
        factors = [after / before for before, after in pairwise(values)]
        assert factors == pytest.approx([factor] * 5, rel=0.1)


@pytest.mark.parametrize("target", [0.5, 1.0])
def test_lsuv_gives_every_layer_the_requested_standard_deviation(target: float) -> None:
    deviations = spreads(*network(init="lsuv", activation="tanh", init_scale=target))
    assert deviations == pytest.approx([target] * 20, rel=0.011)


def test_lsuv_scales_convolutions_and_skips_dead_layers() -> None:
    config = resolve(RunConfig(model="cnn", init="lsuv", width=8), DataFacts("classification"))
    model = models.build(config, (1, 8, 8), 10, make_generator(0, "weights"))
    examples = torch.randn(64, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    models.lsuv_(model, config, examples)
    assert model(examples).std().item() == pytest.approx(1.0, rel=0.011)
    models.lsuv_(model, config, torch.zeros_like(examples))
    assert all(bool(p.isfinite().all()) for p in model.parameters())


def test_lsuv_does_not_change_other_initialisations() -> None:
    config, model = network(depth=2)
    before = [p.clone() for p in model.parameters()]
    models.lsuv_(model, config, torch.randn(8, 256))
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


@pytest.mark.parametrize("model", ["mlp", "cnn", "resnet", "transformer", "linear"])
def test_biases_start_at_the_configured_value(model: str) -> None:
    config = resolve(RunConfig(model=model, bias_init=0.3), DataFacts("classification"))
    built = models.build(config, (1, 8, 8), 10, make_generator(0, "weights"))
    layers = [m for m in built.modules() if isinstance(m, nn.Linear | nn.Conv2d)]
    biases = [layer.bias for layer in layers if layer.bias is not None]
    assert biases
    assert all((bias == 0.3).all() for bias in biases)
