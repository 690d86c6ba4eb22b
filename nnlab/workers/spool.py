"""Delivers epochs to the database, and spools them to disk while its server cannot be reached."""

import json
import re
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Generic, Protocol, TypeVar

from nnlab import store
from nnlab.errors import ConnectionLost, DatabaseMoved, OutputError, StoreError
from nnlab.io.folders import Folder
from nnlab.records import Epoch, History, Run
from nnlab.stats import format_duration

# A worker gives up if the server cannot be reached for this long; its runs stay resumable.
RECONNECT_TIMEOUT_SECONDS = 600.0
# The time between two attempts to connect, while training continues: the first, and the longest.
FIRST_RETRY_SECONDS, MAX_RETRY_SECONDS = 0.5, 20.0

_SPOOL_FILE_NAME = re.compile(r"(\d+)\.waiting")

ResultT = TypeVar("ResultT")


class Spool:
    """Epochs of one attempt at a run that are not stored in the database yet.

    While the server cannot be reached, they are also written to a file next to the run's
    checkpoints. The attempt that resumes from a checkpoint delivers them. The file contains the
    run's digest and seed, because a new database in the same place reuses run IDs.
    """

    def __init__(self, folder: Folder, attempt_id: int, run: Run | None = None) -> None:
        self._folder, self._name = folder, f"{attempt_id}.waiting"
        self._header = "" if run is None else f"{json.dumps({'run': _run_identity(run)})}\n"
        self._written = 0
        self.epochs: list[Epoch] = []

    def write(self) -> None:
        """Appends the epochs that are not in the file yet.

        Raises:
            DiskFull, OutputError: the file cannot be written.
        """
        new = self.epochs[self._written :]
        if not new:
            return
        lines = "" if self._written else self._header
        lines += "".join(f"{json.dumps(_epoch_to_json(epoch))}\n" for epoch in new)
        # If the folder cannot be reached either, no checkpoint includes these epochs.
        with suppress(ConnectionLost):
            self._folder.append(self._name, lines.encode())
            self._written = len(self.epochs)

    def spool_with_history(self, history: History) -> str:
        """Writes all epochs, including those that are already stored; returns the file's path.

        Raises:
            DiskFull, OutputError: the file cannot be written.
        """
        by_number = {epoch.number: epoch for epoch in _epochs_from_history(history)}
        by_number |= {epoch.number: epoch for epoch in self.epochs}
        self.epochs = sorted(by_number.values(), key=lambda epoch: epoch.number)
        self._written = 0
        self._folder.remove(self._name)
        self.write()
        return f"{self._folder.display_name}/{self._name}"

    def clear(self) -> None:
        """Removes the epochs and the file, after they were stored."""
        if self._written:
            with suppress(OutputError, ConnectionLost):
                self._folder.remove(self._name)
        self.epochs.clear()
        self._written = 0


def deliver_spooled_epochs(db: store.AnyDatabase, claim: store.Claim, folder: Folder) -> int:
    """Stores epochs that earlier attempts at a run spooled; returns their number.

    The file of another run is left in place.

    Raises:
        StoreError: they cannot be stored; the files are left in place.
    """
    matches = [match for match in map(_SPOOL_FILE_NAME.fullmatch, folder.file_names()) if match]
    # In the order of the attempts, so that epochs of a later attempt replace earlier ones.
    names = [match[0] for match in sorted(matches, key=lambda match: int(match[1]))]
    contents = {name: folder.read(name) for name in names}
    names = [name for name in names if _belongs_to_run(contents[name], claim.run)]
    epochs = [epoch for name in names for epoch in _epochs_from_spool(contents[name])]
    if epochs:
        store.store_spooled_epochs(db, claim, epochs)
    for name in names:
        folder.remove(name)
    return len(epochs)


class SpooledRun(Protocol):
    """What `EpochDelivery` needs of a run."""

    spool: Spool

    @property
    def writer(self) -> store.RunWriter:
        """The attempt that the epochs are stored in."""


SpooledRunT = TypeVar("SpooledRunT", bound=SpooledRun)


