"""`LocalPool`: worker processes on this machine, one per placement; used by the executor."""

import contextlib
import math
import multiprocessing
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from nnlab import store
from nnlab.errors import NnlabError
from nnlab.workers import forkserver
from nnlab.workers.callbacks import RunCallbacks
from nnlab.workers.messages import WorkerCommand, WorkerMessage
from nnlab.workers.nodes import Nodes
from nnlab.workers.parallel_config import ProcessGroupSpec
from nnlab.workers.placement import Placement
from nnlab.workers.save_policy import DEFAULT_SAVE_POLICY, SavePolicy
from nnlab.workers.worker_job import AddressDatabaseOpener, WorkerJob
from nnlab.workers.worker_pool import MAX_FAILED_STARTS, WorkerHandle, WorkerPool

# How long the pool waits for a message before it checks whether it was asked to stop.
POLL_SECONDS = 0.1
# How long a worker may take to end after SIGTERM.
TERMINATE_TIMEOUT_SECONDS = 15.0

_SIGNAL_NAMES: Mapping[int, str] = {number.value: number.name for number in signal.Signals}


@dataclass(slots=True)
class _ProcessHandle(WorkerHandle):
    """A worker process and the parent's end of its pipe."""

    process: BaseProcess = field(kw_only=True)
    pipe: Connection = field(kw_only=True)

    def send(self, command: WorkerCommand) -> None:
        """See `WorkerHandle.send`."""
        with contextlib.suppress(OSError):
            self.pipe.send(command)


class LocalPool(WorkerPool[_ProcessHandle]):
    """Executes a queue in several processes of this machine."""

    def __init__(
        self,
        db: store.Database,
        run_ids: Sequence[int],
        placements: Sequence[Placement],
        *,
        engine: str = "auto",
        save_policy: SavePolicy = DEFAULT_SAVE_POLICY,
        fill_gpu: bool = False,
        process_group: ProcessGroupSpec | None = None,
        next_round: Callable[[], Nodes] = Nodes,
    ) -> None:
        """Starts the processes, which begin to train at once.

        Args:
            db: where everything is stored.
            run_ids: the runs to train.
            placements: one per worker.
            engine: see `BatchPlanner`.
            save_policy: what is stored of the runs.
            fill_gpu: whether to start as many workers on a GPU as its memory allows.
            process_group: the devices that train each run together; then there is one placement.
            next_round: called before a worker starts; returns the nodes of its process group.
        """
        self._job = WorkerJob(
            AddressDatabaseOpener(db.address.target),
            tuple(run_ids),
            placements[0].device,
            engine,
            save_policy,
            math.ceil(len(run_ids) / len(placements)),
            process_group,
        )
        self._next_round = next_round
        super().__init__(db, run_ids, placements, fill_gpu=fill_gpu)

    def _start(self, placement: Placement) -> _ProcessHandle:
        """Starts a worker process.

        Raises:
            NnlabError: the forkserver dies each time that it is asked for a process; a node has
                ended.
        """
        job = replace(self._job, device=placement.device, nodes=self._next_round())
        forkserver.start_forkserver()
        for _ in range(MAX_FAILED_STARTS):
            parent_end, worker_end = multiprocessing.Pipe()
            process = forkserver.create_worker_process(job, worker_end)
            try:
                with forkserver.hidden_main_module():
                    process.start()
            except (EOFError, OSError) as error:
                # The forkserver has just died; a new one starts after the system has noticed.
                parent_end.close()
                start_error = error
                time.sleep(POLL_SECONDS)
            else:
                return _ProcessHandle(placement, process=process, pipe=parent_end)
            finally:
                worker_end.close()  # so that the pipe is closed when the worker ends
        raise NnlabError(
            f"no worker can be started: {type(start_error).__name__} {start_error}",
            hint=self.fallback_hint,
        )

    def _poll_messages(
        self, live: Sequence[_ProcessHandle], callbacks: RunCallbacks
    ) -> Iterator[tuple[_ProcessHandle, WorkerMessage | None]]:
        del callbacks
        workers = {id(worker.pipe): worker for worker in live}
        for pipe in wait([worker.pipe for worker in live], timeout=POLL_SECONDS):
            worker = workers[id(pipe)]
            try:
                message = worker.pipe.recv()
            except (EOFError, OSError):
                message = None
            yield worker, message

    def _describe_exit(self, worker: _ProcessHandle) -> str:
        # Its pipe is closed, so it is about to end: a wait without a limit could never return.
        worker.process.join(TERMINATE_TIMEOUT_SECONDS)
        if worker.process.is_alive():
            worker.process.kill()
            return "its worker stopped responding and was killed"
        code = worker.process.exitcode
        if code is None or code >= 0:
            return f"its worker ended with exit code {code}"
        return f"its worker died of signal {-code} ({_SIGNAL_NAMES.get(-code, 'unknown')})"

    def _terminate_all(self) -> None:
        for worker in self._workers:
            worker.process.terminate()
        for worker in self._workers:
            worker.process.join(TERMINATE_TIMEOUT_SECONDS)
            if worker.process.is_alive():
                worker.process.kill()
                # Limited, because a process that waits for a device cannot be killed.
                worker.process.join(TERMINATE_TIMEOUT_SECONDS)
