"""From the outputs of a model to probabilities, or to values in the unit of the target."""

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import nn

from nnlab.catalogue import Task
from nnlab.engine.data.preprocessing import Affine, Whitening
from nnlab.engine.inference.model_description import ModelDescription


class TargetUnits(nn.Module):
    """Standardised values [n, k] in the unit of their targets.

    In float64: a mean that is large relative to the scale would cost all digits.
    """

    scale: torch.Tensor
    mean: torch.Tensor

    def __init__(self, description: ModelDescription) -> None:
        super().__init__()
        scales = description.target_scales or (description.target_scale,)
        means = description.target_means or (description.target_mean,)
        self.register_buffer("scale", torch.tensor(scales, dtype=torch.float64))
        self.register_buffer("mean", torch.tensor(means, dtype=torch.float64))

    def forward(self, outputs: torch.Tensor) -> torch.Tensor:
        """The values [n, k] in float64."""
        return outputs.double() * self.scale + self.mean


class ClassProbabilities(nn.Module):
    """The softmax over the classes."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self._dim = dim

    def forward(self, outputs: torch.Tensor) -> torch.Tensor:
        """Probabilities in the shape of the outputs."""
        return torch.softmax(outputs, dim=self._dim)


class AffineInverse(nn.Module):
    """The inverse of `Affine`: x * scale + shift; a constant feature has its constant value."""

    shift: torch.Tensor
    scale: torch.Tensor

    def __init__(self, transform: Affine) -> None:
        super().__init__()
        scale = np.where(np.isfinite(transform.scale), transform.scale, 0.0)
        self.register_buffer("shift", torch.as_tensor(transform.shift, dtype=torch.float64))
        self.register_buffer("scale", torch.as_tensor(scale, dtype=torch.float64))

    def forward(self, outputs: torch.Tensor) -> torch.Tensor:
        """Examples [n, ...] as they were before the transformation, in float64."""
        return outputs.double() * self.scale + self.shift


class WhiteningInverse(nn.Module):
    """The inverse of `Whitening`: x W^-1 + mean on flattened examples."""

    mean: torch.Tensor
    inverse: torch.Tensor

    def __init__(self, transform: Whitening) -> None:
        super().__init__()
        inverse = np.linalg.inv(transform.matrix)
        self.register_buffer("mean", torch.as_tensor(transform.mean, dtype=torch.float64))
        self.register_buffer("inverse", torch.as_tensor(inverse, dtype=torch.float64))

    def forward(self, outputs: torch.Tensor) -> torch.Tensor:
        """Examples [n, ...] as they were before the transformation, in float64."""
        restored = outputs.double().flatten(1) @ self.inverse + self.mean
        return restored.reshape(outputs.shape)


def build_conversion(description: ModelDescription) -> nn.Module:
    """The module that converts the outputs of a model; see `InferenceModel`."""
    return _CONVERSIONS[description.task](description)


def _inverse_transform(description: ModelDescription) -> nn.Module:
    transform = description.transform
    if isinstance(transform, Affine):
        return AffineInverse(transform)
    return WhiteningInverse(transform) if isinstance(transform, Whitening) else nn.Identity()


_CONVERSIONS: Mapping[Task, Callable[[ModelDescription], nn.Module]] = {
    "classification": lambda _: ClassProbabilities(1),
    "regression": TargetUnits,
    "multilabel": lambda _: nn.Sigmoid(),
    "token_classification": lambda _: ClassProbabilities(2),
    "language_modeling": lambda _: ClassProbabilities(2),
    "segmentation": lambda _: ClassProbabilities(1),
    "reconstruction": _inverse_transform,
}
