"""Initialisations: their spread, their gain, the same draws from the same generator."""

import math

import pytest
import torch

from nnlab.engine.activations import BUILD
from nnlab.engine.initializers import INITIALIZE


def drawn(name: str, shape: tuple[int, ...], gain: float = 1.0, seed: int = 0) -> torch.Tensor:
    weight = torch.empty(shape)
    INITIALIZE[name](weight, gain, torch.Generator().manual_seed(seed))
    return weight


@pytest.mark.parametrize(
    ("name", "shape", "sd"),
    [
        ("msra", (300, 400), math.sqrt(2) / math.sqrt(400)),
        ("msra", (64, 32, 3, 3), math.sqrt(2) / math.sqrt(32 * 9)),
        ("xavier", (300, 400), math.sqrt(2) * math.sqrt(2 / 700)),
        ("normal", (300, 400), 0.01),
    ],
)
def test_the_spread_is_the_papers(name: str, shape: tuple[int, ...], sd: float) -> None:
    weight = drawn(name, shape, gain=math.sqrt(2))
    assert weight.std().item() == pytest.approx(sd, rel=0.02)
    assert abs(weight.mean().item()) < sd * 0.02


def test_msra_is_torchs_kaiming() -> None:
    expected = torch.empty(30, 40)
    torch.nn.init.kaiming_normal_(
        expected, nonlinearity="relu", generator=torch.Generator().manual_seed(0)
    )
    assert torch.equal(drawn("msra", (30, 40), gain=math.sqrt(2)), expected)


def test_orthogonal_rows_are_orthonormal() -> None:
    weight = drawn("orthogonal", (20, 50), gain=2.0)
    assert torch.allclose(weight @ weight.T, 4.0 * torch.eye(20), atol=1e-5)


def test_zeros_are_zero() -> None:
    assert not drawn("zeros", (3, 4)).any()


def test_the_same_generator_gives_the_same_weights() -> None:
    assert torch.equal(drawn("msra", (5, 5)), drawn("msra", (5, 5)))
    assert not torch.equal(drawn("msra", (5, 5)), drawn("msra", (5, 5), seed=1))


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "tanh"])
def test_gains_are_torchs(name: str) -> None:
    slope = 0.01 if name == "leaky_relu" else None
    assert BUILD[name].gain == pytest.approx(torch.nn.init.calculate_gain(name, slope))  # type: ignore[arg-type]


def test_msra_keeps_the_scale_through_a_deep_relu_net_and_normal_does_not() -> None:
    signal = torch.randn(512, 256, generator=torch.Generator().manual_seed(1))
    spread = {}
    for name in ("msra", "normal"):
        x = signal
        for layer in range(20):
            x = torch.relu(x @ drawn(name, (256, 256), math.sqrt(2), seed=layer).T)
        spread[name] = x.std().item()
    assert 0.3 < spread["msra"] < 3.0
    assert spread["normal"] < 1e-10
