"""Writes scenes.npz and new.npz: pictures of bright and dark blobs, and the class of each pixel."""

import numpy as np

SIZE = 24
CLASSES = np.array(["ground", "water", "house"])


def scene(rng):
    """A picture [1, 24, 24] and the classes [24, 24] of its pixels; the border is not labelled."""
    rows, columns = np.ogrid[:SIZE, :SIZE]
    classes = np.zeros((SIZE, SIZE), np.int64)
    row, column = rng.integers(6, SIZE - 6, 2)
    classes[(rows - row) ** 2 + 2 * (columns - column) ** 2 < rng.integers(16, 64)] = 1
    row, column = rng.integers(3, SIZE - 7, 2)
    classes[row : row + 5, column : column + 5] = 2
    picture = np.array([0.5, 0.2, 0.8])[classes] + rng.normal(0, 0.15, (SIZE, SIZE))
    classes[[0, -1]] = -100  # pixels without a class
    return picture[None].astype(np.float32), classes


def write(path, count, seed):
    """An archive of `count` scenes."""
    rng = np.random.default_rng(seed)
    pictures, classes = zip(*(scene(rng) for _ in range(count)), strict=True)
    np.savez(path, x=np.stack(pictures), y=np.stack(classes), classes=CLASSES)


write("scenes.npz", 160, 0)
write("new.npz", 12, 1)
