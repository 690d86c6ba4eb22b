"""Epochs on their way to the store, and what becomes of them while its server cannot be reached."""

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

# A worker waits so long for a server that is gone before it gives up; its runs stay resumable.
RECONNECT_TIMEOUT_SECONDS = 600.0
# How long it trains on between two tries: at first, and at most.
FIRST_RETRY_SECONDS, MAX_RETRY_SECONDS = 0.5, 20.0

_SPOOL_FILE_NAME = re.compile(r"(\d+)\.waiting")

ResultT = TypeVar("ResultT")


class Spool:
    """Epochs of one attempt at a run that are measured and not stored yet.

    Those that have to wait are also in a file beside the run's checkpoints: whoever goes on from
    one of those delivers them. The file names the run's digest and seed, because a new database
    in the same place gives the same numbers to other runs.
    """

    def __init__(self, folder: Folder, attempt_id: int, run: Run | None = None) -> None:
        self._folder, self._name = folder, f"{attempt_id}.waiting"
        self._header = "" if run is None else f"{json.dumps({'run': _run_identity(run)})}\n"
        self._kept = 0
        self.epochs: list[Epoch] = []

    def keep(self) -> None:
        """Writes to the disk what is not there yet.

        Raises:
            DiskFull, OutputError: it cannot be written.
        """
        new = self.epochs[self._kept :]
        if not new:
            return
        lines = "" if self._kept else self._header
        lines += "".join(f"{json.dumps(_epoch_to_json(epoch))}\n" for epoch in new)
        # Where the folder is as far away as the store, no checkpoint can have seen them either.
        with suppress(ConnectionLost):
            self._folder.append(self._name, lines.encode())
            self._kept = len(self.epochs)

    def spool_with_history(self, history: History) -> str:
        """Writes to the disk what is stored of the run as well; returns the path of the file.

        Raises:
            DiskFull, OutputError: it cannot be written.
        """
        late = {epoch.number: epoch for epoch in self.epochs}
        self.epochs = sorted(
            [
                *(epoch for epoch in _epochs_from_history(history) if epoch.number not in late),
                *late.values(),
            ],
            key=lambda epoch: epoch.number,
        )
        self._kept = 0
        self._folder.remove(self._name)
        self.keep()
        return f"{self._folder.shown}/{self._name}"

    def clear(self) -> None:
        """Forgets them: they are stored."""
        if self._kept:
            with suppress(OutputError, ConnectionLost):
                self._folder.remove(self._name)
        self.epochs.clear()
        self._kept = 0


def deliver_spooled_epochs(db: store.AnyDatabase, claim: store.Claim, folder: Folder) -> int:
    """Stores what earlier attempts at a run could not; returns how many epochs that are.

    A file that names another run stays where it is.

    Raises:
        StoreError: they cannot be stored now either; they stay where they are.
    """
    matches = [match for match in map(_SPOOL_FILE_NAME.fullmatch, folder.names()) if match]
    # Later attempts have the last word.
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
    """A run whose epochs are delivered."""

    spool: Spool

    @property
    def writer(self) -> store.RunWriter:
        """What stores them."""


SpooledRunT = TypeVar("SpooledRunT", bound=SpooledRun)


