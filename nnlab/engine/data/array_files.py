"""Data sets from a folder of NumPy arrays: `npy:FOLDER` with x.npy and y.npy, or train_x.npy, ...

The arrays are mapped into memory and read row by row when the data is streamed.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnlab.engine.data.arrays import LabelledArrays, build_dataset, convert_examples
from nnlab.engine.data.dataset import Dataset
from nnlab.engine.data.location import find_data_file
from nnlab.engine.data.npz import split_array_names
from nnlab.errors import DataError
from nnlab.io.files import main_memory_bytes, sha256_of


class StackedArrays:
    """Arrays in files, one after another, of which only the requested rows are read.

    It has the attributes of an array that the preprocessing uses.
    """

    def __init__(self, arrays: Sequence[NDArray[Any]]) -> None:
        """Arrays [n_i, ...] whose rows have the same shape."""
        self._arrays = tuple(arrays)
        self._starts = np.cumsum([0, *(len(array) for array in arrays)])
        self.shape = (int(self._starts[-1]), *arrays[0].shape[1:])
        self.ndim = len(self.shape)
        self.dtype = np.result_type(*arrays)
        self.nbytes = sum(array.nbytes for array in arrays)

    def __len__(self) -> int:
        return int(self._starts[-1])

    def __getitem__(self, rows: Any) -> NDArray[Any]:
        """Some rows, a slice or indices [m], as an array in memory."""
        indices = np.arange(*rows.indices(len(self))) if isinstance(rows, slice) else rows
        result = np.empty((len(indices), *self.shape[1:]), self.dtype)
        for start, array in zip(self._starts[:-1], self._arrays, strict=True):
            inside = (indices >= start) & (indices < start + len(array))
            if inside.any():
                result[inside] = array[indices[inside] - start]
        return result


def read_dataset(name: str) -> Dataset:
    """Reads `npy:FOLDER` into memory.

    Raises:
        DataError: the folder does not exist, arrays are missing, invalid or too large.
    """
    dataset = open_arrays(name)
    if not fits_in_memory(dataset):
        raise DataError(
            f"{name}: its examples need {dataset.examples.nbytes:,} bytes, more than half of the"
            " memory of this machine",
            hint="--stream reads them batch by batch",
        )
    return replace(dataset, examples=convert_examples(name, "x", dataset.examples[:]))


def fits_in_memory(dataset: Dataset) -> bool:
    """Whether the examples need at most half of the memory of this machine."""
    return bool(dataset.examples.nbytes <= main_memory_bytes() // 2)


def open_arrays(name: str) -> Dataset:
    """The data set of `npy:FOLDER`, whose examples stay in their files.

    Raises:
        DataError: as in `read_dataset`.
    """
    folder = find_data_file(name.removeprefix("npy:"), "--data npy:FOLDER", "folder")
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder", hint="--data npy:FOLDER, with x.npy and y.npy")
    paths = {path.stem: path for path in sorted(folder.glob("*.npy"))}
    parts: dict[str, LabelledArrays] = {}
    digest = hashlib.sha256()
    for split, (x_name, y_name) in split_array_names(folder, tuple(paths)):
        y = np.array(_open_array(paths[y_name]))
        parts[split] = LabelledArrays(_open_array(paths[x_name]), y, x_name, y_name)
        for path in (paths[x_name], paths[y_name]):
            digest.update(f"{path.name} {_file_hash(path)}\n".encode())
    return build_dataset(name, str(folder), parts, digest.hexdigest()[:16], join=StackedArrays)


def _open_array(path: Path) -> NDArray[Any]:
    try:
        array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise DataError(f"{path} is not an array in the .npy format: {error}") from None
    return array


def _file_hash(path: Path) -> str:
    status = path.stat()
    return _hash_of_content(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=64)
def _hash_of_content(path: Path, _size: int, _mtime_ns: int) -> str:
    """The SHA-256 of a file, computed once in this process as long as it does not change."""
    return sha256_of(path)
