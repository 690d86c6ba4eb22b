"""Synthetic classification sets with two features: moons, circles, spirals, blobs, xor.

Without noise, the points of the first three are evenly spaced on their curves.
"""

import math

import numpy as np
from numpy.typing import NDArray

from nnlab.engine.data.dataset import Dataset
from nnlab.engine.data.generated.rng import balanced_targets, make_rng, round_values

INNER_RADIUS = 0.5  # relative to the outer circle
ARMS = 3
TURNS = 0.75  # turns of a spiral arm between its centre and its end
BLOB_RADIUS = 3.0  # distance of the blobs' centres from the origin


def two_moons(samples: int, noise: float, seed: int) -> Dataset:
    """An upper half circle around (0, 0) and a lower half circle around (1, 0.5)."""
    targets = balanced_targets(samples, 2)
    angle = math.pi * _curve_positions(targets, closed=False)
    upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    points = np.where(targets[:, None] == 0, upper, [1.0, 0.5] - upper)
    return _planar_dataset("two-moons", points, targets, noise, seed)


def circles(samples: int, noise: float, seed: int) -> Dataset:
    """A circle of radius 1 (class 0) and one of radius `INNER_RADIUS` (class 1) around (0, 0)."""
    targets = balanced_targets(samples, 2)
    angle = 2 * math.pi * _curve_positions(targets, closed=True)
    radius = np.where(targets == 0, 1.0, INNER_RADIUS)
    points = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return _planar_dataset("circles", points, targets, noise, seed)


def spirals(samples: int, noise: float, seed: int) -> Dataset:
    """`ARMS` spiral arms, class k rotated by k/ARMS turns; the radius grows to 1 along an arm."""
    targets = balanced_targets(samples, ARMS)
    radius = 0.05 + 0.95 * _curve_positions(targets, closed=False)
    angle = 2 * math.pi * (TURNS * radius + targets / ARMS)
    points = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return _planar_dataset("spirals", points, targets, noise, seed)


def blobs(samples: int, noise: float, seed: int) -> Dataset:
    """Three Gaussian clouds at the corners of an equilateral triangle; `noise` is their sd."""
    targets = balanced_targets(samples, 3)
    angle = 2 * math.pi * (targets / 3 + 0.25)
    points = BLOB_RADIUS * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return _planar_dataset("blobs", points, targets, noise, seed)


def xor(samples: int, noise: float, seed: int) -> Dataset:
    """Uniform points in the square from -1 to 1; class 1 if the signs of the features differ."""
    points = make_rng(seed, 1).uniform(-1.0, 1.0, (samples, 2))
    targets = (points[:, 0] * points[:, 1] < 0).astype(np.int64)
    return _planar_dataset("xor", points, targets, noise, seed)


def _curve_positions(targets: NDArray[np.int64], *, closed: bool) -> NDArray[np.float64]:
    """Positions of the examples on the curve of their class, from 0 to 1 (excluded if closed)."""
    counts = np.bincount(targets)
    positions = [np.arange(count) / max(count if closed else count - 1, 1) for count in counts]
    return np.concatenate(positions)


def _planar_dataset(
    name: str, points: NDArray[np.float64], targets: NDArray[np.int64], noise: float, seed: int
) -> Dataset:
    noisy = points + noise * make_rng(seed).standard_normal(points.shape)
    classes = tuple(str(label) for label in range(int(targets.max()) + 1))
    return Dataset(name, "classification", round_values(noisy), targets, classes)
