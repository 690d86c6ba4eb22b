"""A database in a SQLite file: its connections, transactions and maintenance.

PRAGMA, VACUUM and BEGIN are handwritten: SQLAlchemy has no constructs for them.
"""

import functools
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext, suppress
from enum import Enum
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

from sqlalchemy import column, create_engine, insert, select, table
from sqlalchemy.engine import Connection

from nnlab.errors import DiskFull, NnlabError, StoreError
from nnlab.store.address import FileAddress
from nnlab.store.constructs import parameters
from nnlab.store.database import BUSY_SECONDS, Database, Purpose, read_time_limit_error
from nnlab.store.driver_statement import driver_of
from nnlab.store.filesystem import network_filesystem_type
from nnlab.store.schema import TABLES, find_revision
from nnlab.store.serialization import to_json
from nnlab.store.sqlite_errors import database_moved_error, translate_sqlite_error
from nnlab.store.tables import metadata

# SQLite's own table of tables and indexes.
SQLITE_SCHEMA = table("sqlite_master", column("name"), column("type"))


class FileAccess(Enum):
    """How the file is opened."""

    CREATE = "create it if it is missing, and write"
    WRITE = "write"
    READ = "read; the last reader removes the write-ahead log, as a writer would"
    READ_ONLY_FILE = "read a file that cannot be written"
    FROZEN = "read a file in a folder that cannot be written, without locks and without a log"

    @property
    def writes(self) -> bool:
        """Whether this access allows writing."""
        return self in (FileAccess.CREATE, FileAccess.WRITE)


# Some tenths of a millisecond of SQLite's virtual machine.
_STEPS_PER_CLOCK_CHECK = 10_000

_URI_QUERY = {
    FileAccess.CREATE: "mode=rwc",
    FileAccess.WRITE: "mode=rw",
    FileAccess.READ: "mode=rw",
    FileAccess.READ_ONLY_FILE: "mode=ro",
    FileAccess.FROZEN: "mode=ro&immutable=1",
}


