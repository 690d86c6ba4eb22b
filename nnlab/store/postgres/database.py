"""A database on a PostgreSQL server: its connections, transactions and partitions.

Handwritten SQL: what SQLAlchemy has no construct for (schemas, partitions, sequences, locks, COPY).
"""

import functools
import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo
from sqlalchemy import BigInteger, cast, column, create_engine, func, select, table
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from nnlab.errors import NnlabError
from nnlab.store.address import ServerAddress
from nnlab.store.database import BUSY_SECONDS, Database, Purpose, read_time_limit_error
from nnlab.store.driver_statement import driver_of
from nnlab.store.postgres.adapters import register_adapters
from nnlab.store.postgres.errors import translate_postgres_error
from nnlab.store.schema import find_revision

# In seconds; the URL may have another timeout for a server that does not answer.
CONNECT_TIMEOUT_SECONDS = 5

# The points of this many runs are one partition: at a thousand points a run some 65 million rows,
# whose index fits into memory.
RUNS_PER_PARTITION = 1 << 16

_BEGIN_STATEMENTS: Mapping[Purpose, str] = {
    "read": "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    # An exclusive transaction waits for all others; shared ones wait for exclusive ones only.
    "exclusive": "BEGIN; SELECT pg_advisory_xact_lock({key})",
    "shared": "BEGIN; SELECT pg_advisory_xact_lock_shared({key})",
}


_PG_TABLES = table("pg_tables", column("schemaname"), column("tablename"))
_PG_CLASS = table("pg_class", column("oid"), column("relnamespace"), column("relkind"))
_PG_NAMESPACE = table("pg_namespace", column("oid"), column("nspname"))


