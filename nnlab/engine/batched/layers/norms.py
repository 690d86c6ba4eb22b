"""Normalisation layers of all runs."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from nnlab.engine.batched.layers.base import BatchedLayer
from nnlab.engine.batched.parameter_storage import ParameterStorage
from nnlab.engine.models.norms import ImageRMSNorm


class BatchedBatchNorm(BatchedLayer):
    """Batch normalisation with the statistics of each run's own batch.

    The running statistics are used in evaluation mode.
    """

    def __init__(self, storage: ParameterStorage, name: str, solo_layer: Any) -> None:
        super().__init__(storage, name)
        self._momentum, self._eps = solo_layer.momentum, solo_layer.eps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Features or images; the output has the shape of the input."""
        if x.ndim == 4:
            return self._normalise(x)
        runs, _, features = x.shape
        # For torch, the features of all runs are channels and the examples are pixels.
        channels = x.transpose(1, 2).reshape(1, runs * features, -1)
        return self._normalise(channels).view(runs, features, -1).transpose(1, 2)

    def _normalise(self, x: torch.Tensor) -> torch.Tensor:
        weight, bias = self.parameter("weight"), self.parameter("bias")
        if self.training:
            self.buffer("num_batches_tracked").add_(1)
        return functional.batch_norm(
            x,
            self.buffer("running_mean").view(-1),
            self.buffer("running_var").view(-1),
            weight.flatten(),
            bias.flatten(),
            self.training,
            self._momentum,
            self._eps,
        )


class BatchedFeatureNorm(BatchedLayer):
    """Layer, group or RMS normalisation of features, with each run's scale and bias."""

    def __init__(self, storage: ParameterStorage, name: str, solo_layer: nn.Module) -> None:
        super().__init__(storage, name)
        self._normalise = _FEATURE_NORMS[type(solo_layer)](solo_layer)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[runs, n, features] to the same shape."""
        weight, bias = self.parameter("weight"), self.optional_parameter("bias")
        scaled = self._normalise(x) * weight[:, None, :]
        return scaled if bias is None else scaled + bias[:, None, :]


class BatchedImageGroupNorm(BatchedLayer):
    """Group normalisation of images: the groups of all runs are concatenated."""

    def __init__(self, storage: ParameterStorage, name: str, solo_layer: nn.GroupNorm) -> None:
        super().__init__(storage, name)
        self._groups, self._eps = solo_layer.num_groups, solo_layer.eps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[n, runs * c, h, w] to the same shape."""
        weight, bias = self.parameter("weight"), self.parameter("bias")
        groups = self._groups * self.storage.num_runs
        return functional.group_norm(x, groups, weight.flatten(), bias.flatten(), self._eps)


class BatchedGroupNorm(BatchedLayer):
    """Group normalisation of features or of images, depending on the shape of the input."""

    def __init__(self, storage: ParameterStorage, name: str, solo_layer: nn.GroupNorm) -> None:
        super().__init__(storage, name)
        self._images = BatchedImageGroupNorm(storage, name, solo_layer)
        self._features = BatchedFeatureNorm(storage, name, solo_layer)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Features or images; the output has the shape of the input."""
        out: torch.Tensor = self._images(x) if x.ndim == 4 else self._features(x)
        return out


class BatchedImageRMSNorm(BatchedLayer):
    """RMS normalisation of images, over the channels and pixels of each run."""

    def __init__(self, storage: ParameterStorage, name: str, solo_layer: ImageRMSNorm) -> None:
        super().__init__(storage, name)
        self._eps = solo_layer.eps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[n, runs * c, h, w] to the same shape."""
        weight = self.parameter("weight")
        by_run = torch.unflatten(x, 1, (self.storage.num_runs, -1))
        inverse_rms = torch.rsqrt(by_run.square().mean(dim=(2, 3, 4), keepdim=True) + self._eps)
        return (by_run * inverse_rms * weight[:, :, None, None]).flatten(1, 2)


def _layer_norm(solo: nn.LayerNorm) -> Callable[[torch.Tensor], torch.Tensor]:
    return lambda x: functional.layer_norm(x, solo.normalized_shape, eps=solo.eps)


def _rms_norm(solo: nn.RMSNorm) -> Callable[[torch.Tensor], torch.Tensor]:
    return lambda x: functional.rms_norm(x, solo.normalized_shape, eps=solo.eps)


def _group_norm(solo: nn.GroupNorm) -> Callable[[torch.Tensor], torch.Tensor]:
    return lambda x: functional.group_norm(x.flatten(0, 1), solo.num_groups, eps=solo.eps).view_as(
        x
    )


# The normalisation without scale and bias, made from the layer of a single run.
_FEATURE_NORMS: Mapping[
    type[nn.Module], Callable[[Any], Callable[[torch.Tensor], torch.Tensor]]
] = {
    nn.LayerNorm: _layer_norm,
    nn.RMSNorm: _rms_norm,
    nn.GroupNorm: _group_norm,
}
