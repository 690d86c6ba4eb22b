"""A database in a file: how SQLite's connections begin, commit, fail and close."""

import functools
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext, suppress
from enum import Enum
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import create_engine, event
from sqlalchemy.engine import Connection

from nnlab.errors import DiskFull, NnlabError, StoreError
from nnlab.store.address import FileAddress
from nnlab.store.database import BUSY_SECONDS, PURPOSE, Database, Purpose
from nnlab.store.filesystem import network_filesystem_type
from nnlab.store.schema import TABLES, find_revision
from nnlab.store.serialization import to_json
from nnlab.store.sqlite_errors import database_moved_error, translate_sqlite_error


class FileAccess(Enum):
    """How the file is opened."""

    CREATE = "make it where it is missing, and write"
    WRITE = "write"
    READ = "read; the last reader tidies the write-ahead log away, as a writer would"
    READ_ONLY_FILE = "read a file that cannot be written"
    FROZEN = "read a file in a folder that cannot be written, without locks and log"

    @property
    def writes(self) -> bool:
        """Whether this access is for writing."""
        return self in (FileAccess.CREATE, FileAccess.WRITE)


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
        event.listen(engine, "begin", _begin_transaction)
        super().__init__(address, engine, writes=access.writes)

    @contextmanager
    def driver(self) -> Iterator[sqlite3.Connection]:
        """SQLite's own connection, for what happens outside of transactions: backups, the log.

        Raises:
            StoreError: the database cannot be opened.
        """
        with self._translate_driver_errors():
            pooled = self._engine.raw_connection()
            try:
                connection = pooled.driver_connection
                assert isinstance(connection, sqlite3.Connection)
                yield connection
            finally:
                pooled.close()

    def set_journal_mode(self) -> None:
        """Turns write-ahead logging on, for good: readers and a writer never wait on each other.

        On a network file system it is turned off instead, for there it is not safe (see
        `filesystem`), and `shared` says of what type that is. SQLite does not wait for the lock
        that this takes, so this does, as for any other.

        Raises:
            StoreError: the database cannot be written.
        """
        self.shared = network_filesystem_type(self.address.path)
        wanted = "delete" if self.shared else "wal"
        deadline = time.monotonic() + self.busy_seconds
        with self.driver() as connection:
            while True:
                try:
                    (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
                    if mode != wanted:
                        # Where memory cannot be shared, SQLite answers with the mode it keeps.
                        connection.execute(f"PRAGMA journal_mode={wanted}").fetchone()
                except sqlite3.OperationalError as error:
                    locked = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
                    if not locked or time.monotonic() > deadline:
                        raise
                    time.sleep(0.005)
                else:
                    return

    def revision(self, connection: Connection) -> str | None:
        """As every database does."""
        rows = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'")
        return find_revision({str(name) for (name,) in rows}, connection, self.address)

    def insert(
        self,
        connection: Connection,
        table: str,
        columns: Sequence[str],
        rows: Iterable[tuple[Any, ...]],
    ) -> None:
        """As every database does; the driver binds NaN as NULL."""
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        marks = ", ".join("?" * len(columns))
        with closing(driver.cursor()) as cursor:
            cursor.executemany(
                f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})",  # noqa: S608
                rows,
            )

    def prepare_partitions(self, connection: Connection, highest_run: int) -> None:
        """Nothing to do: a table is one tree."""

    def reset_sequences(self, connection: Connection, tables: Iterable[str]) -> None:
        """Nothing to do: a new row takes the number after the highest."""

    def size(self) -> int:
        """As every database does: the file and its log."""
        return _file_size(self.address.path) + self.log_size()

    def log_size(self) -> int:
        """Bytes of the write-ahead log."""
        return _file_size(self.address.beside("-wal"))

    def find_invalid_utf8(self) -> Iterator[str]:
        """As every database does."""
        with self.driver() as connection:
            for table, columns in _text_columns(connection):
                for column in columns:
                    query = f"SELECT rowid, CAST({column} AS BLOB) FROM {table}"  # noqa: S608
                    rows = connection.execute(query + f" WHERE typeof({column}) = 'text'")
                    for number, content in rows:
                        try:
                            content.decode()
                        except UnicodeDecodeError as error:
                            yield f"{table} {number}: its {column} is not UTF-8 ({error.reason})"

    def vacuum(self) -> None:
        """Rewrites the file without the room that rows have left, and empties its log."""
        with suppress(DiskFull), self.driver() as connection:
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def broken(self, connection: Connection) -> Iterator[str]:
        """As every database does."""
        for (problem,) in connection.exec_driver_sql("PRAGMA integrity_check(20)"):
            if problem != "ok":
                yield f"the file is damaged: {problem}"
        for table in TABLES:
            found = connection.exec_driver_sql(f"PRAGMA foreign_key_check('{table}')").fetchall()
            if found:
                yield f"table {table}: {len(found):,} rows refer to rows that are not there"

    def _after_full_disk(self) -> None:
        """Folds the log into the file: that makes room."""
        with suppress(StoreError), self.driver() as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @property
    def _driver_error(self) -> type[Exception]:
        return sqlite3.Error

    def _ours(self, error: BaseException | None) -> NnlabError | None:
        if not isinstance(error, sqlite3.Error):
            return None
        create = self.access is FileAccess.CREATE
        return translate_sqlite_error(error, self.address, newer=self.newer, create=create)

    @contextmanager
    def _transaction(self, purpose: Purpose, references: bool = True) -> Iterator[Connection]:
        writes = purpose != "read"
        if writes:
            self._check_file_not_moved()
        with (
            self._engines[purpose].connect() as connection,
            nullcontext() if references else _foreign_keys_off(connection),
            connection.begin(),
        ):
            yield connection
        if writes:
            # A file that was removed during the transaction took the commit with it.
            self._check_file_not_moved()

    def _connect(self, foreign_keys: bool) -> sqlite3.Connection:
        connection = _connect(self._path, self.access, self.busy_seconds, foreign_keys)
        if self._identity is None:
            self._identity = _file_identity(self._path)
        return connection

    def _check_file_not_moved(self) -> None:
        """Raises DatabaseMoved where the path no longer names the file that was opened.

        SQLite writes on into a file that was removed or renamed, and reports no error.
        """
        if self._identity is not None and _file_identity(self._path) != self._identity:
            raise database_moved_error(self.address)


