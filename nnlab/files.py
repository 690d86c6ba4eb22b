"""Files that are at any moment either the old one or the new one, whole."""

import contextlib
import errno
import hashlib
import os
import stat
from pathlib import Path

from nnlab.errors import DataError, DiskFull, NnlabError, OutputError

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)
_KINDS = ((stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a pipe"), (stat.S_ISSOCK, "a socket"))


def cache() -> Path:
    """The user's cache folder for nnlab (XDG base directory specification)."""
    chosen = os.environ.get("XDG_CACHE_HOME")
    return (Path(chosen) if chosen else Path.home() / ".cache") / "nnlab"


def write_whole(path: Path, content: bytes) -> None:
    """Writes beside, flushes to the disk, and renames; a link stays a link.

    What is no ordinary file, as a pipe or /dev/stdout, is written to directly: renaming would
    replace the device.

    Raises:
        DiskFull: no room, or a quota is used up; what was there before is untouched.
        OutputError: the place cannot be written.
    """
    check_place(path)
    target = path.resolve()
    if target.exists() and not target.is_file():
        _write_to_device(target, path, content)
        return
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


def _write_to_device(device: Path, path: Path, content: bytes) -> None:
    try:
        with device.open("wb", buffering=0) as file:
            left = memoryview(content)
            while left:
                left = left[file.write(left) or 0 :]
    except OSError as error:
        raise as_ours(error, path) from error


def read_limited(path: Path, limit: int) -> bytes:
    """The content of an ordinary file of at most `limit` bytes.

    The descriptors of this process, /dev/stdin and /dev/fd/N, may also be pipes.

    Raises:
        DataError: it is a device or a pipe that may never end, or larger.
        OSError: it cannot be read.
    """
    check_ordinary(path)
    with path.open("rb") as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise DataError(f"{path} is larger than {limit:,} bytes, the most that is read")
    return content


def check_ordinary(path: Path) -> None:
    """Checks that a path is that of a file with an end, before opening it may block.

    Raises:
        DataError: it is a folder, a device, or a pipe that is not one of this process.
        OSError: there is no such file.
    """
    mode = path.stat().st_mode
    is_own = str(path) == "/dev/stdin" or str(path.parent) in ("/dev/fd", "/proc/self/fd")
    if not stat.S_ISREG(mode) and not (is_own and stat.S_ISFIFO(mode)):
        kind = next((name for test, name in _KINDS if test(mode)), "a device")
        raise DataError(f"{path} is {kind}, not an ordinary file")


def main_memory() -> int:
    """The bytes of main memory of this machine; 8 GiB where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return 8 << 30


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
