"""The search for the files of a published data set on this machine."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from nnlab.engine.data.published.sources import SOURCES, PublishedFile
from nnlab.errors import DataError
from nnlab.io.files import cache_dir


def find_files(name: str, folder: str = "") -> tuple[Path, ...] | None:
    """The files of a data set, from the first folder that has all of them; None if none has.

    Args:
        name: a key of `SOURCES`.
        folder: if not empty, the only folder to search.

    Raises:
        DataError: `folder` lacks files.
    """
    if folder:
        return files_in_folder(name, folder)
    files = SOURCES[name].files
    candidates = (_find_all(path, files) for path in search_folders(name))
    return next((paths for paths in candidates if paths is not None), None)


def files_in_folder(name: str, folder: str) -> tuple[Path, ...]:
    """The files of a data set in one folder.

    Raises:
        DataError: the folder does not exist or lacks files.
    """
    files = SOURCES[name].files
    path = Path(folder).expanduser()
    paths = _find_all(path, files)
    if paths is None:
        missing = [file.name for file in files if _find_file(path, file) is None]
        raise DataError(
            f"{path} does not contain {', '.join(missing)}"
            if path.is_dir()
            else f"no folder at {path}",
            hint=f"--data {name}:FOLDER needs {', '.join(file.name for file in files)} in it",
        )
    return paths


def search_folders(name: str) -> Iterator[Path]:
    """The folders to search: NNLAB_DATA, that of a Linux package, the user's cache."""
    if os.environ.get("NNLAB_DATA"):
        yield Path(os.environ["NNLAB_DATA"]).expanduser() / name
    package = SOURCES[name].package
    if package is not None:
        yield package
    yield cache_dir() / "data" / name


def download_folder(name: str) -> Path:
    """The folder for downloads: NNLAB_DATA if it is set, else the user's cache."""
    data_folder = os.environ.get("NNLAB_DATA")
    return (Path(data_folder).expanduser() if data_folder else cache_dir() / "data") / name


def _find_all(folder: Path, files: Sequence[PublishedFile]) -> tuple[Path, ...] | None:
    paths = [_find_file(folder, file) for file in files]
    return tuple(path for path in paths if path is not None) if all(paths) else None


def _find_file(folder: Path, file: PublishedFile) -> Path | None:
    """The file, or the unpacked version of a `.gz` file."""
    unpacked = [file.name.removesuffix(".gz")] if file.sha256 else []
    paths = (folder / name for name in (file.name, *unpacked))
    return next((path for path in paths if path.is_file()), None)
