"""Permutations of hidden units: they change no outputs, and are found again in a permuted copy."""

import itertools
from collections.abc import Callable, Mapping

import pytest
import torch
from torch import nn

from nnlab.engine.hidden_units import StateDict, hidden_layers, match_units, permute_units
from nnlab.engine.interpolation import relative_distance
from nnlab.engine.models import build
from nnlab.errors import UsageError
from nnlab.settings import RunConfig

Make = Callable[..., RunConfig]

MODELS: Mapping[str, Mapping[str, object]] = {
    "plain": {},
    "batch norm": {"norm": "batch"},
    "norm after": {"norm": "batch", "norm_place": "after"},
    "layer norm": {"norm": "layer", "activation": "tanh"},
    "rms": {"norm": "rms", "activation": "prelu", "dropout": 0.2},
    "dropconnect": {"dropconnect": 0.2},
    "cnn": {"model": "cnn", "norm": "batch", "width": 4, "depth": 2},
    "cnn instance": {"model": "cnn", "norm": "instance", "width": 4, "depth": 2},
}


def model_of(config: RunConfig, seed: int) -> nn.Module:
    """A model with random weights in every tensor, normalisations included."""
    shape = (1, 8, 8) if config.model == "cnn" else (5,)
    generator = torch.Generator().manual_seed(seed)
    model = build(config, shape, 3, generator).eval()
    with torch.no_grad():
        for tensor in model.state_dict().values():
            if tensor.is_floating_point():
                tensor.copy_(torch.rand(tensor.shape, generator=generator) - 0.3)
        for name, tensor in model.state_dict().items():
            if "running_var" in name:
                tensor.abs_().add_(0.5)
    return model.double()


def config_for(config: Make, name: str) -> RunConfig:
    hidden = {} if MODELS[name].get("model") == "cnn" else {"widths": "7,6"}
    return config(**{"model": "mlp", **hidden, **MODELS[name]})


def random_permutations(model: nn.Module, seed: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    weights = model.state_dict()
    return [
        torch.randperm(len(weights[layer[0].tensor]), generator=generator)
        for layer in hidden_layers(model)
    ]


@pytest.mark.parametrize("name", MODELS)
def test_a_network_with_permuted_units_computes_the_same(config: Make, name: str) -> None:
    settings = config_for(config, name)
    model, other = (model_of(settings, seed) for seed in (0, 1))
    layers = hidden_layers(model)
    assert len(layers) == (4 if settings.model == "cnn" else 2)
    weights = permute_units(layers, model.state_dict(), random_permutations(model, 2))
    assert not all(torch.equal(weights[n], t) for n, t in model.state_dict().items())
    other.load_state_dict(weights)
    shape = (9, 1, 8, 8) if settings.model == "cnn" else (9, 5)
    x = torch.randn(shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    assert torch.allclose(model(x), other(x), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", MODELS)
def test_matching_finds_the_permutation_of_a_permuted_copy(config: Make, name: str) -> None:
    model = model_of(config_for(config, name), 0)
    layers, permutations = hidden_layers(model), random_permutations(model, 4)
    copy = permute_units(layers, model.state_dict(), permutations)
    matched = match_units(layers, model.state_dict(), copy)
    for permutation, inverse in zip(permutations, matched, strict=True):
        assert torch.equal(permutation[inverse], torch.arange(len(permutation)))
    restored = permute_units(layers, copy, matched)
    assert all(torch.equal(restored[n], t) for n, t in model.state_dict().items())


def test_a_single_layer_is_matched_as_well_as_by_trying_every_permutation(config: Make) -> None:
    settings = config(model="mlp", widths="5")
    first, second = (model_of(settings, seed) for seed in (5, 6))
    layers = hidden_layers(first)

    def distance(weights: StateDict) -> float:
        names = [name for name, _ in first.named_parameters()]
        return relative_distance(first.state_dict(), weights, names)

    tried = [
        distance(permute_units(layers, second.state_dict(), [torch.tensor(order)]))
        for order in itertools.permutations(range(5))
    ]
    matched = match_units(layers, first.state_dict(), second.state_dict())
    aligned = distance(permute_units(layers, second.state_dict(), matched))
    assert aligned == pytest.approx(min(tried))
    assert aligned < distance(second.state_dict())


def test_matching_never_increases_the_distance(config: Make) -> None:
    settings = config(model="mlp", widths="9,8,7")
    models = [model_of(settings, seed) for seed in range(6)]
    layers = hidden_layers(models[0])
    names = [name for name, _ in models[0].named_parameters()]
    for first, second in itertools.pairwise(models):
        weights, other = first.state_dict(), second.state_dict()
        aligned = permute_units(layers, other, match_units(layers, weights, other))
        assert relative_distance(weights, aligned, names) <= relative_distance(
            weights, other, names
        )


def test_a_linear_model_has_no_hidden_units(config: Make) -> None:
    model = model_of(config(model="linear"), 0)
    assert hidden_layers(model) == ()
    assert match_units((), model.state_dict(), model.state_dict()) == ()


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"model": "mlp", "activation": "maxout"}, "Maxout"),
        ({"model": "mlp", "norm": "group", "norm_groups": 4}, "GroupNorm"),
        ({"model": "resnet", "depth": 8}, "cannot be matched"),
    ],
)
def test_units_that_are_not_alike_are_refused(
    config: Make, settings: dict[str, object], named: str
) -> None:
    resolved = config(**{"width": 8, "depth": 2, **settings})
    shape = (1, 8, 8) if resolved.model == "resnet" else (5,)
    model = build(resolved, shape, 3, torch.Generator().manual_seed(0))
    with pytest.raises(UsageError, match=named):
        hidden_layers(model)
