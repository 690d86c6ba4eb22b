"""Ten shapes in a short signal, for models that must find a shape wherever it lies.

The idea is that of MNIST-1D (Greydanus 2020, "Scaling down deep learning"): a set as hard to a
linear model as images are, and small enough for seconds of training. The shapes and the way
they are changed are our own.
"""

import numpy as np
from numpy.typing import NDArray

from nnlab.engine.data.dataset import Dataset
from nnlab.engine.data.generated.rng import balanced_targets, make_rng, round_values

SIGNAL_LENGTH = 40

# How far the pen that writes a digit swings out to the right, from its top to its bottom.
SHAPES = np.array(
    [
        [0.0, 0.6, 0.9, 1.0, 1.0, 1.0, 1.0, 0.9, 0.6, 0.0],  # 0
        [0.0, 0.5, 0.9, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2],  # 1
        [0.2, 0.8, 1.0, 0.8, 0.5, 0.2, 0.0, 0.3, 0.7, 1.0],  # 2
        [0.3, 0.9, 1.0, 0.6, 0.2, 0.6, 1.0, 1.0, 0.7, 0.1],  # 3
        [0.9, 0.7, 0.5, 0.3, 0.1, 0.5, 1.0, 0.6, 0.6, 0.6],  # 4
        [1.0, 0.5, 0.1, 0.0, 0.3, 0.7, 1.0, 1.0, 0.6, 0.0],  # 5
        [0.6, 0.2, 0.0, 0.0, 0.1, 0.6, 1.0, 0.9, 0.5, 0.1],  # 6
        [0.5, 0.8, 1.0, 0.9, 0.7, 0.6, 0.4, 0.3, 0.2, 0.1],  # 7
        [0.1, 0.7, 0.9, 0.6, 0.1, 0.5, 0.9, 1.0, 0.6, 0.1],  # 8
        [0.2, 0.8, 1.0, 0.8, 0.7, 0.7, 0.6, 0.5, 0.4, 0.4],  # 9
    ]
)


def sequences(samples: int, noise: float, seed: int) -> Dataset:
    """Signals [n, 40]: a shape stretched, scaled, tilted, shifted, on a wandering ground."""
    targets = balanced_targets(samples, len(SHAPES))
    draw = make_rng(seed, 1)
    width = draw.uniform(14.0, 26.0, samples)
    start = draw.uniform(0.0, 1.0, samples) * (SIGNAL_LENGTH - 1 - width)
    height = draw.uniform(0.7, 1.3, samples)
    tilt = draw.uniform(-0.3, 0.3, samples)
    place = (np.arange(SIGNAL_LENGTH) - start[:, None]) / width[:, None]
    signal = height[:, None] * _interpolate_shapes(targets, place) + tilt[:, None] * (place - 0.5)
    signal += _baseline_drift(make_rng(seed, 2), samples)
    signal += noise * make_rng(seed, 3).standard_normal(signal.shape)
    names = tuple(str(digit) for digit in range(len(SHAPES)))
    return Dataset("sequences", "classification", round_values(signal), targets, names, signal=True)


def _interpolate_shapes(
    targets: NDArray[np.int64], place: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Each example's shape at places [n, length] from 0 to 1, straight lines between its points.

    Outside of them the signal is 0, reached over the width of one piece.
    """
    shapes = np.pad(SHAPES, ((0, 0), (1, 1)))
    pieces = SHAPES.shape[1] - 1
    where = np.clip(place * pieces + 1, 0, shapes.shape[1] - 1)
    left = np.minimum(where.astype(np.int64), shapes.shape[1] - 2)
    share = where - left
    rows = targets[:, None]
    signal: NDArray[np.float64] = (1 - share) * shapes[rows, left] + share * shapes[rows, left + 1]
    return signal


def _baseline_drift(draw: np.random.Generator, samples: int) -> NDArray[np.float64]:
    """A ground that sways slowly: a wave of random length, height and phase, [n, 40]."""
    waves = draw.uniform(0.5, 2.0, (samples, 1))
    phase = draw.uniform(0.0, 1.0, (samples, 1))
    height = draw.uniform(0.0, 0.2, (samples, 1))
    ground: NDArray[np.float64] = height * np.sin(
        2 * np.pi * (waves * np.arange(SIGNAL_LENGTH) / SIGNAL_LENGTH + phase)
    )
    return ground
