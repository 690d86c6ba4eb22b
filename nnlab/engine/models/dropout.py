"""Dropout that draws from a generator of its own, seeded anew each epoch."""

import torch
from torch import nn

from nnlab.engine.seeds import derive


class Dropout(nn.Module):
    """Zeroes a share p of the activations and scales the rest by 1 / (1 - p).

    Unlike torch's it does not draw from the global generator: the masks of an epoch follow from
    (seed, epoch, part) alone. Srivastava et al. 2014, section 10, in its inverted form.
    """

    def __init__(self, p: float, part: int) -> None:
        super().__init__()
        self.p = p
        self.part = part
        self._draw: torch.Generator | None = None

    def start_epoch(self, seed: int, epoch: int, device: torch.device) -> None:
        """Seeds the masks of one epoch."""
        if self._draw is None or self._draw.device != device:
            self._draw = torch.Generator(device=device)
        self._draw.manual_seed(derive(seed, "dropout", epoch, self.part))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Drops while training, passes through otherwise."""
        if not self.training or self.p == 0.0:
            return x
        keep = 1.0 - self.p
        mask = torch.empty_like(x).bernoulli_(keep, generator=self._draw).div_(keep)
        return x * mask

    def extra_repr(self) -> str:
        """What print(model) shows."""
        return f"p={self.p}"
