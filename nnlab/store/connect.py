"""Connections to a database: how they begin, commit, fail and close."""

import functools
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from enum import Enum
from urllib.parse import quote

from sqlalchemy import create_engine, event
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from nnlab.errors import DatabaseReadOnly, DiskFull, StoreError
from nnlab.store.address import Address
from nnlab.store.failure import translated
from nnlab.store.filesystem import shared_kind
from nnlab.store.text import to_json

# How long a writer waits for another one. Each of ours holds the lock for milliseconds.
BUSY_SECONDS = 30.0

_WRITES = "nnlab_writes"


class Access(Enum):
    """How the file is opened."""

    CREATE = "make it where it is missing, and write"
    WRITE = "write"
    READ = "read; the last reader tidies the write-ahead log away, as a writer would"
    READ_ONLY_FILE = "read a file that cannot be written"
    FROZEN = "read a file in a folder that cannot be written, without locks and log"

    @property
    def writes(self) -> bool:
        """Whether this access is for writing."""
        return self in (Access.CREATE, Access.WRITE)


_URI_QUERY = {
    Access.CREATE: "mode=rwc",
    Access.WRITE: "mode=rw",
    Access.READ: "mode=rw",
    Access.READ_ONLY_FILE: "mode=ro",
    Access.FROZEN: "mode=ro&immutable=1",
}


class Database:
    """An open database; threads may share it, each transaction has a connection of its own.

    `newer` says that a later nnlab has made its schema: it can only be read. `shared` is the type
    of the network file system that it is written on, if it is on one.
    """

    def __init__(
        self,
        address: Address,
        access: Access,
        *,
        newer: bool = False,
        busy_seconds: float = BUSY_SECONDS,
        foreign_keys: bool = True,
    ) -> None:
        self.address = address
        self.access = access
        self.newer = newer
        self.shared: str | None = None
        self.busy_seconds = busy_seconds
        self._engine = create_engine(
            address.url,
            creator=functools.partial(_connect, address, access, busy_seconds, foreign_keys),
            json_serializer=to_json,
        )
        self._writing = self._engine.execution_options(**{_WRITES: True})
        event.listen(self._engine, "begin", _begin)
        self._joined = threading.local()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One snapshot of the database for all statements inside.

        Raises:
            StoreError: the database cannot be read.
        """
        with self._translating(), self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self, *, references: bool = True) -> Iterator[Connection]:
        """One transaction that holds the write lock from its start.

        It is durable at exit; an exception inside rolls all of it back.

        Args:
            references: whether SQLite checks each foreign key. Only for masses of rows whose
                references were checked beforehand: it takes a fifth of their time.

        Raises:
            DatabaseReadOnly: the database was opened for reading.
            StoreError: the database cannot be written.
        """
        open_one: Connection | None = getattr(self._joined, "connection", None)
        if open_one is not None:
            yield open_one
            return
        if not self.access.writes:
            raise DatabaseReadOnly(
                f"{self.address.shown} was opened for reading only",
                hint="update nnlab: a later one wrote this database" if self.newer else None,
            )
        try:
            with (
                self._translating(),
                self._writing.connect() as connection,
                nullcontext() if references else _without_references(connection),
                connection.begin(),
            ):
                yield connection
        except DiskFull:
            self._make_room()
            raise

    @contextmanager
    def together(self) -> Iterator[None]:
        """Makes one transaction of all that this thread writes inside.

        It is durable at exit; an exception that leaves it undoes all of it. One that is caught
        inside undoes nothing: LeaseLost may be, for it is raised before anything was changed.

        Raises:
            DatabaseReadOnly, StoreError: as `write` does.
        """
        with self.write() as connection:
            self._joined.connection = connection
            try:
                yield
            finally:
                del self._joined.connection

    @contextmanager
    def driver(self) -> Iterator[sqlite3.Connection]:
        """SQLite's own connection, for what happens outside of transactions: backups, the log.

        Raises:
            StoreError: the database cannot be opened.
        """
        with self._translating():
            pooled = self._engine.raw_connection()
            try:
                connection = pooled.driver_connection
                assert isinstance(connection, sqlite3.Connection)
                yield connection
            finally:
                pooled.close()

    def settle_journal(self) -> None:
        """Turns write-ahead logging on, for good: readers and a writer never wait on each other.

        On a network file system it is turned off instead, for there it is not safe (see
        `filesystem`), and `shared` says of what type that is. SQLite does not wait for the lock
        that this takes, so this does, as for any other.

        Raises:
            StoreError: the database cannot be written.
        """
        self.shared = shared_kind(self.address.path)
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

    def _make_room(self) -> None:
        """Folds the log into the file, so that a small write, how a run ended, still has room."""
        with suppress(StoreError), self.driver() as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Closes all connections."""
        self._engine.dispose()

    @contextmanager
    def _translating(self) -> Iterator[None]:
        try:
            yield
        except (DBAPIError, sqlite3.Error) as error:
            cause = error.orig if isinstance(error, DBAPIError) else error
            if isinstance(cause, sqlite3.Error):
                create = self.access is Access.CREATE
                ours = translated(cause, self.address, newer=self.newer, create=create)
                if ours is not None:
                    raise ours from error
            raise


def _connect(
    address: Address, access: Access, busy_seconds: float, foreign_keys: bool
) -> sqlite3.Connection:
    place = quote(str(address.path.absolute()), errors="surrogateescape")
    connection = sqlite3.connect(
        f"file:{place}?{_URI_QUERY[access]}",
        uri=True,
        timeout=busy_seconds,
        isolation_level=None,  # transactions begin where `_begin` says, never by themselves
        check_same_thread=False,
    )
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


@contextmanager
def _without_references(connection: Connection) -> Iterator[None]:
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    driver.execute("PRAGMA foreign_keys=OFF")  # has no effect inside a transaction
    try:
        yield
    finally:
        driver.execute("PRAGMA foreign_keys=ON")


def _begin(connection: Connection) -> None:
    # IMMEDIATE: a writer that began as a reader could only fail when another one was faster.
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
