"""Random generators, rounding and balanced targets, shared by the synthetic data sets."""

from collections.abc import Callable, Hashable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from nnlab.engine.seeds import derive_seed

_DECIMALS = 6
_MAX_DRAWS = 100

ExampleT = TypeVar("ExampleT", bound=Hashable)


def make_rng(seed: int, part: int = 0) -> np.random.Generator:
    """An independent generator for one part of a data set (features, noise, ...)."""
    return np.random.Generator(np.random.PCG64(derive_seed(seed, "data", part=part)))


def round_values(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rounds to six decimals, which hides processor-dependent last bits, and replaces -0 by 0."""
    return (np.round(values, _DECIMALS) + 0.0).astype(np.float64)


def balanced_targets(samples: int, classes: int) -> NDArray[np.int64]:
    """Ascending targets [samples] whose class counts differ by one at most.

    >>> balanced_targets(5, 2).tolist()
    [0, 0, 0, 1, 1]
    """
    return np.sort(np.arange(samples) % classes).astype(np.int64)


def draw_distinct(draw: Callable[[], ExampleT], seen: set[ExampleT]) -> ExampleT:
    """A drawn example that is not among those `seen`, to which it is added.

    Equal examples in two splits would leak the targets of one into the other. After a hundred
    draws the last one is taken: a large set may need more examples than there are.
    """
    for _ in range(_MAX_DRAWS):
        example = draw()
        if example not in seen:
            break
    seen.add(example)
    return example
