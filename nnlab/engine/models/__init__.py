"""Models by name, built from a config with their weights drawn from a generator."""

from collections.abc import Callable, Mapping

import torch
from torch import nn

from nnlab.catalogue import find_choice
from nnlab.config import RunConfig
from nnlab.engine import user_code
from nnlab.engine.models import cnn, linear, mlp, resnet, transformer, user_defined, wide_resnet
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
}


def build(
    config: RunConfig, in_shape: tuple[int, ...], outputs: int, draw: torch.Generator
) -> nn.Module:
    """The model of a resolved config for inputs of one shape, on the CPU in float32.

    Args:
        config: resolved.
        in_shape: shape of one example: (features,) or (channels, height, width).
        outputs: classes, or 1 for regression.
        draw: generator of the weights.

    Raises:
        DataError: the model does not take inputs of that shape.
        UserCodeError: the user's own model fails, or does not fit.
    """
    return MODEL_BUILDERS[find_choice("model", config.model).name](config, in_shape, outputs, draw)


def seed_model_noise(model: nn.Module, seed: int, epoch: int, device: torch.device) -> None:
    """Seeds whatever a model draws while it trains, so that an epoch's noise is its own.

    A user's model may hold torch's dropout, which draws from the global generators: those are
    seeded too then.
    """
    for module in model.modules():
        if isinstance(module, DropoutBase):
            module.seed_epoch(seed, epoch, device)
    if user_defined.is_user_defined(model):
        torch.manual_seed(derive_seed(seed, "user_model", epoch))


def model_version(name: str) -> str | None:
    """SHA-256, 16 hex digits, of the file of a user's model; None for a built-in one.

    Raises:
        UserCodeError: there is no such file or module.
    """
    return user_code.model_version(name)


def matches_model_version(name: str, version_then: str | None) -> bool:
    """Whether a model is the one that a setting was made for; a built-in one has no version.

    Raises:
        UserCodeError: there is no such file or module.
    """
    if model_version(name) == version_then:
        return True
    return model_version(name) is not None and user_code.matches_version(name, version_then)