class FileDatabase(Database):
    """A database in a SQLite file."""

    address: FileAddress

    def __init__(
        self,
        address: FileAddress,
        access: FileAccess,
        *,
        busy_seconds: float = BUSY_SECONDS,
        foreign_keys: bool = True,
    ) -> None:
        self.access = access
        self.busy_seconds = busy_seconds
        # Absolute: a user's model may change the working folder.
        self._path = address.path.absolute()
        self._identity: tuple[int, int] | None = None
        engine = create_engine(
            address.url,
            creator=functools.partial(self._connect, foreign_keys),
            json_serializer=to_json,
        )
        super().__init__(address, engine, writes=access.writes)

    @contextmanager
    def driver_connection(self) -> Iterator[sqlite3.Connection]:
        """The driver's connection, for work outside of transactions: backups and the log.

        Raises:
            StoreError: the database cannot be opened.
        """
        with self._translate_driver_errors():
            pooled = self._engine.raw_connection()
            try:
                yield cast(sqlite3.Connection, pooled.driver_connection)
            finally:
                pooled.close()

    @contextmanager
    def change_probe(self) -> Iterator[Callable[[], str]]:
        """See `Database`; also tells when the path names another file or none."""
        with self.driver_connection() as connection:

            def probe() -> str:
                with self._translate_driver_errors():
                    (version,) = connection.execute("PRAGMA data_version").fetchone()
                return f"{_file_identity(self._path)} {version}"

            yield probe

    def set_journal_mode(self) -> None:
        """Turns write-ahead logging on permanently: readers and a writer never wait for each other.

        On a network file system it is turned off, because it is not safe there (see `filesystem`),
        and `shared` is set to the type of the file system. SQLite does not wait for the lock that
        this needs, so this method does.

        Raises:
            StoreError: the database cannot be written.
        """
        self.shared = network_filesystem_type(self.address.path)
        new_mode = "delete" if self.shared else "wal"
        deadline = time.monotonic() + self.busy_seconds
        with self.driver_connection() as connection:
            while True:
                try:
                    (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
                    if mode != new_mode:
                        # If memory cannot be shared, SQLite keeps the old mode and returns it.
                        connection.execute(f"PRAGMA journal_mode={new_mode}").fetchone()
                except sqlite3.OperationalError as error:
                    locked = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
                    if not locked or time.monotonic() > deadline:
                        raise
                    time.sleep(0.005)
                else:
                    return

    def revision(self, connection: Connection) -> str | None:
        """See `Database`."""
        names = connection.execute(
            select(SQLITE_SCHEMA.c.name).where(SQLITE_SCHEMA.c.type == "table")
        ).scalars()
        return find_revision(set(map(str, names)), connection, self.address)

    def insert(
        self,
        connection: Connection,
        table: str,
        columns: Sequence[str],
        rows: Iterable[tuple[Any, ...]],
    ) -> None:
        """See `Database`; the driver binds NaN as NULL."""
        driver: sqlite3.Connection = driver_of(connection)
        # By the driver, which takes the rows one by one; SQLAlchemy would build a list of them.
        statement = insert(metadata.tables[table]).values(parameters(*columns))
        sql = str(statement.compile(dialect=connection.dialect))
        with closing(driver.cursor()) as cursor:
            cursor.executemany(sql, rows)

    def prepare_partitions(self, connection: Connection, highest_run: int) -> None:
        """Nothing to do: SQLite has no partitions."""

    def reset_sequences(self, connection: Connection, tables: Iterable[str]) -> None:
        """Nothing to do: SQLite gives a new row the id after the highest one."""

    def size(self) -> int:
        """The bytes of the file and its write-ahead log."""
        return _file_size(self.address.path) + self.log_size()

    def log_size(self) -> int:
        """Bytes of the write-ahead log."""
        return _file_size(self.address.sibling("-wal"))

    def find_invalid_utf8(self) -> Iterator[str]:
        """See `Database`."""
        with self.driver_connection() as connection:
            for table, columns in _text_columns(connection):
                for column in columns:
                    # Handwritten: text that is not UTF-8 must be read as bytes.
                    query = f"SELECT rowid, CAST({column} AS BLOB) FROM {table}"  # noqa: S608
                    rows = connection.execute(query + f" WHERE typeof({column}) = 'text'")
                    for row_id, content in rows:
                        try:
                            content.decode()
                        except UnicodeDecodeError as error:
                            yield f"{table} {row_id}: its {column} is not UTF-8 ({error.reason})"

    def vacuum(self) -> None:
        """Rewrites the file without the space of deleted rows, and empties its log."""
        with suppress(DiskFull), self.driver_connection() as connection:
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def integrity_problems(self, connection: Connection) -> Iterator[str]:
        """See `Database`."""
        for (problem,) in connection.exec_driver_sql("PRAGMA integrity_check(20)"):
            if problem != "ok":
                yield f"the file is damaged: {problem}"
        for name in TABLES:
            rows = connection.exec_driver_sql(f"PRAGMA foreign_key_check('{name}')").fetchall()
            if rows:
                yield f"table {name}: {len(rows):,} rows refer to missing rows"

    def _after_full_disk(self) -> None:
        """Moves the log into the file, which frees disk space."""
        with suppress(StoreError), self.driver_connection() as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @property
    def _driver_error(self) -> type[Exception]:
        return sqlite3.Error

    def _translate_error(self, error: BaseException | None) -> NnlabError | None:
        if not isinstance(error, sqlite3.Error):
            return None
        if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_INTERRUPT:
            return read_time_limit_error(self.address)
        create = self.access is FileAccess.CREATE
        return translate_sqlite_error(error, self.address, newer=self.newer, create=create)

    @contextmanager
    def _limit_statements(self, connection: Connection, deadline: float) -> Iterator[None]:
        driver: sqlite3.Connection = driver_of(connection)
        driver.set_progress_handler(lambda: time.monotonic() >= deadline, _STEPS_PER_CLOCK_CHECK)
        try:
            yield
        finally:
            driver.set_progress_handler(None, 0)

    def _execute_begin(self, connection: Connection, purpose: Purpose) -> None:
        # IMMEDIATE: a transaction that begins as a reader fails if another one writes first.
        connection.exec_driver_sql("BEGIN" if purpose == "read" else "BEGIN IMMEDIATE")

    @contextmanager
    def _begin(self, connection: Connection, check_foreign_keys: bool) -> Iterator[None]:
        with (
            nullcontext() if check_foreign_keys else _foreign_keys_off(connection),
            connection.begin(),
        ):
            yield

    def _connect(self, foreign_keys: bool) -> sqlite3.Connection:
        connection = _connect(self._path, self.access, self.busy_seconds, foreign_keys)
        if self._identity is None:
            self._identity = _file_identity(self._path)
        return connection

    def _check_not_moved(self) -> None:
        """Raises DatabaseMoved if the path no longer names the file that was opened.

        SQLite keeps writing to a file that was removed or renamed, and reports no error.
        """
        if self._identity is not None and _file_identity(self._path) != self._identity:
            raise database_moved_error(self.address)


@contextmanager
def _foreign_keys_off(connection: Connection) -> Iterator[None]:
    # Checking foreign keys takes a fifth of the time of a bulk insert.
    driver: sqlite3.Connection = driver_of(connection)
    driver.execute("PRAGMA foreign_keys=OFF")  # has no effect inside a transaction
    try:
        yield
    finally:
        driver.execute("PRAGMA foreign_keys=ON")


def _file_identity(path: Path) -> tuple[int, int] | None:
    """Device and inode of the file at a path, following links; None if there is no file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _connect(
    path: Path, access: FileAccess, busy_seconds: float, foreign_keys: bool
) -> sqlite3.Connection:
    quoted = quote(str(path), errors="surrogateescape")
    connection = sqlite3.connect(
        f"file:{quoted}?{_URI_QUERY[access]}",
        uri=True,
        timeout=busy_seconds,
        isolation_level=None,  # only `Database` begins transactions
        check_same_thread=False,
    )
    # Invalid UTF-8 is replaced, so that one bad text does not hide other rows; `db check` names it.
    connection.text_factory = functools.partial(str, encoding="utf-8", errors="replace")
    try:
        # FULL: an epoch that was shown on the screen survives a power failure.
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute(f"PRAGMA foreign_keys={'ON' if foreign_keys else 'OFF'}")
        # In KiB. SQLite's default of 2 MB does not hold the runs of a large study, so each query
        # of a command would read the file again.
        connection.execute("PRAGMA cache_size=-32768")
        if not access.writes:
            connection.execute("PRAGMA query_only=ON")
    except BaseException:
        connection.close()
        raise
    return connection


def _text_columns(connection: sqlite3.Connection) -> Iterator[tuple[str, list[str]]]:
    """The text columns of nnlab's tables that have an id."""
    for table_name in TABLES:
        columns = connection.execute(f"PRAGMA table_info('{table_name}')").fetchall()
        if any(name == "id" for _, name, *_ in columns):
            yield (
                table_name,
                [name for _, name, kind, *_ in columns if kind not in ("INTEGER", "FLOAT")],
            )


def _file_size(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:
        return 0
