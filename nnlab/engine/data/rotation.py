"""Rotation of all images of a data set by a multiple of 90 degrees (`--rotate`)."""

from dataclasses import replace

import numpy as np

from nnlab.engine.data.dataset import Dataset
from nnlab.errors import DataError

_ROW_AND_COLUMN = (-2, -1)


def rotate_images(dataset: Dataset, degrees: int) -> Dataset:
    """The data set with its images rotated counterclockwise, and the classes of their pixels too.

    The pixels are moved without interpolation. After 90 or 270 degrees, images of HxW pixels have
    WxH.

    Args:
        dataset: its examples are images [n, channels, height, width].
        degrees: a multiple of 90.

    Raises:
        DataError: the examples are no images.
    """
    if len(dataset.in_shape) != 3:
        noun = "tokens" if dataset.has_tokens else "features"
        raise DataError(
            f"--rotate {degrees} needs images; the examples of {dataset.name} are {noun}"
        )
    turns = degrees // 90
    images = np.ascontiguousarray(np.rot90(dataset.examples, turns, _ROW_AND_COLUMN))
    if dataset.task != "segmentation":
        return replace(dataset, examples=images)
    targets = np.ascontiguousarray(np.rot90(dataset.target_array, turns, _ROW_AND_COLUMN))
    return replace(dataset, examples=images, targets=targets)
