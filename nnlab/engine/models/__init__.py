"""Models by name: the table of builders, and the construction of a model from a config."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from nnlab.catalogue import find_builtin
from nnlab.config import RunConfig
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
from nnlab.engine.models.model_facts import ModelFacts
from nnlab.engine.models.structure import (
    count_trainable_parameters,
    head_layer_name,
    parameter_layer_names,
)
from nnlab.engine.seeds import derive_seed
from nnlab.errors import DataError

__all__ = [
    "MODEL_BUILDERS",
    "Dropout",
    "DropoutBase",
    "ModelFacts",
    "build",
    "count_trainable_parameters",
    "head_layer_name",
    "lsuv_",
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
    config: RunConfig,
    in_shape: tuple[int, ...] | None,
    outputs: int,
    generator: torch.Generator,
    *,
    example: Any = None,
    facts: ModelFacts | None = None,
) -> nn.Module:
    """The model of a resolved config for inputs of one shape, on the CPU in float32.

    Args:
        config: resolved.
        in_shape: shape of one example; None if the inputs are several tensors.
        outputs: number of classes, targets, tags or tokens; 0 if any outputs are accepted.
        generator: for the initial weights.
        example: the inputs of a batch, with which a user's model is checked; zeros by default.
        facts: the shape of an output if it is not (outputs,), and whether examples are tokens.

    Raises:
        DataError: the model does not accept inputs of that shape.
        PluginError: the plugin of the model cannot be used, or fails.
        UserCodeError: the user-defined model raises an error, or does not fit the data.
    """
    row = find_builtin("model", config.model)
    if row is not None and row.name == "module:":
        return user_defined.build(
            config, in_shape, outputs, generator, example=example, facts=facts
        )
    if in_shape is None:
        raise DataError(
            f"--model {config.model} takes one tensor, a batch of {config.data} has several",
            hint="--model file.py:NAME can take them as arguments of its forward",
        )
    if facts is not None and (facts.vocab_size or facts.output_shape != (outputs,)):
        needed = f"{['n', *facts.output_shape]}".replace("'", "")
        kind = "tokens" if facts.vocab_size else f"examples of shape {list(in_shape)}"
        raise DataError(
            f"--model {config.model} does not fit {config.data}: the data has {kind} and needs"
            f" outputs of shape {needed}",
            hint="--model file.py:NAME can be any module",
        )
    builder = user_defined.build_plugin if row is None else MODEL_BUILDERS[row.name]
    return builder(config, in_shape, outputs, generator)


def seed_model_noise(
    model: nn.Module, seed: int, epoch: int, device: torch.device, *, user_code: bool = False
) -> None:
    """Seeds everything random in a model's training, so that the noise depends on the epoch only.

    A user-defined model may contain torch's own dropout, which draws from the global generators;
    these are then seeded too.

    Args:
        model: the model.
        seed: of the run.
        epoch: from 1.
        device: of the model.
        user_code: whether the loss or the optimizer is user-defined, and may be random too.
    """
    for module in model.modules():
        if isinstance(module, DropoutBase):
            module.seed_epoch(seed, epoch, device)
    if user_code or user_defined.is_user_defined(model):
        torch.manual_seed(derive_seed(seed, "user_model", epoch))
