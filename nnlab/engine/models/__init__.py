"""Models by name, built from a config with their weights drawn from a generator."""

from collections.abc import Callable, Mapping

import torch
from torch import nn

from nnlab.catalogue import lookup
from nnlab.config import RunConfig
from nnlab.engine import user_code
from nnlab.engine.models import cnn, linear, mlp, resnet, transformer, user_defined, wide_resnet
from nnlab.engine.models.lsuv import settle
from nnlab.engine.models.noise import Dropout, Noise
from nnlab.engine.models.structure import head_of, layers_of, parameter_count
from nnlab.engine.seeds import derive

__all__ = [
    "BUILD",
    "Dropout",
    "Noise",
    "build",
    "head_of",
    "layers_of",
    "parameter_count",
    "settle",
    "start_noise",
    "version",
]

Build = Callable[[RunConfig, tuple[int, ...], int, torch.Generator], nn.Module]

BUILD: Mapping[str, Build] = {
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
    return BUILD[lookup("model", config.model).name](config, in_shape, outputs, draw)


def start_noise(model: nn.Module, seed: int, epoch: int, device: torch.device) -> None:
    """Seeds whatever a model draws while it trains, so that an epoch's noise is its own.

    A user's model may hold torch's dropout, which draws from the global generators: those are
    seeded too then.
    """
    for module in model.modules():
        if isinstance(module, Noise):
            module.start_epoch(seed, epoch, device)
    if user_defined.is_own(model):
        torch.manual_seed(derive(seed, "user_model", epoch))


def version(name: str) -> str | None:
    """SHA-256, 16 hex digits, of the file of a user's model; None for a built-in one.

    Raises:
        UserCodeError: there is no such file or module.
    """
    return user_code.model_version(name)


def has_version(name: str, version_then: str | None) -> bool:
    """Whether a model is the one that a setting was made for; a built-in one has no version.

    Raises:
        UserCodeError: there is no such file or module.
    """
    if version(name) == version_then:
        return True
    return version(name) is not None and user_code.has_version(name, version_then)
