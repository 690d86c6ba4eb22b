"""Normalisation layers against their formulas, and refused inputs."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from nnlab.engine import models
from nnlab.engine.models.norms import build_norm
from nnlab.engine.seeds import make_generator
from nnlab.errors import ConfigError, DataError
from nnlab.settings import RunConfig, resolve
from nnlab.settings.data_facts import DataFacts

IMAGES = torch.randn(5, 8, 4, 6, generator=torch.Generator().manual_seed(0)) * 3 + 2
FEATURES = torch.randn(5, 8, generator=torch.Generator().manual_seed(0)) * 3 + 2


def resolved(**settings: object) -> RunConfig:
    return resolve(RunConfig(**settings), DataFacts("classification"))  # type: ignore[arg-type]


def standard(x: torch.Tensor, dims: tuple[int, ...], eps: float) -> torch.Tensor:
    centred = x - x.mean(dims, keepdim=True)
    return centred / (centred.square().mean(dims, keepdim=True) + eps).sqrt()


def in_groups(x: torch.Tensor, groups: int, eps: float) -> torch.Tensor:
    parts = torch.unflatten(x, 1, (groups, -1))
    return standard(parts, tuple(range(2, parts.ndim)), eps).reshape(x.shape)


def rms(x: torch.Tensor, eps: float) -> torch.Tensor:
    dims = tuple(range(1, x.ndim))
    return x / (x.square().mean(dims, keepdim=True) + eps).sqrt()


Formula = Callable[[torch.Tensor, float], torch.Tensor]
ON_IMAGES: dict[str, Formula] = {
    "batch": lambda x, eps: standard(x, (0, 2, 3), eps),
    "layer": lambda x, eps: standard(x, (1, 2, 3), eps),
    "group": lambda x, eps: in_groups(x, 4, eps),
    "instance": lambda x, eps: standard(x, (2, 3), eps),
    "rms": rms,
}
ON_FEATURES: dict[str, Formula] = {
    "batch": lambda x, eps: standard(x, (0,), eps),
    "layer": lambda x, eps: standard(x, (1,), eps),
    "group": lambda x, eps: in_groups(x, 4, eps),
    "rms": rms,
}


@pytest.mark.parametrize("eps", [1e-5, 0.5])
@pytest.mark.parametrize("norm", ON_IMAGES)
def test_images_are_normalised_by_the_formula(norm: str, eps: float) -> None:
    more = {"norm_groups": 4} if norm == "group" else {}
    (layer,) = build_norm(resolved(model="cnn", norm=norm, norm_eps=eps, **more), 8, images=True)
    assert torch.allclose(layer(IMAGES), ON_IMAGES[norm](IMAGES, eps), atol=1e-5)


@pytest.mark.parametrize("eps", [1e-5, 0.5])
@pytest.mark.parametrize("norm", ON_FEATURES)
def test_features_are_normalised_by_the_formula(norm: str, eps: float) -> None:
    more = {"norm_groups": 4} if norm == "group" else {}
    (layer,) = build_norm(resolved(norm=norm, norm_eps=eps, **more), 8, images=False)
    assert torch.allclose(layer(FEATURES), ON_FEATURES[norm](FEATURES, eps), atol=1e-5)


@pytest.mark.parametrize("norm", ["layer", "rms"])
def test_tokens_are_normalised_one_by_one(norm: str) -> None:
    tokens = FEATURES.reshape(1, 5, 8)
    (layer,) = build_norm(resolved(model="transformer", norm=norm), 8, images=False)
    assert torch.allclose(layer(tokens)[0], ON_FEATURES[norm](FEATURES, 1e-5), atol=1e-5)


def test_every_norm_has_a_scale_for_each_channel() -> None:
    for norm in ON_IMAGES:
        (layer,) = build_norm(resolved(model="cnn", norm=norm), 8, images=True)
        assert dict(layer.named_parameters())["weight"].tolist() == [1.0] * 8


def test_running_statistics_move_by_the_momentum() -> None:
    (layer,) = build_norm(resolved(norm="batch", norm_momentum=0.3), 8, images=False)
    layer(FEATURES)
    assert isinstance(layer, nn.BatchNorm1d)
    assert layer.running_mean is not None
    assert torch.allclose(layer.running_mean, 0.3 * FEATURES.mean(0))
    layer.eval()
    expected = (FEATURES - 0.3 * FEATURES.mean(0)) / (0.7 + 0.3 * FEATURES.var(0) + 1e-5).sqrt()
    assert torch.allclose(layer(FEATURES), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("place", "order"),
    [("before", [nn.Linear, nn.LayerNorm, nn.ReLU]), ("after", [nn.Linear, nn.ReLU, nn.LayerNorm])],
)
def test_a_norm_is_placed_before_or_after_the_activation(
    place: str, order: list[type[nn.Module]]
) -> None:
    config = resolved(norm="layer", norm_place=place, depth=1)
    model = models.build(config, (4,), 3, make_generator(0, "weights"))
    assert [type(module) for module in model.children()] == [*order, nn.Linear]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"norm": "batch", "batch_size": 1}, "--norm batch needs a --batch-size of at least 2"),
        ({"norm": "instance"}, "--norm instance needs images, which --model mlp flattens"),
        ({"norm": "group", "width": 20}, "--norm-groups 8 must divide the 20 channels of --width"),
        (
            {"norm": "group", "widths": "16,12"},
            "--norm-groups 8 must divide the 12 channels of --widths 16,12",
        ),
        (
            {"model": "transformer", "norm": "batch"},
            "--norm batch does not fit --model transformer",
        ),
        (
            {"model": "resnet", "norm_place": "after"},
            "--norm-place after does not fit --model resnet",
        ),
    ],
)
def test_what_does_not_fit_is_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        resolved(**settings)


@pytest.mark.parametrize(("model", "shape"), [("cnn", (1, 2, 2)), ("resnet", (1, 4, 4))])
def test_instance_norm_of_single_pixels_is_refused(model: str, shape: tuple[int, ...]) -> None:
    config = resolved(model=model, norm="instance")
    with pytest.raises(DataError, match=r"--norm instance needs images of 2x2 .*leaves\s1x1"):
        models.build(config, shape, 3, make_generator(0, "weights"))