class ServerDatabase(Database):
    """A database in a schema of a PostgreSQL server."""

    address: ServerAddress

    def __init__(
        self, address: ServerAddress, *, writes: bool, busy_seconds: float = BUSY_SECONDS
    ) -> None:
        engine = create_engine(
            "postgresql+psycopg://",
            creator=functools.partial(_connect, address, busy_seconds),
            paramstyle="format",  # positional, as in SQLite: `DriverStatement` binds tuples
            use_native_hstore=False,
        )
        self._lock_key = _advisory_lock_key(address.schema)
        super().__init__(address, engine, writes=writes)

    @contextmanager
    def change_probe(self) -> Iterator[Callable[[], str]]:
        """See `Database`; commits in other databases of the server change it too."""
        with self._translate_driver_errors():
            connection = self._engine.raw_connection()
        try:

            def probe() -> str:
                # Which transactions are visible. A position in the write-ahead log would not do:
                # it advances before the commit is visible. Standby servers have it as well.
                with self._translate_driver_errors(), closing(connection.cursor()) as cursor:
                    cursor.execute("SELECT txid_current_snapshot()::text")
                    ((snapshot,),) = cursor.fetchall()
                return str(snapshot)

            yield probe
        finally:
            connection.close()

    def revision(self, connection: Connection) -> str | None:
        """See `Database`."""
        names = connection.execute(
            select(_PG_TABLES.c.tablename).where(_PG_TABLES.c.schemaname == self.address.schema)
        ).scalars()
        return find_revision(set(names), connection, self.address)

    def make_schema(self, connection: Connection) -> None:
        """Creates the schema of the tables if it does not exist."""
        # Checked first: creating it takes a privilege that not every user has.
        exists = connection.execute(
            select(func.to_regnamespace(self.address.schema).is_not(None))
        ).scalar_one()
        if not exists:
            connection.exec_driver_sql(f"CREATE SCHEMA {self.address.schema}")

    def insert(
        self,
        connection: Connection,
        table: str,
        columns: Sequence[str],
        rows: Iterable[tuple[Any, ...]],
    ) -> None:
        """See `Database`; uses COPY."""
        driver: psycopg.Connection[Any] = driver_of(connection)
        with (
            driver.cursor() as cursor,
            cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy,
        ):
            for row in rows:
                copy.write_row(row)

    def prepare_partitions(self, connection: Connection, highest_run: int) -> None:
        """Creates the partitions of `point` for runs up to this id, and at least one."""
        existing = connection.exec_driver_sql(
            "SELECT count(*) FROM pg_inherits WHERE inhparent = 'point'::regclass"
        ).scalar_one()
        for part in range(existing, highest_run // RUNS_PER_PARTITION + 1):
            begin = part * RUNS_PER_PARTITION
            # Created first and attached then, which does not block readers.
            connection.exec_driver_sql(
                f"CREATE TABLE point_{part} (LIKE point INCLUDING DEFAULTS INCLUDING CONSTRAINTS)"
            )
            connection.exec_driver_sql(
                f"ALTER TABLE point ATTACH PARTITION point_{part}"
                f" FOR VALUES FROM ({begin}) TO ({begin + RUNS_PER_PARTITION})"
            )

    def reset_sequences(self, connection: Connection, tables: Iterable[str]) -> None:
        """See `Database`: a sequence ignores ids that were inserted explicitly."""
        for name in tables:
            connection.exec_driver_sql(
                f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), max(id)) FROM {name}"  # noqa: S608
            )

    def size(self) -> int:
        """The bytes of the tables with their indexes."""
        with self.read() as connection:
            size: int = connection.execute(
                select(
                    cast(
                        func.coalesce(func.sum(func.pg_total_relation_size(_PG_CLASS.c.oid)), 0),
                        BigInteger,
                    )
                )
                .join(_PG_NAMESPACE, _PG_NAMESPACE.c.oid == _PG_CLASS.c.relnamespace)
                .where(_PG_NAMESPACE.c.nspname == self.address.schema, _PG_CLASS.c.relkind == "r")
            ).scalar_one()
        return size

    def find_invalid_utf8(self) -> Iterator[str]:
        """Nothing: the server rejects such text."""
        yield from ()

    def vacuum(self) -> None:
        """Nothing to do: the server's autovacuum reuses the space of deleted rows."""

    def integrity_problems(self, connection: Connection) -> Iterator[str]:
        """Nothing: the server checks its own files and references."""
        del connection
        yield from ()

    @property
    def _driver_error(self) -> type[Exception]:
        return psycopg.Error

    def _translate_error(self, error: BaseException | None) -> NnlabError | None:
        if not isinstance(error, psycopg.Error):
            return None
        if isinstance(error, psycopg.errors.QueryCanceled):
            return read_time_limit_error(self.address)
        return translate_postgres_error(error, self.address, newer=self.newer)

    @contextmanager
    def _limit_statements(self, connection: Connection, deadline: float) -> Iterator[None]:
        milliseconds = max(1, round((deadline - time.monotonic()) * 1000))
        # Until the end of the transaction.
        driver_of(connection).execute(f"SET LOCAL statement_timeout TO {milliseconds}")
        yield

    def _execute_begin(self, connection: Connection, purpose: Purpose) -> None:
        # All statements in one message, so that they take one round trip.
        statements = _BEGIN_STATEMENTS[purpose].format(key=self._lock_key)
        driver_of(connection).execute(statements, prepare=False)

    @contextmanager
    def _begin(self, connection: Connection, check_foreign_keys: bool) -> Iterator[None]:
        """A transaction; if the server has closed the connection, on a new connection."""
        del check_foreign_keys  # only the server's owner may turn them off
        try:
            transaction = connection.begin()
        except (psycopg.OperationalError, DBAPIError):
            if not driver_of(connection).closed:
                raise
            connection.invalidate()
            self._engine.dispose()  # the other connections in the pool are closed too
            transaction = connection.begin()
        with transaction:
            yield


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


def _advisory_lock_key(schema: str) -> int:
    """The key of the advisory lock: unlikely to be the key of another program."""
    digest = hashlib.sha256(f"nnlab {schema}".encode()).digest()
    return int.from_bytes(digest[:8], signed=True)
