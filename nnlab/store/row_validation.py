"""Validation of rows: lists leave out rows with invalid values, and reading such a run is an error.

SQLite stores any value in any column, and users may edit the file. `nnlab db check` lists the rows.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

from nnlab.errors import CorruptRow, UsageError

Record = TypeVar("Record")

# Raised by decoding a row with a value of another type, invalid JSON or an unknown name.
DECODE_ERRORS = (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)

# The types of a column's values; NULL is None.
INTEGER: tuple[type, ...] = (int, bool)
NUMBER: tuple[type, ...] = (int, float)
TEXT: tuple[type, ...] = (str,)
# No training has more epochs, and sums of larger numbers would overflow.
MAX_EPOCHS = 2**40


class UnreadableRowLog(Protocol):
    """An object that records the rows that were left out: by table and id, with the problem."""

    unreadable_rows: dict[tuple[str, object], str]


def decode_rows(
    db: UnreadableRowLog,
    table: str,
    rows: Iterable[Sequence[Any]],
    decode: Callable[[Sequence[Any]], Record],
) -> Iterator[Record]:
    """The records of rows whose first column is their id; unreadable rows are recorded in `db`."""
    for row in rows:
        try:
            record = decode(row)
        except (*DECODE_ERRORS, UsageError) as error:
            db.unreadable_rows[table, row[0]] = _describe_error(error)
        else:
            yield record


def decode_row(table: str, row: Sequence[Any], decode: Callable[[Sequence[Any]], Record]) -> Record:
    """The record of a row.

    Raises:
        CorruptRow: the row cannot be read.
    """
    try:
        return decode(row)
    except (*DECODE_ERRORS, UsageError) as error:
        raise corrupt_row_error(table, row[0], _describe_error(error)) from error


@contextmanager
def note_unreadable(db: UnreadableRowLog, table: str, row_id: object) -> Iterator[None]:
    """Records an error in the block in `db` as an unreadable row, and suppresses it."""
    try:
        yield
    except (*DECODE_ERRORS, UsageError) as error:
        db.unreadable_rows[table, row_id] = _describe_error(error)


def corrupt_row_error(table: str, row_id: object, problem: str) -> CorruptRow:
    """The error for a row that cannot be read."""
    return CorruptRow(
        f"{table} {row_id} in the database cannot be read: {problem}",
        hint="nnlab db check lists all such rows; a backup may have the original ones",
    )


def _describe_error(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0][:200]


class ColumnTypes:
    """Checks the types of a table's rows; valid sequences of types are cached."""

    def __init__(self, columns: Sequence[tuple[str, tuple[type, ...], bool]]) -> None:
        """Takes the name, types and nullability of each column, in the order of the rows."""
        self._columns = tuple(columns)
        self._valid: set[tuple[type, ...]] = set()

    def check(self, row: Sequence[Any]) -> None:
        """Raises TypeError if a value has a type that is invalid for its column."""
        types = tuple(map(type, row))
        if types in self._valid:
            return
        for value, (name, allowed, nullable) in zip(row, self._columns, strict=False):
            if value is None and nullable:
                continue
            if not isinstance(value, allowed):
                shown = "NULL" if value is None else type(value).__name__
                raise TypeError(f"its {name} is {shown}")
        self._valid.add(types)


def check_epochs(**numbers: int | None) -> None:
    """Raises ValueError if a number of epochs is negative or larger than `MAX_EPOCHS`."""
    for name, number in numbers.items():
        if number is not None and not 0 <= number <= MAX_EPOCHS:
            raise ValueError(f"its {name} is {number}")
