"""Counts the changes of a database, for pages and programs that show it live."""

import threading
from collections.abc import Callable
from contextlib import ExitStack

from nnlab.errors import StoreError
from nnlab.store.database import Database


class ChangeCounter:
    """A number that grows when another connection has changed the database.

    Threads may share it. A database that cannot be read, or is readable again, counts as changed.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self._lock = threading.Lock()
        self._resources = ExitStack()
        self._probe: Callable[[], str] | None = None
        self._marker: str | None = None
        self._count = 0

    def poll(self) -> int:
        """The number of changes that were seen, after one cheap query."""
        with self._lock:
            marker = self._read_marker()
            if marker != self._marker:
                if self._marker is not None:
                    self._count += 1
                    self._reopen_if_replaced(marker)
                self._marker = marker
            return self._count

    def close(self) -> None:
        """Closes the connection."""
        with self._lock:
            self._resources.close()
            self._probe = None

    def _read_marker(self) -> str:
        try:
            if self._probe is None:
                self._probe = self._resources.enter_context(self._db.change_probe())
            return self._probe()
        except StoreError as error:
            self._resources.close()
            self._probe = None
            return f"error {error}"

    def _reopen_if_replaced(self, marker: str) -> None:
        """Closes the connections to a file that is no longer at the path of the database."""
        identity = marker.rpartition(" ")[0]
        if self._marker is not None and identity != self._marker.rpartition(" ")[0]:
            self._resources.close()
            self._probe = None
            self._db.close()
