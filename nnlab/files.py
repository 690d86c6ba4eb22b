"""Files that are at any moment either the old one or the new one, whole."""

import contextlib
import errno
import os
from pathlib import Path

from nnlab.errors import DiskFull, OutputError

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def write_whole(path: Path, content: bytes) -> None:
    """Writes beside, flushes to the disk, and renames.

    Raises:
        DiskFull: no room, or a quota is used up; what was there before is untouched.
        OutputError: the folder is missing or cannot be written.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise as_ours(error, path) from None


def as_ours(error: OSError, path: Path) -> DiskFull | OutputError:
    """What the system says of a file that could not be written, in our words."""
    if error.errno in _NO_ROOM:
        return DiskFull(f"no room left to write {path}", hint="free some space and try again")
    if error.errno == errno.ENOENT:
        return OutputError(f"cannot write {path}: there is no folder {path.parent}")
    return OutputError(f"cannot write {path}: {error.strerror}")
