"""`EarlierLogs`: logs of earlier runs in a log folder, whose files a script may write anew."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from nnlab.exchange.log_reader import LoggedRun

_TAIL_BYTES = 256


class EarlierLogs:
    """The files that were in a log folder before a script started.

    Scripts often have one fixed log folder: a later run writes the same file anew, or another file
    beside it. A file to which something is only appended still belongs to the earlier run.
    """

    def __init__(self, logs: Iterable[LoggedRun]) -> None:
        paths = {path for logged in logs for path in logged.paths}
        states = ((path, _FileState.of(path)) for path in paths)
        self._states = {path: state for path, state in states if state is not None}

    def new_part(self, logged: LoggedRun) -> LoggedRun | None:
        """The log with its files that are new or were written anew; None if it has none."""
        for path in logged.paths:
            if path in self._states and self._states[path].was_replaced(path):
                del self._states[path]
        paths = tuple(path for path in logged.paths if path not in self._states)
        return replace(logged, paths=paths) if paths else None


@dataclass(frozen=True, slots=True)
class _FileState:
    """What identifies the content of a file at a time: its end, among others."""

    inode: int
    size: int
    mtime: int
    tail: bytes

    @classmethod
    def of(cls, path: Path) -> "_FileState | None":
        """The state of a file; None if it cannot be read."""
        try:
            status = path.stat()
            tail = _read_before(path, status.st_size)
        except OSError:
            return None
        return cls(status.st_ino, status.st_size, status.st_mtime_ns, tail)

    def was_replaced(self, path: Path) -> bool:
        """Whether the file was written anew since, and not only extended."""
        try:
            status = path.stat()
            if status.st_ino != self.inode or status.st_size < self.size:
                return True
            if status.st_mtime_ns == self.mtime:
                return False
            return status.st_size == self.size or _read_before(path, self.size) != self.tail
        except OSError:
            return False


def _read_before(path: Path, end: int) -> bytes:
    """The bytes of a file before a position."""
    with path.open("rb") as file:
        start = max(0, end - _TAIL_BYTES)
        file.seek(start)
        return file.read(end - start)
