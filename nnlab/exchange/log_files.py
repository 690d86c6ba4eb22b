"""Access of readers to the files of a log: search below a folder, first bytes, whole documents."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path

from nnlab.errors import DataError
from nnlab.io.files import open_regular, read_limited

# The largest document that is read as a whole.
MAX_DOCUMENT = 256 << 20
# What `find` reads of a file to recognise its format.
HEAD_BYTES = 64 << 10
# Folders that contain code or versions, never logs.
_SKIPPED_FOLDERS = frozenset(
    {".git", ".hg", ".svn", ".venv", "__pycache__", "node_modules", "site-packages"}
)
# Names of files that do not say which run they belong to.
_GENERAL_NAMES = frozenset(
    {"metrics", "metric", "log", "logs", "history", "progress", "results", "result", "train"}
    | {"training", "training_log", "train_log", "events", "curves", "output", "scalars"}
)
_MAX_DEPTH = 40
_MAX_CACHED_FILE = 4 << 10
_MAX_ENTRIES = 5_000_000
# So many folders are remembered while all readers search them.
_MAX_SHARED_FOLDERS = 100_000

_Listing = tuple[list[str], list[str]]  # the names of files and of folders
_listings: ContextVar[dict[Path, _Listing] | None] = ContextVar("listings", default=None)


def files_below(path: Path, has_name: Callable[[str], bool]) -> Iterator[Path]:
    """The file itself, or the files below a folder whose names are accepted, in sorted order.

    Links in a folder are not followed; a path that is a link itself is.
    """
    if not path.is_dir():
        if path.is_file() and has_name(path.name):
            yield path
        return
    for folder, names in folders_below(path):
        yield from (folder / name for name in names if has_name(name))


def folders_below(path: Path) -> Iterator[tuple[Path, list[str]]]:
    """Each folder from a path downwards, with the sorted names of its regular files."""
    pending = [(path, 0)]
    entries_left = _MAX_ENTRIES
    while pending:
        folder, depth = pending.pop()
        names, folders = _list_folder(folder)
        entries_left -= len(names) + len(folders)
        if entries_left < 0:
            raise DataError(f"{path}: more than {_MAX_ENTRIES:,} files", hint="name a sub-folder")
        yield folder, names
        if depth < _MAX_DEPTH:
            pending += [(folder / name, depth + 1) for name in reversed(folders)]


@contextmanager
def shared_listings() -> Iterator[None]:
    """Lists each folder once within the block, however many readers search it."""
    token = _listings.set({})
    try:
        yield
    finally:
        _listings.reset(token)


def _list_folder(folder: Path) -> _Listing:
    """The sorted names of the regular files and of the folders in a folder, without links."""
    cache = _listings.get()
    if cache is not None and folder in cache:
        return cache[folder]
    names, folders = [], []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                # A folder has the types of its entries: no file is touched.
                if entry.is_file(follow_symlinks=False):
                    names.append(entry.name)
                elif entry.is_dir(follow_symlinks=False) and entry.name not in _SKIPPED_FOLDERS:
                    folders.append(entry.name)
    except OSError:
        pass  # A folder without permission contains no logs that can be read.
    listing = sorted(names), sorted(folders)
    if cache is not None and len(cache) < _MAX_SHARED_FOLDERS:
        cache[folder] = listing
    return listing


def relative_id(path: Path, searched: Path) -> str:
    """What identifies a file or folder of a log: its path from the folder that was searched.

    It begins with the name of that folder, so that the same names in two folders are two runs:
    `runs/a/metrics.csv` if `runs` was searched, `a/metrics.csv` if the file itself was named.
    """
    root = searched if searched.is_dir() else searched.parent
    try:
        relative = path.relative_to(root)
    except ValueError:
        relative = Path(path.name)
    # `.resolve()` gives the name of `.` and `..`.
    return path_text(Path(root.resolve().name) / relative)


def path_text(path: Path) -> str:
    """A path as text with slashes; a name may have bytes that are no UTF-8, which are replaced."""
    return os.fsencode(path.as_posix()).decode("utf-8", "replace")


def run_name(file: Path) -> str:
    """The name of a run whose log has no name: that of the file, or of its folder.

    >>> run_name(Path("runs/small/metrics.csv")), run_name(Path("runs/small.csv"))
    ('small', 'small')
    """
    file = file.absolute()
    if file.stem.lower() in _GENERAL_NAMES and file.parent.name:
        return path_text(Path(file.parent.name))
    return path_text(Path(file.stem))


def read_head(path: Path, size: int = HEAD_BYTES) -> bytes:
    """The first bytes of a file; none if it cannot be read."""
    try:
        status = path.stat()
    except OSError:
        return b""
    if status.st_size > _MAX_CACHED_FILE:
        return _read_head(path, size)
    # Each reader looks at the same small files.
    identity = status.st_dev, status.st_ino, status.st_mtime_ns
    return _read_small_file(path, identity, status.st_size)[:size]


def _read_head(path: Path, size: int) -> bytes:
    try:
        with open_regular(path) as file:
            return file.read(size)
    except OSError:
        return b""


@lru_cache(maxsize=20_000)
def _read_small_file(path: Path, _identity: tuple[int, int, int], size: int) -> bytes:
    return _read_head(path, size)


def read_document(path: Path, limit: int = MAX_DOCUMENT) -> bytes:
    """The content of a file of bounded size.

    Raises:
        DataError: it cannot be read or is too large.
    """
    try:
        if path.stat().st_size > limit:
            raise DataError(f"{path}: larger than the limit of {limit >> 20} MiB")
        return read_limited(path, limit)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from error
