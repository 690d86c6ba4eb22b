"""Rows that hold what nnlab never writes: lists leave them out, asking for one is an error.

SQLite keeps any value in any column, and anybody may edit a file. `nnlab db check` names each.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

from nnlab.errors import CorruptRow, UsageError

Record = TypeVar("Record")

# What decoding a row may raise: a value of another type, text that is no JSON, an unknown word.
DECODE_ERRORS = (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)

# The types that a column's values have; None is NULL.
INTEGER: tuple[type, ...] = (int, bool)
NUMBER: tuple[type, ...] = (int, float)
TEXT: tuple[type, ...] = (str,)
# Larger numbers of epochs are no result of a training, and sums of them overflow.
MAX_EPOCHS = 2**40


class UnreadableRowLog(Protocol):
    """What notes the rows that were left out: table and number of the row, and what is wrong."""

    unreadable_rows: dict[tuple[str, object], str]


def decode_rows(
    db: UnreadableRowLog,
    table: str,
    rows: Iterable[Sequence[Any]],
    decode: Callable[[Sequence[Any]], Record],
) -> Iterator[Record]:
    """The records of rows, which begin with their number; unreadable rows are noted in `db`."""
    for row in rows:
        try:
            decode_row = decode(row)
        except (*DECODE_ERRORS, UsageError) as error:
            db.unreadable_rows[table, row[0]] = _describe_error(error)
        else:
            yield decode_row


def decode_row(table: str, row: Sequence[Any], decode: Callable[[Sequence[Any]], Record]) -> Record:
    """The record of a row that was asked for.

    Raises:
        CorruptRow: it cannot be read.
    """
    try:
        return decode(row)
    except (*DECODE_ERRORS, UsageError) as error:
        raise corrupt_row_error(table, row[0], _describe_error(error)) from error


@contextmanager
def note_unreadable(db: UnreadableRowLog, table: str, number: object) -> Iterator[None]:
    """Notes in `db` that a row cannot be read, and goes on after it."""
    try:
        yield
    except (*DECODE_ERRORS, UsageError) as error:
        db.unreadable_rows[table, number] = _describe_error(error)


def corrupt_row_error(table: str, number: object, problem: str) -> CorruptRow:
    """The error for a row that cannot be read."""
    return CorruptRow(
        f"{table} {number} in the database cannot be read: {problem}",
        hint="nnlab db check lists all such rows; a backup may have them as they were",
    )


def _describe_error(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0][:200]


class ColumnTypes:
    """Checks the types of a table's rows; a sequence of types that was seen before costs little."""

    def __init__(self, columns: Sequence[tuple[str, tuple[type, ...], bool]]) -> None:
        """Takes the name, the types and whether NULL is allowed of each column, in their order."""
        self._columns = tuple(columns)
        self._sound: set[tuple[type, ...]] = set()

    def check(self, row: Sequence[Any]) -> None:
        """Raises TypeError where a value has a type that its column never has."""
        types = tuple(map(type, row))
        if types in self._sound:
            return
        for value, (name, allowed, nullable) in zip(row, self._columns, strict=False):
            if value is None and nullable:
                continue
            if not isinstance(value, allowed):
                shown = "NULL" if value is None else type(value).__name__
                raise TypeError(f"its {name} is {shown}")
        self._sound.add(types)


def check_epochs(**numbers: int | None) -> None:
    """Raises ValueError where a number of epochs is negative or too large to be one."""
    for name, number in numbers.items():
        if number is not None and not 0 <= number <= MAX_EPOCHS:
            raise ValueError(f"its {name} is {number}")
