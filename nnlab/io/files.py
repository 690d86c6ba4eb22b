"""Atomic writes, and reading of regular files only, used wherever nnlab accesses files."""

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
    """Writes a file so that readers see either the old or the complete new content.

    The content is written to a temporary file in the same folder, which then replaces the target;
    a symbolic link is kept. Pipes and devices such as /dev/stdout are written directly, because a
    rename would replace the device.

    Args:
        path: the file.
        content: the complete content.
        durable: whether to wait until the content is on the disk.

    Raises:
        DiskFull: the disk or a quota is full; the old file is unchanged.
        OutputError: the file cannot be written.
    """
    check_writable(path)
    target = path.resolve()
    if target.exists() and not target.is_file():
        _write_to_device(target, path, content)
        return
    partial = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        # Removed first, because an existing link of this name must not be followed.
        partial.unlink(missing_ok=True)
        with partial.open("xb") as file:
            file.write(content)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        partial.replace(target)
    except OSError as error:
        raise to_nnlab_error(error, path) from error
    finally:
        # This fails only if the folder is gone or not accessible.
        with contextlib.suppress(OSError):
            partial.unlink()


def _write_to_device(device: Path, path: Path, content: bytes) -> None:
    try:
        with device.open("wb", buffering=0) as file:
            remaining = memoryview(content)
            while remaining:
                remaining = remaining[file.write(remaining) or 0 :]
    except OSError as error:
        raise to_nnlab_error(error, path) from error


def main_memory_bytes() -> int:
    """The size of this machine's main memory in bytes; 8 GiB if the system does not report it."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return 8 << 30


def check_writable(path: Path) -> None:
    """Raises an error early if a file cannot be written.

    Raises:
        OutputError: the path is a folder, its parent is not a folder, or the file is read-only.
    """
    folder = path.parent
    if path.is_dir():
        raise OutputError(f"'{path}' is a folder", hint="give the name of a file in it")
    if not folder.exists():
        raise OutputError(
            f"cannot write '{path}': the folder '{folder}' does not exist",
            hint=f"create it first: mkdir -p {folder}",
        )
    if not folder.is_dir():
        raise OutputError(
            f"cannot write '{path}': '{folder}' is a file, not a folder",
            hint="choose another folder",
        )
    if path.exists() and not os.access(path, os.W_OK):
        raise OutputError(
            f"cannot write '{path}': the file is read-only",
            hint="make it writable, or choose another file",
        )


def to_nnlab_error(error: OSError, path: Path) -> NnlabError:
    """The nnlab error for an error of the system while writing a file."""
    if error.errno in _DISK_FULL_ERRNOS:
        return DiskFull(
            f"cannot write '{path}': no room left on the disk",
            hint="free some space, or choose a file on another disk",
        )
    if error.errno in _PERMISSION_ERRNOS:
        return OutputError(
            f"cannot write '{path}': no permission to write in '{path.parent}'",
            hint="choose another folder",
        )
    return OutputError(f"cannot write '{path}': {error.strerror or error}")


def open_regular(path: Path, *, follow_links: bool = True) -> BufferedReader:
    """A regular file, opened for reading.

    Other files are refused, because a FIFO would block the reader, and a device such as /dev/zero
    never ends. The descriptors of this process, /dev/stdin and /dev/fd/N, may be pipes.

    Args:
        path: the file.
        follow_links: whether the path itself may be a symbolic link.

    Raises:
        OSError: the file cannot be opened, or it is a FIFO, a device, a socket, a folder, or a link
            that must not be followed; `strerror` says which.
    """
    status = path.stat() if follow_links else path.lstat()
    if follow_links and _is_inherited_pipe(path, status.st_mode):
        return path.open("rb")
    _check_regular(status.st_mode, path)
    flags = os.O_RDONLY | sum(getattr(os, name, 0) for name in _OPEN_FLAGS)
    if not follow_links:
        flags |= getattr(os, "O_NOFOLLOW", 0)
    descriptor = os.open(path, flags)
    try:
        # Checked again, because the file may have been replaced since the first check.
        _check_regular(os.fstat(descriptor).st_mode, path)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


_OPEN_FLAGS = ("O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC", "O_BINARY")


def _is_inherited_pipe(path: Path, mode: int) -> bool:
    """Whether a path is a descriptor of this process, /dev/stdin or /dev/fd/N, that is a pipe."""
    is_descriptor = str(path) == "/dev/stdin" or str(path.parent) in ("/dev/fd", "/proc/self/fd")
    return is_descriptor and stat.S_ISFIFO(mode)


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
        OSError: the file is larger, or `open_regular` refuses it.
    """
    with open_regular(path, follow_links=follow_links) as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        size = f"{limit // 2**20} MiB" if limit >= 2**20 else f"{limit:,} bytes"
        raise OSError(errno.EFBIG, f"larger than the limit of {size}", str(path))
    return content


def sha256_of(path: Path) -> str:
    """The SHA-256 of a regular file's content, as 64 hex digits.

    Raises:
        OSError: the file cannot be read.
    """
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
