"""Files that are at any moment either the old one or the new one, whole."""

import contextlib
import errno
import hashlib
import os
from pathlib import Path

from nnlab.errors import DiskFull, NnlabError, OutputError

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


def cache() -> Path:
    """The user's cache folder for nnlab (XDG base directory specification)."""
    chosen = os.environ.get("XDG_CACHE_HOME")
    return (Path(chosen) if chosen else Path.home() / ".cache") / "nnlab"


def write_whole(path: Path, content: bytes) -> None:
    """Writes beside, flushes to the disk, and renames; a link stays a link.

    Raises:
        DiskFull: no room, or a quota is used up; what was there before is untouched.
        OutputError: the place cannot be written.
    """
    check_place(path)
    target = path.resolve()
    beside = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)
    except OSError as error:
        raise as_ours(error, path) from error
    finally:
        # A failure means that the folder is gone or closed to us: nothing of ours is left in it.
        with contextlib.suppress(OSError):
            beside.unlink()


def check_place(path: Path) -> None:
    """Says early why a file cannot be written there.

    Raises:
        OutputError: it is a folder, its folder is none, or it is read-only.
    """
    folder = path.parent
    if path.is_dir():
        raise OutputError(f"'{path}' is a folder", hint="name a file in it")
    if not folder.exists():
        raise OutputError(
            f"cannot write '{path}': the folder '{folder}' does not exist",
            hint=f"make it first: mkdir -p {folder}",
        )
    if not folder.is_dir():
        raise OutputError(
            f"cannot write '{path}': '{folder}' is a file, not a folder",
            hint="name another place",
        )
    if path.exists() and not os.access(path, os.W_OK):
        raise OutputError(
            f"cannot write '{path}': the file is read-only",
            hint="make it writable, or name another file",
        )


def as_ours(error: OSError, path: Path) -> NnlabError:
    """What the system says of a file that could not be written, in our words."""
    if error.errno in _NO_ROOM:
        return DiskFull(
            f"cannot write '{path}': no room left on the disk",
            hint="free some room, or name a file on another disk",
        )
    if error.errno in _FORBIDDEN:
        return OutputError(
            f"cannot write '{path}': no permission to write in '{path.parent}'",
            hint="name another place",
        )
    return OutputError(f"cannot write '{path}': {error.strerror or error}")


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's content, 64 hex digits.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
