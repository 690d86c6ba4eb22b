"""`Table`: the columns of a table in memory, as distinct texts or as numbers."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from nnlab.settings.numbers import is_plain_ascii, parse_number

# Whole numbers with at most so many values are classes.
MAX_INTEGER_CLASSES = 20

# Texts that stand for a missing value, in lower case.
MISSING = frozenset({"", "?", "-", "na", "n/a", "nan", "null"})

_MAX_MISSING_CHARACTERS = max(map(len, MISSING))


def is_missing(cell: str) -> bool:
    """Whether a cell stands for a missing value, such as an empty one or `n/a`."""
    return len(cell) <= _MAX_MISSING_CHARACTERS and cell.lower() in MISSING


@dataclass(frozen=True)
class CellColumn:
    """A column with n cells.

    The text of row i is `texts[codes[i]]`; the texts are distinct. A column of numbers has
    `numbers` [n] instead, NaN where a value is missing, and no texts.
    """

    name: str
    texts: tuple[str, ...]
    codes: NDArray[np.int64]
    numbers: NDArray[np.float64] | None = None

    @classmethod
    def of_cells(cls, name: str, cells: Sequence[str]) -> "CellColumn":
        """A column from the text of each row."""
        index: dict[str, int] = {}
        codes = [index.setdefault(cell, len(index)) for cell in cells]
        return cls(name, tuple(index), np.array(codes, np.int64))

    @classmethod
    def of_numbers(cls, name: str, numbers: NDArray[np.float64]) -> "CellColumn":
        """A column of numbers; NaN is a missing value."""
        return cls(name, (), np.empty(0, np.int64), numbers)

    def __len__(self) -> int:
        return len(self.codes) if self.numbers is None else len(self.numbers)

    @property
    def cells(self) -> NDArray[np.str_]:
        """The text of each row [n]."""
        if self.numbers is None:
            return np.array(self.texts, np.str_)[self.codes]
        return np.array([_number_text(number) for number in self.numbers.tolist()], np.str_)

    def cell(self, row: int) -> str:
        """The text of a row."""
        if self.numbers is None:
            return self.texts[int(self.codes[row])]
        return _number_text(float(self.numbers[row]))

    def rows_with(self, test: Callable[[str], bool]) -> NDArray[np.int64]:
        """The rows, ascending, whose text fulfils a condition."""
        if self.numbers is not None:
            return np.flatnonzero(np.isnan(self.numbers)) if test("") else np.empty(0, np.int64)
        return np.flatnonzero(np.array([test(text) for text in self.texts], bool)[self.codes])

    def with_texts(self) -> "CellColumn":
        """The column as texts, also if it has numbers."""
        return self if self.numbers is None else CellColumn.of_cells(self.name, self.cells.tolist())

    @cached_property
    def parsed(self) -> NDArray[np.float64]:
        """The number of each distinct text; NaN for other texts."""
        return _parse_numbers(self.texts)

    @cached_property
    def values(self) -> NDArray[np.float64]:
        """The number of each row [n]; NaN for other texts and missing values."""
        return self.parsed[self.codes] if self.numbers is None else self.numbers

    @property
    def has_numbers(self) -> bool:
        """Whether a cell is a number."""
        return self.numbers is not None or not np.isnan(self.parsed).all()

    @cached_property
    def missing_rows(self) -> NDArray[np.int64]:
        """The rows, ascending, whose value is missing."""
        return self.rows_with(is_missing)

    @property
    def text_rows(self) -> NDArray[np.int64]:
        """The rows, ascending, whose value is neither a number nor missing."""
        others = np.flatnonzero(np.isnan(self.values))
        return others if not len(others) else np.setdiff1d(others, self.missing_rows)

    def map_texts(self, convert: Callable[[str], str]) -> "CellColumn":
        """The column with each text converted; equal results become one text."""
        index: dict[str, int] = {}
        mapped = [index.setdefault(convert(text), len(index)) for text in self.texts]
        return CellColumn(self.name, tuple(index), np.array(mapped, np.int64)[self.codes])

    def take(self, rows: NDArray[np.int64]) -> "CellColumn":
        """The column of some rows, with the texts that occur in them."""
        if self.numbers is not None:
            return CellColumn.of_numbers(self.name, self.numbers[rows])
        used, codes = np.unique(self.codes[rows], return_inverse=True)
        texts = tuple(self.texts[code] for code in used.tolist())
        return CellColumn(self.name, texts, codes.reshape(-1).astype(np.int64))


@dataclass(frozen=True, slots=True)
class Table:
    """The columns of a file, and where its rows are.

    `lines` are the numbers of the lines on which the rows end; `place` is the word for them in
    messages. `notes` describe what was detected.
    """

    path: Path
    columns: tuple[CellColumn, ...]
    lines: Sequence[int]
    place: str = "line"
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.lines)

    @property
    def header(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> CellColumn:
        """The column of a name in the header."""
        return self.columns[self.header.index(name)]

    def cell_location(self, row: int, name: str) -> str:
        """The line and column of a cell, for messages."""
        return f"{self.place} {self.lines[row]}, column '{name}'"

    def take(self, rows: NDArray[np.int64]) -> Self:
        """The table of some rows."""
        return replace(
            self,
            columns=tuple(column.take(rows) for column in self.columns),
            lines=tuple(self.lines[row] for row in rows.tolist()),
        )


def _parse_numbers(texts: Sequence[str]) -> NDArray[np.float64]:
    """The result of `parse_number` for each text; NaN for None."""
    joined = "".join(texts)
    if is_plain_ascii(joined):
        # Much faster than one call for each text, with the same result.
        try:
            numbers = np.array(list(map(float, texts)), np.float64)
        except ValueError:
            pass
        else:
            if np.isfinite(numbers).all():
                return numbers
    parsed = [parse_number(text) for text in texts]
    return np.array([np.nan if number is None else number for number in parsed], np.float64)


def _number_text(number: float) -> str:
    """A number as a CSV file would contain it; empty for NaN."""
    if math.isnan(number):
        return ""
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)


def unique_names(names: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Column names without duplicates, and a note for each that was renamed.

    >>> unique_names(["x", "y", "x"])
    (('x', 'y', 'x_2'), ("the second column 'x' is named 'x_2'",))
    """
    taken, result, notes = set(names), [], []
    counts: dict[str, int] = {}
    for name in names:
        counts[name] = counts.get(name, 0) + 1
        if counts[name] == 1:
            result.append(name)
            continue
        number = counts[name]
        while (unique := f"{name or 'column'}_{number}") in taken:
            number += 1
        taken.add(unique)
        result.append(unique)
        ordinal = {2: "second", 3: "third"}.get(counts[name], f"{counts[name]}th")
        notes.append(f"the {ordinal} column '{name}' is named '{unique}'")
    return tuple(result), tuple(notes)
