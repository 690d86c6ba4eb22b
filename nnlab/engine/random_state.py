"""The random numbers of data sets: torch, numpy and Python, seeded for each item.

A random transform of an item draws from (seed, epoch, index). The values do not depend on the
number of loader workers, on where an epoch was resumed, or on the random numbers of the training.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

RandomStates = tuple[torch.Tensor, Any, Any]


def random_states() -> RandomStates:
    """The states of the global generators of torch (on the CPU), numpy and Python."""
    return torch.get_rng_state(), np.random.get_state(), random.getstate()


def set_random_states(states: RandomStates) -> None:
    """Restores the states that `random_states` returned."""
    torch.set_rng_state(states[0])
    np.random.set_state(states[1])
    random.setstate(states[2])


def seed_random_numbers(seed: int) -> None:
    """Seeds the global generators of torch (on the CPU), numpy and Python.

    Args:
        seed: from 0 to 2^63 - 1.
    """
    # torch.manual_seed also seeds the generators of all other devices, which takes longer.
    torch.default_generator.manual_seed(seed)
    np.random.seed(seed % (1 << 32))
    random.seed(seed)


@contextmanager
def preserved_random_states() -> Iterator[None]:
    """After this context, the global generators have the states that they had before it."""
    states = random_states()
    try:
        yield
    finally:
        set_random_states(states)
