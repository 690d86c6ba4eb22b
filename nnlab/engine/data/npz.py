"""Data sets from a user's NumPy archive: `npz:FILE`, with `x` and `y`, or `train_x`, `train_y`, ...

`val_x`, `val_y`, `test_x` and `test_y` are optional, and `x_train` is accepted for `train_x`.
Without `y`, the input is the target. `classes`, `target_names`, `vocabulary` and `pad_token` are
optional.
Pickled objects are rejected, so that no code in the file is executed.
"""

import math
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from nnlab.catalogue import Task
from nnlab.engine.data.array_task import PROPERTY_NAMES, ArrayProperties
from nnlab.engine.data.arrays import SPLIT_NAMES, LabelledArrays, build_dataset
from nnlab.engine.data.dataset import Dataset
from nnlab.engine.data.location import find_data_file
from nnlab.errors import DataError
from nnlab.io.files import main_memory_bytes, open_regular, sha256_of

_REQUIRED_ARRAYS = "x and y, or train_x and train_y, optionally val_x, val_y, test_x, test_y"

_NPY_MAGIC = b"\x93NUMPY"


def read_dataset(name: str, task: Task | None = None) -> Dataset:
    """Reads `npz:FILE`.

    Args:
        name: `npz:FILE`.
        task: the kind of targets as chosen by the user; None to infer it.

    Raises:
        DataError: the file does not exist, required arrays are missing, or arrays are invalid.
    """
    path = find_data_file(name.removeprefix("npz:"), "--data npz:FILE")
    splits: list[tuple[str, tuple[str, str]]] = []

    def select(members: tuple[str, ...]) -> list[str]:
        splits[:] = split_array_names(path, members)
        names = [name for _, pair in splits for name in pair if name in members]
        return names + [name for name in PROPERTY_NAMES if name in members]

    arrays, version = read_arrays(path, select)
    parts = {part: LabelledArrays(arrays[x], arrays.get(y), x, y) for part, (x, y) in splits}
    properties = ArrayProperties.of(str(path), arrays)
    return build_dataset(name, str(path), parts, version, task=task, properties=properties)


def read_arrays(
    path: Path, select: Callable[[tuple[str, ...]], Sequence[str]]
) -> tuple[dict[str, NDArray[Any]], str]:
    """Some arrays of an archive by name, and 16 hex digits of the SHA-256 of the file.

    Args:
        path: the file.
        select: called with the names of all arrays; returns the names of those to read.

    Raises:
        DataError: the file cannot be read, or an array is damaged or too large.
    """
    try:
        with open_regular(path) as file:
            if file.read(len(_NPY_MAGIC)) == _NPY_MAGIC:
                raise DataError(f"{path} has a single array; use np.savez(FILE, x=..., y=...)")
            file.seek(0)
            archive = np.load(file, allow_pickle=False)
            names = select(tuple(archive.files))
            _check_sizes(path, archive.zip, names)
            arrays = {name: _read_array(path, archive, name) for name in names}
        return arrays, sha256_of(path)[:16]
    except FileNotFoundError:
        raise DataError(f"no data file at {path}", hint="--data npz:FILE") from None
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from None
    except MemoryError:
        raise DataError(f"{path}: its arrays do not fit into the memory of this machine") from None
    except (ValueError, zipfile.BadZipFile, EOFError, RuntimeError, zlib.error) as error:
        raise DataError(f"{path} is not an .npz file: {error}") from None


def _check_sizes(path: Path, archive: zipfile.ZipFile, names: Sequence[str]) -> None:
    """Checks the sizes in the headers of the arrays before memory is allocated for them.

    Raises:
        DataError: an array is larger than its content, or all arrays together are too large.
    """
    total = 0
    for name in names:
        info = archive.getinfo(f"{name}.npy" if f"{name}.npy" in archive.namelist() else name)
        with archive.open(info) as member:
            claimed = _claimed_bytes(member)
        if claimed > info.file_size:
            raise DataError(
                f"{path}, {name}: its header announces {claimed:,} bytes, but there are"
                f" {info.file_size:,}: the file is damaged"
            )
        total += claimed
    limit = main_memory_bytes() // 2
    if total > limit:
        raise DataError(
            f"{path}: its arrays need {total:,} bytes; the limit is {limit:,}, half of the memory"
            " of this machine"
        )


def _claimed_bytes(member: IO[bytes]) -> int:
    """The size in bytes that the header of an array announces.

    Raises:
        ValueError: the member is not an array, or has an unknown format version.
    """
    if member.read(len(_NPY_MAGIC)) != _NPY_MAGIC:
        raise ValueError("one of its members is not an array")
    version = member.read(2)
    read_header = {
        b"\x01\x00": np.lib.format.read_array_header_1_0,
        b"\x02\x00": np.lib.format.read_array_header_2_0,
    }.get(version)
    if read_header is None:
        raise ValueError("one of its arrays has an unknown format version")
    shape, _, dtype = read_header(member)
    return math.prod(shape) * int(dtype.itemsize)


def split_array_names(path: Path, members: tuple[str, ...]) -> list[tuple[str, tuple[str, str]]]:
    """The splits in a file, and the names of their examples and targets."""
    splits = []
    for part in SPLIT_NAMES:
        candidates = [(f"{part}_x", f"{part}_y"), (f"x_{part}", f"y_{part}")]
        if part == "train":
            candidates.insert(0, ("x", "y"))
        pairs = [pair for pair in candidates if set(pair) & set(members)]
        if pairs:
            if pairs[0][0] not in members:
                raise DataError(f"{path} has no {pairs[0][0]}; it has {', '.join(members)}")
            splits.append((part, pairs[0]))
    if not splits or splits[0][0] != "train":
        names = ", ".join(members) or "nothing"
        raise DataError(f"{path} has {names}; it needs {_REQUIRED_ARRAYS}")
    return splits


def _read_array(path: Path, archive: Any, member: str) -> NDArray[Any]:
    try:
        array: NDArray[Any] = archive[member]
    except ValueError as error:
        raise DataError(f"{path}, {member}: {error}") from None
    return array
