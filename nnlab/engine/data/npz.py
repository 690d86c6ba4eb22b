"""A user's own arrays: `npz:FILE`, with `x` and `y`, or `train_x`, `train_y`, `test_x`, `test_y`.

`val_x` and `val_y` may be there too, and `x_train` is read as `train_x`. Nothing in the file is
ever run: pickled objects are refused.
"""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnlab.engine.data.arrays import PARTS, Pair, assemble
from nnlab.engine.data.dataset import Dataset
from nnlab.engine.data.location import locate
from nnlab.errors import DataError
from nnlab.files import sha256_of

_NEEDED = "x and y, or train_x and train_y, perhaps with val_x, val_y, test_x, test_y"


def read(name: str) -> Dataset:
    """Reads `npz:FILE`.

    Raises:
        DataError: no such file, other names in it, or arrays that cannot be trained on.
    """
    path = locate(name.removeprefix("npz:"), "--data npz:FILE")
    try:
        with path.open("rb") as file:
            archive = np.load(file, allow_pickle=False)
            if isinstance(archive, np.ndarray):
                raise DataError(f"{path} holds one array: np.savez(FILE, x=..., y=...) is needed")
            members = tuple(archive.files)
            parts = {part: _pair(path, archive, *found) for part, found in _named(path, members)}
        version = sha256_of(path)[:16]
    except FileNotFoundError:
        raise DataError(f"no data file at {path}", hint="--data npz:FILE") from None
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from None
    except (ValueError, zipfile.BadZipFile, EOFError) as error:
        raise DataError(f"{path} is no file of arrays: {error}") from None
    return assemble(name, str(path), parts, version)


def _named(path: Path, members: tuple[str, ...]) -> list[tuple[str, tuple[str, str]]]:
    """The parts that a file has, and the names of their examples and targets."""
    found = []
    for part in PARTS:
        wanted = [(f"{part}_x", f"{part}_y"), (f"x_{part}", f"y_{part}")]
        if part == "train":
            wanted.insert(0, ("x", "y"))
        pairs = [pair for pair in wanted if set(pair) & set(members)]
        if pairs:
            missing = [name for name in pairs[0] if name not in members]
            if missing:
                raise DataError(f"{path} has no {missing[0]}; it has {', '.join(members)}")
            found.append((part, pairs[0]))
    if not found or found[0][0] != "train":
        held = ", ".join(members) or "nothing"
        raise DataError(f"{path} holds {held}; {_NEEDED} are needed")
    return found


def _pair(path: Path, archive: Any, x_name: str, y_name: str) -> Pair:
    return Pair(_array(path, archive, x_name), _array(path, archive, y_name), x_name, y_name)


def _array(path: Path, archive: Any, member: str) -> NDArray[Any]:
    try:
        array: NDArray[Any] = archive[member]
    except ValueError as error:
        raise DataError(f"{path}, {member}: {error}") from None
    return array
