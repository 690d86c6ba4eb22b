"""Models of timm and transformers, with stand-ins for the packages: neither is a dependency.

The stand-ins have the functions that nnlab calls, with the same parameters.
"""

import os
import sys
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import nn

from nnlab.engine import models
from nnlab.engine.data import dataset_facts
from nnlab.engine.loop import build_session, train
from nnlab.engine.signatures import find_signature
from nnlab.engine.user_code import code_versions
from nnlab.errors import DataError, UserCodeError
from nnlab.settings import RunConfig, config_of, resolve, setting_of


class TimmNet(nn.Sequential):
    def __init__(self, num_classes: int, in_chans: int, width: int = 4, layers: Any = None) -> None:
        self.layers = layers
        super().__init__(
            nn.Conv2d(in_chans, width, 3),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(width, num_classes),
        )
        self.built_with = layers


def create_model(name: str, *, pretrained: bool, **arguments: Any) -> TimmNet:
    assert name in ("resnet18", "resnet34")
    assert not pretrained
    return TimmNet(**arguments)


class HfSettings:
    """A configuration of transformers: attributes, `to_dict` and `update`."""

    def __init__(self, **values: Any) -> None:
        defaults = {"depths": [1, 1], "num_channels": 3, "image_size": 224}
        self.num_labels, self.hidden_size = 2, 4
        self.__dict__.update(defaults | {"model_type": "vit"} | values)

    def to_dict(self) -> dict[str, Any]:
        return dict(self.__dict__)

    def update(self, values: dict[str, Any]) -> None:
        self.__dict__.update(values)


class HfNet(nn.Module):
    def __init__(self, config: HfSettings, weights: str = "random") -> None:
        super().__init__()
        self.config, self.weights = config, weights
        self.embedding = nn.LazyLinear(config.hidden_size)
        self.head = nn.Linear(config.hidden_size, config.num_labels)

    def forward(self, x: torch.Tensor) -> dict[str, Any]:
        hidden = self.embedding(x.flatten(1).float())
        return {
            "logits": self.head(hidden),
            "hidden_states": hidden,
            "whole": not x.is_floating_point(),
        }


class AutoModel:
    @staticmethod
    def from_config(config: HfSettings) -> HfNet:
        return HfNet(config)

    @staticmethod
    def from_pretrained(
        folder: Path, *, config: HfSettings, local_files_only: bool, ignore_mismatched_sizes: bool
    ) -> HfNet:
        assert local_files_only
        assert ignore_mismatched_sizes
        assert os.environ["HF_HUB_OFFLINE"] == "1"
        return HfNet(config, weights=(folder / "model.safetensors").read_text())


class AutoConfig:
    @staticmethod
    def for_model(name: str) -> HfSettings:
        return HfSettings(model_type=name)

    @staticmethod
    def from_pretrained(folder: Path, *, local_files_only: bool) -> HfSettings:
        assert local_files_only
        if not (folder / "config.json").is_file():
            raise OSError("no file named config.json in the folder")
        return HfSettings(hidden_size=6, num_channels=1, image_size=8)


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    timm: Any = ModuleType("timm")
    timm.is_model = lambda name: name in ("resnet18", "resnet34")
    timm.list_models = lambda: ["resnet18", "resnet34"]
    timm.create_model = create_model
    hf: Any = ModuleType("transformers")
    hf.AutoConfig = AutoConfig
    hf.AutoModelForImageClassification = hf.AutoModelForSequenceClassification = AutoModel
    hf.models = ModuleType("models")
    hf.models.auto = ModuleType("auto")
    hf.models.auto.configuration_auto = ModuleType("configuration_auto")
    hf.models.auto.configuration_auto.CONFIG_MAPPING_NAMES = {"vit": "ViTConfig", "bert": "Bert"}
    monkeypatch.setitem(sys.modules, "timm", timm)
    monkeypatch.setitem(sys.modules, "transformers", hf)
    versions = {"timm": "1.0", "transformers": "5.0"}
    monkeypatch.setattr(metadata, "version", versions.__getitem__)


