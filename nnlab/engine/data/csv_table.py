"""A user's own table: `csv:FILE#TARGET`, a header line, columns of numbers and of categories.

A column of numbers is a feature. A column without a single number is a category: it becomes one
feature for each of its values, 1 where the row has that value and 0 elsewhere. The target may be
text, each distinct value a class, or numbers: whole numbers of at most twenty values are classes
(`1` and `1.0` are one class), others are regressed. Nothing else is guessed: a missing value, a
date, or a text among numbers is reported with its line and column.
"""

import csv
import hashlib
import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nnlab.config.numbers import parse_number
from nnlab.engine.data.dataset import Dataset, FeatureColumn, has_one_value
from nnlab.engine.data.location import find_data_file
from nnlab.errors import DataError, unknown_name_message
from nnlab.io.files import read_limited

MAX_INTEGER_CLASSES = 20
MAX_VALUES = 50  # of a category
MAX_BYTES = 1 << 30  # of a file: its cells take many times as much memory

_MAX_PROBLEMS = 5
_MISSING = frozenset({"", "?", "-", "na", "n/a", "nan", "null"})
_DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}|\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|\d{1,2}:\d{2}")


@dataclass(frozen=True, slots=True)
class CsvTable:
    """The cells of a file, and the line that each row ends on."""

    path: Path
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    lines: tuple[int, ...]

    def column(self, index: int) -> tuple[str, ...]:
        """The cells of a column."""
        return tuple(row[index] for row in self.rows)

    def place(self, row: int, index: int) -> str:
        """Where a cell is, for a message."""
        return f"line {self.lines[row]}, column '{self.header[index]}'"


def read(name: str) -> Dataset:
    """Reads `csv:FILE#TARGET`; without `#TARGET` the last column is the target.

    Raises:
        DataError: no such file or column, or cells that cannot be trained on.
    """
    path_text, _, target = name.removeprefix("csv:").partition("#")
    path = find_data_file(path_text, "--data csv:FILE#TARGET")
    content = _read_content(path)
    table = _parse_table(path, content)
    column = _target_column(table, target or table.header[-1])
    columns, examples = _parse_features(table, column)
    targets, classes = _parse_targets(table, column)
    return Dataset(
        name,
        "classification" if classes else "regression",
        examples,
        targets,
        classes,
        hashlib.sha256(content).hexdigest()[:16],
        columns=columns,
    )


def _read_content(path: Path) -> bytes:
    try:
        return read_limited(path, MAX_BYTES)
    except FileNotFoundError:
        raise DataError(f"no data file at {path}", hint="--data csv:FILE#TARGET") from None
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from None


def _parse_table(path: Path, content: bytes) -> CsvTable:
    try:
        rows = list(_numbered_rows(content.decode("utf-8-sig")))
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} is no table in UTF-8: {error}") from None
    if len(rows) < 2:
        raise DataError(f"{path} has no data: a header line and rows of values are needed")
    header = rows[0][1]
    _check_header(path, header)
    uneven = [(line, row) for line, row in rows[1:] if len(row) != len(header)]
    if uneven:
        raise DataError(
            f"{path}, line {uneven[0][0]}: {len(uneven[0][1])} values where the header has"
            f" {len(header)} columns{_and_more(len(uneven) - 1, 'line')}"
        )
    lines, cells = zip(*rows[1:], strict=True)
    return CsvTable(path, header, cells, lines)


