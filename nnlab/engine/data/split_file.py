"""A file that assigns each row of a data set to a split: `--split-file FILE`."""

import hashlib
from pathlib import Path

import numpy as np

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
    words, problems = _parse(path, content, count)
    if problems:
        raise DataError(problems[0])
    array = np.array(words)
    return SplitRows(*(np.flatnonzero(array == name) for name in _NAMES))


def split_file_problems(text: str, count: int | None) -> list[str]:
    """Everything that is wrong with a split file.

    Args:
        text: the path of the file.
        count: the number of rows of the data set; None if it is unknown.
    """
    try:
        path, content = _read(text)
    except DataError as error:
        return [error.message]
    return _parse(path, content, count)[1]


def _parse(path: Path, content: bytes, count: int | None) -> tuple[list[str], list[str]]:
    """The word of each row, and the problems of the file."""
    try:
        lines = content.decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        return [], [f"{path} is not a text file in UTF-8: {error}"]
    words = [line.strip().strip('"').lower() for line in lines]
    if words and words[-1] == "":
        words.pop()
    first_line = 1
    if words and words[0] in _HEADERS:
        words, first_line = words[1:], 2
    problems = []
    if count is not None and len(words) != count:
        problems.append(f"{path} assigns {len(words):,} rows, the data has {count:,}")
    unknown = [
        (number, word)
        for number, word in enumerate(words, start=first_line)
        if word not in _NAMES and word not in _UNUSED
    ]
    if unknown:
        number, word = unknown[0]
        more = f" ({len(unknown):,} such lines)" if len(unknown) > 1 else ""
        problems.append(
            f"{path}, line {number}: '{word[:40]}' is none of train, val, test, none{more}"
        )
    else:
        problems += [
            f"{path} assigns no row to the {name} split" for name in _NAMES if name not in words
        ]
    return words, problems


def _read(text: str) -> tuple[Path, bytes]:
    path = find_data_file(text, "--split-file FILE", "split file")
    try:
        return path, read_limited(path, MAX_BYTES)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from None