def config(model: str, data: str = "digits", **settings: Any) -> RunConfig:
    arguments = tuple(sorted(settings.pop("arguments", {}).items()))
    asked = RunConfig(
        data=data, model=model, epochs=1, device="cpu", arguments=arguments, **settings
    )
    return resolve(
        asked,
        dataset_facts(data),
        versions=code_versions(asked),
        signatures=find_signature,
    )


@pytest.mark.usefixtures("packages")
def test_a_timm_model_fits_the_images_and_has_the_arguments() -> None:
    made = config("timm:resnet18", arguments={"model.width": 6, "model.layers": "[1,2]"})
    assert made.model_version == "timm 1.0"
    session = build_session(config_of(setting_of(made), 0))
    shapes = {name: list(value.shape) for name, value in session.model.named_parameters()}
    assert (shapes["0.weight"], shapes["3.weight"]) == ([6, 1, 3, 3], [10, 6])
    assert session.model.built_with == [1, 2]
    assert models.user_defined.is_user_defined(session.model)
    assert len(list(train(session))) == 1


@pytest.mark.usefixtures("packages")
def test_an_architecture_of_transformers_fits_the_data() -> None:
    made = config("hf:vit", arguments={"model.hidden_size": 5, "model.depths": "2,3"})
    assert made.model_version == "transformers 5.0"
    session = build_session(made)
    settings: Any = session.model.config
    assert (settings.hidden_size, settings.depths, settings.num_labels) == (5, [2, 3], 10)
    assert (settings.num_channels, settings.image_size) == (1, 8)
    assert session.model.weights == "random"
    assert session.forward(session.data.train.examples[:4]).shape == (4, 10)
    assert "HF_HUB_OFFLINE" not in os.environ


@pytest.mark.usefixtures("packages")
def test_a_folder_gives_the_weights_only_if_it_holds_them() -> None:
    folder = Path("saved")
    folder.mkdir()
    with pytest.raises(UserCodeError, match=r"--model hf:saved: no file named config\.json"):
        config("hf:saved")
    (folder / "config.json").write_text("{}")
    first = config("hf:saved")
    assert build_session(first).model.weights == "random"
    (folder / "model.safetensors").write_text("stored")
    second = config("hf:saved")
    assert build_session(second).model.weights == "stored"
    assert second.model_version != first.model_version
    assert str(second.model_version).startswith("transformers 5.0 ")
    with pytest.raises(UserCodeError, match="has changed since this run was set up"):
        build_session(first)


@pytest.mark.usefixtures("packages")
def test_token_ids_reach_transformers_as_whole_numbers() -> None:
    session = build_session(config("hf:bert", data="iris", inputs="none", model_output="logits"))
    assert session.forward(session.data.train.examples[:4]).shape == (4, 3)
    whole = next(iter(session.model._forward_pre_hooks.values()))
    assert whole(session.model, (torch.tensor([1.0, 2.0]),))[0].dtype == torch.int64


@pytest.mark.parametrize(
    ("model", "data", "message"),
    [
        ("timm:resnet81", "digits", "timm has no model 'resnet81': did you mean resnet18"),
        (
            "hf:vitt",
            "digits",
            "'vitt' is neither a folder nor an architecture of transformers: did",
        ),
    ],
)
@pytest.mark.usefixtures("packages")
def test_unknown_names_are_reported_before_anything_is_stored(
    model: str, data: str, message: str
) -> None:
    with pytest.raises(UserCodeError, match=message):
        config(model, data)


@pytest.mark.usefixtures("packages")
def test_timm_models_need_images_and_their_errors_name_the_model() -> None:
    with pytest.raises(DataError, match="--model timm:resnet18 needs images, and iris has none"):
        build_session(config("timm:resnet18", data="iris"))
    with pytest.raises(UserCodeError, match=r"--model timm:resnet18 raises an error: .*'foo'"):
        build_session(config("timm:resnet18", arguments={"model.foo": 1}))


@pytest.mark.parametrize(("model", "package"), [("timm:a", "timm"), ("hf:vit", "transformers")])
def test_a_missing_package_is_named(
    model: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def not_found(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", not_found)
    with pytest.raises(UserCodeError) as caught:
        code_versions(RunConfig(model=model))
    assert f"needs the package {package}, which is not installed" in caught.value.message
    assert caught.value.hint == f"pip install {package}"
