"""Noise inside a model while it trains, drawn from generators that are seeded anew each epoch.

Unlike torch's own layers these do not draw from the global generator: the noise of an epoch
follows from (seed, epoch, part) alone.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from nnlab.engine.seeds import SeedPurpose, derive_seed


@dataclass(slots=True)
class BatchShare:
    """The rows of a batch that one process of several takes: [begin, end) of so many."""

    begin: int = 0
    end: int = 0
    rows: int = 0


class DropoutBase(nn.Module):
    """Multiplies by masks that are 0 with probability p and 1 / (1 - p) otherwise.

    The expectation is kept, so that nothing is scaled when evaluating. `part` tells the layers of
    a model apart.
    """

    purpose: ClassVar[SeedPurpose] = "dropout"

    def __init__(self, p: float = 0.0, part: int = 0) -> None:
        super().__init__()
        self.p = p
        self.part = part
        self._generator: torch.Generator | None = None
        # Where several processes train together, each draws for all and keeps its own rows.
        self.share: BatchShare | None = None

    def seed_epoch(self, seed: int, epoch: int, device: torch.device) -> None:
        """Seeds the masks of one epoch."""
        if self._generator is None or self._generator.device != device:
            self._generator = torch.Generator(device=device)
        self._generator.manual_seed(derive_seed(seed, self.purpose, epoch, self.part))

    def apply_mask(self, x: torch.Tensor, shape: tuple[int, ...] | torch.Size) -> torch.Tensor:
        """Scales x by a mask of a shape that x has or can be broadcast with; x itself at rest."""
        if not self.training or self.p == 0.0:
            return x
        keep = 1.0 - self.p
        if self.share is not None and shape[0] == self.share.end - self.share.begin == len(x):
            mask = x.new_empty((self.share.rows, *shape[1:]))
            mask = mask.bernoulli_(keep, generator=self._generator)[
                self.share.begin : self.share.end
            ]
            return x * mask.div_(keep)
        mask = x.new_empty(shape).bernoulli_(keep, generator=self._generator).div_(keep)
        return x * mask

    def extra_repr(self) -> str:
        """What print(model) shows."""
        return f"p={self.p}"


class Dropout(DropoutBase):
    """Drops single activations. Srivastava et al. 2014, section 10, in its inverted form."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Drops while training, passes through otherwise."""
        return self.apply_mask(x, x.shape)


class ChannelDropout(DropoutBase):
    """Drops whole channels of [n, channels, height, width] (Tompson et al. 2015, section 3.2).

    Neighbouring pixels tell the same, so that dropping single ones takes little away.
    """

    purpose = "channel_dropout"

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Drops while training, passes through otherwise."""
        return self.apply_mask(x, (*x.shape[:2], 1, 1))


class DropConnect(nn.Linear, DropoutBase):
    """A linear layer that drops single weights, one mask for a batch (Wan et al. 2013).

    Evaluated with all weights, the mean of what it was trained with.
    """

    purpose = "dropconnect"

    def __init__(self, fan_in: int, fan_out: int, p: float, part: int) -> None:
        super().__init__(fan_in, fan_out)
        self.p = p
        self.part = part

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[..., fan_in] to [..., fan_out]."""
        return nn.functional.linear(x, self.apply_mask(self.weight, self.weight.shape), self.bias)

    def extra_repr(self) -> str:
        """What print(model) shows."""
        return f"{nn.Linear.extra_repr(self)}, p={self.p}"


class StochasticDepth(DropoutBase):
    """Leaves out a block's branch for single examples (Huang et al. 2016, in inverted form)."""

    purpose = "stochastic_depth"

    def forward(self, branch: torch.Tensor) -> torch.Tensor:
        """[n, ...] to the same; put it around what is added to the shortcut."""
        return self.apply_mask(branch, (len(branch), *[1] * (branch.ndim - 1)))


def stochastic_depth_probability(p: float, block: int, blocks: int) -> float:
    """The chance to leave out a block, from 0 on: p for the last (Huang et al. 2016, eq. 4).

    >>> [rising(0.5, block, 5) for block in range(5)]
    [0.1, 0.2, 0.3, 0.4, 0.5]
    """
    return p * (block + 1) / blocks
