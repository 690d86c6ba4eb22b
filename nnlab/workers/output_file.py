"""`OutputFile`, the file with the output of a script: limited in size, with the newest lines."""

import contextlib
import os
from collections import deque
from pathlib import Path

OUTPUT_NAME = "output.txt"
# Of a longer output, the beginning and the end are kept.
MAX_BEGINNING_BYTES = 8 << 20
MAX_END_BYTES = 8 << 20
# The last bytes that are kept in memory, for messages about a failure.
TAIL_BYTES = 64 << 10


class OutputFile:
    """Writes the output of a script to a file; called by one thread."""

    def __init__(
        self,
        path: Path,
        *,
        max_beginning: int = MAX_BEGINNING_BYTES,
        max_end: int = MAX_END_BYTES,
    ) -> None:
        """Appends to the file of earlier attempts at the run.

        Args:
            path: the file.
            max_beginning: bytes that are written before the end is kept separately.
            max_end: bytes of the end.
        """
        self._path, self._max_beginning, self._max_end = path, max_beginning, max_end
        self._file = path.open("ab", buffering=0)
        self._size = self._file.tell()
        self._end: deque[bytes] = deque()
        self._end_size = self._left_out = 0
        self._tail = b""

    def write(self, content: bytes) -> None:
        """Adds output; a full disk loses it, and the script goes on."""
        self._tail = (self._tail + content)[-TAIL_BYTES:]
        room = max(0, self._max_beginning - self._size)
        beginning, rest = content[:room], content[room:]
        if beginning:
            self._append(beginning)
            self._size += len(beginning)
        if rest:
            self._end.append(rest)
            self._end_size += len(rest)
        while self._end_size > self._max_end:
            dropped = self._end.popleft()
            self._end_size -= len(dropped)
            self._left_out += len(dropped)

    def close(self) -> None:
        """Writes the end of a long output."""
        if self._left_out:
            self._append(f"\n[... {self._left_out:,} bytes left out ...]\n".encode())
        for part in self._end:
            self._append(part)
        self._end.clear()
        self._file.close()

    @property
    def tail(self) -> str:
        """The end of the output."""
        return self._tail.decode(errors="replace")

    def _append(self, content: bytes) -> None:
        # A full disk must not end the training of somebody's script. The file is closed if other
        # processes of a script still write after the script itself has ended.
        with contextlib.suppress(OSError, ValueError):
            self._file.write(content)


def last_lines(path: Path, count: int, max_bytes: int = TAIL_BYTES) -> list[str]:
    """The last lines of an output file; none if it cannot be read."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - max_bytes))
            text = file.read(max_bytes).decode(errors="replace")
    except OSError:
        return []
    return shown_lines(text)[-count:]


def shown_lines(text: str) -> list[str]:
    """The lines of an output as a terminal shows them: after a carriage return, the new text."""
    lines = (line.rstrip("\r").rpartition("\r")[2].rstrip() for line in text.split("\n"))
    return [line for line in lines if line]
