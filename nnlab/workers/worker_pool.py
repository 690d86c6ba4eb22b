"""`WorkerPool`: workers in other processes that execute one queue; for the local and the Ray pool.

Each worker claims runs and stores what it measures by itself; the pool receives its messages. If a
worker dies, its runs are released and resumed from their checkpoints, and a new worker is started.
Subclasses define whether a worker is a process of this machine or an actor on a cluster.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from nnlab import store
from nnlab.errors import NnlabError
from nnlab.records import Run
from nnlab.workers.callbacks import RunCallbacks
from nnlab.workers.messages import (
    EpochEnded,
    GpuCapacityMeasured,
    RunEnded,
    RunNoted,
    RunStarted,
    WaitingForMemory,
    WorkerCommand,
    WorkerDone,
    WorkerFailed,
    WorkerInterrupted,
    WorkerMessage,
    WorkerStarted,
)
from nnlab.workers.placement import Placement
from nnlab.workers.spool import retry_when_disconnected
from nnlab.workers.worker_job import WorkerAddress

# After so many consecutive workers that died without a run the pool gives up.
MAX_FAILED_STARTS = 3


@dataclass(slots=True)
class WorkerHandle(ABC):
    """The pool's view of a worker: its placement, its address once known, and its state."""

    placement: Placement
    address: WorkerAddress | None = None
    has_ended: bool = False
    waits_for_memory: bool = False

    @abstractmethod
    def send(self, command: WorkerCommand) -> None:
        """Sends a command; does nothing if the worker has just died."""


WorkerHandleT = TypeVar("WorkerHandleT", bound=WorkerHandle)


