"""Where the data file of a setting is: at its path, beside the database, in NNLAB_DATA, moved."""

import os
from collections.abc import Iterable
from pathlib import Path

from nnlab.errors import DataError

# Of this process: a command looks at one database, a worker at that of its command.
_folders: dict[Path, None] = {}
_moved: dict[Path, Path] = {}


def add_search_folder(folder: Path) -> None:
    """Has relative paths looked up in one more folder, after the working folder."""
    _folders[folder.absolute()] = None


def add_moved_paths(moved: Iterable[tuple[str, str]]) -> None:
    """Has files looked up elsewhere: pairs of a path as settings name it and where it is now."""
    _moved.update((Path(old), Path(new)) for old, new in moved)


def find_data_file(text: str, usage: str, what: str = "data file") -> Path:
    """The file or folder that a setting names.

    It is at its own path; where it was moved to (`add_moved_paths`); else its relative path is looked up
    in the folders of `add_search_folder` and in NNLAB_DATA, where a file of an absolute path may lie under
    its name alone. What is found is used only if its content is what the run was set up with:
    callers compare hashes.

    Args:
        text: the path.
        usage: how it is given on the command line, for a message.
        what: it is, for a message.

    Raises:
        DataError: it is nowhere; the message lists the places and says how to name another.
    """
    path = Path(text).expanduser()
    places = [path]
    if Path(text) in _moved:
        places.append(_moved[Path(text)])
    data = os.environ.get("NNLAB_DATA")
    if not path.is_absolute():
        places += [folder / path for folder in _folders]
    if data:
        folder = Path(data).expanduser()
        places += [] if path.is_absolute() else [folder / path]
        places.append(folder / path.name)
    found = next((place for place in places if place.exists()), None)
    if found is not None:
        return found
    looked = ", ".join(dict.fromkeys(str(place) for place in places[1:]))
    raise DataError(
        f"no {what} at {path}" + (f", nor at {looked}" if looked else ""),
        hint=f"{usage} names it; if it was moved, set NNLAB_DATA to its folder, or name it at its"
        " new path: the same content is the same data",
    )
