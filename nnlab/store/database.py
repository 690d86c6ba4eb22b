"""A database as the rest of the store sees it, whatever it is kept in."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Literal, get_args

from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError

from nnlab.errors import DatabaseReadOnly, DiskFull, NnlabError
from nnlab.io.folders import Folder, LocalFolder
from nnlab.store.address import Address

# How long a writer waits for another one. Each of ours holds a lock for milliseconds.
BUSY_SECONDS = 30.0

# What a transaction is for, as an option of its connection.
PURPOSE = "nnlab_purpose"
Purpose = Literal["read", "alone", "beside"]


class Database(ABC):
    """An open database; threads may share it, each transaction has a connection of its own.

    `newer` says that a later nnlab has made its schema: it can only be read. `shared` is the type
    of the network file system that it is written on, if it is on one. `files` is its own folder
    for what runs make. `unreadable` are rows that were left out of what was read, by table and
    number, and what is wrong with each.
    """

    def __init__(self, address: Address, engine: Engine, *, writes: bool) -> None:
        self.address = address
        self.files: Folder = LocalFolder(address.artifacts)
        self.newer = False
        self.shared: str | None = None
        self._engine = engine
        self._engines: dict[Purpose, Engine] = {
            purpose: engine.execution_options(**{PURPOSE: purpose}) for purpose in get_args(Purpose)
        }
        self._writes = writes
        self._thread_transaction = threading.local()
        self.unreadable_rows: dict[tuple[str, object], str] = {}

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One snapshot of the database for all statements inside.

        Raises:
            StoreError: the database cannot be read.
        """
        with self._translate_driver_errors(), self._transaction("read") as connection:
            yield connection

    @contextmanager
    def write(self, *, alone: bool = True, references: bool = True) -> Iterator[Connection]:
        """One transaction for changes.

        It is durable at exit; an exception inside rolls all of it back.

        Args:
            alone: whether it keeps every other writer out from its start. What touches only a run
                that this process has claimed need not; a file has one writer at a time anyway.
            references: whether each foreign key is checked, where that can be turned off. Only for
                masses of rows whose references were checked beforehand.

        Raises:
            DatabaseReadOnly: the database was opened for reading.
            StoreError: the database cannot be written.
        """
        open_one: Connection | None = getattr(self._thread_transaction, "connection", None)
        if open_one is not None:
            yield open_one
            return
        if not self._writes:
            raise DatabaseReadOnly(
                f"{self.address.shown} was opened for reading only",
                hint="update nnlab: a later one wrote this database" if self.newer else None,
            )
        purpose: Purpose = "alone" if alone else "beside"
        try:
            with (
                self._translate_driver_errors(),
                self._transaction(purpose, references) as connection,
            ):
                yield connection
        except DiskFull:
            self._after_full_disk()
            raise

    @contextmanager
    def transaction(self, *, alone: bool = True) -> Iterator[None]:
        """Makes one transaction of all that this thread writes inside.

        It is durable at exit; an exception that leaves it undoes all of it. One that is caught
        inside undoes nothing: LeaseLost may be, for it is raised before anything was changed.

        Raises:
            DatabaseReadOnly, StoreError: as `write` does.
        """
        with self.write(alone=alone) as connection:
            self._thread_transaction.connection = connection
            try:
                yield
            finally:
                del self._thread_transaction.connection

    def close(self) -> None:
        """Closes all connections."""
        self._engine.dispose()

    @contextmanager
    def _translate_driver_errors(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            ours = self._ours(error.orig)
            if ours is None:
                raise
            raise ours from error
        except self._driver_error as error:
            ours = self._ours(error)
            if ours is None:
                raise
            raise ours from error

    @property
    @abstractmethod
    def _driver_error(self) -> type[Exception]:
        """What the driver raises."""

    @abstractmethod
    def _ours(self, error: BaseException | None) -> NnlabError | None:
        """The error to raise in place of the driver's; None where that says it best."""

    @abstractmethod
    def _transaction(
        self, purpose: Purpose, references: bool = True
    ) -> AbstractContextManager[Connection]:
        """A connection in a transaction; the driver's errors go through."""

    def _after_full_disk(self) -> None:  # noqa: B027  most have nothing to do
        """Makes room for a last small write, how a run ended."""

    @abstractmethod
    def revision(self, connection: Connection) -> str | None:
        """The revision of nnlab's tables, or None where there are none of them.

        Raises:
            NotADatabase: other tables have the names of ours, or ours name no single revision.
        """

    @abstractmethod
    def insert(
        self,
        connection: Connection,
        table: str,
        columns: Sequence[str],
        rows: Iterable[tuple[Any, ...]],
    ) -> None:
        """Adds masses of rows, taken one by one, in the fastest way that there is."""

    @abstractmethod
    def prepare_partitions(self, connection: Connection, highest_run: int) -> None:
        """Prepares for the points of runs up to a number, where tables are kept in parts."""

    @abstractmethod
    def reset_sequences(self, connection: Connection, tables: Iterable[str]) -> None:
        """Makes new rows of tables take numbers after those that came with their own."""

    @abstractmethod
    def size(self) -> int:
        """Bytes on disk."""

    @abstractmethod
    def find_invalid_utf8(self) -> Iterator[str]:
        """Texts that are not UTF-8, a line each."""

    @abstractmethod
    def vacuum(self) -> None:
        """Gives back the room of deleted rows, as far as that needs nobody to wait."""

    @abstractmethod
    def broken(self, connection: Connection) -> Iterator[str]:
        """What is wrong with the file and the references between rows, a line each."""
