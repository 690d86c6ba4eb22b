"""Epochs on their way to the store, and what becomes of them while its server cannot be reached."""

import json
import os
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from nnlab import store
from nnlab.errors import ConnectionLost
from nnlab.files import as_ours
from nnlab.records import Epoch

# A worker waits so long for a server that is gone before it gives up; its runs stay resumable.
PATIENCE_SECONDS = 600.0
# How long it trains on between two tries: at first, and at most.
FIRST_WAIT, LONGEST_WAIT = 0.5, 20.0

_ENDING = "waiting"

Result = TypeVar("Result")


class Outbox:
    """Epochs of one attempt at a run that are measured and not stored yet.

    Those that have to wait are also in a file beside the run's checkpoints: whoever goes on from
    one of those delivers them.
    """

    def __init__(self, folder: Path, attempt_id: int) -> None:
        self._path = folder / f"{attempt_id}.{_ENDING}"
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
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a") as file:
                file.writelines(f"{json.dumps(_plain(epoch))}\n" for epoch in new)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise as_ours(error, self._path) from error
        self._kept = len(self.epochs)

    def clear(self) -> None:
        """Forgets them: they are stored."""
        if self._kept:
            with suppress(OSError):
                self._path.unlink(missing_ok=True)
        self.epochs.clear()
        self._kept = 0


def deliver_left(db: store.Database, claim: store.Claim, folder: Path) -> int:
    """Stores what earlier attempts at a run could not; returns how many epochs that are.

    Raises:
        StoreError: they cannot be stored now either; they stay where they are.
    """
    with suppress(OSError):
        paths = sorted(folder.glob(f"*.{_ENDING}"), key=lambda path: path.stat().st_mtime)
        epochs = [epoch for path in paths for epoch in _read(path)]
        if epochs:
            store.deliver(db, claim, epochs)
        for path in paths:
            path.unlink(missing_ok=True)
        return len(epochs)
    return 0


class Parcel(Protocol):
    """A run whose epochs are delivered."""

    outbox: Outbox

    def write_waiting(self) -> None:
        """Stores what is in the outbox."""

    def mark(self) -> Callable[[], None]:
        """Remembers how far it is; the answer goes back to there."""


OneParcel = TypeVar("OneParcel", bound=Parcel)


class Delivery(Generic[OneParcel]):
    """Stores epochs of runs that are trained together; trains on while the server is gone."""

    def __init__(self, db: store.Database, tell: Callable[[str], None]) -> None:
        """Nothing is sent yet.

        Args:
            db: where to.
            tell: told when the server goes and when it is back.
        """
        self._db, self._tell = db, tell
        self._wait = FIRST_WAIT
        self._next_try = 0.0
        self._lost_at: float | None = None

    @property
    def away(self) -> bool:
        """Whether the server could not be reached when it was last tried."""
        return self._lost_at is not None

    def send(
        self,
        parcels: Sequence[OneParcel],
        losing: Callable[[OneParcel], AbstractContextManager[None]] | None = None,
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
        marks = [parcel.mark() for parcel in parcels]
        try:
            with self._db.together(alone=False):
                for parcel in parcels:
                    with losing(parcel) if losing else nullcontext():
                        parcel.write_waiting()
        except ConnectionLost as error:
            for go_back in marks:
                go_back()
            self._keep(parcels)
            self._is_lost(error)
        else:
            self._is_back(sum(len(parcel.outbox.epochs) for parcel in parcels))
            for parcel in parcels:
                parcel.outbox.clear()

    def settle(
        self,
        parcels: Sequence[OneParcel],
        losing: Callable[[OneParcel], AbstractContextManager[None]] | None = None,
    ) -> None:
        """Waits until all is stored.

        Raises:
            ConnectionLost: the server was away for longer than `PATIENCE_SECONDS`.
        """
        if not self.away:
            return

        def try_now() -> None:
            self._next_try = 0.0
            self.send(parcels, losing)
            if self.away:
                raise ConnectionLost(self._why)

        patiently(try_now)

    def _keep(self, parcels: Sequence[Parcel]) -> None:
        for parcel in parcels:
            parcel.outbox.keep()

    def _is_lost(self, error: ConnectionLost) -> None:
        if self._lost_at is None:
            self._lost_at = time.monotonic()
            self._tell(f"{error.message}; epochs are kept on this machine until it is back")
        self._why = error.message
        self._next_try = time.monotonic() + self._wait
        self._wait = min(2 * self._wait, LONGEST_WAIT)

    def _is_back(self, delivered: int) -> None:
        if self._lost_at is not None:
            seconds = time.monotonic() - self._lost_at
            self._tell(
                f"the server is back after {seconds:.0f} s: {delivered} epochs were delivered"
            )
            self._lost_at = None
            self._wait = FIRST_WAIT


def patiently(action: Callable[[], Result], tell: Callable[[str], None] | None = None) -> Result:
    """Does something with the store; waits for a server that is gone, and does it once more.

    Args:
        action: what may be done twice: the first time may have come through unheard.
        tell: told when the waiting begins.

    Raises:
        ConnectionLost: the server was away for longer than `PATIENCE_SECONDS`.
    """
    begun, wait = time.monotonic(), FIRST_WAIT
    while True:
        try:
            return action()
        except ConnectionLost as error:
            if time.monotonic() - begun > PATIENCE_SECONDS:
                raise
            if tell is not None:
                tell(f"{error.message}; waiting for it")
                tell = None
        time.sleep(wait)
        wait = min(2 * wait, LONGEST_WAIT)


def _plain(epoch: Epoch) -> dict[str, object]:
    return {"epoch": epoch.number, "seconds": epoch.seconds, "values": dict(epoch.values)}


def _read(path: Path) -> list[Epoch]:
    found = []
    for line in path.read_text().splitlines():
        with suppress(ValueError, KeyError, TypeError):  # half a line, where a worker died
            one = json.loads(line)
            found.append(Epoch(one["epoch"], one["values"], one["seconds"]))
    return found
