"""Layers of all runs without weight matrices: PReLU, pooling, shortcuts, reshaping."""

import torch
from torch.nn import functional

from nnlab.engine.batched.layers.base import BatchedLayer
from nnlab.engine.batched.parameter_storage import ParameterStorage
from nnlab.engine.models.resnet import PaddedShortcut


class BatchedPReLU(BatchedLayer):
    """PReLU with one negative slope for each run."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Features or images; the output has the shape of the input."""
        weight = self.parameter("weight")
        if x.ndim == 3:
            return functional.prelu(x.transpose(0, 1), weight.flatten()).transpose(0, 1)
        channels = x.shape[1] // self.storage.num_runs
        return functional.prelu(x, weight.expand(-1, channels).flatten())


class BatchedGlobalAverage(BatchedLayer):
    """The mean over the pixels."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Images [n, runs * c, h, w] to features [runs, n, c]."""
        return torch.unflatten(x.mean(dim=(2, 3)), 1, (self.storage.num_runs, -1)).transpose(0, 1)


class BatchedPaddedShortcut(BatchedLayer):
    """A shortcut that subsamples the pixels and pads the new channels of each run with zeros."""

    def __init__(self, storage: ParameterStorage, name: str, solo_layer: PaddedShortcut) -> None:
        super().__init__(storage, name)
        self._stride, self._new_channels = solo_layer.stride, solo_layer.new_channels

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[n, runs * c, h, w] to [n, runs * (c + new), h / stride, w / stride]."""
        by_run = torch.unflatten(
            x[:, :, :: self._stride, :: self._stride], 1, (self.storage.num_runs, -1)
        )
        return functional.pad(by_run, (0, 0, 0, 0, 0, self._new_channels)).flatten(1, 2)


class BatchedFlatten(BatchedLayer):
    """[runs, n, ...] to [runs, n, features]."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Flattens the dimensions of each example."""
        return x.flatten(2)
