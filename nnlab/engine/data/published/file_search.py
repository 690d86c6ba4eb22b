"""Where the files of a published set may lie on this machine, in the order they are looked for."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from nnlab.engine.data.published.sources import SOURCES, PublishedFile
from nnlab.errors import DataError
from nnlab.io.files import cache_dir


def find_files(name: str, folder: str = "") -> tuple[Path, ...] | None:
    """The files of a set, from the first place that has all of them; None where no place has.

    Args:
        name: a key of `SOURCES`.
        folder: the only place to look, where one was named.

    Raises:
        DataError: the folder named does not have them.
    """
    files = SOURCES[name].files
    if folder:
        place = Path(folder).expanduser()
        found = _find_all(place, files)
        if found is None:
            missing = [file.name for file in files if _find_file(place, file) is None]
            raise DataError(
                f"{place} does not have {', '.join(missing)}"
                if place.is_dir()
                else f"no folder at {place}",
                hint=f"--data {name}:FOLDER needs {', '.join(file.name for file in files)} in it",
            )
        return found
    all_found = (_find_all(place, files) for place in search_folders(name))
    return next((found for found in all_found if found is not None), None)


def search_folders(name: str) -> Iterator[Path]:
    """The folders to look in: NNLAB_DATA, the distribution's package, the user's cache."""
    if os.environ.get("NNLAB_DATA"):
        yield Path(os.environ["NNLAB_DATA"]).expanduser() / name
    package = SOURCES[name].package
    if package is not None:
        yield package
    yield cache_dir() / "data" / name


def download_folder(name: str) -> Path:
    """The folder that a download goes to: NNLAB_DATA where it is set, else the user's cache."""
    chosen = os.environ.get("NNLAB_DATA")
    return (Path(chosen).expanduser() if chosen else cache_dir() / "data") / name


def _find_all(place: Path, files: Sequence[PublishedFile]) -> tuple[Path, ...] | None:
    found = [_find_file(place, file) for file in files]
    return tuple(path for path in found if path is not None) if all(found) else None


def _find_file(place: Path, file: PublishedFile) -> Path | None:
    """The file packed or, where it is a single packed file, unpacked."""
    unpacked = [file.name.removesuffix(".gz")] if file.sha256 else []
    paths = (place / name for name in (file.name, *unpacked))
    return next((path for path in paths if path.is_file()), None)
