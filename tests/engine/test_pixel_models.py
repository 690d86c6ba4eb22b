"""Models with an output per pixel, and reconstructions; the default model of a data set."""

import pytest
import torch
from torch import nn

from nnlab.catalogue import Task
from nnlab.engine import models
from nnlab.engine.models import ModelFacts
from nnlab.engine.models.unet import NearestUpsample
from nnlab.engine.seeds import make_generator
from nnlab.errors import ConfigError, DataError
from nnlab.settings import RunConfig, config_of, digest_of, hidden_widths, resolve, setting_of
from nnlab.settings.data_facts import DataFacts

Shape = tuple[int, ...]


def resolved(task: Task = "segmentation", **settings: object) -> RunConfig:
    return resolve(RunConfig(**settings), DataFacts(task))  # type: ignore[arg-type]


def built(shape: Shape, facts: ModelFacts, outputs: int, **settings: object) -> nn.Module:
    config = resolved(facts.task, **settings)
    return models.build(config, shape, outputs, make_generator(0, "weights"), facts=facts)


def segmented(shape: Shape, **settings: object) -> nn.Module:
    return built(shape, ModelFacts((4, *shape[1:]), 0, "segmentation"), 4, **settings)


def images(shape: Shape, n: int = 3) -> torch.Tensor:
    return torch.randn(n, *shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("model", ["unet", "cnn"])
@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 13, 9)])
def test_each_pixel_has_scores_and_every_parameter_a_gradient(model: str, shape: Shape) -> None:
    net = segmented(shape, model=model, width=4, dropout=0.1)
    models.seed_model_noise(net, 0, 1, torch.device("cpu"))
    outputs = net(images(shape))
    assert outputs.shape == (3, 4, *shape[1:])
    outputs.square().sum().backward()
    assert all(p.grad is not None and bool(p.grad.isfinite().all()) for p in net.parameters())
    head = net.get_submodule(models.head_layer_name(net))
    assert isinstance(head, nn.Conv2d)
    assert head.out_channels == 4


@pytest.mark.parametrize(("model", "reach"), [("cnn", 6), ("unet", 22)])
def test_a_pixel_sees_its_surroundings(model: str, reach: int) -> None:
    """cnn of depth 2: convolutions of dilation 1, 1, 2, 2 see 6 pixels in each direction."""
    shape = (1, 48, 48)
    net = segmented(shape, model=model, width=4, norm="none", activation="identity").eval()
    x = images(shape, 1).requires_grad_()
    net(x)[0, 0, 24, 24].backward()
    assert x.grad is not None
    rows = x.grad[0, 0].abs().amax(dim=1).nonzero().flatten() - 24
    assert max(-int(rows.min()), int(rows.max())) == pytest.approx(reach, abs=3 * (model != "cnn"))


def test_upsampling_is_torchs() -> None:
    x = images((2, 3, 5))
    assert torch.equal(NearestUpsample()(x), nn.functional.interpolate(x, scale_factor=2))


def test_an_image_too_small_for_the_depth_is_refused() -> None:
    with pytest.raises(DataError, match=r"--depth 4 halves the image 4 times.*--depth 3 at most"):
        segmented((1, 8, 8), model="unet", depth=4)


@pytest.mark.parametrize("model", ["mlp", "linear", "resnet", "wide_resnet", "transformer", "lstm"])
def test_models_without_pixels_refuse_a_segmentation(model: str) -> None:
    message = f"--model {model} does not fit digits, a segmentation task; cnn and unet do"
    with pytest.raises(ConfigError, match=message):
        resolved(model=model)


def test_a_unet_refuses_classes_of_images() -> None:
    with pytest.raises(ConfigError, match=r"--model unet does not fit digits, a classification"):
        resolved("classification", model="unet")


VECTOR_MODELS = ("mlp", "linear", "cnn", "resnet", "wide_resnet", "transformer", "lstm", "gru")


@pytest.mark.parametrize("model", [*VECTOR_MODELS, "unet"])
def test_a_reconstruction_has_the_shape_of_the_input(model: str) -> None:
    shape = (1, 8, 8)
    net = built(shape, ModelFacts(shape, 0, "reconstruction"), 64, model=model)
    assert net(images(shape)).shape == (3, *shape)


def test_a_bottleneck_is_between_two_stacks_of_layers() -> None:
    shape = (1, 8, 8)
    facts = ModelFacts(shape, 0, "reconstruction")
    short = built(shape, facts, 64, model="mlp", width=32, depth=1, bottleneck=5)
    long = built(shape, facts, 64, model="mlp", widths="32,5,32")
    assert hidden_widths(resolved("regression", width=3, depth=2, bottleneck=1)) == (3, 3, 1, 3, 3)
    for first, second in zip(short.parameters(), long.parameters(), strict=True):
        assert torch.equal(first, second)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"widths": "8,2,8", "bottleneck": 2}, "list the bottleneck among --widths"),
        (
            {"width": 8, "bottleneck": 3, "norm": "group", "norm_groups": 4},
            "--norm-groups 4 must divide the 3 channels of --bottleneck 3",
        ),
    ],
)
def test_a_bottleneck_that_does_not_fit_is_refused(
    settings: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        resolved("classification", **settings)


def test_a_setting_without_a_bottleneck_keeps_its_digest() -> None:
    setting = setting_of(resolved("classification"))
    assert "bottleneck" not in setting
    assert digest_of({**setting, "bottleneck": None}) == digest_of(setting)
    assert digest_of({**setting, "bottleneck": 4}) != digest_of(setting)


@pytest.mark.parametrize(
    ("facts", "model"),
    [
        (DataFacts("classification"), "mlp"),
        (DataFacts("regression"), "mlp"),
        (DataFacts("multilabel"), "mlp"),
        (DataFacts("reconstruction"), "mlp"),
        (DataFacts("segmentation"), "unet"),
        (DataFacts("language_modeling", has_tokens=True), "lstm"),
        (DataFacts("classification", has_tokens=True), "lstm"),
    ],
)
def test_a_run_that_names_no_model_gets_one_that_fits(facts: DataFacts, model: str) -> None:
    default, named = resolve(RunConfig(), facts), resolve(RunConfig(model=model), facts)
    assert default == named
    assert default.model == model
    assert config_of(setting_of(default), 0) == default
