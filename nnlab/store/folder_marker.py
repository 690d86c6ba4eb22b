"""Markers of the folders of runs, which are checked before a folder is deleted.

A folder is deleted only if its marker names the run or, for a folder without a marker of an
earlier version, if it contains only files that nnlab creates. Symbolic links are never followed.
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
# A spool file of the Python API; the number is that of the attempt.
SAMPLE_SPOOL_PATTERN = re.compile(r"samples-(\d+)\.waiting")
# All file names that nnlab writes into the folder of a run.
_OWN_NAMES = re.compile(
    r"model\.(pt|safetensors|json)|checkpoint-\d+(-\d+)?\.(pt|damaged)|(samples-)?\d+\.waiting|"
    r"\..+\.\d+\.part|" + re.escape(MARKER)
)
_MAX_MARKER_BYTES = 4096
FOLDER_MISSING = "it does not exist"


def creation_stamp(created_at: datetime) -> str:
    """The time at which a run was queued, as part of a path.

    >>> creation_stamp(datetime(2026, 5, 20, 12, 0, 0, 250))
    '20260520T120000000250'
    """
    return f"{created_at:%Y%m%dT%H%M%S%f}"


def ends_with_creation_stamp(place: str, created_at: datetime | None) -> bool:
    """Whether a folder or URL of `--artifacts` ends in the name that nnlab gives it.

    The microsecond of the name is known only from the run's own database, so that a database of
    another user cannot name the folder.
    """
    name = place.rstrip("/").rpartition("/")[2]
    return created_at is not None and name == creation_stamp(created_at)


def marker_content(run_id: int, created_at: datetime) -> bytes:
    """The content of a run's marker."""
    content = {"folder of": "a run of nnlab", "run": run_id, "queued": creation_stamp(created_at)}
    return (json.dumps(content) + "\n").encode()


class MarkedFolder(Folder):
    """The folder of a run, in which a marker is created before the first file."""

    def __init__(self, folder: Folder, marker: bytes) -> None:
        """Wraps a folder; nothing is written yet.

        Args:
            folder: the folder of the files.
            marker: the content of the marker.
        """
        self._folder, self._marker, self._marked = folder, marker, False

    @property
    def display_name(self) -> str:
        """See `Folder`."""
        return self._folder.display_name

    def within(self, name: str) -> Folder:
        """A folder in it, without a marker of its own."""
        return self._folder.within(name)

    def file_names(self) -> list[str]:
        """The names of the files directly in it, without the marker."""
        return [name for name in self._folder.file_names() if name != MARKER]

    def read(self, name: str) -> bytes:
        """See `Folder`."""
        return self._folder.read(name)

    def write(self, name: str, content: bytes) -> None:
        """See `Folder`; the marker is written first."""
        self._mark()
        self._folder.write(name, content)

    def append(self, name: str, content: bytes) -> None:
        """See `Folder`; the marker is written first."""
        self._mark()
        self._folder.append(name, content)

    def rename(self, name: str, new: str) -> None:
        """See `Folder`."""
        self._folder.rename(name, new)

    def remove(self, name: str) -> None:
        """See `Folder`."""
        self._folder.remove(name)

    def remove_incomplete_files(self) -> None:
        """See `Folder`; a folder with only the marker in it counts as empty."""
        if self._folder.file_names() == [MARKER]:
            self._folder.remove(MARKER)
            self._marked = False
        self._folder.remove_incomplete_files()

    def remove_folder(self) -> None:
        """See `Folder`."""
        self._folder.remove_folder()
        self._marked = False

    def size_of(self, name: str) -> int | None:
        """See `Folder`."""
        return self._folder.size_of(name)

    def local(self, name: str, sha256: str) -> Path:
        """See `Folder`."""
        return self._folder.local(name, sha256)

    def create(self) -> None:
        """Creates the folder with its marker, for files that are written by path."""
        self._mark()

    def _mark(self) -> None:
        if not self._marked:
            self._folder.write_volatile(MARKER, self._marker)
            self._marked = True


def reason_to_keep(path: Path, run_id: int, created_at: datetime | None) -> str | None:
    """Why the local folder of a run must not be deleted; None if nnlab created it.

    Args:
        path: the folder.
        run_id: the run to which it should belong.
        created_at: when the run was queued; None for a run that is not in the database.
    """
    try:
        if not stat.S_ISDIR(path.lstat().st_mode):
            return "it is a symbolic link" if path.is_symlink() else "it is not a folder"
        with os.scandir(path) as entries:
            files = {entry.name: entry.is_file(follow_symlinks=False) for entry in entries}
        irregular = sorted(name for name, is_file in files.items() if not is_file)

        def read() -> bytes:
            return read_limited(path / MARKER, _MAX_MARKER_BYTES, follow_links=False)

        return _foreign_content_reason(files, irregular, read, run_id, created_at)
    except FileNotFoundError:
        return FOLDER_MISSING
    except OSError as error:
        return f"it cannot be read: {error.strerror}"


def reason_to_keep_external(
    folder: Folder, place: str, run_id: int, created_at: datetime | None
) -> str | None:
    """The same for a run's folder in a place of `--artifacts`, which may be a URL.

    Raises:
        OutputError: the place cannot be reached.
    """
    if not ends_with_creation_stamp(place, created_at):
        return "nnlab does not create a folder of that name for this run"
    if isinstance(folder, LocalFolder):
        path = Path(folder.display_name)
        if path.parent.is_symlink():
            return "its folder is a symbolic link"
        return reason_to_keep(path, run_id, created_at)
    names = folder.file_names()
    return _foreign_content_reason(names, (), lambda: folder.read(MARKER), run_id, created_at)


def _foreign_content_reason(
    names: Iterable[str],
    irregular: Iterable[str],
    read: Callable[[], bytes],
    run_id: int,
    created_at: datetime | None,
) -> str | None:
    """Why a folder must not be deleted: by its marker or, without one, by its file names."""
    names = set(names)
    if MARKER in names and MARKER not in irregular:
        return (
            None
            if _marker_names_run(read(), run_id, created_at)
            else "its marker names another run"
        )
    unknown = sorted({name for name in names if not _OWN_NAMES.fullmatch(name)} | set(irregular))
    return f"it contains {unknown[0]!r}, which nnlab did not create" if unknown else None


def _marker_names_run(marker: bytes, run_id: int, created_at: datetime | None) -> bool:
    try:
        content = json.loads(marker)
    except (ValueError, RecursionError):
        return False
    if not isinstance(content, dict) or content.get("run") != run_id:
        return False
    return created_at is None or content.get("queued") == creation_stamp(created_at)


def delete_external_folder(folder: Folder) -> None:
    """Deletes a folder in a place of `--artifacts`, after `reason_to_keep_external` returned None.

    Raises:
        OutputError: it cannot be deleted.
    """
    if MARKER in folder.file_names():
        folder.remove_folder()
        return
    # Without a marker only the files that nnlab creates are deleted.
    for name in folder.file_names():
        if not _OWN_NAMES.fullmatch(name):
            raise OutputError(f"{folder.display_name}/{name} was not created by nnlab")
        folder.remove(name)
    folder.remove_incomplete_files()
