"""A file that assigns each row of a data set to a split: `--split-file FILE`."""

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nnlab.engine.data.location import find_data_file
from nnlab.engine.data.split import SplitRows
from nnlab.errors import DataError
from nnlab.io.files import read_limited

MAX_BYTES = 1 << 30
_NAMES = ("train", "val", "test")
_UNUSED = ("", "none", "unused")
_HEADERS = ("split",)


def split_file_version(text: str | None) -> str | None:
    """The first 16 hex digits of the SHA-256 of a split file; None without a file.

    Raises:
        DataError: the file does not exist or cannot be read.
    """
    return None if text is None else hashlib.sha256(_read(text)[1]).hexdigest()[:16]


def read_split_file(text: str, count: int, version: str | None) -> SplitRows:
    """The rows of each split.

    The file has one line per row of the data, in the same order, with train, val, test, or none
    for a row that is not used. A first line `split` is a header.

    Args:
        text: the path of the file.
        count: the number of rows of the data set.
        version: the hash that the file must have.

    Raises:
        DataError: the file is missing, has changed, has another number of rows, an unknown word,
            or leaves a split empty.
    """
    path, content = _read(text)
    if hashlib.sha256(content).hexdigest()[:16] != version:
        raise DataError(
            f"{path} has changed since this run was set up",
            hint="repeat the same `nnlab train` command: the new content makes a new trial",
        )
    try:
        lines = content.decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not a text file in UTF-8: {error}") from None
    words = [line.strip().strip('"').lower() for line in lines]
    if words and words[-1] == "":
        words.pop()
    first_line = 1
    if words and words[0] in _HEADERS:
        words, first_line = words[1:], 2
    if len(words) != count:
        raise DataError(f"{path} assigns {len(words):,} rows, the data has {count:,}")
    for number, word in enumerate(words, start=first_line):
        if word not in _NAMES and word not in _UNUSED:
            raise DataError(f"{path}, line {number}: '{word}' is none of train, val, test, none")
    array = np.array(words)
    train, val, test = (_rows_of(path, array, name) for name in _NAMES)
    return SplitRows(train, val, test)


def _rows_of(path: Path, words: NDArray[np.str_], name: str) -> NDArray[np.int64]:
    rows = np.flatnonzero(words == name)
    if len(rows) == 0:
        raise DataError(f"{path} assigns no row to the {name} split")
    return rows


def _read(text: str) -> tuple[Path, bytes]:
    path = find_data_file(text, "--split-file FILE", "split file")
    try:
        return path, read_limited(path, MAX_BYTES)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from None
