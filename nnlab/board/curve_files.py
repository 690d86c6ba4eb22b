"""Buckets of long curves in files of the user's cache folder, outside the database."""

import hashlib
import os
import zipfile
import zlib
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from nnlab.board.curve_buckets import Buckets, has_valid_columns
from nnlab.errors import NnlabError
from nnlab.io.files import cache_dir, write_atomic

if TYPE_CHECKING:
    from nnlab.board.curve_buckets import Column

MAX_BYTES = 512 * 2**20  # of all files together
# Files are counted after this many have been written.
_WRITES_BETWEEN_TRIMS = 64
# Raised for a file that is not what `write` wrote.
_READ_ERRORS = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)
_HEADER: Final = "header"


class CurveFiles:
    """The files of the curves of one database; an unusable file counts as missing."""

    def __init__(self, database: str, folder: Path | None = None) -> None:
        """Creates nothing yet.

        Args:
            database: identifies the database among those of the user.
            folder: where the files are; by default in the user's cache folder.
        """
        self._folder = folder or cache_dir() / "curves"
        self._database = database
        self._writes = 0

    def read(self, key: str) -> tuple[tuple[int, ...], Buckets] | None:
        """The numbers and the buckets that were written under a key; None if there are none."""
        try:
            with (
                self._path(key).open("rb") as file,
                np.load(file, allow_pickle=False) as content,
            ):
                columns = {name: content[name] for name in content.files}
        except _READ_ERRORS:
            return None
        return _checked(columns)

    def write(self, key: str, numbers: tuple[int, ...], buckets: Buckets) -> None:
        """Writes buckets with some numbers about them; without a usable folder it does nothing."""
        content = BytesIO()
        header = np.array([buckets.size, *numbers], dtype=np.int64)
        arrays: Mapping[str, np.ndarray] = {_HEADER: header, **buckets.columns}
        np.savez(content, allow_pickle=False, **arrays)
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_atomic(self._path(key), content.getvalue(), durable=False)
            self._writes += 1
            if self._writes % _WRITES_BETWEEN_TRIMS == 1:
                trim_folder(self._folder, MAX_BYTES)
        except (OSError, NnlabError):
            return  # the buckets are computed again next time

    def _path(self, key: str) -> Path:
        name = hashlib.sha256(f"{self._database}\n{key}".encode(errors="replace")).hexdigest()
        return self._folder / f"{name[:40]}.npz"


def trim_folder(folder: Path, most: int) -> None:
    """Deletes the files that were written first until the others have at most `most` bytes."""
    with os.scandir(folder) as entries:
        files = [
            (entry.stat().st_mtime, entry.stat().st_size, entry.path)
            for entry in entries
            if entry.name.endswith(".npz")
        ]
    total = sum(size for _, size, _ in files)
    for _, size, path in sorted(files):
        if total <= most:
            return
        Path(path).unlink(missing_ok=True)
        total -= size


def _checked(columns: "dict[str, Column]") -> tuple[tuple[int, ...], Buckets] | None:
    header = columns.pop(_HEADER, None)
    if header is None or header.dtype != np.int64 or header.ndim != 1 or not header.size:
        return None
    if not columns or not has_valid_columns(columns):
        return None
    size, *numbers = header.tolist()
    return (tuple(numbers), Buckets(size, columns)) if size > 0 else None
