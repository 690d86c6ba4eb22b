"""A user's own table: `csv:FILE#TARGET`, a header line and numeric columns.

The target may be text, each distinct value a class, or numbers: whole numbers of at most twenty
values are classes, others are regressed. Nothing else is guessed: a missing or non-numeric
value is reported with its line and column.
"""

import csv
import hashlib
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nnlab.engine.data.dataset import Dataset
from nnlab.errors import DataError, unknown_name

MOST_CLASSES = 20
_MOST_PROBLEMS = 5


def read(name: str) -> Dataset:
    """Reads `csv:FILE#TARGET`; without `#TARGET` the last column is the target.

    Raises:
        DataError: no such file or column, or cells that are missing or no numbers.
    """
    path_text, _, target = name.removeprefix("csv:").partition("#")
    path = Path(path_text).expanduser()
    content = _content(path)
    header, rows = _cells(path, content)
    column = _column(path, header, target or header[-1])
    _check_shape(path, header, rows)
    features = [index for index in range(len(header)) if index != column]
    examples = _numbers(path, header, rows, features)
    targets, classes = _targets(path, header, rows, column)
    return Dataset(
        name,
        "classification" if classes else "regression",
        examples,
        targets,
        classes,
        hashlib.sha256(content).hexdigest()[:16],
    )


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"no data file at {path}", hint="--data csv:FILE#TARGET") from None
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from None


def _cells(path: Path, content: bytes) -> tuple[list[str], list[list[str]]]:
    try:
        text = content.decode("utf-8-sig")
        rows = [row for row in csv.reader(text.splitlines()) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} is no table in UTF-8: {error}") from None
    if len(rows) < 2:
        raise DataError(f"{path} has no data: a header line and rows of values are needed")
    return [cell.strip() for cell in rows[0]], rows[1:]


def _column(path: Path, header: Sequence[str], target: str) -> int:
    if target not in header:
        raise DataError(f"{path}: {unknown_name('column', target, header)}")
    return header.index(target)


def _check_shape(path: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    if len(header) < 2:
        raise DataError(f"{path} has one column; a target and at least one feature are needed")
    uneven = [line for line, row in enumerate(rows, 2) if len(row) != len(header)]
    if uneven:
        raise DataError(
            f"{path}, line {uneven[0]}: {len(rows[uneven[0] - 2])} values where the header has"
            f" {len(header)} columns{_and_more(len(uneven) - 1, 'line')}"
        )


def _numbers(
    path: Path, header: Sequence[str], rows: Sequence[Sequence[str]], columns: Sequence[int]
) -> "np.ndarray[tuple[int, int], np.dtype[np.float64]]":
    examples = np.empty((len(rows), len(columns)))
    problems = []
    for line, row in enumerate(rows, 2):
        for place, column in enumerate(columns):
            number = _number(row[column])
            if number is None:
                problems.append(f"line {line}, column '{header[column]}': {_fault(row[column])}")
            else:
                examples[line - 2, place] = number
    _raise(path, problems)
    return examples


def _number(cell: str) -> float | None:
    try:
        number = float(cell)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _fault(cell: str) -> str:
    return f"'{cell.strip()}' is not a number" if cell.strip() else "the value is missing"


def _raise(path: Path, problems: Sequence[str]) -> None:
    if problems:
        shown = "".join(f"\n  - {problem}" for problem in problems[:_MOST_PROBLEMS])
        more = _and_more(len(problems) - _MOST_PROBLEMS, "cell")
        raise DataError(
            f"{path} has values that cannot be trained on:{shown}{more}",
            hint="fill in or drop these rows; nnlab does not guess values",
        )


def _and_more(count: int, noun: str) -> str:
    return f" (and {count} more {noun}{'s' if count > 1 else ''})" if count > 0 else ""


def _targets(
    path: Path, header: Sequence[str], rows: Sequence[Sequence[str]], column: int
) -> tuple["np.ndarray[tuple[int], np.dtype[np.float64 | np.int64]]", tuple[str, ...]]:
    cells = [row[column].strip() for row in rows]
    empty = [line for line, cell in enumerate(cells, 2) if not cell]
    _raise(
        path,
        [f"line {line}, column '{header[column]}': the value is missing" for line in empty],
    )
    numbers = [_number(cell) for cell in cells]
    found = {number for number in numbers if number is not None}
    whole = all(number.is_integer() for number in found) and len(found) <= MOST_CLASSES
    if None not in numbers and not whole:
        return np.array(numbers, np.float64), ()
    # Mixed cells would make every number a class of its own: more likely a typing error.
    odd = [line for line, number in enumerate(numbers, 2) if number is None]
    if found and odd:
        _raise(
            path,
            [f"line {line}, column '{header[column]}': {_fault(cells[line - 2])}" for line in odd],
        )
    classes = sorted(set(cells), key=lambda cell: (_number(cell) or 0.0, cell))
    if len(classes) < 2:
        raise DataError(f"{path}: column '{header[column]}' holds one value only: '{classes[0]}'")
    index = {cell: place for place, cell in enumerate(classes)}
    return np.array([index[cell] for cell in cells], np.int64), tuple(classes)
