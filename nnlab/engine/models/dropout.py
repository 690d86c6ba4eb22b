"""Dropout layers whose masks come from generators that are seeded in each epoch.

Unlike torch's own layers they do not use the global generator: the masks of an epoch depend only
on (seed, epoch, layer index).
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from nnlab.engine.seeds import SeedPurpose, derive_seed


@dataclass(slots=True)
class BatchShare:
    """The rows [begin, end) that one process takes of a batch of `batch_size` rows."""

    begin: int = 0
    end: int = 0
    batch_size: int = 0


class DropoutBase(nn.Module):
    """Multiplies by masks that are 0 with probability p and 1 / (1 - p) otherwise.

    This preserves the expectation, so nothing is scaled in evaluation mode. `layer_index`
    distinguishes the layers of a model.
    """

    purpose: ClassVar[SeedPurpose] = "dropout"

    def __init__(self, p: float = 0.0, layer_index: int = 0) -> None:
        super().__init__()
        self.p = p
        self.layer_index = layer_index
        self._generator: torch.Generator | None = None
        # If several processes train a run, each draws the whole batch's mask and uses its own rows.
        self.batch_share: BatchShare | None = None

    def seed_epoch(self, seed: int, epoch: int, device: torch.device) -> None:
        """Seeds the generator of the masks for one epoch."""
        if self._generator is None or self._generator.device != device:
            self._generator = torch.Generator(device=device)
        self._generator.manual_seed(derive_seed(seed, self.purpose, epoch, self.layer_index))

    def apply_mask(self, x: torch.Tensor, shape: tuple[int, ...] | torch.Size) -> torch.Tensor:
        """Applies a mask of a shape broadcastable to x; returns x itself in evaluation mode."""
        if not self.training or self.p == 0.0:
            return x
        keep = 1.0 - self.p
        if self.batch_share is not None and shape[
            0
        ] == self.batch_share.end - self.batch_share.begin == len(x):
            mask = x.new_empty((self.batch_share.batch_size, *shape[1:]))
            mask = mask.bernoulli_(keep, generator=self._generator)[
                self.batch_share.begin : self.batch_share.end
            ]
            return x * mask.div_(keep)
        mask = x.new_empty(shape).bernoulli_(keep, generator=self._generator).div_(keep)
        return x * mask

    def extra_repr(self) -> str:
        """The arguments that print(model) shows."""
        return f"p={self.p}"


class Dropout(DropoutBase):
    """Drops single activations: inverted dropout, Srivastava et al. 2014, section 10."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Applies dropout in training mode; returns x itself in evaluation mode."""
        return self.apply_mask(x, x.shape)


class ChannelDropout(DropoutBase):
    """Drops whole channels of [n, channels, height, width] (Tompson et al. 2015, section 3.2).

    Neighbouring pixels are strongly correlated, so dropping single pixels has little effect.
    """

    purpose = "channel_dropout"

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Applies dropout in training mode; returns x itself in evaluation mode."""
        return self.apply_mask(x, (*x.shape[:2], 1, 1))


class DropConnect(nn.Linear, DropoutBase):
    """A linear layer that drops single weights, with one mask per batch (Wan et al. 2013).

    In evaluation mode it uses all weights, which are the mean of the masked weights.
    """

    purpose = "dropconnect"

    def __init__(self, fan_in: int, fan_out: int, p: float, layer_index: int) -> None:
        super().__init__(fan_in, fan_out)
        self.p = p
        self.layer_index = layer_index

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[..., fan_in] to [..., fan_out]."""
        return nn.functional.linear(x, self.apply_mask(self.weight, self.weight.shape), self.bias)

    def extra_repr(self) -> str:
        """The arguments that print(model) shows."""
        return f"{nn.Linear.extra_repr(self)}, p={self.p}"


class StochasticDepth(DropoutBase):
    """Drops a block's branch for single examples (Huang et al. 2016, inverted form)."""

    purpose = "stochastic_depth"

    def forward(self, branch: torch.Tensor) -> torch.Tensor:
        """[n, ...] to the same shape; to be applied to the branch that is added to the shortcut."""
        return self.apply_mask(branch, (len(branch), *[1] * (branch.ndim - 1)))


def stochastic_depth_probability(p: float, block: int, blocks: int) -> float:
    """The drop probability of a block, counted from 0; p for the last (Huang et al. 2016, eq. 4).

    >>> [stochastic_depth_probability(0.5, block, 5) for block in range(5)]
    [0.1, 0.2, 0.3, 0.4, 0.5]
    """
    return p * (block + 1) / blocks
