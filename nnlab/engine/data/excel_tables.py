"""Tables in Excel files, read by openpyxl, an optional package."""

import io
import zipfile
from pathlib import Path
from typing import Any

from nnlab.engine.data.table_columns import CellColumn, Table, unique_names
from nnlab.errors import DataError


def read_excel(path: Path, content: bytes, max_bytes: int) -> Table:
    """The table in the first sheet of an Excel file, whose first row names the columns.

    Args:
        path: the file, for messages.
        content: its content.
        max_bytes: limit of its size after decompression.

    Raises:
        DataError: openpyxl is missing, or the file is damaged, too large or not a table.
    """
    _check_size(path, content, max_bytes)
    sheets, rows = _read_first_sheet(path, content)
    numbered = [(number, row) for number, row in enumerate(rows, start=1) if any(row)]
    if len(numbered) < 2 or len(numbered[0][1]) < 2:
        raise DataError(
            f"{path}: its first sheet needs a header, rows of values, a target and a feature"
        )
    names, notes = unique_names(numbered[0][1])
    width = len(names)
    cells = [[*row[:width], *[""] * (width - len(row))] for _, row in numbered[1:]]
    columns = zip(names, zip(*cells, strict=True), strict=True)
    if len(sheets) > 1:
        notes = (f"the first of {len(sheets)} sheets, '{sheets[0]}', is read", *notes)
    return Table(
        path,
        tuple(CellColumn.of_cells(name, column) for name, column in columns),
        tuple(number for number, _ in numbered[1:]),
        "row",
        notes,
    )


def _check_size(path: Path, content: bytes, max_bytes: int) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            size = sum(info.file_size for info in archive.infolist())
    except zipfile.BadZipFile as error:
        raise DataError(f"{path} is not an Excel file (.xlsx): {error}") from None
    if size > max_bytes:
        raise DataError(f"{path}: its content is larger than the limit of {max_bytes >> 20} MiB")


def _read_first_sheet(path: Path, content: bytes) -> tuple[list[str], list[list[str]]]:
    """The names of all sheets, and the texts of the first one."""
    try:
        import openpyxl  # optional, needed for such files only
    except ImportError:
        raise DataError(
            f"{path}: an Excel file needs the package openpyxl", hint="pip install openpyxl"
        ) from None
    try:
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        sheet = book[book.sheetnames[0]]
        rows = [[_as_text(cell) for cell in row] for row in sheet.iter_rows(values_only=True)]
    except Exception as error:  # noqa: BLE001  openpyxl has no common exception class
        raise DataError(f"{path} is not an Excel file: {error}") from None
    return book.sheetnames, rows


def _as_text(value: Any) -> str:
    """A value as a CSV file would contain it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()
