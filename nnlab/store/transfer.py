"""Moves a whole database into another, whatever the two are kept in: every row, and checked."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from sqlalchemy import Boolean, Table
from sqlalchemy.engine import Connection

from nnlab.errors import StoreError, UsageError
from nnlab.store.database import Database
from nnlab.store.schema import TABLES
from nnlab.store.serialization import timestamp_from_text, timestamp_to_text
from nnlab.store.tables import Timestamp, metadata

# Rows that are read, and committed, at once.
CHUNK_ROWS = 20_000

_Row = tuple[Any, ...]

# What is done, in which table, so many rows of so many.
CopyProgress = Callable[[str, str, int, int], None]


@dataclass(frozen=True, slots=True)
class CopyResult:
    """How many rows each table has now, and how many of all of them were there before."""

    rows: dict[str, int]
    before: int


def copy_database(source: Database, target: Database, tell: CopyProgress) -> CopyResult:
    """Copies every row with its number, and then compares every row.

    A copy that was broken off goes on where it stopped: what is in the target already must be
    the beginning of what is in the source. Others may write to the source meanwhile; the copy is
    of one moment. Files that runs made are not copied.

    Raises:
        UsageError: both are the same, or the target holds other results; it is left as it was.
        StoreError: one cannot be read or written, or the copy is not what the source is.
    """
    if source.address.target == target.address.target:
        raise UsageError(f"{source.address.shown} cannot be copied onto itself")
    tables = [_TableReader(metadata.tables[name]) for name in TABLES]
    with source.read() as reading:
        total = {one.name: one.count(reading) for one in tables}
        with target.read() as there:
            before = {one.name: one.count(there) for one in tables}
            for one in tables:
                _check_target_is_prefix(one, reading, there, target, before[one.name])
        with target.write() as connection:
            target.prepare_partitions(connection, _highest_run_id(reading))
        for one in tables:
            done = before[one.name]
            for chunk in _remaining_chunks(one, reading, target):
                with target.write(references=False) as connection:
                    target.insert(connection, one.name, one.names, chunk)
                done += len(chunk)
                tell("copying", one.name, done, total[one.name])
        with target.write() as connection:
            target.reset_sequences(connection, [one.name for one in tables if one.is_numbered])
        with target.read() as there:
            for one in tables:
                done = 0
                for mine, theirs in one.beside(reading, there):
                    _check_equal_rows(one, mine, theirs, target)
                    done += len(mine)
                    tell("checking", one.name, done, total[one.name])
    return CopyResult(total, sum(before.values()))


class _TableReader:
    """A table's columns, its key, and how its values are made comparable."""

    def __init__(self, table: Table) -> None:
        self.name = table.name
        self.names = [column.name for column in table.columns]
        self.key = [column.name for column in table.primary_key]
        self._places = [self.names.index(name) for name in self.key]
        self._moments = [
            place
            for place, column in enumerate(table.columns)
            if isinstance(column.type, Timestamp)
        ]
        self._boolean_places = [
            place for place, column in enumerate(table.columns) if isinstance(column.type, Boolean)
        ]

    @property
    def is_numbered(self) -> bool:
        """Whether new rows take the next number by themselves."""
        return self.key == ["id"]

    def count(self, connection: Connection) -> int:
        found: int = connection.exec_driver_sql(
            f"SELECT count(*) FROM {self.name}"  # noqa: S608
        ).scalar_one()
        return found

    def last(self, connection: Connection) -> _Row | None:
        """The key of the last row."""
        order = ", ".join(f"{name} DESC" for name in self.key)
        found = connection.exec_driver_sql(
            f"SELECT {', '.join(self.key)} FROM {self.name} ORDER BY {order} LIMIT 1"  # noqa: S608
        ).one_or_none()
        return None if found is None else tuple(found)

    def chunks(self, connection: Connection, after: _Row | None = None) -> Iterator[list[_Row]]:
        """All rows in the order of their keys, or those after a key."""
        key = ", ".join(self.key)
        marks = ", ".join("?" * len(self.key))
        while True:
            where = "" if after is None else f" WHERE ({key}) > ({marks})"
            found = connection.exec_driver_sql(
                f"SELECT {', '.join(self.names)} FROM {self.name}{where}"  # noqa: S608
                f" ORDER BY {key} LIMIT {CHUNK_ROWS}",
                after or (),
            ).fetchall()
            if found:
                yield self._comparable(found)
                after = tuple(found[-1][place] for place in self._places)
            if len(found) < CHUNK_ROWS:
                return

    def beside(
        self, mine: Connection, theirs: Connection
    ) -> Iterator[tuple[list[_Row], list[_Row]]]:
        """The chunks of both, side by side; the longer one has the last word."""
        yield from zip_longest(self.chunks(mine), self.chunks(theirs), fillvalue=[])

    def number(self, row: _Row) -> str:
        """What names a row."""
        return ", ".join(str(row[place]) for place in self._places)

    def _comparable(self, rows: Sequence[Any]) -> list[_Row]:
        if not self._moments and not self._boolean_places:
            return [tuple(row) for row in rows]
        return [self._row(list(row)) for row in rows]

    def _row(self, values: list[Any]) -> _Row:
        for place in self._moments:
            moment = timestamp_from_text(values[place])
            values[place] = None if moment is None else timestamp_to_text(moment)
        for place in self._boolean_places:
            values[place] = None if values[place] is None else bool(values[place])
        return tuple(values)


def _highest_run_id(connection: Connection) -> int:
    found: int = connection.exec_driver_sql("SELECT coalesce(max(id), 0) FROM run").scalar_one()
    return found


def _remaining_chunks(
    table: _TableReader, source: Connection, target: Database
) -> Iterator[list[_Row]]:
    with target.read() as connection:
        after = table.last(connection)
    yield from table.chunks(source, after)


def _check_target_is_prefix(
    table: _TableReader, source: Connection, there: Connection, target: Database, count: int
) -> None:
    """Raises UsageError unless what is there is how the source begins."""
    left = count
    for mine, theirs in table.beside(source, there):
        if not left:
            return
        for one, other in zip_longest(mine[: len(theirs)], theirs):
            if one != other:
                raise UsageError(
                    f"{target.address.shown} holds other results: {table.name}"
                    f" {table.number(other)} is not that of the source; nothing was copied",
                    hint="copy into a new database",
                )
        left -= len(theirs)


def _check_equal_rows(
    table: _TableReader, mine: Iterable[_Row], theirs: Iterable[_Row], target: Database
) -> None:
    """Raises StoreError where the copy is not the source."""
    for one, other in zip_longest(mine, theirs):
        if one != other:
            raise StoreError(
                f"the copy is not the source: {table.name} {table.number(one or other)} differs"
                f" in {target.address.shown}",
                hint="does another program write there? copy into a new database",
            )
