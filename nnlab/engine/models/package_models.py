"""Models of the packages timm and transformers: `--model timm:NAME`, `--model hf:NAME-OR-FOLDER`.

Nothing is downloaded: a model has random weights, or those of a local folder.
"""

import json
from typing import Any

import torch
from torch import nn

from nnlab.engine.models.user_defined import adopt_model
from nnlab.engine.package_names import (
    check_package_model,
    hf_folder,
    hf_signature,
    import_package,
    offline,
    read_hf_settings,
)
from nnlab.engine.user_arguments import converted_argument
from nnlab.engine.user_call import call_user_code
from nnlab.errors import DataError
from nnlab.settings import RunConfig
from nnlab.settings.argument_types import NONE_TEXT
from nnlab.settings.arguments import arguments_for

_WEIGHT_FILES = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)


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
    values = arguments_for(config.arguments, "model")
    arguments = {"num_classes": outputs, "in_chans": in_shape[0]} | {
        argument: _parse_json(value) for argument, value in values.items()
    }
    return adopt_model(
        config,
        lambda: call_user_code(
            f"--model {config.model}",
            lambda: timm.create_model(name, pretrained=False, **arguments),
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
        is_image = len(in_shape) == 3
        auto_model = (
            transformers.AutoModelForImageClassification
            if is_image
            else transformers.AutoModelForSequenceClassification
        )

        def construct() -> object:
            settings = _settings(config, in_shape, outputs)
            if not any((folder / name).is_file() for name in _WEIGHT_FILES):
                return auto_model.from_config(settings)
            # The head has new weights if the folder's model has other classes.
            return auto_model.from_pretrained(
                folder, config=settings, local_files_only=True, ignore_mismatched_sizes=True
            )

        def construct_for_tensors() -> object:
            model = call_user_code(f"--model {config.model}", construct)
            if not is_image and isinstance(model, nn.Module):
                model.register_forward_pre_hook(_as_token_ids)
            return model

        return adopt_model(config, construct_for_tensors, in_shape, outputs, generator)


def _settings(config: RunConfig, in_shape: tuple[int, ...], outputs: int) -> Any:
    """The configuration of a model of transformers, for the data and with the user's arguments."""
    settings = read_hf_settings(config.model)
    if len(in_shape) == 3 and not hf_folder(config.model).is_dir():
        settings.update(
            {
                name: value
                for name, value in (("num_channels", in_shape[0]), ("image_size", in_shape[-1]))
                if hasattr(settings, name)
            }
        )
    settings.num_labels = outputs
    values = arguments_for(config.arguments, "model")
    signature = hf_signature(config.model, frozenset())
    settings.update({name: converted_argument(signature, name, v) for name, v in values.items()})
    return settings


def _as_token_ids(module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """Token IDs are whole numbers, which nnlab holds as floating-point numbers."""
    del module
    return (inputs[0].long(), *inputs[1:])


def _parse_json(value: object) -> object:
    """The value of an argument of timm, whose types are not known: a list is written as JSON."""
    if value == NONE_TEXT:
        return None
    if isinstance(value, str) and value[:1] in "[{":
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value
