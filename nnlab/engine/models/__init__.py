"""Models by name: the table of builders, and the construction of a model from a config."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import torch
from torch import nn

from nnlab.catalogue import find_builtin, is_user_code
from nnlab.engine.data.dataset import FeatureColumn
from nnlab.engine.data.embeddings import index_features
from nnlab.engine.models import (
    cnn,
    linear,
    mlp,
    package_models,
    recurrent,
    resnet,
    transformer,
    unet,
    user_defined,
    wide_resnet,
)
from nnlab.engine.models.dropout import Dropout, DropoutBase
from nnlab.engine.models.embedded_features import EmbeddedFeatures, embedded_shape
from nnlab.engine.models.lsuv import lsuv_
from nnlab.engine.models.model_facts import ModelFacts
from nnlab.engine.models.structure import (
    count_trainable_parameters,
    head_layer_name,
    parameter_layer_names,
)
from nnlab.engine.seeds import derive_seed
from nnlab.errors import DataError
from nnlab.settings import RunConfig

__all__ = [
    "MODEL_BUILDERS",
    "SHAPED_MODEL_BUILDERS",
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


class ShapedModelBuilder(Protocol):
    """Builds a model whose structure depends on the kind of its examples and outputs."""

    def __call__(
        self,
        config: RunConfig,
        in_shape: tuple[int, ...],
        outputs: int,
        generator: torch.Generator,
        *,
        facts: ModelFacts,
    ) -> nn.Module:
        """The model, with outputs [n, outputs] or one output for each position."""
        ...


# Models with one vector of outputs per example, which do not take tokens.
MODEL_BUILDERS: Mapping[str, ModelBuilder] = {
    "mlp": mlp.build,
    "resnet": resnet.build,
    "wide_resnet": wide_resnet.build,
    "linear": linear.build,
    "timm:": package_models.build_timm,
    "hf:": package_models.build_hf,
}
# Models that may take tokens, or have an output for each position.
SHAPED_MODEL_BUILDERS: Mapping[str, ShapedModelBuilder] = {
    "cnn": cnn.build,
    "transformer": transformer.build,
    "lstm": recurrent.build_lstm,
    "gru": recurrent.build_gru,
    "unet": unet.build,
    "module:": user_defined.build,
}


def build(
    config: RunConfig,
    in_shape: tuple[int, ...] | None,
    outputs: int,
    generator: torch.Generator,
    *,
    columns: tuple[FeatureColumn, ...] = (),
    facts: ModelFacts | None = None,
    example: Any = None,
) -> nn.Module:
    """The model of a resolved config for inputs of one shape, on the CPU in float32.

    Args:
        config: resolved.
        in_shape: shape of one example: (features,), (channels, height, width) or (tokens,); None if
            the inputs are several tensors.
        outputs: number of classes, targets, tags or tokens; of numbers in reconstruction; 0 if any
            outputs are accepted.
        generator: for the initial weights.
        columns: the columns of a table, some of which may need embeddings in front of the model.
        facts: the shape of an output if it is not (outputs,), and whether examples are tokens.
        example: the inputs of a batch, with which a user-defined model is checked; by default
            zeros of `in_shape`.

    Raises:
        DataError: the model does not accept inputs of that shape.
        PluginError: the plugin of the model cannot be used, or fails.
        UserCodeError: the user-defined model raises an error, or does not fit the data.
    """
    facts = facts or ModelFacts((outputs,))
    if not any(index_features(columns)):
        return _build_for_features(config, in_shape, outputs, generator, facts, example)
    model_shape = embedded_shape(columns, in_shape or ())
    model = _build_for_features(config, model_shape, outputs, generator, facts, None)
    embedded = EmbeddedFeatures(model, columns, generator)
    if user_defined.is_user_defined(model):
        user_defined.mark_user_defined(embedded)
    return embedded


def _build_for_features(
    config: RunConfig,
    in_shape: tuple[int, ...] | None,
    outputs: int,
    generator: torch.Generator,
    facts: ModelFacts,
    example: Any,
) -> nn.Module:
    """The model that receives embedded features; see `build`."""
    row = find_builtin("model", config.model)
    if row is not None and row.name == "module:":
        return user_defined.build(
            config, in_shape, outputs, generator, facts=facts, example=example
        )
    if in_shape is None:
        raise DataError(
            f"--model {config.model} takes one tensor, a batch of {config.data} has several",
            hint="--model file.py:NAME can take them as arguments of its forward",
        )
    if row is not None and row.name in SHAPED_MODEL_BUILDERS:
        builder = SHAPED_MODEL_BUILDERS[row.name]
        model = builder(config, in_shape, outputs, generator, facts=facts)
    else:
        _check_needs_one_vector(config, in_shape, facts)
        vector_builder = user_defined.build_plugin if row is None else MODEL_BUILDERS[row.name]
        model = vector_builder(config, in_shape, outputs, generator)
    if facts.task == "reconstruction" and _gives_vectors(config) and len(in_shape) > 1:
        return nn.Sequential(model, nn.Unflatten(1, facts.output_shape))
    return model


def _gives_vectors(config: RunConfig) -> bool:
    """Whether the outputs of a model are vectors in reconstruction, which get the inputs' shape."""
    return config.model != "unet" and not is_user_code("model", config.model)


def _check_needs_one_vector(
    config: RunConfig, in_shape: tuple[int, ...], facts: ModelFacts
) -> None:
    if not facts.vocab_size and not facts.has_output_per_position:
        return
    kind = "tokens" if facts.vocab_size else f"examples of shape {list(in_shape)}"
    needed = ", ".join(map(str, ("n", *facts.output_shape)))
    raise DataError(
        f"--model {config.model} does not fit {config.data}: the data has {kind} and needs outputs"
        f" of shape [{needed}]",
        hint="--model file.py:NAME can be any module",
    )


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
