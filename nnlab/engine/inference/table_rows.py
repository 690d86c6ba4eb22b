"""Rows of a table in a CSV, JSON Lines, Parquet or Excel file, read in batches as texts."""

import codecs
import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nnlab.engine.data.compressed_files import bare_name, open_decompressed
from nnlab.engine.data.table_files import read_table
from nnlab.engine.data.table_format import (
    HEAD_SIZE,
    TextFormat,
    detect_encoding,
    detect_format,
    name_columns,
    split_rows,
)
from nnlab.engine.data.table_options import FormatOptions
from nnlab.errors import DataError
from nnlab.io.files import open_regular

# A row that is longer has no separators.
_MAX_LINE_CHARACTERS = 1 << 24


@dataclass(frozen=True, slots=True)
class TableBatch:
    """Consecutive rows of a table as columns of texts.

    A cell is None if its row does not have the column. `lines` are the line numbers of the rows, or
    row numbers in a file without lines. `uneven` marks rows with another number of values than the
    header.
    """

    lines: list[int]
    columns: dict[str, list[str | None]]
    uneven: list[bool]

    def __len__(self) -> int:
        return len(self.lines)


def read_csv(path: Path, batch_size: int, options: FormatOptions) -> Iterator[TableBatch]:
    """The rows of a CSV file, whose format is given or detected as that of training data.

    Raises:
        DataError: the file cannot be read, or has no header.
    """
    with _converting_errors(path):
        encoding, text_format = _detect(path, options)
        convert = None if text_format.has_plain_numbers else text_format.number_converter()
        with open_decompressed(path) as binary:
            text = io.TextIOWrapper(binary, encoding, newline="")
            numbered = split_rows(_limited_lines(text), text_format.sep)
            header, table_rows, _ = name_columns(numbered, text_format)
            if not header:
                raise DataError(f"{path} is empty: it needs a header line and rows of values")
            rows: list[list[str]] = []
            lines: list[int] = []
            for line, row in table_rows:
                rows.append(list(map(convert, row)) if convert else row)
                lines.append(line)
                if len(rows) == batch_size:
                    yield _csv_batch(header, rows, lines)
                    rows, lines = [], []
            if rows:
                yield _csv_batch(header, rows, lines)


def _detect(path: Path, options: FormatOptions) -> tuple[str, TextFormat]:
    """The encoding and the format of a CSV file."""
    with open_decompressed(path) as binary:
        head = binary.read(HEAD_SIZE)
    encoding = options.encoding or detect_encoding(head, complete=len(head) < HEAD_SIZE)
    encoding = "utf-8-sig" if encoding == "utf-8" else encoding
    text = codecs.getincrementaldecoder(encoding)().decode(head)
    complete = text if len(head) < HEAD_SIZE else text[: text.rfind("\n") + 1]
    return encoding, detect_format(complete or text, options)


def read_excel(path: Path, batch_size: int, options: FormatOptions) -> Iterator[TableBatch]:
    """The rows of the first sheet of an Excel file, which needs the package openpyxl.

    Raises:
        DataError: openpyxl is not installed, or the file cannot be read.
    """
    table, _ = read_table(path, options)
    cells = {column.name: column.cells.tolist() for column in table.columns}
    for begin in range(0, len(table), batch_size):
        part = slice(begin, begin + batch_size)
        lines = list(table.lines[part])
        columns: dict[str, list[str | None]] = {name: list(cells[name][part]) for name in cells}
        yield TableBatch(lines, columns, [False] * len(lines))


def read_jsonl(path: Path, batch_size: int, _: FormatOptions) -> Iterator[TableBatch]:
    """The rows of a JSON Lines file: an object for each line, with a key for each column.

    Raises:
        DataError: the file cannot be read, or a line is not a JSON object.
    """
    with _converting_errors(path), open_regular(path) as binary:
        rows: list[dict[str, str | None]] = []
        lines: list[int] = []
        for number, line in enumerate(_decoded_lines(binary), start=1):
            if not line.strip():
                continue
            rows.append(_json_row(path, number, line))
            lines.append(number)
            if len(rows) == batch_size:
                yield _dict_batch(rows, lines)
                rows, lines = [], []
        if rows:
            yield _dict_batch(rows, lines)


