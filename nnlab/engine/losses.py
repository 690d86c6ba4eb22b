"""Losses by name: mean over the batch of outputs [n, c] against targets."""

from collections.abc import Callable, Mapping

import torch
from torch.nn import functional

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]

# Targets are classes [n] (int64) for cross_entropy, numbers [n, 1] for the others.
LOSS: Mapping[str, Loss] = {
    "cross_entropy": functional.cross_entropy,
    "mse": functional.mse_loss,
    "l1": functional.l1_loss,
    "huber": functional.huber_loss,
}
