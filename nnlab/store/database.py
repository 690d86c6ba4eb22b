"""`Database`, the interface of a SQLite file and of a PostgreSQL server."""

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Literal, get_args

from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError

from nnlab.errors import DatabaseReadOnly, DiskFull, NnlabError, ReadTimeLimit
from nnlab.io.folders import Folder, LocalFolder
from nnlab.store.address import Address

# How long a writer waits for another one; nnlab's own transactions take milliseconds.
BUSY_SECONDS = 30.0

# An exclusive transaction excludes every other writer from its start; shared ones do not exclude
# each other.
Purpose = Literal["read", "exclusive", "shared"]
# The execution option of a connection that holds the purpose of its transactions.
_PURPOSE_OPTION = "nnlab_purpose"


class Database(ABC):
    """An open database; threads may share it, and each transaction has its own connection.

    `newer` is set if a later version created the schema: then the database can only be read.
    `shared` is the type of the network file system on which it is written, if it is on one.
    `files` is its own folder for the files of runs. `unreadable_rows` are the rows that queries
    left out, by table and id, with the problem of each.
    """

    def __init__(self, address: Address, engine: Engine, *, writes: bool) -> None:
        self.address = address
        self.files: Folder = LocalFolder(address.artifacts)
        self.newer = False
        self.shared: str | None = None
        self._engine = engine
        self._engines: dict[Purpose, Engine] = {
            purpose: engine.execution_options(**{_PURPOSE_OPTION: purpose})
            for purpose in get_args(Purpose)
        }
        event.listen(engine, "begin", self._on_begin)
        self._writes = writes
        self._thread_transaction = threading.local()
        self.unreadable_rows: dict[tuple[str, object], str] = {}

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A read transaction: all statements in it see the same snapshot.

        Raises:
            StoreError: the database cannot be read.
        """
        with self._translate_driver_errors(), self._transaction("read") as connection:
            yield connection

    @contextmanager
    def write(
        self, *, exclusive: bool = True, check_foreign_keys: bool = True
    ) -> Iterator[Connection]:
        """A write transaction: durable at exit, rolled back by an exception.

        Args:
            exclusive: whether it excludes every other writer from its start. A transaction that
                changes only a run that this process has claimed need not; a file has one writer
                at a time in any case.
            check_foreign_keys: whether foreign keys are checked, if that can be turned off. False
                is only for bulk inserts whose references were checked before.

        Raises:
            DatabaseReadOnly: the database was opened for reading.
            StoreError: the database cannot be written.
        """
        active: Connection | None = getattr(self._thread_transaction, "connection", None)
        if active is not None:
            yield active
            return
        if not self._writes:
            raise DatabaseReadOnly(
                f"{self.address.display_name} was opened for reading only",
                hint="update nnlab: a later version wrote this database" if self.newer else None,
            )
        purpose: Purpose = "exclusive" if exclusive else "shared"
        try:
            with (
                self._translate_driver_errors(),
                self._transaction(purpose, check_foreign_keys) as connection,
            ):
                yield connection
        except DiskFull:
            self._after_full_disk()
            raise

    @contextmanager
    def transaction(self, *, exclusive: bool = True) -> Iterator[None]:
        """Combines everything that this thread writes in the block into one transaction.

        It is durable at exit, and rolled back by an exception that leaves the block. An exception
        that is caught inside rolls nothing back; that is correct for LeaseLost, which is raised
        before anything was changed.

        Raises:
            DatabaseReadOnly, StoreError: as `write` does.
        """
        with self.write(exclusive=exclusive) as connection:
            self._thread_transaction.connection = connection
            try:
                yield
            finally:
                del self._thread_transaction.connection

    @contextmanager
    def limit_read_time(self, seconds: float) -> Iterator[None]:
        """Ends the read transactions of this thread at a time after the start of the block.

        Raises:
            ReadTimeLimit: by the statement that takes longer, or that begins later.
        """
        self._thread_transaction.deadline = time.monotonic() + seconds
        try:
            yield
        finally:
            del self._thread_transaction.deadline

    def close(self) -> None:
        """Closes all connections."""
        self._engine.dispose()

    @contextmanager
    def _translate_driver_errors(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            translated = self._translate_error(error.orig)
            if translated is None:
                raise
            raise translated from error
        except self._driver_error as error:
            translated = self._translate_error(error)
            if translated is None:
                raise
            raise translated from error

    @property
    @abstractmethod
    def _driver_error(self) -> type[Exception]:
        """The base class of the driver's errors."""

    @abstractmethod
    def _translate_error(self, error: BaseException | None) -> NnlabError | None:
        """The error to raise instead of the driver's; None for an error of nnlab itself."""

    @contextmanager
    def _transaction(
        self, purpose: Purpose, check_foreign_keys: bool = True
    ) -> Iterator[Connection]:
        """A connection in a transaction; raises the driver's errors."""
        writes = purpose != "read"
        if writes:
            self._check_not_moved()
        with (
            self._engines[purpose].connect() as connection,
            self._begin(connection, check_foreign_keys),
            nullcontext() if writes else self._limited(connection),
        ):
            yield connection
        if writes:
            # If the file was removed during the transaction, the commit is lost.
            self._check_not_moved()

    @contextmanager
    def _limited(self, connection: Connection) -> Iterator[None]:
        deadline: float | None = getattr(self._thread_transaction, "deadline", None)
        if deadline is None:
            yield
            return
        if time.monotonic() >= deadline:
            raise read_time_limit_error(self.address)
        with self._limit_statements(connection, deadline):
            yield

    @abstractmethod
    def _limit_statements(
        self, connection: Connection, deadline: float
    ) -> AbstractContextManager[None]:
        """Interrupts the statements of a transaction at a time of the monotonic clock."""

    @abstractmethod
    def _begin(
        self, connection: Connection, check_foreign_keys: bool
    ) -> AbstractContextManager[None]:
        """A transaction, committed at exit and rolled back by an exception."""

    def _on_begin(self, connection: Connection) -> None:
        """Called by SQLAlchemy when a transaction begins: the drivers begin none by themselves."""
        self._execute_begin(connection, connection.get_execution_options()[_PURPOSE_OPTION])

    @abstractmethod
    def _execute_begin(self, connection: Connection, purpose: Purpose) -> None:
        """Executes the statement that begins a transaction."""

    def _check_not_moved(self) -> None:  # noqa: B027  only a file can be moved
        """Raises DatabaseMoved if the database is no longer where it was opened."""

    def _after_full_disk(self) -> None:  # noqa: B027  not every database can do this
        """Frees space for a last small write: the end of a run."""

    @abstractmethod
    def revision(self, connection: Connection) -> str | None:
        """The revision of nnlab's tables; None if there are none.

        Raises:
            NotADatabase: another program's tables have the same names, or there is not one
                revision.
        """

    @abstractmethod
    def insert(
        self,
        connection: Connection,
        table: str,
        columns: Sequence[str],
        rows: Iterable[tuple[Any, ...]],
    ) -> None:
        """Inserts many rows, taken one by one from the iterable, in the fastest way."""

    @abstractmethod
    def prepare_partitions(self, connection: Connection, highest_run: int) -> None:
        """Creates the missing partitions for the points of runs up to an id, if there are any."""

    @abstractmethod
    def reset_sequences(self, connection: Connection, tables: Iterable[str]) -> None:
        """Makes new rows of tables get ids after those of rows that were inserted with an id."""

    @abstractmethod
    def change_probe(self) -> AbstractContextManager[Callable[[], str]]:
        """A function whose value changes when another connection has committed something.

        It may also change without a commit. It has a connection of its own while the block lasts,
        and raises StoreError if the database cannot be read.
        """

    @abstractmethod
    def size(self) -> int:
        """The bytes on disk."""

    @abstractmethod
    def find_invalid_utf8(self) -> Iterator[str]:
        """Yields a line for each text that is not valid UTF-8."""

    @abstractmethod
    def vacuum(self) -> None:
        """Frees the space of deleted rows, if no other process has to wait for it."""

    @abstractmethod
    def integrity_problems(self, connection: Connection) -> Iterator[str]:
        """Yields a line for each problem of the file and of references between rows."""


def read_time_limit_error(address: Address) -> ReadTimeLimit:
    """The error for a read transaction that was interrupted."""
    return ReadTimeLimit(
        f"{address.display_name}: the query took too long and was interrupted",
        hint="select fewer runs or a study; another process may keep the machine busy",
    )
