"""Copies every row of a database into another, in SQLite or PostgreSQL, and verifies the copy."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from sqlalchemy import Table, bindparam, func, select, tuple_
from sqlalchemy.engine import Connection

from nnlab.errors import StoreError, UsageError
from nnlab.store.database import Database
from nnlab.store.driver_statement import DriverStatement
from nnlab.store.schema import TABLES
from nnlab.store.serialization import timestamp_from_text, timestamp_to_text
from nnlab.store.tables import StoredBoolean, Timestamp, metadata, run

# This many rows are read, and committed, at once.
CHUNK_ROWS = 20_000

_TableRow = tuple[Any, ...]

# The activity, the table, the number of rows done, and the total.
CopyProgress = Callable[[str, str, int, int], None]


@dataclass(frozen=True, slots=True)
class CopyResult:
    """The number of rows of each table after the copy, and of all tables before it."""

    row_counts: dict[str, int]
    rows_before: int


def copy_database(source: Database, target: Database, report: CopyProgress) -> CopyResult:
    """Copies every row with its id, and then compares every row.

    An interrupted copy is continued: the rows in the target must be the first rows of the source.
    Other processes may write to the source meanwhile; the copy is of one snapshot. Files of runs
    are not copied.

    Raises:
        UsageError: both are the same, or the target has other results; it is not changed.
        StoreError: one of them cannot be read or written, or the copy differs from the source.
    """
    if source.address.target == target.address.target:
        raise UsageError(f"{source.address.display_name} cannot be copied onto itself")
    tables = [_TableReader(metadata.tables[name]) for name in TABLES]
    with source.read() as source_connection:
        total = {table.name: table.count(source_connection) for table in tables}
        with target.read() as target_connection:
            before = {table.name: table.count(target_connection) for table in tables}
            for table in tables:
                _check_target_is_prefix(
                    table, source_connection, target_connection, target, before[table.name]
                )
        with target.write() as connection:
            target.prepare_partitions(connection, _highest_run_id(source_connection))
        for table in tables:
            done = before[table.name]
            for chunk in _remaining_chunks(table, source_connection, target):
                with target.write(check_foreign_keys=False) as connection:
                    target.insert(connection, table.name, table.column_names, chunk)
                done += len(chunk)
                report("copying", table.name, done, total[table.name])
        with target.write() as connection:
            target.reset_sequences(connection, [table.name for table in tables if table.has_id])
        with target.read() as target_connection:
            for table in tables:
                done = 0
                for source_rows, target_rows in table.paired_chunks(
                    source_connection, target_connection
                ):
                    _check_equal_rows(table, source_rows, target_rows, target)
                    done += len(source_rows)
                    report("checking", table.name, done, total[table.name])
    return CopyResult(total, sum(before.values()))


class _TableReader:
    """Reads a table in the order of its key, with values that are the same in both dialects."""

    def __init__(self, table: Table) -> None:
        columns = list(table.columns)
        key = list(table.primary_key)
        self.name = table.name
        self.column_names = [column.name for column in columns]
        self.has_id = [column.name for column in key] == ["id"]
        self._table = table
        self._key_places = [columns.index(column) for column in key]
        self._timestamp_places = [
            place for place, column in enumerate(columns) if isinstance(column.type, Timestamp)
        ]
        self._boolean_places = [
            place for place, column in enumerate(columns) if isinstance(column.type, StoredBoolean)
        ]
        self._key_names = [f"after_{column.name}" for column in key]
        chunk = select(table).order_by(*key).limit(bindparam("max_rows"))
        # The driver's rows: a copy reads every point of the database.
        self._first_chunk = DriverStatement(lambda: chunk)
        after = tuple_(
            *(bindparam(name, type_=c.type) for name, c in zip(self._key_names, key, strict=True))
        )
        self._next_chunk = DriverStatement(lambda: chunk.where(tuple_(*key) > after))
        self._last_key = select(*key).order_by(*(column.desc() for column in key)).limit(1)

    def count(self, connection: Connection) -> int:
        """The number of rows."""
        count: int = connection.execute(select(func.count()).select_from(self._table)).scalar_one()
        return count

    def last_key(self, connection: Connection) -> _TableRow | None:
        """The key of the last row; None if there are no rows."""
        key = connection.execute(self._last_key).one_or_none()
        return None if key is None else tuple(key)

    def chunks(
        self, connection: Connection, after: _TableRow | None = None
    ) -> Iterator[list[_TableRow]]:
        """All rows, or those after a key, in the order of their keys."""
        while True:
            if after is None:
                rows = self._first_chunk.fetch(connection, max_rows=CHUNK_ROWS)
            else:
                key = dict(zip(self._key_names, after, strict=True))
                rows = self._next_chunk.fetch(connection, max_rows=CHUNK_ROWS, **key)
            if rows:
                yield self._comparable(rows)
                after = tuple(rows[-1][place] for place in self._key_places)
            if len(rows) < CHUNK_ROWS:
                return

    def paired_chunks(
        self, source: Connection, target: Connection
    ) -> Iterator[tuple[list[_TableRow], list[_TableRow]]]:
        """The chunks of both databases in pairs; a missing chunk is empty."""
        yield from zip_longest(self.chunks(source), self.chunks(target), fillvalue=[])

    def key_text(self, row: _TableRow) -> str:
        """The key of a row, for messages."""
        return ", ".join(str(row[place]) for place in self._key_places)

    def _comparable(self, rows: Sequence[Any]) -> list[_TableRow]:
        if not self._timestamp_places and not self._boolean_places:
            return [tuple(row) for row in rows]
        return [self._comparable_row(list(row)) for row in rows]

    def _comparable_row(self, values: list[Any]) -> _TableRow:
        for place in self._timestamp_places:
            moment = timestamp_from_text(values[place])
            values[place] = None if moment is None else timestamp_to_text(moment)
        for place in self._boolean_places:
            values[place] = None if values[place] is None else bool(values[place])
        return tuple(values)


def _highest_run_id(connection: Connection) -> int:
    highest: int = connection.execute(select(func.coalesce(func.max(run.c.id), 0))).scalar_one()
    return highest


def _remaining_chunks(
    table: _TableReader, source: Connection, target: Database
) -> Iterator[list[_TableRow]]:
    with target.read() as connection:
        last_key = table.last_key(connection)
    yield from table.chunks(source, last_key)


def _check_target_is_prefix(
    table: _TableReader,
    source_connection: Connection,
    target_connection: Connection,
    target: Database,
    count: int,
) -> None:
    """Raises UsageError unless the rows of the target are the first rows of the source."""
    remaining = count
    for source_rows, target_rows in table.paired_chunks(source_connection, target_connection):
        if not remaining:
            return
        for source_row, target_row in zip_longest(source_rows[: len(target_rows)], target_rows):
            if source_row != target_row:
                raise UsageError(
                    f"{target.address.display_name} holds other results: {table.name}"
                    f" {table.key_text(target_row)} is not that of the source; nothing was copied",
                    hint="copy into a new database",
                )
        remaining -= len(target_rows)


def _check_equal_rows(
    table: _TableReader,
    source_rows: Iterable[_TableRow],
    target_rows: Iterable[_TableRow],
    target: Database,
) -> None:
    """Raises StoreError if the copy differs from the source."""
    for source_row, target_row in zip_longest(source_rows, target_rows):
        if source_row != target_row:
            raise StoreError(
                "the copy differs from the source:"
                f" {table.name} {table.key_text(source_row or target_row)}"
                f" in {target.address.display_name}",
                hint="does another program write there? copy into a new database",
            )
