"""Randomness by derivation: every random choice follows from (seed, purpose, epoch).

Nothing random is carried from one epoch to the next, so a run can be taken up at any epoch, or
trained inside a stack, and draws what it would have drawn alone and uninterrupted.
"""

import hashlib
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import torch

SeedPurpose = Literal[
    "weights",
    "order",
    "dropout",
    "split",
    "data",
    "train_size",
    "label_noise",
    "channel_dropout",
    "dropconnect",
    "stochastic_depth",
    "user_model",
    "augment",
    "direction",
]


def derive_seed(seed: int, purpose: SeedPurpose, epoch: int = 0, part: int = 0) -> int:
    """A 63-bit seed for one purpose in one epoch; `part` tells layers apart."""
    text = f"{seed}/{purpose}/{epoch}/{part}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") >> 1


def make_generator(seed: int, purpose: SeedPurpose, epoch: int = 0) -> "torch.Generator":
    """A CPU generator for one purpose in one epoch: the same draws whatever the device."""
    import torch  # here, so that data sets can be drawn and shown without it

    return torch.Generator().manual_seed(derive_seed(seed, purpose, epoch))
