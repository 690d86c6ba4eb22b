"""`InferenceModel`: a trained model from raw inputs to probabilities or target values."""

import torch
from torch import nn

from nnlab.engine import models
from nnlab.engine.data.preprocessing import Affine, InputTransform, Whitening
from nnlab.engine.inference.model_description import ModelDescription
from nnlab.engine.inference.output_conversion import build_conversion
from nnlab.engine.seeds import make_generator
from nnlab.engine.user_code import is_unchanged
from nnlab.errors import CheckpointError, UserCodeError
from nnlab.settings.plugin_versions import check_plugin_installed


class AffineInput(nn.Module):
    """(x - shift) / scale in float64, as the training computes it."""

    shift: torch.Tensor
    scale: torch.Tensor

    def __init__(self, transform: Affine) -> None:
        super().__init__()
        self.register_buffer("shift", torch.as_tensor(transform.shift, dtype=torch.float64))
        self.register_buffer("scale", torch.as_tensor(transform.scale, dtype=torch.float64))

    def forward(self, examples: torch.Tensor) -> torch.Tensor:
        """The transformed examples [n, ...]."""
        return (examples - self.shift) / self.scale


class WhiteningInput(nn.Module):
    """(x - mean) W on flattened examples, in float64."""

    mean: torch.Tensor
    matrix: torch.Tensor

    def __init__(self, transform: Whitening) -> None:
        super().__init__()
        self.register_buffer("mean", torch.as_tensor(transform.mean, dtype=torch.float64))
        self.register_buffer("matrix", torch.as_tensor(transform.matrix, dtype=torch.float64))

    def forward(self, examples: torch.Tensor) -> torch.Tensor:
        """The transformed examples [n, ...]."""
        return ((examples.flatten(1) - self.mean) @ self.matrix).reshape(examples.shape)


class InferenceModel(nn.Module):
    """A model with the transformation of its inputs and the conversion of its outputs.

    `forward` takes raw examples [n, *in_shape] of any numeric dtype: features of a table, pixels as
    they were stored, or token ids. It returns probabilities in the shape of the outputs (softmax
    over the classes of each example, token or pixel, or the sigmoid of each tag), values [n, k] in
    the units of the targets, or reconstructed raw examples, the latter two in float64; with `raw`
    the outputs of the model.
    """

    def __init__(
        self, model: nn.Module, description: ModelDescription, *, raw: bool = False
    ) -> None:
        super().__init__()
        self.input_transform = _transform_module(description.transform)
        self.model = model
        self.output_conversion = build_conversion(description)
        self.has_tokens = bool(description.vocabulary)
        self.raw = raw
        self.dtype = model_dtype(description)

    def prepare(self, examples: torch.Tensor) -> torch.Tensor:
        """The inputs of the model for raw examples: transformed in float64, then rounded."""
        if self.has_tokens:
            return examples.long()
        prepared: torch.Tensor = self.input_transform(examples.double())
        return prepared.to(self.dtype)

    def convert(self, outputs: torch.Tensor) -> torch.Tensor:
        """Probabilities, or values in the unit of the target, from outputs of the model."""
        converted: torch.Tensor = self.output_conversion(outputs)
        return converted

    def forward(self, examples: torch.Tensor) -> torch.Tensor:
        """Probabilities, values, or with `raw` the outputs of the model."""
        outputs: torch.Tensor = self.model(self.prepare(examples))
        return outputs if self.raw else self.convert(outputs)


def model_dtype(description: ModelDescription) -> torch.dtype:
    """The dtype of a model's weights; half precision is used for computations only."""
    return torch.float64 if description.setting.get("dtype") == "float64" else torch.float32


def build_model(
    description: ModelDescription, weights: dict[str, torch.Tensor], weights_name: str
) -> nn.Module:
    """The model of a description with trained weights, in evaluation mode on the CPU.

    A user-defined model is executed; `user_code.forbid_execution` prevents it.

    Args:
        description: how the model is built.
        weights: a tensor for each name of its state.
        weights_name: the file of the weights, for messages.

    Raises:
        CheckpointError: the weights do not belong to this model.
        PluginError: the plugin of the model is not installed, or fails.
        UserCodeError: the user's code has changed, fails, or must not be executed.
        ConfigError: the setting is not valid in this version.
    """
    config = description.config
    check_plugin_installed(config, "model")
    if not is_unchanged("model", config):
        raise UserCodeError(
            f"{config.model} has changed since the run was trained",
            hint="restore the file of that time, or train again: the new code becomes a new trial",
        )
    generator = make_generator(config.seed, "weights")
    facts = models.ModelFacts(
        description.output_shape,
        len(description.vocabulary),
        description.task,
        description.pad_token,
    )
    model = models.build(
        config,
        description.in_shape,
        description.num_outputs,
        generator,
        columns=description.columns,
        facts=facts,
    )
    model.to(model_dtype(description))
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise CheckpointError(
            f"{weights_name} does not fit the model of the run: {error}",
            hint="nnlab db check finds files that were changed",
        ) from None
    return model.eval()


def _transform_module(transform: InputTransform) -> nn.Module:
    if isinstance(transform, Affine):
        return AffineInput(transform)
    return WhiteningInput(transform) if isinstance(transform, Whitening) else nn.Identity()
