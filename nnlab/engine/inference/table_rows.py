"""Rows of a table in a CSV, JSON Lines or Parquet file, read in batches as texts."""

import csv
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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


def read_csv(path: Path, batch_size: int) -> Iterator[TableBatch]:
    """The rows of a CSV file with a header line, in UTF-8 and separated by commas.

    Raises:
        DataError: the file cannot be read, has no header, or a column name occurs twice.
    """
    with _converting_errors(path), open_regular(path) as binary:
        reader = csv.reader(_decoded_lines(binary))
        header = next((_strip(row) for row in reader if any(map(str.strip, row))), None)
        if header is None:
            raise DataError(f"{path} is empty: it needs a header line and rows of values")
        duplicates = sorted({name for name in header if header.count(name) > 1})
        if duplicates:
            raise DataError(f"{path}: the column name '{duplicates[0]}' occurs twice")
        rows: list[list[str]] = []
        lines: list[int] = []
        for row in reader:
            cells = _strip(row)
            if len(cells) > 1 or any(cells):  # as in a training file, empty lines are no rows
                rows.append(cells)
                lines.append(reader.line_num)
            if len(rows) == batch_size:
                yield _csv_batch(header, rows, lines)
                rows, lines = [], []
        if rows:
            yield _csv_batch(header, rows, lines)


def read_jsonl(path: Path, batch_size: int) -> Iterator[TableBatch]:
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


def read_parquet(path: Path, batch_size: int) -> Iterator[TableBatch]:
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


READERS = {".csv": read_csv, ".jsonl": read_jsonl, ".ndjson": read_jsonl, ".parquet": read_parquet}


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


def _strip(row: Sequence[str]) -> list[str]:
    return [cell.strip() for cell in row]


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
