"""Finds the logged runs in a file or folder, whatever tool has written them."""

import os
from collections.abc import Iterator
from pathlib import Path

from nnlab.errors import DataError, UnknownName
from nnlab.exchange import READERS
from nnlab.exchange.log_reader import LoggedRun, LogReader


def reader_kinds() -> tuple[str, ...]:
    """The kinds of logs that can be read, in the order in which they are looked for."""
    return tuple(reader.kind for reader in READERS)


def reader_of(kind: str) -> LogReader:
    """The reader of a kind of log.

    Raises:
        UnknownName: there is none.
    """
    for reader in READERS:
        if reader.kind == kind:
            return reader
    raise UnknownName("kind of log", kind, reader_kinds())


def find_runs(path: Path, kind: str | None = None) -> list[LoggedRun]:
    """The logged runs in a file, or anywhere below a folder; links in it are not followed.

    A file belongs to the first kind in the table of readers that takes it: a generic reader gets
    only what no reader of a certain tool has claimed.

    Args:
        path: the file or folder.
        kind: the only kind to look for; None looks for all.

    Raises:
        UnknownName: there is no such kind.
        DataError: the path does not exist or cannot be read.
    """
    readers = READERS if kind is None else (reader_of(kind),)
    if not path.exists():
        raise DataError(f"{path}: no such file or folder")
    claimed: set[str] = set()
    return [run for reader in readers for run in _unclaimed_runs(reader, path, claimed)]


def _unclaimed_runs(reader: LogReader, path: Path, claimed: set[str]) -> Iterator[LoggedRun]:
    """The runs of one kind without those of which another reader has a file."""
    try:
        runs = list(reader.find(path))
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from error
    for run in runs:
        files = {os.path.realpath(file) for file in run.paths}
        if not files & claimed:
            yield run
    claimed.update(os.path.realpath(file) for run in runs for file in run.paths)
