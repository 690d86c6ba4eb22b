"""A crew: workers in other processes, all on the same queue, and one that shows and mends.

Each worker claims runs and stores what it measures by itself; the crew only listens. A worker that
dies loses its lease: its runs go on elsewhere, from their checkpoints, and another takes its place.
What the workers are, processes of this machine or actors on a cluster, is for the heirs to say.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from nnlab import store
from nnlab.errors import NnlabError
from nnlab.records import Run
from nnlab.workers.callbacks import RunCallbacks
from nnlab.workers.placement import (
    DEVICE_FREE_COMMAND,
    STOP_COMMAND,
    Placement,
    WorkerAddress,
    WorkerMessage,
)

# A worker that dies so often with no run in hand is not started again.
MAX_FAILED_STARTS = 3


@dataclass(slots=True)
class WorkerHandle(ABC):
    """A worker, where it is once it has said so, and whether it waits for the others to end."""

    slot: Placement
    place: WorkerAddress | None = None
    has_ended: bool = False
    waits_for_memory: bool = False

    @abstractmethod
    def tell(self, order: str) -> None:
        """Gives an order; one that has just died gets none."""


WorkerHandleT = TypeVar("WorkerHandleT", bound=WorkerHandle)


class WorkerPool(ABC, Generic[WorkerHandleT]):
    """Works off runs in several other processes."""

    # What trains without them, for a message.
    without = "--devices cpu:1 trains in this process"

    def __init__(
        self, db: store.Database, run_ids: Sequence[int], slots: Sequence[Placement], *, packs: bool
    ) -> None:
        """Starts the workers; they begin to train at once.

        Args:
            db: where everything is stored.
            run_ids: what to train.
            slots: where, a worker each.
            packs: whether to start more workers on a GPU, as many as its memory holds.
        """
        self._db, self._run_ids, self._packs = db, tuple(run_ids), packs
        self._runs: dict[int, Run] = {}
        self._starts = 0
        self._error: NnlabError | None = None
        self._stopping = False
        self._members = [self._start(slot) for slot in slots]

    def work(self, listener: RunCallbacks, should_stop: Callable[[], bool]) -> None:
        """Listens until every worker is done.

        Raises:
            NnlabError: a worker could not go on: the database, a disk.
            KeyboardInterrupt: passed on; all workers have ended.
        """
        try:
            while live := self._live:
                if not self._stopping and (should_stop() or self._error is not None):
                    self._stopping = True
                    for one in live:
                        one.tell(STOP_COMMAND)
                for one, message in self._heard(live, listener):
                    if message is None:
                        one.has_ended = True
                        self._mend(one, listener)
                    else:
                        self._take(one, message, listener)
                self._let_alone()
        except BaseException:
            self._end()
            raise
        if self._error is not None:
            raise self._error

    @property
    def _live(self) -> list[WorkerHandleT]:
        return [one for one in self._members if not one.has_ended]

    @abstractmethod
    def _start(self, slot: Placement) -> WorkerHandleT:
        """Starts a worker."""

    @abstractmethod
    def _heard(
        self, live: Sequence[WorkerHandleT], listener: RunCallbacks
    ) -> Iterator[tuple[WorkerHandleT, WorkerMessage | None]]:
        """What workers have told within a moment; None says that one has died."""

    @abstractmethod
    def _how_it_died(self, one: WorkerHandleT) -> str:
        """A few words on the end of a worker that is gone."""

    @abstractmethod
    def _end(self) -> None:
        """Ends every worker: in good order, or at last at once."""

    def _take(self, one: WorkerHandleT, message: WorkerMessage, listener: RunCallbacks) -> None:
        values = message.values
        match message.what:
            case "here":
                (one.place,) = values
            case "started":
                self._runs[values[0].id] = values[0]
                self._starts = 0
                listener.started(*values)
            case "epoch":
                listener.epoch(self._run(values[0]), values[1])
            case "noted":
                listener.noted(self._run(values[0]), values[1])
            case "ended":
                listener.ended(*values)
            case "fits":
                self._pack(*values)
            case "crowded":
                one.waits_for_memory = True
            case "failed":
                self._error = self._error or values[0]
                one.has_ended = True
            case "interrupted":
                one.has_ended = True
                if not self._stopping:  # somebody else sent it a signal
                    self._mend(one, listener)
            case "done":
                one.has_ended = True

    def _mend(self, one: WorkerHandleT, listener: RunCallbacks) -> None:
        """Gives free what a dead worker had in hand, and starts another in its place."""
        why = self._how_it_died(one)
        lost = self._free(one, why)
        for run_id in lost:
            listener.noted(self._run(run_id), f"{why}; the run goes on from its checkpoint")
        self._starts = 0 if lost else self._starts + 1
        if self._starts >= MAX_FAILED_STARTS:
            self._error = NnlabError(
                f"a worker on {one.slot.device} ends as soon as it begins: {why}",
                hint=f"{self.without}, which tells more",
            )
        elif not self._stopping and store.claimable_run_ids(self._db, self._run_ids):
            self._members.append(self._start(one.slot))

    def _free(self, one: WorkerHandleT, why: str) -> tuple[int, ...]:
        """Frees the runs that a worker had in hand which is gone; gives their numbers."""
        if one.place is None:
            return ()
        place = one.place
        return store.mark_worker_dead(
            self._db, hostname=place.hostname, pid=place.pid, space=place.space, reason=why
        )

    def _pack(self, device: str, fits: int) -> None:
        """Starts as many workers on a GPU as fit there, judged by its first run."""
        if not self._packs or self._stopping:
            return
        self._packs = False
        here = sum(one.slot.device == device for one in self._members)
        waiting = len(store.claimable_run_ids(self._db, self._run_ids))
        for _ in range(min(fits - here, waiting)):
            self._members.append(self._start(Placement(device)))

    def _let_alone(self) -> None:
        """Lets a worker that is short of memory try again once no other is at work."""
        live = self._live
        if live and all(one.waits_for_memory for one in live):
            live[0].waits_for_memory = False
            live[0].tell(DEVICE_FREE_COMMAND)

    def _run(self, run_id: int) -> Run:
        if run_id not in self._runs:
            (self._runs[run_id],) = store.runs(self._db, run_ids=[run_id])
        return self._runs[run_id]
