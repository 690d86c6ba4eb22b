"""What the generated sets draw from, and how they round."""

import numpy as np
from numpy.typing import NDArray

from nnlab.engine.seeds import derive_seed

_DECIMALS = 6


def make_rng(seed: int, part: int = 0) -> np.random.Generator:
    """A generator for one part of a set: what one part draws moves no other."""
    return np.random.Generator(np.random.PCG64(derive_seed(seed, "data", part=part)))


def round_values(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """To a millionth, which hides the last bit of a sine, and without -0."""
    return (np.round(values, _DECIMALS) + 0.0).astype(np.float64)


def balanced_targets(samples: int, classes: int) -> NDArray[np.int64]:
    """Targets, as many of each class as of the others to within one, in ascending order.

    >>> shared_out(5, 2).tolist()
    [0, 0, 0, 1, 1]
    """
    return np.sort(np.arange(samples) % classes).astype(np.int64)