def read_parquet(path: Path, batch_size: int, _: FormatOptions) -> Iterator[TableBatch]:
    """The rows of a Parquet file, which needs the package pyarrow.

    Raises:
        DataError: pyarrow is not installed, or the file cannot be read.
    """
    try:
        from pyarrow import ArrowException, parquet  # optional, needed for such files only
    except ImportError:
        raise DataError(
            f"{path}: a Parquet file needs the package pyarrow", hint="pip install pyarrow"
        ) from None
    row = 0
    try:
        with open_regular(path) as file:
            for batch in parquet.ParquetFile(file).iter_batches(batch_size):
                values = batch.to_pydict()
                columns: dict[str, list[str | None]] = {
                    name: [_as_text(cell) for cell in values[name]] for name in values
                }
                lines = list(range(row + 1, row + 1 + batch.num_rows))
                row += batch.num_rows
                yield TableBatch(lines, columns, [False] * batch.num_rows)
    except (OSError, ArrowException) as error:
        raise DataError(f"cannot read {path}: {error}") from None


Reader = Callable[[Path, int, FormatOptions], Iterator[TableBatch]]
READERS: Mapping[str, Reader] = {
    ".csv": read_csv,
    ".tsv": read_csv,
    ".txt": read_csv,
    ".jsonl": read_jsonl,
    ".ndjson": read_jsonl,
    ".parquet": read_parquet,
    ".pq": read_parquet,
    ".xlsx": read_excel,
    ".xlsm": read_excel,
}


def find_reader(path: Path) -> Reader | None:
    """The reader of a file by its suffix, without that of a compression for a CSV file."""
    reader = READERS.get(bare_name(path).suffix.lower())
    return reader if bare_name(path) == path or reader is read_csv else None


@contextmanager
def _converting_errors(path: Path) -> Iterator[None]:
    """Raises the errors of reading and decoding as DataError."""
    try:
        yield
    except FileNotFoundError:
        raise DataError(f"no data file at {path}") from None
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} is not a table in UTF-8: {error}") from None


def _decoded_lines(binary: Any) -> Iterator[str]:
    """The lines of a UTF-8 file with their line ends; its byte order mark is left out."""
    first = True
    while line := binary.readline(_MAX_LINE_CHARACTERS + 1):
        if len(line) > _MAX_LINE_CHARACTERS:
            raise csv.Error(f"a line has more than {_MAX_LINE_CHARACTERS:,} bytes")
        yield line.decode("utf-8-sig" if first else "utf-8")
        first = False


def _limited_lines(text: io.TextIOWrapper) -> Iterator[str]:
    """The lines of a text with their line ends."""
    while line := text.readline(_MAX_LINE_CHARACTERS + 1):
        if len(line) > _MAX_LINE_CHARACTERS:
            raise csv.Error(f"a line has more than {_MAX_LINE_CHARACTERS:,} characters")
        yield line


def _csv_batch(
    header: Sequence[str], rows: Sequence[Sequence[str]], lines: list[int]
) -> TableBatch:
    width = len(header)
    uneven = [len(row) != width for row in rows]
    padded = [[*row[:width], *[""] * (width - len(row))] for row in rows]
    cells: list[list[str | None]] = [list(column) for column in zip(*padded, strict=True)]
    return TableBatch(lines, dict(zip(header, cells, strict=True)), uneven)


def _dict_batch(rows: Sequence[dict[str, str | None]], lines: list[int]) -> TableBatch:
    names = dict.fromkeys(name for row in rows for name in row)
    columns = {name: [row.get(name) for row in rows] for name in names}
    return TableBatch(lines, columns, [False] * len(rows))


def _json_row(path: Path, number: int, line: str) -> dict[str, str | None]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        row = None
    if not isinstance(row, dict):
        raise DataError(f"{path}, line {number}: it is not a JSON object")
    return {name: _as_text(value) for name, value in row.items()}


def _as_text(value: object) -> str:
    """A value as a CSV file would contain it: a missing one is empty."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return value.strip() if isinstance(value, str) else str(value)