class EpochDelivery(Generic[SpooledRunT]):
    """Stores epochs of runs that are trained together; spools them while the server is away."""

    def __init__(self, db: store.AnyDatabase, note: Callable[[str], None]) -> None:
        """Stores nothing yet.

        Args:
            db: where epochs are stored.
            note: called when the server becomes unreachable and when it is reachable again.
        """
        self._db, self._note = db, note
        self._wait = FIRST_RETRY_SECONDS
        self._next_attempt = 0.0
        self._disconnected_since: float | None = None
        self._connection_error = ""

    @property
    def is_disconnected(self) -> bool:
        """Whether the last attempt to reach the server failed."""
        return self._disconnected_since is not None

    def store(
        self,
        runs: Sequence[SpooledRunT],
        on_lease_lost: Callable[[SpooledRunT], AbstractContextManager[None]] | None = None,
    ) -> None:
        """Stores the spooled epochs of these runs in one transaction, or spools them to disk.

        Args:
            runs: the runs.
            on_lease_lost: a context manager that handles the LeaseLost of a run that another worker
                has taken over; None raises it.

        Raises:
            StoreError, OutputError: the epochs can neither be stored nor spooled.
        """
        if self.is_disconnected and time.monotonic() < self._next_attempt:
            self._spool(runs)
            return
        waiting = [run for run in runs if run.spool.epochs]
        try:
            lease_errors = store.write_epochs(
                self._db, [(run.writer, run.spool.epochs) for run in waiting]
            )
        except ConnectionLost as error:
            self._spool(runs)
            self._mark_disconnected(error)
            return
        except DatabaseMoved as error:
            raise self._spool_all(runs, error) from error
        except StoreError:
            # If the disk is full, this fails too; the run then resumes from its checkpoint.
            with suppress(StoreError, OutputError):
                self._spool(runs)
            raise
        self._mark_connected(sum(len(run.spool.epochs) for run in waiting))
        for run, lease_error in zip(waiting, lease_errors, strict=True):
            run.spool.clear()
            if lease_error is not None:
                with on_lease_lost(run) if on_lease_lost else nullcontext():
                    raise lease_error

    def flush(
        self,
        runs: Sequence[SpooledRunT],
        on_lease_lost: Callable[[SpooledRunT], AbstractContextManager[None]] | None = None,
    ) -> None:
        """Waits until all spooled epochs are stored.

        Raises:
            ConnectionLost: the server could not be reached for `RECONNECT_TIMEOUT_SECONDS`.
        """
        if not self.is_disconnected:
            return

        def store_now() -> None:
            self._next_attempt = 0.0
            self.store(runs, on_lease_lost)
            if self.is_disconnected:
                raise ConnectionLost(self._connection_error)

        retry_when_disconnected(store_now)

    def _spool_all(self, runs: Sequence[SpooledRun], error: DatabaseMoved) -> DatabaseMoved:
        """Writes all epochs of the runs to their spool files; returns the error to raise.

        The open connection can still read the database file, even if it was moved or deleted.
        """
        paths = [
            run.spool.spool_with_history(store.history(self._db, run.writer.run_id)) for run in runs
        ]
        return DatabaseMoved(
            f"{error.message}; all epochs so far are kept in {', '.join(paths)}",
            hint=f"restore {self._db.address.display_name} (or a backup, without the old -wal file)"
            " and repeat the command: it stores these epochs and resumes the runs",
        )

    def _spool(self, runs: Sequence[SpooledRun]) -> None:
        for run in runs:
            run.spool.write()

    def _mark_disconnected(self, error: ConnectionLost) -> None:
        if self._disconnected_since is None:
            self._disconnected_since = time.monotonic()
            self._note(f"{error.message}; epochs are kept on this machine until it can be reached")
        self._connection_error = error.message
        self._next_attempt = time.monotonic() + self._wait
        self._wait = min(2 * self._wait, MAX_RETRY_SECONDS)

    def _mark_connected(self, stored: int) -> None:
        if self._disconnected_since is not None:
            duration = format_duration(time.monotonic() - self._disconnected_since)
            self._note(f"the database was reached again after {duration}; {stored} epochs stored")
            self._disconnected_since = None
            self._wait = FIRST_RETRY_SECONDS


def retry_when_disconnected(
    action: Callable[[], ResultT], note: Callable[[str], None] | None = None
) -> ResultT:
    """Returns the result of an action on the database, repeated while the server is unreachable.

    Args:
        action: must be repeatable, because an attempt without an answer may have had its effect.
        note: called when the first attempt fails.

    Raises:
        ConnectionLost: the server could not be reached for `RECONNECT_TIMEOUT_SECONDS`.
    """
    begin, wait = time.monotonic(), FIRST_RETRY_SECONDS
    while True:
        try:
            return action()
        except ConnectionLost as error:
            if time.monotonic() - begin > RECONNECT_TIMEOUT_SECONDS:
                raise
            if note is not None:
                note(f"{error.message}; waiting for it")
                note = None
        time.sleep(wait)
        wait = min(2 * wait, MAX_RETRY_SECONDS)


def _run_identity(run: Run) -> dict[str, object]:
    return {"digest": run.trial.digest, "seed": run.seed}


def _belongs_to_run(content: bytes, run: Run) -> bool:
    """Whether a spool file belongs to this run; True for the files of earlier versions."""
    first_line = content.partition(b"\n")[0]
    with suppress(ValueError):
        header = json.loads(first_line)
        if isinstance(header, dict) and "run" in header:
            return bool(header["run"] == _run_identity(run))
    return True


def _epochs_from_history(history: History) -> list[Epoch]:
    values: dict[int, dict[str, float]] = {}
    for name in history.metrics:
        for number, value in history[name]:
            values.setdefault(number, {})[name] = value
    return [
        Epoch(number, metrics, metrics.get("time/epoch", 0.0)) for number, metrics in values.items()
    ]


def _epoch_to_json(epoch: Epoch) -> dict[str, object]:
    return {"epoch": epoch.number, "seconds": epoch.seconds, "values": dict(epoch.values)}


def _epochs_from_spool(content: bytes) -> list[Epoch]:
    epochs = []
    for line in content.decode(errors="replace").splitlines():
        # Skips the header, and a last line that is incomplete because the worker died.
        with suppress(ValueError, KeyError, TypeError):
            record = json.loads(line)
            epochs.append(Epoch(record["epoch"], record["values"], record["seconds"]))
    return epochs
