"""Statements that are compiled once per dialect and executed by the driver: the frequent ones."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import Any

from sqlalchemy.engine import Connection
from sqlalchemy.sql import ClauseElement


class DriverStatement:
    """A SQLAlchemy Core statement whose compiled text the driver executes.

    `Connection.execute` looks up the compiled statement and wraps every row: for short statements
    and for queries of ten thousand rows that takes as long as SQLite itself.
    """

    def __init__(self, build: Callable[[], ClauseElement]) -> None:
        """The statement is built and compiled when it is first executed.

        Args:
            build: returns the Core statement; its parameters are bound by name.
        """
        self._build = build
        self._compiled: dict[str, tuple[str, tuple[str, ...], Mapping[str, Any]]] = {}

    def execute(self, connection: Connection, **values: Any) -> Any:
        """The driver's cursor, in the connection's transaction; values are bound by name.

        Raises:
            KeyError: a parameter has no value.
        """
        sql, names, constants = self._compile(connection)
        values = {**constants, **values}
        return driver_of(connection).execute(sql, tuple([values[name] for name in names]))

    def fetch(self, connection: Connection, **values: Any) -> list[Any]:
        """All rows, as the driver's tuples."""
        rows: list[Any] = self.execute(connection, **values).fetchall()
        return rows

    def execute_many(self, connection: Connection, rows: Iterable[tuple[Any, ...]]) -> None:
        """Executes it for each row; a row has the parameters in the order of the statement."""
        sql, _, _ = self._compile(connection)
        cursor = driver_of(connection).cursor()
        try:
            cursor.executemany(sql, rows)
        finally:
            cursor.close()

    def _compile(self, connection: Connection) -> tuple[str, tuple[str, ...], Mapping[str, Any]]:
        dialect = connection.dialect
        compiled = self._compiled.get(dialect.name)
        if compiled is None:
            text = dialect.statement_compiler(dialect, self._build())
            constants = {
                name: bind.effective_value for name, bind in text.binds.items() if not bind.required
            }
            compiled = str(text), tuple(text.positiontup or ()), constants
            self._compiled[dialect.name] = compiled
        return compiled


class MultiRowStatement:
    """A statement that inserts many rows with few executions.

    Python's sqlite3 releases the interpreter lock in each execution, and gets it back only after
    a switch interval of 5 ms if another thread computes. With one execution per row, a thread that
    stores what a training loop logs would never catch up.
    """

    _SIZES = (128, 32, 8, 2, 1)

    def __init__(self, build: Callable[[int], ClauseElement]) -> None:
        """The statements are built when they are first executed.

        Args:
            build: returns the Core statement for a number of rows; its parameters are bound in
                the order of the rows and of their columns.
        """
        self._statements = {size: DriverStatement(partial(build, size)) for size in self._SIZES}

    def execute_many(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Inserts the rows; no two of them may have the same key."""
        begin = 0
        for size, statement in self._statements.items():
            while len(rows) - begin >= size:
                values = tuple(chain.from_iterable(rows[begin : begin + size]))
                statement.execute_many(connection, [values])
                begin += size


def driver_of(connection: Connection) -> Any:
    """The connection of the driver, sqlite3 or psycopg, below a connection of SQLAlchemy."""
    return connection.connection.driver_connection
