"""Large CSV files read by pyarrow while their hash is computed, without holding their content.

Only files that pyarrow reads exactly as Python's csv module does: in UTF-8, with commas, a header,
and quotes only around whole values.
"""

import csv
import hashlib
import io
import itertools
import stat
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from nnlab.engine.data import arrow_tables
from nnlab.engine.data.table_columns import Table
from nnlab.engine.data.table_format import (
    HEAD_SIZE,
    TextFormat,
    detect_format,
    name_columns,
    split_rows,
)
from nnlab.engine.data.table_options import FormatOptions
from nnlab.io.files import open_regular

# The rows from which the types of columns are guessed.
_SAMPLE_ROWS = 100


def _byte_set(characters: bytes) -> NDArray[np.bool_]:
    """Whether each of the 256 bytes is one of these characters."""
    members = np.zeros(256, bool)
    members[list(characters)] = True
    return members


_BEFORE_QUOTE = _byte_set(b',\n"')
_AFTER_QUOTE = _byte_set(b',\r\n"')


@dataclass(frozen=True, slots=True)
class _Head:
    """The beginning of a file: the names of the columns, first rows, and lines of the header."""

    names: tuple[str, ...]
    sample: list[list[str]]
    header_lines: int


class HashingStream:
    """A file object that computes the SHA-256 of what is read, and looks for unusual bytes.

    `is_regular` becomes false at a carriage return within a line, a quote that does not enclose a
    whole value (RFC 4180), or a line end within quotes.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.closed = False
        self.restart()

    def restart(self, *, counts_lines: bool = True) -> "HashingStream":
        """This stream at the beginning of the file; `lines` is None unless it counts them."""
        self._hash, self._line_ends, self._num_quotes, self._last = hashlib.sha256(), 0, 0, b"\n"
        self._counts_lines = counts_lines
        self.is_regular = True
        self._file.seek(0)
        return self

    def read(self, size: int = -1) -> bytes:
        """The next bytes; nothing after unusual ones, so that pyarrow stops early."""
        data = self._file.read(size) if self.is_regular else b""
        self._hash.update(data)
        if self._counts_lines:
            self._line_ends += data.count(b"\n")
        if data:
            self.is_regular = not self._has_lone_return(data) and self._are_quotes_regular(data)
            self._last = data[-1:]
        return data

    @property
    def lines(self) -> int | None:
        """The number of lines, the last one with or without a line end."""
        if not self._counts_lines:
            return None
        return self._line_ends + (self._last != b"\n")

    def version(self) -> str:
        """16 hex digits of the SHA-256 of the file, which was read to its end."""
        return self._hash.hexdigest()[:16]

    def close(self) -> None:
        """Does nothing: the file belongs to the caller."""

    def readable(self) -> bool:
        """Whether the stream can be read."""
        return True

    def _has_lone_return(self, data: bytes) -> bool:
        split = self._last == b"\r" and not data.startswith(b"\n")
        if b"\r" not in data:
            return split
        return split or data.count(b"\r") - data.count(b"\r\n") > data.endswith(b"\r")

    def _are_quotes_regular(self, data: bytes) -> bool:
        is_inside = self._num_quotes % 2
        if b'"' not in data:
            ends_value = self._last != b'"' or is_inside or data[:1] in (b",", b"\r", b"\n")
            return bool(ends_value) and not (is_inside and b"\n" in data)
        # With the last byte of the previous block, which is next to the first byte of this one.
        block = np.frombuffer(self._last + data, np.uint8)
        quotes = np.flatnonzero(block == ord('"'))
        new = quotes[quotes > 0]
        openings, closings = new[is_inside::2], new[1 - is_inside :: 2]
        self._num_quotes += len(new)
        if quotes[0] == 0 and not is_inside:
            closings = np.append(closings, 0)
        closings = closings[closings + 1 < len(block)]  # the rest is checked with the next block
        line_ends = np.flatnonzero(block[1:] == ord("\n")) + 1
        quotes_before = np.searchsorted(new, line_ends) + is_inside
        return bool(
            _BEFORE_QUOTE[block[openings - 1]].all()
            and _AFTER_QUOTE[block[closings + 1]].all()
            and not (quotes_before % 2).any()
        )


def read_large_csv(
    path: Path, options: FormatOptions, target: str, text_columns: Collection[str], max_bytes: int
) -> tuple[Table, str] | None:
    """The table and 16 hex digits of the SHA-256 of the file; None if pyarrow might differ.

    Args:
        path: the file.
        options: its format, as far as it is given.
        target: the target column; the last one if it is empty.
        text_columns: columns whose texts are needed; an empty name stands for the target.
        max_bytes: limit of the file's size.

    Raises:
        OSError: the file cannot be read.
    """
    if options.encoding not in (None, "utf-8"):
        return None
    with open_regular(path) as file:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > max_bytes:
            return None
        head = _read_head(file.read(HEAD_SIZE), options)
        if head is None:
            return None
        target = target or head.names[-1]
        texts = {name or target for name in text_columns}
        stream = HashingStream(file)
        table = arrow_tables.parse_csv(
            path, stream.restart, head.names, head.sample, target, texts, head.header_lines
        )
    # Empty lines that pyarrow skipped shift the numbers of the others.
    if (
        table is None
        or not stream.is_regular
        or stream.lines not in (None, head.header_lines + len(table))
    ):
        return None
    return table, stream.version()


def _read_head(content: bytes, options: FormatOptions) -> _Head | None:
    """The beginning of a file; None if it is not in UTF-8 with commas and a plain header."""
    content = content[: content.rfind(b"\n") + 1]
    if b"\0" in content:
        return None
    try:
        text = content.decode("utf-8-sig")
        if detect_format(text, options) != TextFormat():
            return None
        numbered = split_rows(io.StringIO(text, newline=""), ",")
        header_line, header = next(numbered, (0, []))
        names, _, notes = name_columns(iter([(header_line, header)]), TextFormat())
        sample = [row for _, row in itertools.islice(numbered, _SAMPLE_ROWS)]
    except (csv.Error, UnicodeDecodeError):
        return None
    if notes or len(names) < 2 or not sample or any(len(row) != len(names) for row in sample):
        return None
    return _Head(names, sample, header_line)
