"""Images of circles, squares and triangles on a noisy background, with the class of each pixel."""

import numpy as np
from numpy.typing import NDArray

from nnlab.engine.data.dataset import Dataset
from nnlab.engine.data.generated.rng import make_rng, round_values

IMAGE_SIZE = 32
CLASSES = ("background", "circle", "square", "triangle")
_MIN_RADIUS, _MAX_RADIUS = 4, 8


def shapes(samples: int, noise: float, seed: int) -> Dataset:
    """Images [n, 1, 32, 32] with one to three shapes, and classes [n, 32, 32] of the pixels.

    A later shape covers earlier ones. `noise` is the sd of the noise of a pixel; the brightness of
    a shape is between 0.5 and 1, that of the background 0.
    """
    rng = make_rng(seed, 1)
    images = np.zeros((samples, IMAGE_SIZE, IMAGE_SIZE))
    targets = np.zeros((samples, IMAGE_SIZE, IMAGE_SIZE), np.int64)
    for image, target in zip(images, targets, strict=True):
        for _ in range(rng.integers(1, 4)):
            shape = int(rng.integers(1, len(CLASSES)))
            radius = int(rng.integers(_MIN_RADIUS, _MAX_RADIUS + 1))
            centre = rng.integers(radius, IMAGE_SIZE - radius, 2)
            covered = _mask(shape, int(centre[0]), int(centre[1]), radius)
            image[covered] = rng.uniform(0.5, 1.0)
            target[covered] = shape
    images += noise * make_rng(seed, 2).standard_normal(images.shape)
    return Dataset("shapes", "segmentation", round_values(images)[:, None], targets, CLASSES)


def _mask(shape: int, row: int, column: int, radius: int) -> NDArray[np.bool_]:
    """The pixels [32, 32] of a shape around a centre; all distances are whole numbers."""
    rows, columns = np.ogrid[:IMAGE_SIZE, :IMAGE_SIZE]
    down, right = rows - row, columns - column
    if shape == 1:
        covered = down**2 + right**2 <= radius**2
    elif shape == 2:
        side = (3 * radius) // 4
        covered = (abs(down) <= side) & (abs(right) <= side)
    else:
        covered = (abs(down) <= radius) & (2 * abs(right) <= down + radius)
    mask: NDArray[np.bool_] = covered
    return mask
