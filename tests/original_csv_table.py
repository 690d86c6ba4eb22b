"""The first reader of CSV tables, the reference for the tables that it accepts."""

import csv
import hashlib
import io
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nnlab.engine.data.dataset import Dataset, FeatureColumn, has_one_value
from nnlab.engine.data.location import find_data_file
from nnlab.engine.data.split_columns import NO_COLUMNS, SplitColumns
from nnlab.errors import DataError, unknown_name_message
from nnlab.io.files import read_limited
from nnlab.settings.numbers import parse_number

MAX_INTEGER_CLASSES = 20
MAX_CATEGORIES = 50
MAX_BYTES = 1 << 30  # size of a file; its cells take many times as much memory

_MAX_PROBLEMS = 5
_MISSING = frozenset({"", "?", "-", "na", "n/a", "nan", "null"})
_DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}|\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|\d{1,2}:\d{2}")


@dataclass(frozen=True, slots=True)
class CsvTable:
    """The cells of a file, and the number of the line on which each row ends."""

    path: Path
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    lines: tuple[int, ...]

    def column(self, index: int) -> tuple[str, ...]:
        """The cells of a column."""
        return tuple(row[index] for row in self.rows)

    def cell_location(self, row: int, index: int) -> str:
        """The line and column of a cell, for messages."""
        return f"line {self.lines[row]}, column '{self.header[index]}'"


def read_dataset(name: str, columns: SplitColumns = NO_COLUMNS) -> Dataset:
    """Reads `csv:FILE#TARGET`; without `#TARGET` the last column is the target.

    Args:
        name: the data set.
        columns: columns that determine the splits; some of them are no features.

    Raises:
        DataError: the file or the target column does not exist, or a cell is invalid.
    """
    path_text, _, target = name.removeprefix("csv:").partition("#")
    path = find_data_file(path_text, "--data csv:FILE#TARGET")
    content = _read_content(path)
    table = _parse_table(path, content)
    column = _target_column(table, target or table.header[-1])
    split_cells = {name: _split_cells(table, columns, name, column) for name in columns.names}
    features, examples = _parse_features(table, column, columns.excluded)
    targets, classes = _parse_targets(table, column)
    return Dataset(
        name,
        "classification" if classes else "regression",
        examples,
        targets,
        classes,
        hashlib.sha256(content).hexdigest()[:16],
        columns=features,
        split_cells=split_cells,
        target_name=table.header[column],
    )


def _split_cells(
    table: CsvTable, columns: SplitColumns, name: str, target: int
) -> NDArray[np.str_]:
    """The cells of a column that determines the splits.

    Raises:
        DataError: there is no such column, or it is the target and would be no feature.
    """
    if name not in table.header:
        raise DataError(
            f"{columns.option_of(name)}: {unknown_name_message('column', name, table.header)}"
        )
    index = table.header.index(name)
    if index == target:
        raise DataError(f"{columns.option_of(name)}: the column is the target")
    return np.array(table.column(index))


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
        raise DataError(f"{path} is not a CSV table in UTF-8: {error}") from None
    if len(rows) < 2:
        raise DataError(f"{path} has no data: it needs a header line and rows of values")
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
    """The rows that are not empty, each with the number of the line on which it ends."""
    reader = csv.reader(io.StringIO(text, newline=""))
    for row in reader:
        cells = tuple(cell.strip() for cell in row)
        if len(cells) > 1 or any(cells):
            yield reader.line_num, cells


def _check_header(path: Path, header: Sequence[str]) -> None:
    if len(header) < 2:
        separator = next((mark for mark in ";\t" if mark in header[0]), None)
        raise DataError(
            f"{path} has one column; it needs a target and at least one feature",
            hint=f"its values seem to be separated by {separator!r}; nnlab expects commas"
            if separator
            else None,
        )
    if all(parse_number(cell) is not None for cell in header):
        raise DataError(f"{path}, line 1: the header has only numbers; it must name the columns")
    duplicates = sorted({cell for cell in header if header.count(cell) > 1})
    if duplicates:
        raise DataError(f"{path}, line 1: the column name '{duplicates[0]}' occurs twice")


def _target_column(table: CsvTable, target: str) -> int:
    if target not in table.header:
        raise DataError(f"{table.path}: {unknown_name_message('column', target, table.header)}")
    return table.header.index(target)


