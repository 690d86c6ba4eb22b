"""The search for a data file: at its path, next to the database, in NNLAB_DATA, or moved."""

import os
from collections.abc import Iterable
from pathlib import Path

from nnlab.errors import DataError

# Shared by the whole process, which works on one database. A dict keeps the order of the folders.
_search_folders: dict[Path, None] = {}
_moved_paths: dict[Path, Path] = {}


def add_search_folder(folder: Path) -> None:
    """Adds a folder to search for relative paths, after the working folder."""
    _search_folders[folder.absolute()] = None


def add_moved_paths(moved: Iterable[tuple[str, str]]) -> None:
    """Adds the new paths of moved files: pairs of the path in the settings and the new path."""
    _moved_paths.update((Path(old), Path(new)) for old, new in moved)


def find_data_file(text: str, usage: str, what: str = "data file") -> Path:
    """The file or folder that a setting names.

    The candidates are, in this order: the path itself, the path it was moved to
    (`add_moved_paths`), a relative path in each folder of `add_search_folder` and in NNLAB_DATA,
    and the file name in NNLAB_DATA. Callers compare the hash of the content, so a different file
    of the same name is not used by mistake.

    Args:
        text: the path.
        usage: the syntax on the command line, for messages.
        what: the noun for messages.

    Raises:
        DataError: no candidate exists; the message lists them.
    """
    path = Path(text).expanduser()
    candidates = [path]
    if Path(text) in _moved_paths:
        candidates.append(_moved_paths[Path(text)])
    data_folder = os.environ.get("NNLAB_DATA")
    if not path.is_absolute():
        candidates += [folder / path for folder in _search_folders]
    if data_folder:
        folder = Path(data_folder).expanduser()
        candidates += [] if path.is_absolute() else [folder / path]
        candidates.append(folder / path.name)
    existing = next((candidate for candidate in candidates if candidate.exists()), None)
    if existing is not None:
        return existing
    searched = ", ".join(dict.fromkeys(str(candidate) for candidate in candidates[1:]))
    raise DataError(
        f"no {what} at {path}" + (f", nor at {searched}" if searched else ""),
        hint=f"check {usage}; if the {what} was moved, set NNLAB_DATA to its folder or give its new"
        " path: the same content counts as the same data",
    )
