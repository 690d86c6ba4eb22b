"""Folders of the files of runs: marked as nnlab's own, and recognised before one is deleted.

A folder is deleted only if its marker names the run, or, where an earlier version made it without
a marker, if it holds nothing but files that nnlab makes. Symbolic links are never followed.
"""

import json
import os
import re
import stat
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path

from nnlab.errors import OutputError
from nnlab.io.files import read_limited
from nnlab.io.folders import Folder, LocalFolder

MARKER = ".nnlab-run"
# All that nnlab writes into the folder of a run.
_OWN_NAMES = re.compile(
    r"model\.pt|checkpoint-\d+\.(pt|damaged)|\d+\.waiting|\..+\.\d+\.part|" + re.escape(MARKER)
)
_MAX_MARKER_BYTES = 4096
FOLDER_MISSING = "it is not there"


def creation_stamp(created_at: datetime) -> str:
    """The moment at which a run was queued, as part of a path.

    >>> creation_stamp(datetime(2026, 5, 20, 12, 0, 0, 250))
    '20260520T120000000250'
    """
    return f"{created_at:%Y%m%dT%H%M%S%f}"


def ends_with_creation_stamp(place: str, created_at: datetime | None) -> bool:
    """Whether a folder or URL of `--artifacts` ends in the name that nnlab gives it.

    Nobody who does not have the database knows the microsecond, so that a database cannot name
    the folders of another.
    """
    name = place.rstrip("/").rpartition("/")[2]
    return created_at is not None and name == creation_stamp(created_at)


def marker_content(run_id: int, created_at: datetime) -> bytes:
    """The content of a run's marker."""
    told = {"folder of": "a run of nnlab", "run": run_id, "queued": creation_stamp(created_at)}
    return (json.dumps(told) + "\n").encode()


class MarkedFolder(Folder):
    """The folder of a run, which gets its marker with the first file."""

    def __init__(self, folder: Folder, marker: bytes) -> None:
        """Nothing is written yet.

        Args:
            folder: where the files go.
            marker: the content of the marker.
        """
        self._folder, self._marker, self._marked = folder, marker, False

    @property
    def shown(self) -> str:
        """As the folder itself."""
        return self._folder.shown

    def within(self, name: str) -> Folder:
        """A folder in it, which has no marker of its own."""
        return self._folder.within(name)

    def names(self) -> list[str]:
        """The files right in it, without the marker."""
        return [name for name in self._folder.names() if name != MARKER]

    def read(self, name: str) -> bytes:
        """As the folder itself."""
        return self._folder.read(name)

    def write(self, name: str, content: bytes) -> None:
        """As the folder itself, after the marker."""
        self._mark()
        self._folder.write(name, content)

    def append(self, name: str, content: bytes) -> None:
        """As the folder itself, after the marker."""
        self._mark()
        self._folder.append(name, content)

    def rename(self, name: str, new: str) -> None:
        """As the folder itself."""
        self._folder.rename(name, new)

    def remove(self, name: str) -> None:
        """As the folder itself."""
        self._folder.remove(name)

    def tidy(self) -> None:
        """As the folder itself, which is empty if only the marker is left."""
        if self._folder.names() == [MARKER]:
            self._folder.remove(MARKER)
            self._marked = False
        self._folder.tidy()

    def clear(self) -> None:
        """As the folder itself."""
        self._folder.clear()
        self._marked = False

    def size_of(self, name: str) -> int | None:
        """As the folder itself."""
        return self._folder.size_of(name)

    def local(self, name: str, sha256: str) -> Path:
        """As the folder itself."""
        return self._folder.local(name, sha256)

    def _mark(self) -> None:
        if not self._marked:
            self._folder.write_volatile(MARKER, self._marker)
            self._marked = True


def reason_to_keep(path: Path, run_id: int, created_at: datetime | None) -> str | None:
    """Why the folder of a run on a disk must not be deleted; None if it is nnlab's own.

    Args:
        path: the folder.
        run_id: the run that it is said to belong to.
        created_at: when that was queued; None of a run that the database does not have.
    """
    try:
        if not stat.S_ISDIR(path.lstat().st_mode):
            return "it is a symbolic link" if path.is_symlink() else "it is no folder"
        with os.scandir(path) as entries:
            files = {entry.name: entry.is_file(follow_symlinks=False) for entry in entries}
        foreign = sorted(name for name, regular in files.items() if not regular)

        def read() -> bytes:
            return read_limited(path / MARKER, _MAX_MARKER_BYTES, follow_links=False)

        return _foreign_content_reason(files, foreign, read, run_id, created_at)
    except FileNotFoundError:
        return FOLDER_MISSING
    except OSError as error:
        return f"it cannot be looked at: {error.strerror}"


def reason_to_keep_external(
    folder: Folder, place: str, run_id: int, created_at: datetime | None
) -> str | None:
    """The same of a run's folder in a place of `--artifacts`; asks the network for a URL.

    Raises:
        OutputError: the place does not answer.
    """
    if not ends_with_creation_stamp(place, created_at):
        return "nnlab gives the files of this run no folder of that name"
    if isinstance(folder, LocalFolder):
        path = Path(folder.shown)
        if path.parent.is_symlink():
            return "its folder is a symbolic link"
        return reason_to_keep(path, run_id, created_at)
    names = folder.names()
    return _foreign_content_reason(names, (), lambda: folder.read(MARKER), run_id, created_at)


def _foreign_content_reason(
    names: Iterable[str],
    foreign: Iterable[str],
    read: Callable[[], bytes],
    run_id: int,
    created_at: datetime | None,
) -> str | None:
    """By the marker, if there is one, and by the names of all files otherwise."""
    names = set(names)
    if MARKER in names and MARKER not in foreign:
        return (
            None
            if _marker_names_run(read(), run_id, created_at)
            else "its marker names another run"
        )
    unknown = sorted({name for name in names if not _OWN_NAMES.fullmatch(name)} | set(foreign))
    return f"it holds {unknown[0]!r}, which nnlab did not make" if unknown else None


def _marker_names_run(marker: bytes, run_id: int, created_at: datetime | None) -> bool:
    try:
        told = json.loads(marker)
    except (ValueError, RecursionError):
        return False
    if not isinstance(told, dict) or told.get("run") != run_id:
        return False
    return created_at is None or told.get("queued") == creation_stamp(created_at)


def delete_external_folder(folder: Folder) -> None:
    """Deletes a folder in a place of `--artifacts` that `reason_to_keep_external` found to be nnlab's.

    Raises:
        OutputError: it cannot be deleted.
    """
    if MARKER in folder.names():
        folder.clear()
        return
    # Without a marker only files were looked at, and nothing else is deleted.
    for name in folder.names():
        if not _OWN_NAMES.fullmatch(name):
            raise OutputError(f"{folder.shown}/{name} was not made by nnlab")
        folder.remove(name)
    folder.tidy()