@contextmanager
def _foreign_keys_off(connection: Connection) -> Iterator[None]:
    # It takes a fifth of the time of masses of rows.
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    driver.execute("PRAGMA foreign_keys=OFF")  # has no effect inside a transaction
    try:
        yield
    finally:
        driver.execute("PRAGMA foreign_keys=ON")


def _file_identity(path: Path) -> tuple[int, int] | None:
    """Device and inode of the file that a path names, a link followed; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _connect(
    path: Path, access: FileAccess, busy_seconds: float, foreign_keys: bool
) -> sqlite3.Connection:
    place = quote(str(path), errors="surrogateescape")
    connection = sqlite3.connect(
        f"file:{place}?{_URI_QUERY[access]}",
        uri=True,
        timeout=busy_seconds,
        isolation_level=None,  # transactions begin where `_begin_transaction` says, never by themselves
        check_same_thread=False,
    )
    # A byte that is not UTF-8 makes one text look odd and hides no other row; `db check` names it.
    connection.text_factory = functools.partial(str, encoding="utf-8", errors="replace")
    try:
        # FULL: an epoch that was shown on the screen is there after a power cut.
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute(f"PRAGMA foreign_keys={'ON' if foreign_keys else 'OFF'}")
        # In KiB. The 2 MB that SQLite takes by itself do not hold the runs of a large study, so
        # each of the queries behind one table would read the file again.
        connection.execute("PRAGMA cache_size=-32768")
        if not access.writes:
            connection.execute("PRAGMA query_only=ON")
    except BaseException:
        connection.close()
        raise
    return connection


def _begin_transaction(connection: Connection) -> None:
    # IMMEDIATE: a writer that began as a reader could only fail when another one was faster.
    reads = connection.get_execution_options()[PURPOSE] == "read"
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _text_columns(connection: sqlite3.Connection) -> Iterator[tuple[str, list[str]]]:
    """The columns of our tables that hold text, of those that number their rows."""
    for table in TABLES:
        columns = connection.execute(f"PRAGMA table_info('{table}')").fetchall()
        if any(name == "id" for _, name, *_ in columns):
            yield table, [name for _, name, kind, *_ in columns if kind not in ("INTEGER", "FLOAT")]


def _file_size(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:
        return 0