class WorkerPool(ABC, Generic[WorkerHandleT]):
    """Executes a queue in several other processes."""

    # Part of the hint of an error: how to train without the pool.
    fallback_hint = "--devices cpu:1 trains in this process"

    def __init__(
        self,
        db: store.Database,
        run_ids: Sequence[int],
        placements: Sequence[Placement],
        *,
        fill_gpu: bool,
    ) -> None:
        """Starts the workers, which begin to train at once.

        Args:
            db: where everything is stored.
            run_ids: the runs to train.
            placements: one per worker.
            fill_gpu: whether to start as many workers on a GPU as its memory allows.
        """
        self._db, self._run_ids, self._fill_gpu = db, tuple(run_ids), fill_gpu
        self._runs: dict[int, Run] = {}
        self._failed_starts = 0
        self._error: NnlabError | None = None
        self._stopping = False
        self._workers = [self._start(placement) for placement in placements]

    def run(self, callbacks: RunCallbacks, should_stop: Callable[[], bool]) -> None:
        """Handles the messages of the workers until all of them have ended.

        Raises:
            NnlabError: a worker could not continue: the database, a disk.
            KeyboardInterrupt: the user stopped the command; all workers have ended.
        """
        try:
            while live := self._live_workers:
                if not self._stopping and (should_stop() or self._error is not None):
                    self._stopping = True
                    for worker in live:
                        worker.send(WorkerCommand.STOP)
                for worker, message in self._poll_messages(live, callbacks):
                    if message is None:
                        worker.has_ended = True
                        self._replace_dead_worker(worker, callbacks)
                    else:
                        self._handle_message(worker, message, callbacks)
                self._retry_out_of_memory()
        except BaseException:
            self._terminate_all()
            raise
        if self._error is not None:
            raise self._error

    @property
    def _live_workers(self) -> list[WorkerHandleT]:
        return [worker for worker in self._workers if not worker.has_ended]

    @abstractmethod
    def _start(self, placement: Placement) -> WorkerHandleT:
        """Starts a worker."""

    @abstractmethod
    def _poll_messages(
        self, live: Sequence[WorkerHandleT], callbacks: RunCallbacks
    ) -> Iterator[tuple[WorkerHandleT, WorkerMessage | None]]:
        """Yields the messages that arrive within a short time; None if the worker has died."""

    @abstractmethod
    def _describe_exit(self, worker: WorkerHandleT) -> str:
        """How a dead worker ended, as part of a sentence."""

    @abstractmethod
    def _terminate_all(self) -> None:
        """Ends every worker, by force if it does not end in time."""

    def _handle_message(
        self, worker: WorkerHandleT, message: WorkerMessage, callbacks: RunCallbacks
    ) -> None:
        match message:
            case WorkerStarted(address):
                worker.address = address
            case RunStarted(run, epoch):
                self._runs[run.id] = run
                self._failed_starts = 0
                callbacks.on_run_start(run, epoch)
            case EpochEnded(run_id, values):
                callbacks.on_epoch_end(self._run(run_id), values)
            case RunNoted(run_id, text):
                callbacks.on_note(self._run(run_id), text)
            case RunEnded(result):
                callbacks.on_run_end(result)
            case GpuCapacityMeasured(device, runs):
                self._start_more_on_gpu(device, runs)
            case WaitingForMemory():
                worker.waits_for_memory = True
            case WorkerFailed(error):
                self._error = self._error or error
                worker.has_ended = True
            case WorkerInterrupted():
                worker.has_ended = True
                if not self._stopping:  # a signal that this pool did not send
                    self._replace_dead_worker(worker, callbacks)
            case WorkerDone():
                worker.has_ended = True

    def _replace_dead_worker(self, worker: WorkerHandleT, callbacks: RunCallbacks) -> None:
        """Releases the runs of a dead worker and starts another one in its place."""
        reason = self._describe_exit(worker)
        released = self._release_runs_of(worker, reason)
        for run_id in released:
            callbacks.on_note(
                self._run(run_id), f"{reason}; the run will resume from its checkpoint"
            )
        self._failed_starts = 0 if released else self._failed_starts + 1
        if self._failed_starts >= MAX_FAILED_STARTS:
            self._error = NnlabError(
                f"workers on {worker.placement.device} end as soon as they start: {reason}",
                hint=f"{self.fallback_hint}, which shows the error",
            )
        elif not self._stopping and self._claimable_run_ids():
            self._workers.append(self._start(worker.placement))

    def _release_runs_of(self, worker: WorkerHandleT, reason: str) -> tuple[int, ...]:
        """Releases the runs that a dead worker had claimed; returns their IDs."""
        if worker.address is None:
            return ()
        release = partial(
            store.mark_worker_dead,
            self._db,
            hostname=worker.address.hostname,
            pid=worker.address.pid,
            pid_namespace=worker.address.pid_namespace,
            reason=reason,
        )
        return retry_when_disconnected(release)

    def _claimable_run_ids(self) -> Sequence[int]:
        return retry_when_disconnected(partial(store.claimable_run_ids, self._db, self._run_ids))

    def _start_more_on_gpu(self, device: str, runs: int) -> None:
        """Starts as many workers on a GPU as runs fit there, according to its first run."""
        if not self._fill_gpu or self._stopping:
            return
        self._fill_gpu = False
        started = sum(worker.placement.device == device for worker in self._workers)
        waiting = len(self._claimable_run_ids())
        for _ in range(min(runs - started, waiting)):
            self._workers.append(self._start(Placement(device)))

    def _retry_out_of_memory(self) -> None:
        """Lets a worker that was out of memory retry once no other worker is training."""
        live = self._live_workers
        if live and all(worker.waits_for_memory for worker in live):
            live[0].waits_for_memory = False
            live[0].send(WorkerCommand.USE_DEVICE_ALONE)

    def _run(self, run_id: int) -> Run:
        if run_id not in self._runs:
            # A message of a worker may arrive while the server restarts.
            (self._runs[run_id],) = retry_when_disconnected(
                partial(store.runs, self._db, run_ids=[run_id])
            )
        return self._runs[run_id]
