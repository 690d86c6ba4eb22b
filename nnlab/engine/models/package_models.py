"""Models of the packages timm and transformers: `--model timm:NAME`, `--model hf:NAME-OR-FOLDER`.

Nothing is downloaded: a model has random weights, or those of a local folder.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from nnlab.config import RunConfig
from nnlab.config.arguments import arguments_for
from nnlab.engine.models.user_defined import adopt_model, call_user_code
from nnlab.engine.package_names import (
    check_package_model,
    hf_folder,
    import_package,
    offline,
)
from nnlab.errors import DataError, UserCodeError, unknown_name_message


def build_timm(
    config: RunConfig, in_shape: tuple[int, ...], outputs: int, generator: torch.Generator
) -> nn.Module:
    """An architecture of timm without pretrained weights, for images of any number of channels.

    Raises:
        DataError: the examples are not images.
        UserCodeError: the package is missing, has no such model, or rejects an argument.
    """
    if len(in_shape) != 3:
        raise DataError(f"--model {config.model} needs images, and {config.data} has none")
    check_package_model(config.model)
    timm = import_package("timm", config.model)
    name = config.model.partition(":")[2]
    arguments = {"num_classes": outputs, "in_chans": in_shape[0]} | _arguments(config)
    return adopt_model(
        config,
        lambda: call_user_code(
            config, lambda: timm.create_model(name, pretrained=False, **arguments)
        ),
        in_shape,
        outputs,
        generator,
    )


def build_hf(
    config: RunConfig, in_shape: tuple[int, ...], outputs: int, generator: torch.Generator
) -> nn.Module:
    """A model of transformers: from a folder that `save_pretrained` wrote, or an architecture.

    A folder gives the configuration, and the weights if it holds them. A name is the type of an
    architecture, such as `vit` or `bert`, whose weights are random. Images go to an image
    classifier, all other examples as token IDs to a classifier of sequences.

    Raises:
        UserCodeError: the package is missing, has no such architecture, or rejects an argument.
    """
    with offline():
        check_package_model(config.model)
        transformers = import_package("transformers", config.model)
        folder = hf_folder(config.model)
        arguments = {"num_labels": outputs} | _arguments(config)
        is_image = len(in_shape) == 3
        auto_model = (
            transformers.AutoModelForImageClassification
            if is_image
            else transformers.AutoModelForSequenceClassification
        )

        def construct() -> object:
            if folder.is_dir() and _has_weights(folder):
                return auto_model.from_pretrained(
                    folder, local_files_only=True, ignore_mismatched_sizes=True, **arguments
                )
            settings = _architecture(transformers, config, in_shape, folder, arguments)
            return auto_model.from_config(settings)

        def construct_for_tensors() -> object:
            model = call_user_code(config, construct)
            if not is_image and isinstance(model, nn.Module):
                model.register_forward_pre_hook(_as_token_ids)
            return model

        return adopt_model(config, construct_for_tensors, in_shape, outputs, generator)


def _architecture(
    transformers: Any,
    config: RunConfig,
    in_shape: tuple[int, ...],
    folder: Path,
    arguments: Mapping[str, object],
) -> Any:
    """The configuration of an architecture, from a folder or of a type of model."""
    if folder.is_dir():
        return transformers.AutoConfig.from_pretrained(folder, local_files_only=True, **arguments)
    name = config.model.partition(":")[2]
    settings = transformers.AutoConfig.for_model(name)
    facts = {"num_channels": in_shape[0], "image_size": in_shape[-1]} if len(in_shape) == 3 else {}
    for key, value in facts.items():
        if hasattr(settings, key):
            setattr(settings, key, value)
    unknown = [key for key in arguments if key != "num_labels" and not hasattr(settings, key)]
    if unknown:
        names = (key for key in settings.to_dict() if not key.startswith("_"))
        raise UserCodeError(
            f"--model.{unknown[0]}: "
            + unknown_name_message(f"setting of {config.model}", unknown[0], names)
        )
    settings.update(arguments)
    return settings


def _as_token_ids(module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """Token IDs are whole numbers, which nnlab holds as floating-point numbers."""
    del module
    return (inputs[0].long(), *inputs[1:])


def _arguments(config: RunConfig) -> dict[str, object]:
    """The values of `--model.NAME`; JSON is accepted for lists, and `none` is None."""
    return {name: _value(value) for name, value in arguments_for(config.arguments, "model").items()}


def _value(value: object) -> object:
    if value == "none":
        return None
    if isinstance(value, str) and value[:1] in "[{":
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _has_weights(folder: Path) -> bool:
    return any((folder / name).is_file() for name in _WEIGHT_FILES)


_WEIGHT_FILES = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
