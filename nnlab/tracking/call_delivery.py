"""Stores log calls in the database, or keeps them in a spool file while it cannot be written."""

import time
from collections.abc import Sequence

from sqlalchemy.exc import SQLAlchemyError

from nnlab.errors import LeaseLost, NnlabError
from nnlab.store import SampleCall, SampleWriter
from nnlab.tracking.call_spool import CallSpool
from nnlab.tracking.notes import note

# Everything that a database may raise, also on a broken disk.
STORE_ERRORS = (NnlabError, SQLAlchemyError, OSError)
# The wait between attempts to reach a database that could not be written.
_RETRY_SECONDS = 1.0
# Of calls that can be kept neither in the database nor in a file, this many stay in memory.
MAX_CALLS_IN_MEMORY = 200_000


class CallDelivery:
    """Delivers the calls of one run in their order."""

    def __init__(self, writer: SampleWriter, spool: CallSpool) -> None:
        self._writer, self._spool = writer, spool
        self._in_memory: list[SampleCall] = []
        self._next_attempt = 0.0
        self._is_behind = False
        self.dropped = 0

    @property
    def writer(self) -> SampleWriter:
        """The writer of the run."""
        return self._writer

    @property
    def spool(self) -> CallSpool:
        """The calls that are not in the database yet."""
        return self._spool

    @property
    def is_behind(self) -> bool:
        """Whether calls wait in a file or in memory."""
        return self._is_behind

    def store(self, calls: Sequence[SampleCall]) -> bool:
        """Stores or spools calls; returns whether the database has all of them.

        Raises:
            LeaseLost: another process continues the run.
        """
        if self._is_behind and time.monotonic() < self._next_attempt:
            self._keep(calls)
            return False
        try:
            self.catch_up()
            self._writer.write(calls)
        except LeaseLost:
            raise
        except STORE_ERRORS as error:
            self._keep(calls)
            self._mark_behind(error)
            return False
        return True

    def catch_up(self) -> None:
        """Stores what was kept.

        Raises:
            StoreError: the database cannot be written; nothing is lost.
        """
        if not self._is_behind:
            return
        for batch in self._spool.batches():
            self._writer.write(batch)
        self._writer.write(self._in_memory)
        self._spool.remove()
        self._in_memory.clear()
        self._is_behind = False

    def _keep(self, calls: Sequence[SampleCall]) -> None:
        self._in_memory += calls
        if self._in_memory and self._spool.append(self._in_memory):
            self._in_memory.clear()
        if (excess := len(self._in_memory) - MAX_CALLS_IN_MEMORY) > 0:
            if not self.dropped:
                note("no disk has room: the newest values are not kept")
            del self._in_memory[-excess:]
            self.dropped += excess

    def _mark_behind(self, error: BaseException) -> None:
        if not self._is_behind:
            place = self._spool.display_name or "memory"
            note(f"{error_text(error)}; what is logged is kept in {place} until it can be stored")
        self._is_behind = True
        self._next_attempt = time.monotonic() + _RETRY_SECONDS


def error_text(error: BaseException) -> str:
    """The message of an error of the store or of the system."""
    return error.message if isinstance(error, NnlabError) else str(error)
