"""`LazyImages`: the images of a folder, decoded when rows are read."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnlab.engine.data.images import read_image


class LazyImages:
    """Images [n, channels, height, width] in files; indexing with rows decodes them.

    It has the attributes of an array that the preprocessing uses.
    """

    dtype = np.dtype(np.uint8)
    ndim = 4

    def __init__(self, paths: Sequence[Path], image_shape: tuple[int, int, int]) -> None:
        """Images in the order of `paths`, all of the shape [channels, height, width]."""
        self._paths = tuple(paths)
        self.shape = (len(paths), *image_shape)

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, rows: Any) -> NDArray[np.uint8]:
        """The images of some rows, a slice or indices [m]: [m, channels, height, width].

        Raises:
            DataError: an image cannot be read or has another size.
        """
        indices = np.arange(len(self))[rows].tolist()
        images = np.empty((len(indices), *self.shape[1:]), np.uint8)
        for position, index in enumerate(indices):
            images[position] = read_image(self._paths[index], self.shape[1:])
        return images
