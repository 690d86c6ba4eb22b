"""Finds the logged runs in a file or folder, whatever tool has written them."""

import os
from pathlib import Path

from nnlab.errors import DataError, UnknownName
from nnlab.exchange import READERS
from nnlab.exchange.log_files import shared_listings
from nnlab.exchange.log_reader import LoggedRun, LogReader

# These tools write each run into a folder of its own, with other files that are not logs.
_KINDS_WITH_FOLDER = frozenset({"wandb"})


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
    claimed = _ClaimedPaths()
    logged_runs: list[LoggedRun] = []
    with shared_listings():
        for reader in readers:
            try:
                runs = [run for run in reader.find(path) if not claimed.has_part_of(run)]
            except OSError as error:
                raise DataError(f"{path}: {error.strerror or error}") from error
            for run in runs:  # only now: one file may have several runs
                claimed.add(run)
            logged_runs += runs
    return logged_runs


class _ClaimedPaths:
    """The files, and the folders with everything in them, that belong to runs."""

    def __init__(self) -> None:
        self._paths: set[str] = set()

    def add(self, run: LoggedRun) -> None:
        """Claims the files of a run, and the folder that its tool made for it."""
        self._paths.update(os.path.realpath(path) for path in run.paths)
        if run.kind in _KINDS_WITH_FOLDER:
            self._paths.update(os.path.realpath(path.parent) for path in run.paths)

    def has_part_of(self, run: LoggedRun) -> bool:
        """Whether a file of a run is claimed."""
        return any(
            place in self._paths
            for path in map(os.path.realpath, run.paths)
            for place in (path, *map(str, Path(path).parents))
        )
