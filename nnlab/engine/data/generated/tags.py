"""Signals that contain any subset of five patterns: a target with several labels."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnlab.engine.data.dataset import Dataset
from nnlab.engine.data.generated.rng import make_rng, round_values

SIGNAL_LENGTH = 48
_PROBABILITY = 0.35  # that a signal contains a pattern

Signal = NDArray[np.floating[Any]]

# Patterns over the distance [48] from their beginning, in samples.
_PATTERNS: Mapping[str, Callable[[Signal], NDArray[Any]]] = {
    "spike": lambda t: 2.0 * (np.abs(t - 1) <= 1),
    "step": lambda t: 0.8 * (t >= 0),
    "ramp": lambda t: np.where((t >= 0) & (t < 12), t / 12, 0.0) * 1.5,
    "dip": lambda t: -1.2 * ((t >= 0) & (t < 6)),
    "wave": lambda t: np.where((t >= 0) & (t < 16), np.sin(2 * np.pi * t / 4), 0.0),
}


def tags(samples: int, noise: float, seed: int) -> Dataset:
    """Signals [n, 48] that contain each of five patterns with probability 0.35, at any position.

    The targets [n, 5] are 1 for the patterns that a signal contains. `noise` is the sd of a value.
    """
    rng = make_rng(seed, 1)
    targets = (rng.random((samples, len(_PATTERNS))) < _PROBABILITY).astype(np.uint8)
    signals = noise * make_rng(seed, 2).standard_normal((samples, SIGNAL_LENGTH))
    positions = np.arange(SIGNAL_LENGTH, dtype=np.float64)
    for index, pattern in enumerate(_PATTERNS.values()):
        starts = rng.integers(2, SIGNAL_LENGTH - 16, samples)
        height = rng.uniform(0.8, 1.2, samples)
        drawn = pattern(positions - starts[:, None]) * height[:, None]
        signals += targets[:, index, None] * drawn
    return Dataset(
        "tags", "multilabel", round_values(signals), targets, tuple(_PATTERNS), signal=True
    )
