"""Short signals that contain one of ten shapes, at any position.

The idea is that of MNIST-1D (Greydanus 2020, "Scaling down deep learning"): a set that is as hard
for a linear model as images are, and small enough to train on in seconds. The shapes and their
transformations differ from those of MNIST-1D.
"""

import numpy as np
from numpy.typing import NDArray

from nnlab.engine.data.dataset import Dataset
from nnlab.engine.data.generated.rng import balanced_targets, make_rng, round_values

SIGNAL_LENGTH = 40

# Horizontal position of the pen that writes each digit, at ten heights from top to bottom.
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
    """Signals [n, 40]: a stretched, scaled, tilted and shifted shape plus drift and noise."""
    targets = balanced_targets(samples, len(SHAPES))
    rng = make_rng(seed, 1)
    width = rng.uniform(14.0, 26.0, samples)
    offset = rng.uniform(0.0, 1.0, samples) * (SIGNAL_LENGTH - 1 - width)
    height = rng.uniform(0.7, 1.3, samples)
    tilt = rng.uniform(-0.3, 0.3, samples)
    position = (np.arange(SIGNAL_LENGTH) - offset[:, None]) / width[:, None]
    signal = height[:, None] * _interpolate_shapes(targets, position) + tilt[:, None] * (
        position - 0.5
    )
    signal += _baseline_drift(make_rng(seed, 2), samples)
    signal += noise * make_rng(seed, 3).standard_normal(signal.shape)
    names = tuple(str(digit) for digit in range(len(SHAPES)))
    return Dataset("sequences", "classification", round_values(signal), targets, names, signal=True)


def _interpolate_shapes(
    targets: NDArray[np.int64], positions: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The shapes of the examples, interpolated linearly at positions [n, length] from 0 to 1.

    Outside this range the signal is 0; it falls to 0 within the width of one segment.
    """
    shapes = np.pad(SHAPES, ((0, 0), (1, 1)))
    segments = SHAPES.shape[1] - 1
    index = np.clip(positions * segments + 1, 0, shapes.shape[1] - 1)
    left = np.minimum(index.astype(np.int64), shapes.shape[1] - 2)
    fraction = index - left
    rows = targets[:, None]
    signal: NDArray[np.float64] = (1 - fraction) * shapes[rows, left] + fraction * shapes[
        rows, left + 1
    ]
    return signal


def _baseline_drift(rng: np.random.Generator, samples: int) -> NDArray[np.float64]:
    """A slow drift [n, 40]: a sine of random frequency, amplitude and phase."""
    waves = rng.uniform(0.5, 2.0, (samples, 1))
    phase = rng.uniform(0.0, 1.0, (samples, 1))
    amplitude = rng.uniform(0.0, 0.2, (samples, 1))
    drift: NDArray[np.float64] = amplitude * np.sin(
        2 * np.pi * (waves * np.arange(SIGNAL_LENGTH) / SIGNAL_LENGTH + phase)
    )
    return drift
