"""A database on a server: how PostgreSQL's connections begin, commit, fail and close."""

import functools
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo
from sqlalchemy import create_engine, event
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from nnlab.errors import NnlabError
from nnlab.store.address import ServerAddress
from nnlab.store.database import BUSY_SECONDS, PURPOSE, Database, Purpose
from nnlab.store.postgres.dialect import register_adapters, to_postgres_sql
from nnlab.store.postgres.errors import translate_postgres_error
from nnlab.store.schema import find_revision

# A server that does not answer is given up after so long, in seconds, unless the URL says more.
CONNECT_TIMEOUT_SECONDS = 5

# Points of so many runs are one part of their table: at a thousand points a run some 65 million
# rows, whose indexes fit into memory one part at a time.
RUNS_PER_PARTITION = 1 << 16

_BEGIN_STATEMENTS: Mapping[Purpose, str] = {
    "read": "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    # Those alone wait for all others, and those beside each other only for one that is alone.
    "alone": "BEGIN; SELECT pg_advisory_xact_lock({key})",
    "beside": "BEGIN; SELECT pg_advisory_xact_lock_shared({key})",
}


class ServerDatabase(Database):
    """A database on a PostgreSQL server, in a schema of its own."""

    address: ServerAddress

    def __init__(
        self, address: ServerAddress, *, writes: bool, busy_seconds: float = BUSY_SECONDS
    ) -> None:
        engine = create_engine(
            "postgresql+psycopg://",
            creator=functools.partial(_connect, address, busy_seconds),
            use_native_hstore=False,
        )
        event.listen(
            engine,
            "begin",
            functools.partial(_begin_transaction, key=_advisory_lock_key(address.schema)),
        )
        event.listen(engine, "before_cursor_execute", _translate_statement, retval=True)
        super().__init__(address, engine, writes=writes)

    def revision(self, connection: Connection) -> str | None:
        """As every database does."""
        rows = connection.exec_driver_sql(
            "SELECT tablename FROM pg_tables WHERE schemaname = ?", (self.address.schema,)
        )
        return find_revision({name for (name,) in rows}, connection, self.address)

    def make_schema(self, connection: Connection) -> None:
        """Makes the schema that the tables are to be in, if it is not there."""
        # Asked first: to make it takes a right that its users need not have.
        (there,) = connection.exec_driver_sql(
            "SELECT to_regnamespace(?) IS NOT NULL", (self.address.schema,)
        ).one()
        if not there:
            connection.exec_driver_sql(f"CREATE SCHEMA {self.address.schema}")

    def insert(
        self,
        connection: Connection,
        table: str,
        columns: Sequence[str],
        rows: Iterable[tuple[Any, ...]],
    ) -> None:
        """As every database does, by COPY."""
        driver = _driver_connection(connection)
        with (
            driver.cursor() as cursor,
            cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy,
        ):
            for row in rows:
                copy.write_row(row)

    def prepare_partitions(self, connection: Connection, highest_run: int) -> None:
        """Makes the parts of `point` for runs up to this number, and one for those to come."""
        (there,) = connection.exec_driver_sql(
            "SELECT count(*) FROM pg_inherits WHERE inhparent = 'point'::regclass"
        ).one()
        for part in range(there, highest_run // RUNS_PER_PARTITION + 1):
            begin = part * RUNS_PER_PARTITION
            # Made first and joined then: that keeps no reader out.
            connection.exec_driver_sql(
                f"CREATE TABLE point_{part} (LIKE point INCLUDING DEFAULTS INCLUDING CONSTRAINTS)"
            )
            connection.exec_driver_sql(
                f"ALTER TABLE point ATTACH PARTITION point_{part}"
                f" FOR VALUES FROM ({begin}) TO ({begin + RUNS_PER_PARTITION})"
            )

    def reset_sequences(self, connection: Connection, tables: Iterable[str]) -> None:
        """As every database does: a sequence does not see numbers that it has not given."""
        for table in tables:
            connection.exec_driver_sql(
                f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}"  # noqa: S608
            )

    def size(self) -> int:
        """As every database does: tables with their indexes."""
        with self.read() as connection:
            found: int = connection.exec_driver_sql(
                "SELECT coalesce(sum(pg_total_relation_size(pg_class.oid)), 0)::bigint"
                " FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace"
                " WHERE nspname = ? AND relkind = 'r'",
                (self.address.schema,),
            ).scalar_one()
        return found

    def find_invalid_utf8(self) -> Iterator[str]:
        """Nothing: the server takes no such text."""
        yield from ()

    def vacuum(self) -> None:
        """Nothing to do: the server's autovacuum gives the room of deleted rows to new ones."""

    def broken(self, connection: Connection) -> Iterator[str]:
        """Nothing: the server keeps its own files and references."""
        del connection
        yield from ()

    @property
    def _driver_error(self) -> type[Exception]:
        return psycopg.Error

    def _ours(self, error: BaseException | None) -> NnlabError | None:
        if not isinstance(error, psycopg.Error):
            return None
        return translate_postgres_error(error, self.address, newer=self.newer)

    @contextmanager
    def _transaction(self, purpose: Purpose, references: bool = True) -> Iterator[Connection]:
        del references  # only the server's owner may turn them off
        with self._engines[purpose].connect() as connection, self._begin_or_reconnect(connection):
            yield connection

    @contextmanager
    def _begin_or_reconnect(self, connection: Connection) -> Iterator[None]:
        """A transaction; one on a connection that the server has closed since begins on a new."""
        try:
            transaction = connection.begin()
        except (psycopg.OperationalError, DBAPIError):
            if not _driver_connection(connection).closed:
                raise
            connection.invalidate()
            self._engine.dispose()  # its like in the pool are closed too
            transaction = connection.begin()
        with transaction:
            yield


def _driver_connection(connection: Connection) -> psycopg.Connection[Any]:
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    return driver


def _connect(address: ServerAddress, busy_seconds: float) -> psycopg.Connection[Any]:
    options = {"connect_timeout": str(CONNECT_TIMEOUT_SECONDS), "application_name": "nnlab"}
    options.update(address.options)
    connection = psycopg.connect(make_conninfo(**options), autocommit=True)
    try:
        register_adapters(connection)
        connection.execute(
            f"SET search_path TO {address.schema}; SET timezone TO 'UTC'; SET datestyle TO 'ISO';"
            f" SET lock_timeout TO {round(busy_seconds * 1000)}",
            prepare=False,
        )
    except BaseException:
        connection.close()
        raise
    return connection


def _begin_transaction(connection: Connection, *, key: int) -> None:
    purpose: Purpose = connection.get_execution_options().get(PURPOSE, "read")
    # In one message: a round trip for all of it.
    _driver_connection(connection).execute(
        _BEGIN_STATEMENTS[purpose].format(key=key), prepare=False
    )


def _advisory_lock_key(schema: str) -> int:
    """A number for the advisory lock that no other program's is likely to have."""
    digest = hashlib.sha256(f"nnlab {schema}".encode()).digest()
    return int.from_bytes(digest[:8], signed=True)


def _translate_statement(
    connection: Connection,  # noqa: ARG001  the event's signature
    cursor: Any,  # noqa: ARG001
    statement: str,
    parameters: Any,
    context: Any,
    executemany: bool,  # noqa: ARG001
) -> tuple[str, Any]:
    """Rewrites the store's own statements; what SQLAlchemy compiled is spelled right."""
    if context is not None and context.compiled is None:
        statement = to_postgres_sql(statement)
    return statement, parameters
