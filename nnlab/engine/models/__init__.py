"""Models by name: the table of builders, and the construction of a model from a config."""

from collections.abc import Callable, Mapping

import torch
from torch import nn

from nnlab.catalogue import find_choice
from nnlab.config import RunConfig
from nnlab.engine import user_code
from nnlab.engine.models import (
    cnn,
    linear,
    mlp,
    package_models,
    resnet,
    transformer,
    user_defined,
    wide_resnet,
)
from nnlab.engine.models.dropout import Dropout, DropoutBase
from nnlab.engine.models.lsuv import lsuv_
from nnlab.engine.models.structure import (
    count_trainable_parameters,
    head_layer_name,
    parameter_layer_names,
)
from nnlab.engine.seeds import derive_seed

__all__ = [
    "MODEL_BUILDERS",
    "Dropout",
    "DropoutBase",
    "build",
    "count_trainable_parameters",
    "head_layer_name",
    "lsuv_",
    "model_version",
    "parameter_layer_names",
    "seed_model_noise",
]

ModelBuilder = Callable[[RunConfig, tuple[int, ...], int, torch.Generator], nn.Module]

MODEL_BUILDERS: Mapping[str, ModelBuilder] = {
    "mlp": mlp.build,
    "cnn": cnn.build,
    "resnet": resnet.build,
    "wide_resnet": wide_resnet.build,
    "transformer": transformer.build,
    "linear": linear.build,
    "module:": user_defined.build,
    "timm:": package_models.build_timm,
    "hf:": package_models.build_hf,
}


def build(
    config: RunConfig, in_shape: tuple[int, ...], outputs: int, generator: torch.Generator
) -> nn.Module:
    """The model of a resolved config for inputs of one shape, on the CPU in float32.

    Args:
        config: resolved.
        in_shape: shape of one example: (features,) or (channels, height, width).
        outputs: number of classes, or 1 for regression.
        generator: for the initial weights.

    Raises:
        DataError: the model does not accept inputs of that shape.
        UserCodeError: the user-defined model raises an error, or does not fit the data.
    """
    return MODEL_BUILDERS[find_choice("model", config.model).name](
        config, in_shape, outputs, generator
    )


def seed_model_noise(model: nn.Module, seed: int, epoch: int, device: torch.device) -> None:
    """Seeds everything random in a model's training, so that the noise depends on the epoch only.

    A user-defined model may contain torch's own dropout, which draws from the global generators;
    these are then seeded too.
    """
    for module in model.modules():
        if isinstance(module, DropoutBase):
            module.seed_epoch(seed, epoch, device)
    if user_defined.is_user_defined(model):
        torch.manual_seed(derive_seed(seed, "user_model", epoch))


def model_version(name: str) -> str | None:
    """The first 16 hex digits of a user-defined model's SHA-256; None for a built-in model.

    Raises:
        UserCodeError: there is no such file or module.
    """
    return user_code.model_version(name)


def matches_model_version(name: str, stored_version: str | None) -> bool:
    """Whether a model's code still has the version stored with a setting; None for a built-in one.

    Raises:
        UserCodeError: there is no such file or module.
    """
    if model_version(name) == stored_version:
        return True
    return model_version(name) is not None and user_code.matches_version(name, stored_version)