def _parse_features(
    table: CsvTable, target: int, excluded: Collection[str]
) -> tuple[tuple[FeatureColumn, ...], NDArray[np.float64]]:
    """The columns except the target and excluded ones, and their features [n, features].

    Raises:
        DataError: invalid cells; those of all columns are reported at once.
    """
    problems: list[str] = []
    columns, parts = [], []
    for index in range(len(table.header)):
        if index != target and table.header[index] not in excluded:
            column, part, faults = _parse_feature(table, index)
            problems += faults
            columns.append(column)
            parts.append(part)
    _raise_cell_faults(table.path, problems)
    if not parts:
        raise DataError(f"{table.path} has no feature left beside the target")
    return tuple(columns), np.concatenate(parts, axis=1)


def _parse_feature(
    table: CsvTable, index: int
) -> tuple[FeatureColumn, NDArray[np.float64], list[str]]:
    """A column, its features [n, 1 or categories], and messages about its invalid cells."""
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
    categories = tuple(sorted(set(cells)))
    if len(categories) > MAX_CATEGORIES:
        raise DataError(
            f"{table.path}, column '{name}': {len(categories)} different texts, at most"
            f" {MAX_CATEGORIES} categories are allowed",
            hint="drop the column, or merge its values into fewer categories",
        )
    one_hot = np.equal.outer(cells, categories).astype(np.float64)
    return FeatureColumn(name, categories), one_hot, []


def _cell_faults(table: CsvTable, index: int, fault: Callable[[str], str | None]) -> list[str]:
    """Messages about the invalid cells of a column, each with its line."""
    return [
        f"{table.cell_location(row, index)}: {message}"
        for row, cell in enumerate(table.column(index))
        if (message := fault(cell)) is not None
    ]


def _parse_numbers(cells: Sequence[str]) -> NDArray[np.float64] | None:
    """The cells as numbers; None if a cell is not a number."""
    numbers = [parse_number(cell) for cell in cells]
    return None if None in numbers else np.array(numbers, np.float64)


def is_missing(cell: str) -> bool:
    """Whether a cell stands for a missing value, such as an empty one or `n/a`."""
    return cell.lower() in _MISSING


def _fault_in_numbers(cell: str) -> str | None:
    if parse_number(cell) is not None:
        return None
    return f"'{cell}' is not a number" if cell else "the value is missing"


def _fault_in_category(cell: str) -> str | None:
    if is_missing(cell):
        return f"the value is missing ('{cell}')" if cell else "the value is missing"
    if _DATE.match(cell):
        return f"'{cell}' is a date or a time, neither a number nor a category"
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
    distinct_numbers = {number for cell in set(cells) if (number := parse_number(cell)) is not None}
    # Texts among numbers are more likely typing errors than classes.
    _raise_cell_faults(
        table.path,
        _cell_faults(table, column, _fault_in_numbers if distinct_numbers else _fault_in_labels),
    )
    are_classes = (
        all(number.is_integer() for number in distinct_numbers)
        and len(distinct_numbers) <= MAX_INTEGER_CLASSES
    )
    if distinct_numbers and not are_classes:
        numbers = np.array([float(cell) for cell in cells])
        if has_one_value(numbers):
            raise _one_value_error(table, column, cells[0])
        return numbers, ()
    # A class is named after the first spelling of its number.
    spellings: dict[float | str, str] = {}
    for cell in sorted(set(cells), key=lambda cell: (parse_number(cell) or 0.0, cell)):
        spellings.setdefault(_class_key(cell), cell)
    classes = list(spellings.values())
    if len(classes) < 2:
        raise _one_value_error(table, column, classes[0])
    index = {key: label for label, key in enumerate(spellings)}
    return np.array([index[_class_key(cell)] for cell in cells], np.int64), tuple(classes)


def _class_key(cell: str) -> float | str:
    """The value that all cells of a class share: their number, or their text."""
    number = parse_number(cell)
    return cell if number is None else number


def _one_value_error(table: CsvTable, column: int, cell: str) -> DataError:
    return DataError(f"{table.path}: column '{table.header[column]}' has only one value: '{cell}'")


def _fault_in_labels(cell: str) -> str | None:
    if not is_missing(cell):
        return None
    return f"the value is missing ('{cell}')" if cell else "the value is missing"
