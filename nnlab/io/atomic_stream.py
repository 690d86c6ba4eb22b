"""Files that are written piece by piece and appear under their name when they are complete."""

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from nnlab.errors import OutputError
from nnlab.io.files import check_writable, to_nnlab_error


@contextmanager
def open_atomic(path: Path) -> Iterator[IO[bytes]]:
    """A file for writing, which replaces the target when the context ends without an error.

    Devices and pipes such as /dev/stdout are written directly. After an error the target is
    unchanged.

    Raises:
        DiskFull: the disk or a quota is full.
        OutputError: the file cannot be written.
    """
    check_writable(path)
    target = path.resolve()
    if target.exists() and not target.is_file():
        with _converting_errors(path), target.open("wb") as device:
            yield device
        return
    partial = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with _converting_errors(path):
            # Removed first, because an existing link of this name must not be followed.
            partial.unlink(missing_ok=True)
            with partial.open("xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            partial.replace(target)
    finally:
        # This fails only if the folder is gone or not accessible.
        with contextlib.suppress(OSError):
            partial.unlink()


def check_is_new(path: Path, *, force: bool) -> None:
    """Raises an error if a file exists whose origin cannot be seen in it.

    Tables of predictions and exported models have no provenance, so that any program reads them.

    Args:
        path: the file to be written.
        force: whether an existing file may be replaced.

    Raises:
        OutputError: the file exists; devices and pipes may be written.
    """
    check_writable(path)
    if not force and (path.is_file() or (path.is_symlink() and not path.exists())):
        raise OutputError(
            f"'{path}' exists: it is not replaced",
            hint="choose another file name; --force replaces it",
        )


@contextmanager
def _converting_errors(path: Path) -> Iterator[None]:
    """Raises the errors of the system as errors of nnlab."""
    try:
        yield
    except OSError as error:
        raise to_nnlab_error(error, path) from error
