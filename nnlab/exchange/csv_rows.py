"""Rows of CSV logs: the separator, the header, and rows from a position of a growing file on."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from nnlab.errors import DataError
from nnlab.exchange.growing_file import GrowingFile
from nnlab.exchange.log_files import HEAD_BYTES, read_head
from nnlab.exchange.log_reader import Audit

MAX_COLUMNS = 20_000
_SEPARATORS = ",;\t"


def sniff_header(path: Path) -> tuple[str, ...]:
    """The names of the columns in the first line of a file; empty if it is no CSV file."""
    header, _ = sniff_rows(path)
    return header


def sniff_rows(path: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The header and the first row of a file; empty where the file has none."""
    head = read_head(path)
    if b"\0" in head:
        return (), ()
    lines = head.decode("utf-8-sig", "replace").splitlines(keepends=True)
    if len(head) == HEAD_BYTES and len(lines) > 1:
        lines.pop()
    if not lines:
        return (), ()
    try:
        rows = csv.reader(lines, delimiter=separator_of(lines[0]))
        header = tuple(name.strip() for name in next(rows, ()))
        return header, tuple(next((row for row in rows if row), ()))
    except csv.Error:
        return (), ()


def separator_of(line: str) -> str:
    """The separator of a line: the most frequent one of comma, semicolon and tab."""
    return max(_SEPARATORS, key=line.count)


class CsvRows:
    """The header of a CSV file and its rows from the file's position on."""

    def __init__(self, file: GrowingFile, path: Path, audit: Audit) -> None:
        """Reads the header.

        Raises:
            DataError: the file has no header, or one with too many columns.
        """
        self._file = file
        self._path = path
        self._audit = audit
        start = file.offset
        first_lines = file.first_lines()
        first_line = next(first_lines, "")
        self._separator = separator_of(first_line)
        try:
            reader = csv.reader(_prepend(first_line, first_lines), delimiter=self._separator)
            self.header: Sequence[str] = [name.strip() for name in next(reader, [])]
        except csv.Error as error:
            raise DataError(f"{path}: not a CSV file: {error}") from error
        first_lines.close()
        if not any(self.header):
            raise DataError(f"{path} has no header line with the names of the columns")
        if len(self.header) > MAX_COLUMNS:
            raise DataError(
                f"{path} has {len(self.header):,} columns; at most {MAX_COLUMNS:,} are read"
            )
        if file.ended_unterminated and not start:
            self._audit.add("truncated", "the header line is incomplete")
        file.offset = max(start, file.offset)

    def rows(self, *, accept_unterminated: bool) -> Iterator[list[str]]:
        """The rows that are not empty; a damaged part ends the reading and is noted."""
        lines = self._file.lines(accept_unterminated=accept_unterminated)
        reader = csv.reader(lines, delimiter=self._separator)
        width = len(self.header)
        try:
            for row in reader:
                if not row or (len(row) == 1 and not row[0].strip()):
                    continue
                if len(row) > width:
                    self._audit.add("long-row", "rows have more cells than the header")
                elif len(row) < width:
                    self._audit.add("short-row", "rows have fewer cells than the header")
                yield row
        except csv.Error as error:
            self._audit.add("damaged", f"reading ended at a line that is not CSV: {error}")
            return
        if self._file.ended_unterminated and accept_unterminated:
            self._audit.add(
                "unterminated", "the last line has no line end; its last value may be cut"
            )


def _prepend(line: str, lines: Iterator[str]) -> Iterator[str]:
    yield line
    yield from lines
