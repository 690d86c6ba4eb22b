"""Models: layers and sizes as in the papers, accepted input shapes, training."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from nnlab.engine import models
from nnlab.engine.models.dropout import StochasticDepth
from nnlab.engine.models.resnet import PaddedShortcut
from nnlab.engine.models.transformer import PatchSplitter, PositionEmbedding
from nnlab.engine.seeds import make_generator
from nnlab.errors import ConfigError, DataError
from nnlab.settings import RunConfig, resolve
from nnlab.settings.data_facts import DataFacts

Shape = tuple[int, ...]
IMAGE_MODELS = ("cnn", "resnet", "wide_resnet")


def resolved(**settings: object) -> RunConfig:
    return resolve(RunConfig(**settings), DataFacts("classification"))  # type: ignore[arg-type]


def built(shape: Shape, outputs: int = 10, seed: int = 0, **settings: object) -> nn.Module:
    config = resolved(seed=seed, **settings)
    return models.build(config, shape, outputs, make_generator(seed, "weights"))


def examples(shape: Shape, n: int = 6) -> torch.Tensor:
    return torch.randn(n, *shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 32, 32), (1, 28, 28), (3, 64, 64)])
@pytest.mark.parametrize("model", [*IMAGE_MODELS, "transformer", "mlp", "linear"])
def test_a_model_takes_images_of_any_size(model: str, shape: Shape) -> None:
    net = built(shape, model=model)
    out = net(examples(shape))
    assert out.shape == (6, 10)
    out.square().sum().backward()
    assert all(p.grad is not None and bool(p.grad.isfinite().all()) for p in net.parameters())


@pytest.mark.parametrize("features", [4, 13, 40])
@pytest.mark.parametrize("model", ["transformer", "mlp", "linear"])
def test_a_model_takes_features(model: str, features: int) -> None:
    assert built((features,), 3, model=model)(examples((features,))).shape == (6, 3)


@pytest.mark.parametrize("model", IMAGE_MODELS)
def test_a_convolutional_model_needs_images(model: str) -> None:
    with pytest.raises(DataError, match=f"--model {model} needs images; iris has 4 features"):
        built((4,), model=model, data="iris")


@pytest.mark.parametrize("model", [*IMAGE_MODELS, "transformer", "mlp", "linear"])
def test_the_weights_follow_from_the_seed(model: str) -> None:
    def weights(seed: int) -> torch.Tensor:
        net = built((1, 8, 8), seed=seed, model=model)
        return torch.cat([p.flatten() for p in net.parameters()])

    first = weights(0)
    torch.manual_seed(99)
    assert torch.equal(weights(0), first)
    assert not torch.equal(weights(1), first)


def test_widths_name_every_layer() -> None:
    net = built((4,), 3, widths="20,7,5")
    sizes = [tuple(m.weight.shape) for m in net.modules() if isinstance(m, nn.Linear)]
    assert sizes == [(20, 4), (7, 20), (5, 7), (3, 5)]


def test_width_beside_widths_is_refused() -> None:
    with pytest.raises(ConfigError, match="--widths sets every layer"):
        resolved(widths="20,7", width=5)


def test_an_mlp_of_thirty_layers_trains() -> None:
    net = built((8,), 2, depth=30, width=32)
    x = examples((8,), 128)
    y = (x[:, 0] * x[:, 1] > 0).long()
    optimizer = torch.optim.Adam(net.parameters(), 1e-3)
    losses = []
    for _ in range(150):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(x), y)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


def test_a_maxout_mlp_has_as_many_weights_as_pieces() -> None:
    net = built((4,), 3, activation="maxout", pieces=3, widths="6,5", norm="batch")
    sizes = [tuple(m.weight.shape) for m in net.modules() if isinstance(m, nn.Linear)]
    assert sizes == [(18, 4), (15, 6), (3, 5)]
    assert net(examples((4,))).shape == (6, 3)


@pytest.mark.parametrize("model", ["cnn", "transformer"])
def test_maxout_fits_where_layers_may_widen(model: str) -> None:
    assert built((1, 8, 8), model=model, activation="maxout")(examples((1, 8, 8))).shape == (6, 10)


@pytest.mark.parametrize("depth", [8, 20, 56, 110])
def test_a_resnet_has_as_many_layers_as_its_depth(depth: int) -> None:
    net = built((3, 32, 32), model="resnet", depth=depth)
    layers = [m for m in net.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert len(layers) == depth


@pytest.mark.parametrize(("depth", "millions"), [(20, 0.27), (32, 0.46), (56, 0.85), (110, 1.7)])
def test_a_resnet_has_the_papers_parameters(depth: int, millions: float) -> None:
    """He et al. 2016, table 6."""
    count = models.count_trainable_parameters(built((3, 32, 32), model="resnet", depth=depth)) / 1e6
    assert count == pytest.approx(millions, rel=0.02)


@pytest.mark.parametrize(
    ("depth", "widen", "millions"), [(40, 1, 0.6), (16, 4, 2.7), (40, 2, 2.2), (16, 8, 11.0)]
)
def test_a_wide_resnet_has_the_papers_parameters(depth: int, widen: int, millions: float) -> None:
    """Zagoruyko and Komodakis 2016, tables 4 and 5."""
    net = built((3, 32, 32), model="wide_resnet", depth=depth, widen=widen)
    assert models.count_trainable_parameters(net) / 1e6 == pytest.approx(millions, rel=0.07)


@pytest.mark.parametrize(
    ("model", "depth", "message"),
    [
        ("resnet", 18, r"6n \+ 2 from 8 to 110, got 18; the nearest is 20"),
        ("resnet", 2, r"from 8 to 110, got 2; the nearest is 8"),
        ("resnet", 1000, r"got 1000; the nearest is 110"),
        ("wide_resnet", 17, r"6n \+ 4 from 10 to 100, got 17; the nearest is 16"),
    ],
)
def test_a_depth_that_a_resnet_cannot_have_is_refused(model: str, depth: int, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        resolved(model=model, depth=depth)


def test_maxout_in_a_resnet_is_refused() -> None:
    with pytest.raises(ConfigError, match="--activation maxout does not fit --model resnet"):
        resolved(model="resnet", activation="maxout")


def test_a_padded_shortcut_takes_every_second_pixel_and_adds_empty_channels() -> None:
    x = examples((2, 5, 4))
    out = PaddedShortcut(2, 3)(x)
    assert out.shape == (6, 5, 3, 2)
    assert torch.equal(out[:, :2], x[:, :, ::2, ::2])
    assert not out[:, 2:].any()


@given(
    channels=st.integers(1, 3),
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    side=st.integers(1, 4),
)
def test_patches_are_torchs_unfold(channels: int, height: int, width: int, side: int) -> None:
    patches = PatchSplitter((channels, height, width), side)
    x = examples((channels, height, width))
    got = patches(x)
    assert got.shape == (6, patches.tokens, patches.size)
    padded = nn.functional.pad(x, (0, -width % side, 0, -height % side))
    expected = nn.functional.unfold(padded, side, stride=side).transpose(1, 2)
    assert torch.equal(got, expected)


def test_a_sequence_is_cut_into_pieces_and_filled_with_zeros() -> None:
    assert PatchSplitter((5,), 2)(torch.arange(1.0, 6)[None]).tolist() == [[[1, 2], [3, 4], [5, 0]]]


def test_attention_is_the_formula() -> None:
    config = resolved(model="transformer", width=8, heads=2)
    layer = next(
        m
        for m in models.build(config, (8,), 3, make_generator(0, "weights")).modules()
        if type(m).__name__ == "SelfAttention"
    )
    x = examples((5, 8))
    q, k, v = layer.get_submodule("into")(x).chunk(3, 2)
    heads = []
    for head in (slice(0, 4), slice(4, 8)):
        scores = (q[..., head] @ k[..., head].transpose(1, 2)) / 2.0
        heads.append(scores.softmax(-1) @ v[..., head])
    expected = layer.get_submodule("out")(torch.cat(heads, 2))
    assert torch.allclose(layer(x), expected, atol=1e-6)


def test_without_positions_a_transformer_does_not_see_the_order() -> None:
    net = built((12,), 3, model="transformer", patch=1)
    x = examples((12,))
    shuffled = x[:, torch.randperm(12, generator=torch.Generator().manual_seed(0))]
    assert not torch.allclose(net(x), net(shuffled), atol=1e-6)
    with torch.no_grad():
        next(m for m in net.modules() if isinstance(m, PositionEmbedding)).weight.zero_()
    assert torch.allclose(net(x), net(shuffled), atol=1e-5)


def test_heads_that_do_not_divide_the_width_are_refused() -> None:
    with pytest.raises(ConfigError, match="--heads 5 must divide --width 64"):
        resolved(model="transformer", heads=5)


ANY: list[dict[str, Any]] = [
    {"model": "linear"},
    {"model": "mlp", "norm": "batch", "dropconnect": 0.2, "activation": "prelu"},
    {"model": "cnn", "norm": "rms"},
    {"model": "resnet"},
    {"model": "wide_resnet"},
    {"model": "transformer"},
]


@pytest.mark.parametrize("settings", ANY, ids=str)
def test_every_parameter_is_in_one_layer_and_the_last_is_the_head(
    settings: dict[str, Any],
) -> None:
    net = built((1, 8, 8), 7, **settings)
    layers = models.parameter_layer_names(net)
    held = [id(p) for name in layers for p in net.get_submodule(name).parameters(recurse=False)]
    assert sorted(held) == sorted(id(p) for p in net.parameters())
    head = net.get_submodule(models.head_layer_name(net))
    assert isinstance(head, nn.Linear)
    assert head.out_features == 7
    assert layers[-1] == models.head_layer_name(net)


@pytest.mark.parametrize("settings", ANY, ids=str)
def test_layers_are_in_the_order_of_the_forward_pass(settings: dict[str, Any]) -> None:
    net = built((1, 8, 8), **settings)
    called: list[str] = []

    def notes(name: str) -> Callable[[object, object, object], None]:
        return lambda *_: called.append(name)

    for name in models.parameter_layer_names(net):
        net.get_submodule(name).register_forward_hook(notes(name))
    net(examples((1, 8, 8)))
    assert called == list(models.parameter_layer_names(net))


def test_a_shared_weight_counts_for_its_first_layer() -> None:
    first, second = nn.Linear(3, 3), nn.Linear(3, 3)
    second.weight = first.weight
    net = nn.Sequential(first, second)
    assert models.parameter_layer_names(net) == ("0", "1")  # the second has its own bias
    second.bias = first.bias
    assert models.parameter_layer_names(net) == ("0",)


@pytest.mark.parametrize("settings", ANY, ids=str)
def test_a_step_gives_the_same_bits_each_time(settings: dict[str, Any]) -> None:
    def gradient() -> torch.Tensor:
        net = built((1, 8, 8), **settings)
        models.seed_model_noise(net, 0, 1, torch.device("cpu"))
        net(examples((1, 8, 8))).square().sum().backward()
        return torch.cat([p.grad.flatten() for p in net.parameters() if p.grad is not None])

    assert torch.equal(gradient(), gradient())


def test_the_defaults_of_the_first_release_draw_the_same_weights() -> None:
    """Hidden layers with gain sqrt(2), the head with 1, one after the other; biases zero."""
    for model, shape in (("mlp", (4,)), ("cnn", (1, 8, 8))):
        net, generator = built(shape, model=model), make_generator(0, "weights")
        weights = [p for p in net.parameters() if p.ndim > 1]
        for last, weight in ((weight is weights[-1], weight) for weight in weights):
            expected = torch.empty_like(weight)
            gain = 1.0 if last else 2**0.5
            nn.init.normal_(expected, 0.0, gain / weight[0].numel() ** 0.5, generator=generator)
            assert torch.equal(weight, expected)
        assert not any(p.any() for p in net.parameters() if p.ndim == 1)


def test_the_chance_of_stochastic_depth_never_falls() -> None:
    net = built((1, 8, 8), model="transformer", stochastic_depth=0.4)
    chances = [module.p for module in net.modules() if isinstance(module, StochasticDepth)]
    assert chances[-1] == pytest.approx(0.4)
    assert all(a < b for a, b in pairwise(chances))
