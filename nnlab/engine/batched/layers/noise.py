"""Dropout layers of all runs, whose masks equal those of the runs trained one by one."""

from collections.abc import Sequence

import torch

from nnlab.engine.batched.layers.base import BatchedLayer
from nnlab.engine.batched.parameter_storage import ParameterStorage
from nnlab.engine.models.dropout import ChannelDropout, Dropout, DropoutBase, StochasticDepth
from nnlab.engine.seeds import derive_seed


class BatchedNoise(BatchedLayer):
    """Dropout, channel dropout or stochastic depth; each run draws from its own generator."""

    def __init__(
        self, storage: ParameterStorage, name: str, solo_layers: Sequence[DropoutBase]
    ) -> None:
        super().__init__(storage, name)
        self.kind, self.part = type(solo_layers[0]), solo_layers[0].layer_index
        self.rates = [layer.p for layer in solo_layers]
        self._generators: list[torch.Generator] = []

    def seed_epoch(self, seeds: Sequence[int], epochs: Sequence[int], device: torch.device) -> None:
        """Seeds the generators for one epoch of each run (`epochs`, counted from 1)."""
        self._generators = [
            torch.Generator(device).manual_seed(
                derive_seed(seed, self.kind.purpose, epoch, self.part)
            )
            for seed, epoch in zip(seeds, epochs, strict=True)
        ]

    def select_rows(self, rows: Sequence[int]) -> None:
        """Keeps these runs and removes the others."""
        self.rates = [self.rates[row] for row in rows]

    def draw_masks(self, like: torch.Tensor, shape: tuple[int, ...]) -> torch.Tensor:
        """Masks [runs, *shape]: 0 with the probability of each run's rate, else 1 / (1 - rate)."""
        masks = like.new_empty((len(self.rates), *shape))
        for mask, rate, generator in zip(masks, self.rates, self._generators, strict=True):
            mask.bernoulli_(1.0 - rate, generator=generator).div_(1.0 - rate)
        return masks

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Features or images; the identity in evaluation mode."""
        if not self.training:
            return x
        if x.ndim == 3:
            return x * self.draw_masks(x, tuple(x.shape[1:]))
        n, channels = len(x), x.shape[1] // self.storage.num_runs
        shape = {
            Dropout: (n, channels, *x.shape[2:]),
            ChannelDropout: (n, channels, 1, 1),
            StochasticDepth: (n, 1, 1, 1),
        }[self.kind]
        masks = self.draw_masks(x, shape).transpose(0, 1)
        return (torch.unflatten(x, 1, (-1, channels)) * masks).flatten(1, 2)


class BatchedDropConnect(BatchedNoise):
    """A linear layer that drops single weights of each run."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[runs, n, in] to [runs, n, out]."""
        weight, bias = self.parameter("weight"), self.parameter("bias")
        if self.training:
            weight = weight * self.draw_masks(weight, tuple(weight.shape[1:]))
        return torch.baddbmm(bias[:, None, :], x, weight.transpose(1, 2))
