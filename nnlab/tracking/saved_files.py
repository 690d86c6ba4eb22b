"""`run.save`: copies of files of the program in the folder of the run."""

import glob
import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from nnlab.errors import OutputError, UsageError
from nnlab.io.files import open_regular
from nnlab.io.folders import check_relative_name
from nnlab.records import Artifact

_BLOCK = 1 << 20
_MAX_FILES = 10_000


def saved_paths(pattern: str) -> list[Path]:
    """The files that a path, a folder or a pattern with `*` means."""
    expanded = os.path.expanduser(pattern)  # noqa: PTH111  a pattern is no path
    if glob.has_magic(expanded) and not os.path.lexists(expanded):
        paths = [Path(path) for path in glob.iglob(expanded, recursive=True)]  # noqa: PTH207
    else:
        paths = [Path(expanded)]
    files = [file for path in paths for file in _files_of(path)]
    if len(files) > _MAX_FILES:
        raise UsageError(f"{pattern} are {len(files):,} files; at most {_MAX_FILES:,} are saved")
    return files


def _files_of(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from sorted(file for file in path.rglob("*") if file.is_file())
    elif path.is_file():
        yield path


def copy_file(source: Path, base: Path | None, folder: Path, run_id: int) -> Artifact:
    """Copies a file to `files/` in the folder of the run; returns its artifact.

    A file that is in the folder of the run already stays where it is.

    Args:
        source: the file.
        base: the folder to which the name in the run is relative; None uses the file's name.
        folder: the folder of the run.
        run_id: the run.

    Raises:
        OutputError: the file cannot be read or written.
    """
    inside = _relative_to(source.absolute(), folder.absolute())
    relative = inside or f"files/{_name_in_run(source, base)}"
    target = folder / relative
    try:
        digest, size = hashlib.sha256(), 0
        partial = target.with_name(f".{target.name}.{os.getpid()}.part")
        if inside is None:
            target.parent.mkdir(parents=True, exist_ok=True)
        with (
            open_regular(source) as file,
            open(  # noqa: PTH123
                os.devnull if inside else partial, "wb"
            ) as copy,
        ):
            while block := file.read(_BLOCK):
                digest.update(block)
                size += len(block)
                copy.write(block)
        if inside is None:
            partial.replace(target)
    except OSError as error:
        with suppress(OSError):
            partial.unlink()
        raise OutputError(f"cannot save {source}: {error.strerror or error}") from None
    name = relative.removeprefix("files/")
    return Artifact(run_id, f"file/{name}", f"{run_id}/{relative}", digest.hexdigest(), size)


def _name_in_run(source: Path, base: Path | None) -> str:
    relative = None if base is None else _relative_to(source.absolute(), base.absolute())
    return check_relative_name(relative or source.name)


def _relative_to(path: Path, folder: Path) -> str | None:
    try:
        return Path(os.path.normpath(path)).relative_to(os.path.normpath(folder)).as_posix()
    except ValueError:
        return None
