"""Large CSV files read by pyarrow while their hash is computed, without holding their content.

Only files that pyarrow reads exactly as Python's csv module does: in UTF-8, with commas, a header,
and quotes only around whole values.
"""

import csv
import hashlib
import io
import itertools
import stat
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from nnlab.engine.data import arrow_tables
from nnlab.engine.data.table_columns import Table
from nnlab.engine.data.table_format import TextFormat, detect_format, name_columns, split_rows
from nnlab.engine.data.table_options import FormatOptions
from nnlab.io.files import open_regular

_HEAD_BYTES = 1 << 20
# The rows from which the types of columns are guessed.
_SAMPLE_ROWS = 100


@dataclass(frozen=True, slots=True)
class _Head:
    """The beginning of a file: the names of the columns, first rows, and lines of the header."""

    names: tuple[str, ...]
    sample: list[list[str]]
    header_lines: int
    header_bytes: int


class HashingStream:
    """A file object that computes the SHA-256 of what is read, and looks for unusual bytes.

    `is_regular` becomes false at a quote after the header or a carriage return within a line.
    """

    def __init__(self, file: IO[bytes], header_bytes: int) -> None:
        self._file, self._header_bytes = file, header_bytes
        self.closed = False
        self.restart()

    def restart(self) -> "HashingStream":
        """This stream at the beginning of the file."""
        self._hash, self._is_first, self._last = hashlib.sha256(), True, b""
        self.is_regular, self._line_ends = True, 0
        self._file.seek(0)
        return self

    def read(self, size: int = -1) -> bytes:
        """The next bytes; nothing after unusual ones, so that pyarrow stops early."""
        data = self._file.read(size) if self.is_regular else b""
        self._hash.update(data)
        self._line_ends += data.count(b"\n")
        begin = self._header_bytes if self._is_first else 0
        self._is_first = False
        if data.find(b'"', begin) >= 0 or self._has_lone_return(data):
            self.is_regular = False
        return data

    @property
    def lines(self) -> int:
        """The number of lines, the last one with or without a line end."""
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
        self._last = data[-1:] or self._last
        if b"\r" not in data:
            return split
        return split or data.count(b"\r") - data.count(b"\r\n") > data.endswith(b"\r")


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
        head = _read_head(file.read(_HEAD_BYTES), options)
        if head is None:
            return None
        target = target or head.names[-1]
        texts = {name or target for name in text_columns}
        stream = HashingStream(file, head.header_bytes)
        table = _parse(path, stream.restart, head, target, texts, has_quotes=False)
        if stream.is_regular:
            # pyarrow skips empty lines, which shift the numbers of the others.
            if table is None or stream.lines != head.header_lines + len(table):
                return None
            return table, stream.version()
        file.seek(0)
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes or not quotes_are_regular(content):
        return None
    if b"\r" in content and content.count(b"\r") != content.count(b"\r\n"):
        return None
    table = _parse(path, lambda: io.BytesIO(content), head, target, texts, has_quotes=True)
    # Line ends in values would shift the numbers of lines.
    if table is None or _count_lines(content) != head.header_lines + len(table):
        return None
    return table, hashlib.sha256(content).hexdigest()[:16]


def quotes_are_regular(content: bytes) -> bool:
    """Whether all quotes enclose whole values, or are doubled within such values (RFC 4180)."""
    data = np.frombuffer(content, np.uint8)
    quotes = np.flatnonzero(data == ord('"'))
    if len(quotes) % 2:
        return False
    opening, closing = quotes[0::2], quotes[1::2]
    before = np.where(opening > 0, data[opening - 1], ord("\n"))
    after = np.where(
        closing + 1 < len(data), data[np.minimum(closing + 1, len(data) - 1)], ord("\n")
    )
    return bool(np.isin(before, list(b',\n"')).all() and np.isin(after, list(b',\r\n"')).all())


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
    header_bytes = 0
    for _ in range(header_line):
        header_bytes = content.find(b"\n", header_bytes) + 1
    return _Head(names, sample, header_line, header_bytes)


def _parse(
    path: Path,
    open_source: Callable[[], object],
    head: _Head,
    target: str,
    texts: Collection[str],
    *,
    has_quotes: bool,
) -> Table | None:
    return arrow_tables.parse_csv(
        path,
        open_source,
        head.names,
        head.sample,
        target,
        texts,
        header_lines=head.header_lines,
        has_quotes=has_quotes,
    )


def _count_lines(content: bytes) -> int:
    """The number of lines, the last one with or without a line end."""
    return content.count(b"\n") + (not content.endswith(b"\n"))