class EpochDelivery(Generic[SpooledRunT]):
    """Stores epochs of runs that are trained together; trains on while the server is gone."""

    def __init__(self, db: store.AnyDatabase, tell: Callable[[str], None]) -> None:
        """Nothing is sent yet.

        Args:
            db: where to.
            tell: told when the server goes and when it is back.
        """
        self._db, self._tell = db, tell
        self._wait = FIRST_RETRY_SECONDS
        self._next_try = 0.0
        self._lost_at: float | None = None

    @property
    def away(self) -> bool:
        """Whether the server could not be reached when it was last tried."""
        return self._lost_at is not None

    def send(
        self,
        parcels: Sequence[SpooledRunT],
        losing: Callable[[SpooledRunT], AbstractContextManager[None]] | None = None,
    ) -> None:
        """Stores what waits in the outboxes, in one transaction, or keeps it for later.

        Args:
            parcels: the runs.
            losing: lets go of a run that another worker has taken over; None passes LeaseLost on.

        Raises:
            StoreError, OutputError: it can be neither stored nor kept.
        """
        if self.away and time.monotonic() < self._next_try:
            self._keep(parcels)
            return
        waiting = [parcel for parcel in parcels if parcel.spool.epochs]
        try:
            lost = store.write_epochs(
                self._db, [(parcel.writer, parcel.spool.epochs) for parcel in waiting]
            )
        except ConnectionLost as error:
            self._keep(parcels)
            self._is_lost(error)
            return
        except DatabaseMoved as error:
            raise self._rescued(parcels, error) from error
        except StoreError:
            # The disk may be full for these as well; then the run goes on from its checkpoint.
            with suppress(StoreError, OutputError):
                self._keep(parcels)
            raise
        self._is_back(sum(len(parcel.spool.epochs) for parcel in waiting))
        for parcel, error_of_one in zip(waiting, lost, strict=True):
            parcel.spool.clear()
            if error_of_one is not None:
                with losing(parcel) if losing else nullcontext():
                    raise error_of_one

    def settle(
        self,
        parcels: Sequence[SpooledRunT],
        losing: Callable[[SpooledRunT], AbstractContextManager[None]] | None = None,
    ) -> None:
        """Waits until all is stored.

        Raises:
            ConnectionLost: the server was away for longer than `RECONNECT_TIMEOUT_SECONDS`.
        """
        if not self.away:
            return

        def try_now() -> None:
            self._next_try = 0.0
            self.send(parcels, losing)
            if self.away:
                raise ConnectionLost(self._why)

        retry_when_disconnected(try_now)

    def _rescued(self, parcels: Sequence[SpooledRun], error: DatabaseMoved) -> DatabaseMoved:
        """Writes all epochs of the runs to their spool files; the error to raise says where.

        The open connection still reads the file, wherever it is now and even if it was deleted.
        """
        paths = [
            parcel.spool.spool_with_history(store.history(self._db, parcel.writer.run_id))
            for parcel in parcels
        ]
        return DatabaseMoved(
            f"{error.message}; all epochs so far are kept in {', '.join(paths)}",
            hint=f"put {self._db.address.shown} back (or a backup of it, without the old -wal file)"
            " and repeat the command: it stores the kept epochs and goes on",
        )

    def _keep(self, parcels: Sequence[SpooledRun]) -> None:
        for parcel in parcels:
            parcel.spool.keep()

    def _is_lost(self, error: ConnectionLost) -> None:
        if self._lost_at is None:
            self._lost_at = time.monotonic()
            self._tell(f"{error.message}; epochs are kept on this machine until it is back")
        self._why = error.message
        self._next_try = time.monotonic() + self._wait
        self._wait = min(2 * self._wait, MAX_RETRY_SECONDS)

    def _is_back(self, delivered: int) -> None:
        if self._lost_at is not None:
            seconds = time.monotonic() - self._lost_at
            self._tell(
                f"it is back after {format_duration(seconds)}: {delivered} epochs were delivered"
            )
            self._lost_at = None
            self._wait = FIRST_RETRY_SECONDS


def retry_when_disconnected(
    action: Callable[[], ResultT], tell: Callable[[str], None] | None = None
) -> ResultT:
    """Does something with the store; waits for a server that is gone, and does it once more.

    Args:
        action: what may be done twice: the first time may have come through unheard.
        tell: told when the waiting begins.

    Raises:
        ConnectionLost: the server was away for longer than `RECONNECT_TIMEOUT_SECONDS`.
    """
    begun, wait = time.monotonic(), FIRST_RETRY_SECONDS
    while True:
        try:
            return action()
        except ConnectionLost as error:
            if time.monotonic() - begun > RECONNECT_TIMEOUT_SECONDS:
                raise
            if tell is not None:
                tell(f"{error.message}; waiting for it")
                tell = None
        time.sleep(wait)
        wait = min(2 * wait, MAX_RETRY_SECONDS)


def _run_identity(run: Run) -> dict[str, object]:
    return {"digest": run.trial.digest, "seed": run.seed}


def _belongs_to_run(content: bytes, run: Run) -> bool:
    """Whether a spool file is of this run; an earlier version's does not say."""
    first = content.partition(b"\n")[0]
    with suppress(ValueError):
        header = json.loads(first)
        if isinstance(header, dict) and "run" in header:
            return bool(header["run"] == _run_identity(run))
    return True


def _epochs_from_history(history: History) -> list[Epoch]:
    values: dict[int, dict[str, float]] = {}
    for name in history.metrics:
        for number, value in history[name]:
            values.setdefault(number, {})[name] = value
    return [Epoch(number, each, each.get("time/epoch", 0.0)) for number, each in values.items()]


def _epoch_to_json(epoch: Epoch) -> dict[str, object]:
    return {"epoch": epoch.number, "seconds": epoch.seconds, "values": dict(epoch.values)}


def _epochs_from_spool(content: bytes) -> list[Epoch]:
    found = []
    for line in content.decode(errors="replace").splitlines():
        with suppress(ValueError, KeyError, TypeError):  # half a line, where a worker died
            one = json.loads(line)
            found.append(Epoch(one["epoch"], one["values"], one["seconds"]))
    return found
