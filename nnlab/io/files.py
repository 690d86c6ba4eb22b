"""Files that are at any moment either the old one or the new one, whole; regular files to read."""

import contextlib
import errno
import hashlib
import os
import stat
from io import BufferedReader
from pathlib import Path

from nnlab.errors import DiskFull, NnlabError, OutputError

_DISK_FULL_ERRNOS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_PERMISSION_ERRNOS = (errno.EACCES, errno.EPERM, errno.EROFS)
_FILE_KINDS = ((stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a pipe"), (stat.S_ISSOCK, "a socket"))


def cache_dir() -> Path:
    """The user's cache folder for nnlab: on Linux `$XDG_CACHE_HOME/nnlab` or `~/.cache/nnlab`."""
    # Imported only here: most commands never need the cache.
    from platformdirs import user_cache_path

    return user_cache_path("nnlab", appauthor=False)


def write_atomic(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Writes beside, flushes to the disk, and renames; a link stays a link.

    What is no regular file, as a pipe or /dev/stdout, is written to directly: renaming would
    replace the device.

    Args:
        path: the file.
        content: all of it.
        durable: wait until the disk has it.

    Raises:
        DiskFull: no room, or a quota is used up; what was there before is untouched.
        OutputError: the place cannot be written.
    """
    check_writable(path)
    target = path.resolve()
    if target.exists() and not target.is_file():
        _write_to_device(target, path, content)
        return
    beside = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        # Created anew: a link that lies there under this name must not be written through.
        beside.unlink(missing_ok=True)
        with beside.open("xb") as file:
            file.write(content)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        beside.replace(target)
    except OSError as error:
        raise to_nnlab_error(error, path) from error
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
        raise to_nnlab_error(error, path) from error


def main_memory_bytes() -> int:
    """The bytes of main memory of this machine; 8 GiB where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return 8 << 30


def check_writable(path: Path) -> None:
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


def to_nnlab_error(error: OSError, path: Path) -> NnlabError:
    """What the system says of a file that could not be written, in our words."""
    if error.errno in _DISK_FULL_ERRNOS:
        return DiskFull(
            f"cannot write '{path}': no room left on the disk",
            hint="free some room, or name a file on another disk",
        )
    if error.errno in _PERMISSION_ERRNOS:
        return OutputError(
            f"cannot write '{path}': no permission to write in '{path.parent}'",
            hint="name another place",
        )
    return OutputError(f"cannot write '{path}': {error.strerror or error}")


def open_regular(path: Path, *, follow_links: bool = True) -> BufferedReader:
    """A regular file, opened for reading.

    A FIFO would block the reader, and a device such as /dev/zero never ends. The descriptors of
    this process, /dev/stdin and /dev/fd/N, may also be pipes.

    Args:
        path: the file.
        follow_links: whether the path itself may be a symbolic link.

    Raises:
        OSError: it cannot be opened, or is a FIFO, a device, a socket, a folder, or a link that is
            not to be followed; `strerror` says which.
    """
    found = path.stat() if follow_links else path.lstat()
    if follow_links and _is_inherited_pipe(path, found.st_mode):
        return path.open("rb")
    _check_regular(found.st_mode, path)
    flags = os.O_RDONLY | sum(getattr(os, name, 0) for name in _OPEN_FLAGS)
    if not follow_links:
        flags |= getattr(os, "O_NOFOLLOW", 0)
    descriptor = os.open(path, flags)
    try:
        # What lies there may have been exchanged since it was looked at.
        _check_regular(os.fstat(descriptor).st_mode, path)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


_OPEN_FLAGS = ("O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC", "O_BINARY")


def _is_inherited_pipe(path: Path, mode: int) -> bool:
    """Whether a path is a descriptor of this process, /dev/stdin or /dev/fd/N, that is a pipe."""
    is_own = str(path) == "/dev/stdin" or str(path.parent) in ("/dev/fd", "/proc/self/fd")
    return is_own and stat.S_ISFIFO(mode)


def _check_regular(mode: int, path: Path) -> None:
    if stat.S_ISLNK(mode):
        raise OSError(errno.ELOOP, "a symbolic link, which is not followed", str(path))
    if not stat.S_ISREG(mode):
        kind = next((name for test, name in _FILE_KINDS if test(mode)), "a device")
        code = errno.EISDIR if stat.S_ISDIR(mode) else errno.EINVAL
        raise OSError(code, f"{kind}, not a regular file", str(path))


def read_limited(path: Path, limit: int, *, follow_links: bool = True) -> bytes:
    """The content of a regular file of at most `limit` bytes.

    Raises:
        OSError: it is larger, or as `open_regular`.
    """
    with open_regular(path, follow_links=follow_links) as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        size = f"{limit // 2**20} MiB" if limit >= 2**20 else f"{limit:,} bytes"
        raise OSError(errno.EFBIG, f"larger than {size}, the most that is read", str(path))
    return content


def sha256_of(path: Path) -> str:
    """The SHA-256 of a regular file's content, 64 hex digits.

    Raises:
        OSError: it cannot be read.
    """
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
