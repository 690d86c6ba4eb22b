"""Dropout: what is dropped, the mean that is kept, and repeatability."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from nnlab.engine import models
from nnlab.engine.models.dropout import (
    ChannelDropout,
    DropConnect,
    Dropout,
    DropoutBase,
    StochasticDepth,
    stochastic_depth_probability,
)
from nnlab.engine.seeds import derive_seed, make_generator
from nnlab.settings import RunConfig, resolve
from nnlab.settings.data_facts import DataFacts

CPU = torch.device("cpu")
Make = Callable[[float], DropoutBase]
LAYERS: dict[str, Make] = {
    "dropout": lambda p: Dropout(p, 0),
    "channel_dropout": lambda p: ChannelDropout(p, 0),
    "stochastic_depth": lambda p: StochasticDepth(p, 0),
}


def ready(layer: DropoutBase, seed: int = 0, epoch: int = 1) -> DropoutBase:
    layer.seed_epoch(seed, epoch, CPU)
    return layer


@pytest.mark.parametrize("name", LAYERS)
@given(p=st.floats(0.05, 0.9))
def test_a_share_p_is_dropped_and_the_expectation_kept(name: str, p: float) -> None:
    out = ready(LAYERS[name](p))(torch.ones(64, 64, 4, 4))[:, :, :1, :1]
    units = out[:, 0, 0, 0] if name == "stochastic_depth" else out.flatten()
    spread = (p * (1 - p) / len(units)) ** 0.5
    assert (units == 0).double().mean().item() == pytest.approx(p, abs=4.5 * spread)
    kept = units[units != 0]
    assert torch.allclose(kept, torch.full_like(kept, 1 / (1 - p)))


def test_whole_channels_go_or_stay() -> None:
    out = ready(ChannelDropout(0.5, 0))(torch.ones(16, 16, 5, 5))
    assert set(out.sum((2, 3)).flatten().tolist()) == {0.0, 50.0}


def test_whole_branches_go_or_stay_example_by_example() -> None:
    for shape in ((32, 3, 5, 5), (32, 7, 4)):
        sums = ready(StochasticDepth(0.5, 0))(torch.ones(shape)).flatten(1).mean(1)
        assert set(sums.tolist()) == {0.0, 2.0}


def test_dropconnect_drops_weights_and_keeps_the_expectation() -> None:
    layer = DropConnect(4, 3, 0.5, 0)
    ready(layer)
    x = torch.randn(2, 4, generator=torch.Generator().manual_seed(0))
    masked = layer(torch.eye(4)).detach() - layer.bias
    ratios = (masked.T / layer.weight).flatten().tolist()
    assert {round(ratio, 4) for ratio in ratios} == {0.0, 2.0}
    mean = torch.stack([layer(x) for _ in range(20_000)]).mean(0)
    layer.eval()
    assert torch.allclose(mean, layer(x), atol=0.03)
    assert torch.equal(layer(x), nn.functional.linear(x, layer.weight, layer.bias))


@pytest.mark.parametrize("name", LAYERS)
def test_noise_is_off_when_evaluating_and_at_zero(name: str) -> None:
    x = torch.randn(4, 4, 2, 2)
    assert LAYERS[name](0.5).eval()(x) is x
    assert LAYERS[name](0.0)(x) is x


@pytest.mark.parametrize("name", LAYERS)
def test_the_same_seed_epoch_and_part_give_the_same_masks(name: str) -> None:
    x = torch.ones(64, 8, 2, 2)
    layer = LAYERS[name](0.5)
    first = ready(layer, seed=3, epoch=2)(x)
    torch.manual_seed(99)  # the global generator plays no part
    assert torch.equal(ready(layer, seed=3, epoch=2)(x), first)
    assert torch.equal(ready(LAYERS[name](0.5), seed=3, epoch=2)(x), first)
    assert not torch.equal(ready(layer, seed=4, epoch=2)(x), first)
    assert not torch.equal(ready(layer, seed=3, epoch=3)(x), first)
    layer.layer_index = 1
    assert not torch.equal(ready(layer, seed=3, epoch=2)(x), first)


def test_dropout_draws_what_it_drew_in_the_first_release() -> None:
    layer = ready(Dropout(0.3, 5), seed=7, epoch=4)
    generator = torch.Generator().manual_seed(derive_seed(7, "dropout", 4, 5))
    mask = torch.empty(6, 9).bernoulli_(0.7, generator=generator).div_(0.7)
    assert torch.equal(layer(torch.ones(6, 9)), mask)


def test_the_chance_of_a_block_rises_linearly_to_the_last() -> None:
    assert [stochastic_depth_probability(0.5, block, 5) for block in range(5)] == pytest.approx(
        [0.1, 0.2, 0.3, 0.4, 0.5]
    )


NOISY: list[dict[str, object]] = [
    {"model": "mlp", "dropout": 0.5},
    {"model": "mlp", "dropconnect": 0.5},
    {"model": "cnn", "channel_dropout": 0.5},
    {"model": "resnet", "stochastic_depth": 0.5, "channel_dropout": 0.2, "dropout": 0.2},
    {"model": "wide_resnet", "stochastic_depth": 0.5, "channel_dropout": 0.2, "dropout": 0.2},
    {"model": "transformer", "stochastic_depth": 0.5, "dropout": 0.2},
]


def built(settings: dict[str, object]) -> nn.Module:
    config = resolve(RunConfig(**settings), DataFacts("classification"))  # type: ignore[arg-type]
    return models.build(config, (1, 8, 8), 10, make_generator(0, "weights"))


@pytest.mark.parametrize("settings", NOISY, ids=str)
def test_a_noisy_model_can_be_repeated_epoch_by_epoch(settings: dict[str, object]) -> None:
    model = built(settings)
    x = torch.randn(16, 1, 8, 8)
    outputs = []
    for epoch in (1, 2, 1):
        models.seed_model_noise(model, 0, epoch, CPU)
        outputs.append(model(x))
    assert torch.equal(outputs[0], outputs[2])
    assert not torch.equal(outputs[0], outputs[1])
    model.eval()
    assert torch.equal(model(x), model(x))


@pytest.mark.parametrize("settings", NOISY, ids=str)
def test_no_two_layers_of_a_model_share_their_noise(settings: dict[str, object]) -> None:
    noises = [module for module in built(settings).modules() if isinstance(module, DropoutBase)]
    kinds = {type(noise) for noise in noises}
    assert len({(type(noise), noise.layer_index) for noise in noises}) == len(noises)
    options = {"dropout", "channel_dropout", "dropconnect", "stochastic_depth"}
    assert {kind.purpose for kind in kinds} == options & set(settings)


def test_the_last_block_of_a_resnet_has_the_chance_asked_for() -> None:
    chances = [
        module.p
        for module in built({"model": "resnet", "depth": 14, "stochastic_depth": 0.6}).modules()
        if isinstance(module, StochasticDepth)
    ]
    assert chances == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
