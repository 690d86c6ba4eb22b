"""A log of lines that may still grow: it is read from where the last reading ended."""

import hashlib
import os
from collections.abc import Generator
from pathlib import Path
from types import TracebackType
from typing import Self

from nnlab.errors import DataError
from nnlab.exchange.log_reader import Audit, JsonValue, Position
from nnlab.io.files import open_regular

MAX_LINE = 8 << 20
_BLOCK = 256 << 10
_PREFIX = 64 << 10
_SUFFIX = 256


class GrowingFile:
    """The lines of a file from a position on.

    `was_replaced` is True if what was read earlier is no longer in the file; the lines then begin
    at its start. `offset` is the number of bytes up to the end of the last line that `lines`
    returned.
    """

    def __init__(self, path: Path, position: Position | None, audit: Audit) -> None:
        """Opens the file.

        Raises:
            DataError: it cannot be opened.
        """
        self._path = path
        self._audit = audit
        try:
            self._file = open_regular(path)
            try:
                self.offset = self._checked_offset(position or {})
            except BaseException:
                self._file.close()
                raise
        except OSError as error:
            raise DataError(f"{path}: {error.strerror or error}") from error
        self.was_replaced = bool((position or {}).get("offset")) and self.offset == 0
        self.ended_unterminated = False
        self._line_start = self.offset

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()

    def first_lines(self) -> Generator[str, None, None]:
        """The lines from the start of the file, for a header; `offset` moves along."""
        self.offset = 0
        return self.lines(accept_unterminated=True)

    def lines(self, *, accept_unterminated: bool) -> Generator[str, None, None]:
        """The lines from `offset` on, with their line ends, decoded as UTF-8.

        The last line may lack its line end because the program is writing it or was killed. It is
        returned if `accept_unterminated`; otherwise it is left for the next reading. A line that is
        too long is left out. Both are noted in the audit.

        Raises:
            DataError: the file cannot be read.
        """
        try:
            self._file.seek(self.offset)
            rest = b""
            while block := self._file.read(_BLOCK):
                *lines, rest = (rest + block).split(b"\n") if rest else block.split(b"\n")
                for line in lines:
                    yield self._next_line(line + b"\n")
                if len(rest) > MAX_LINE:
                    self._skip_line(len(rest))
                    rest = b""
            if not rest:
                return
            self.ended_unterminated = True
            if accept_unterminated:
                yield self._next_line(rest)
            else:
                self._audit.add("truncated", "the last line is incomplete")
        except OSError as error:
            raise DataError(f"{self._path}: {error.strerror or error}") from error

    def leave_last_line(self) -> None:
        """Leaves a last line that turned out to be incomplete for the next reading."""
        self.offset = self._line_start
        self.ended_unterminated = False
        self._audit.add("truncated", "the last line is incomplete")

    def position(self) -> dict[str, JsonValue]:
        """The position after the last line that was returned."""
        return {
            "offset": self.offset,
            "fingerprint": self._fingerprint(self.offset),
            "terminated": not self.ended_unterminated,
        }

    def _next_line(self, line: bytes) -> str:
        """The text of the line at the offset, which moves to its end."""
        self._line_start = self.offset
        self.offset += len(line)
        if self._line_start == 0:
            line = line.removeprefix(b"\xef\xbb\xbf")  # the byte order mark that Excel writes
        try:
            return line.decode("utf-8")
        except UnicodeDecodeError:
            self._audit.add("invalid-utf-8", "bytes that are not UTF-8 were replaced")
            return line.decode("utf-8", "replace")

    def _skip_line(self, length: int) -> None:
        """Moves behind a line whose first part, of this length, was read."""
        while part := self._file.readline(1 << 20):
            length += len(part)
            if part.endswith(b"\n"):
                break
        self.offset += length
        self._audit.add("long-line", f"lines of more than {MAX_LINE >> 20} MiB were left out")

    def _checked_offset(self, position: Position) -> int:
        """The offset of a position; 0 if the file no longer begins with what was read."""
        offset = position.get("offset")
        size = os.fstat(self._file.fileno()).st_size
        if not isinstance(offset, int) or not 0 < offset <= size:
            return 0
        if self._fingerprint(offset) != position.get("fingerprint"):
            return 0
        if position.get("terminated") is False:
            self._file.seek(offset)
            # The last line was taken although it had no line end; it must not have grown.
            if self._file.read(1) not in (b"", b"\n", b"\r"):
                return 0
        return offset

    def _fingerprint(self, offset: int) -> str:
        """A checksum of the first and the last bytes before an offset."""
        self._file.seek(0)
        content = self._file.read(min(offset, _PREFIX))
        suffix_start = max(0, offset - _SUFFIX)
        self._file.seek(suffix_start)
        content += self._file.read(offset - suffix_start)
        return hashlib.sha256(content).hexdigest()[:32]
