"""Tables read from files: CSV, Parquet and Excel, each also compressed where this is common."""

import csv
import hashlib
import io
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from nnlab.engine.data import arrow_tables
from nnlab.engine.data.compressed_files import bare_name, read_decompressed
from nnlab.engine.data.excel_tables import read_excel
from nnlab.engine.data.large_csv import read_large_csv
from nnlab.engine.data.table_columns import CellColumn, Table
from nnlab.engine.data.table_format import (
    HEAD_SIZE,
    decode,
    detect_format,
    name_columns,
    split_rows,
)
from nnlab.engine.data.table_options import FormatOptions
from nnlab.errors import DataError
from nnlab.io.files import read_limited

Result = TypeVar("Result")

MAX_BYTES = 1 << 30  # size of a file; its cells take many times as much memory
# Importing pyarrow takes about as long as reading a smaller file without it.
MIN_ARROW_BYTES = 1 << 20

PARQUET_SUFFIXES = (".parquet", ".pq")
EXCEL_SUFFIXES = (".xlsx", ".xlsm")


def read_table(
    path: Path, options: FormatOptions, target: str = "", text_columns: Collection[str] = ()
) -> tuple[Table, str]:
    """The table in a file, and 16 hex digits of the SHA-256 of the file as it is stored.

    Args:
        path: the file; its suffix names the format, CSV by default.
        options: the format of a CSV file, as far as it is given.
        target: the target column; the last one if it is empty.
        text_columns: columns whose texts are needed although they are numbers.

    Raises:
        DataError: the file cannot be read as a table.
    """
    suffix = bare_name(path).suffix.lower()
    is_plain_text = suffix not in (*PARQUET_SUFFIXES, *EXCEL_SUFFIXES) and bare_name(path) == path
    if is_plain_text and _is_large(path) and arrow_tables.is_installed():
        result = _converting_errors(
            path,
            lambda: read_large_csv(path, options, target, text_columns, MAX_BYTES),
        )
        if result is not None:
            return result
    content = _converting_errors(path, lambda: read_limited(path, MAX_BYTES))
    version = hashlib.sha256(content).hexdigest()[:16]
    if suffix in EXCEL_SUFFIXES:
        return read_excel(path, content, MAX_BYTES), version
    if suffix in PARQUET_SUFFIXES:
        return arrow_tables.read_parquet(path, content), version
    if not is_plain_text:
        content = _converting_errors(path, lambda: read_decompressed(path, MAX_BYTES))
    return parse_csv(path, content, options), version


def parse_csv(path: Path, content: bytes, options: FormatOptions) -> Table:
    """The table in the content of a CSV file.

    Raises:
        DataError: it is no table; the message names the line.
    """
    text, encoding_notes = decode(path, content, options.encoding)
    try:
        text_format = detect_format(_head(text), options)
        numbered = split_rows(io.StringIO(text, newline=""), text_format.sep)
        names, rows, notes = name_columns(numbered, text_format)
        lines, columns = _columns_of_rows(path, names, rows)
    except csv.Error as error:
        raise DataError(f"{path} is not a CSV table in UTF-8: {error}") from None
    if not text_format.has_plain_numbers:
        convert = text_format.number_converter()
        columns = tuple(column.map_texts(convert) for column in columns)
    return Table(path, columns, lines, "line", (*encoding_notes, *text_format.notes, *notes))


def _is_large(path: Path) -> bool:
    try:
        return path.stat().st_size >= MIN_ARROW_BYTES
    except OSError:
        return False  # reading the file reports the error


def _converting_errors(path: Path, read: Callable[[], Result]) -> Result:
    """The result of a function, whose errors of the system become DataError."""
    try:
        return read()
    except FileNotFoundError:
        raise DataError(f"no data file at {path}", hint="--data csv:FILE#TARGET") from None
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from None


def _head(text: str) -> str:
    """The first rows of a text, complete, from which its format is detected."""
    if len(text) <= HEAD_SIZE:
        return text
    return text[: text.rfind("\n", 0, HEAD_SIZE) + 1] or text


def _columns_of_rows(
    path: Path, names: Sequence[str], rows: Iterator[tuple[int, list[str]]]
) -> tuple[tuple[int, ...], tuple[CellColumn, ...]]:
    numbered = list(rows)
    if not names or not numbered:
        raise DataError(f"{path} has no data: it needs a header line and rows of values")
    if len(names) < 2:
        raise DataError(
            f"{path} has one column; it needs a target and at least one feature",
            hint="--csv-sep comma, semicolon, tab, pipe or space names the separator",
        )
    uneven = [(line, row) for line, row in numbered if len(row) != len(names)]
    if uneven:
        more = len(uneven) - 1
        raise DataError(
            f"{path}, line {uneven[0][0]}: {len(uneven[0][1])} values where the header has"
            f" {len(names)} columns"
            + (f" (and {more} more line{'s' if more > 1 else ''})" if more else ""),
            hint="--csv-sep names the separator; a value that contains it must be in quotes",
        )
    lines, cells = zip(*numbered, strict=True)
    columns = zip(names, zip(*cells, strict=True), strict=True)
    return lines, tuple(CellColumn.of_cells(name, column) for name, column in columns)