def _numbered_rows(text: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Rows that are not empty, with the line that they end on."""
    reader = csv.reader(io.StringIO(text, newline=""))
    for row in reader:
        cells = tuple(cell.strip() for cell in row)
        if len(cells) > 1 or any(cells):
            yield reader.line_num, cells


def _check_header(path: Path, header: Sequence[str]) -> None:
    if len(header) < 2:
        other = next((mark for mark in ";\t" if mark in header[0]), None)
        raise DataError(
            f"{path} has one column; a target and at least one feature are needed",
            hint=f"its values seem to be parted by {other!r}: commas are needed" if other else None,
        )
    if all(parse_number(cell) is not None for cell in header):
        raise DataError(f"{path}, line 1: these are values; a line of column names is needed")
    twice = sorted({cell for cell in header if header.count(cell) > 1})
    if twice:
        raise DataError(f"{path}, line 1: the column name '{twice[0]}' is there twice")


def _target_column(table: CsvTable, target: str) -> int:
    if target not in table.header:
        raise DataError(f"{table.path}: {unknown_name_message('column', target, table.header)}")
    return table.header.index(target)


def _parse_features(
    table: CsvTable, target: int
) -> tuple[tuple[FeatureColumn, ...], NDArray[np.float64]]:
    """What each column but the target is, and what it becomes: [n, features].

    Cells that are neither number nor category are reported at once, from all columns.
    """
    problems: list[str] = []
    columns, parts = [], []
    for index in range(len(table.header)):
        if index != target:
            column, part, faults = _parse_feature(table, index)
            problems += faults
            columns.append(column)
            parts.append(part)
    _raise_cell_faults(table.path, problems)
    return tuple(columns), np.concatenate(parts, axis=1)


def _parse_feature(
    table: CsvTable, index: int
) -> tuple[FeatureColumn, NDArray[np.float64], list[str]]:
    """A column, its features [n, 1 or values], and what is wrong with its cells."""
    name, cells = table.header[index], table.column(index)
    numbers = _parse_numbers(cells)
    if numbers is not None:
        return FeatureColumn(name), numbers[:, None], []
    empty = np.empty((len(cells), 0))
    if any(parse_number(cell) is not None for cell in cells) or _MISSING.issuperset(
        map(str.lower, cells)
    ):
        return FeatureColumn(name), empty, _cell_faults(table, index, _fault_in_numbers)
    faults = _cell_faults(table, index, _fault_in_category)
    if faults:
        return FeatureColumn(name), empty, faults
    values = tuple(sorted(set(cells)))
    if len(values) > MAX_VALUES:
        raise DataError(
            f"{table.path}, column '{name}': {len(values)} different texts, more than"
            f" {MAX_VALUES}: too many for a category",
            hint="drop the column, or put its values into fewer groups",
        )
    return FeatureColumn(name, values), np.equal.outer(cells, values).astype(np.float64), []


def _cell_faults(table: CsvTable, index: int, fault: Callable[[str], str | None]) -> list[str]:
    """What is wrong with the cells of a column, each with its line."""
    return [
        f"{table.place(row, index)}: {told}"
        for row, cell in enumerate(table.column(index))
        if (told := fault(cell)) is not None
    ]


def _parse_numbers(cells: Sequence[str]) -> NDArray[np.float64] | None:
    """The cells as numbers if all of them are."""
    numbers = [parse_number(cell) for cell in cells]
    return None if None in numbers else np.array(numbers, np.float64)


def _fault_in_numbers(cell: str) -> str | None:
    if parse_number(cell) is not None:
        return None
    return f"'{cell}' is not a number" if cell else "the value is missing"


def _fault_in_category(cell: str) -> str | None:
    if cell.lower() in _MISSING:
        return f"the value is missing ('{cell}')" if cell else "the value is missing"
    if _DATE.match(cell):
        return f"'{cell}' is a date or a time, neither number nor category"
    return None


def _raise_cell_faults(path: Path, problems: Sequence[str]) -> None:
    if problems:
        shown = "".join(f"\n  - {problem}" for problem in problems[:_MAX_PROBLEMS])
        more = _and_more(len(problems) - _MAX_PROBLEMS, "cell")
        raise DataError(
            f"{path} has values that cannot be trained on:{shown}{more}",
            hint="fill in or drop these rows; nnlab does not guess values",
        )


def _and_more(count: int, noun: str) -> str:
    return f" (and {count} more {noun}{'s' if count > 1 else ''})" if count > 0 else ""


def _parse_targets(
    table: CsvTable, column: int
) -> tuple[NDArray[np.float64] | NDArray[np.int64], tuple[str, ...]]:
    cells = table.column(column)
    found = {number for cell in set(cells) if (number := parse_number(cell)) is not None}
    # Mixed cells would make every number a class of its own: more likely a typing error.
    _raise_cell_faults(
        table.path, _cell_faults(table, column, _fault_in_numbers if found else _fault_in_labels)
    )
    whole = all(number.is_integer() for number in found) and len(found) <= MAX_INTEGER_CLASSES
    if found and not whole:
        numbers = np.array([float(cell) for cell in cells])
        if has_one_value(numbers):
            raise _one_value_error(table, column, cells[0])
        return numbers, ()
    # Of the spellings of one number the first names its class.
    spellings: dict[float | str, str] = {}
    for cell in sorted(set(cells), key=lambda cell: (parse_number(cell) or 0.0, cell)):
        spellings.setdefault(_class_key(cell), cell)
    classes = list(spellings.values())
    if len(classes) < 2:
        raise _one_value_error(table, column, classes[0])
    index = {key: place for place, key in enumerate(spellings)}
    return np.array([index[_class_key(cell)] for cell in cells], np.int64), tuple(classes)


def _class_key(cell: str) -> float | str:
    """What the cells of a class have in common: their number, or their text."""
    number = parse_number(cell)
    return cell if number is None else number


def _one_value_error(table: CsvTable, column: int, cell: str) -> DataError:
    return DataError(
        f"{table.path}: column '{table.header[column]}' holds one value only: '{cell}'"
    )


def _fault_in_labels(cell: str) -> str | None:
    if cell.lower() not in _MISSING:
        return None
    return f"the value is missing ('{cell}')" if cell else "the value is missing"
