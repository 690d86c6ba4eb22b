"""Derived randomness: every random choice follows from (seed, purpose, epoch).

No random state is carried from one epoch to the next. A run can therefore be resumed at any epoch,
or trained in a batch with other runs, and draws the same numbers as alone and uninterrupted.
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
    "user_metric",
    "augment",
    "direction",
    "item",
    "collate",
    "sampler",
]


def derive_seed(seed: int, purpose: SeedPurpose, epoch: int = 0, part: int = 0) -> int:
    """A 63-bit seed for one purpose in one epoch; `part` distinguishes layers."""
    text = f"{seed}/{purpose}/{epoch}/{part}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") >> 1


def make_generator(seed: int, purpose: SeedPurpose, epoch: int = 0) -> "torch.Generator":
    """A CPU generator for one purpose in one epoch: the same numbers for every device."""
    import torch  # start-up time: generated data sets can be listed without torch

    return torch.Generator().manual_seed(derive_seed(seed, purpose, epoch))
