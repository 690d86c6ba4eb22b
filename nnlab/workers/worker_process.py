"""What runs in a slot: a process that works runs off and tells its parent how it goes."""

import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

import torch

from nnlab.engine import device as devices
from nnlab.errors import NnlabError
from nnlab.io.escaping import escape_terminal
from nnlab.records import Epoch, Run
from nnlab.workers.callbacks import RunResult
from nnlab.workers.parent_watchdog import call_when_orphaned
from nnlab.workers.placement import (
    DEVICE_FREE_COMMAND,
    STOP_COMMAND,
    WorkerAddress,
    WorkerJob,
    WorkerMessage,
    runs_per_gpu,
)
from nnlab.workers.planner import BatchPlanner
from nnlab.workers.run_queue import run_queue

if TYPE_CHECKING:
    from nnlab.engine.process_group import ProcessGroup

# How long a slot has to end once its parent is gone.
SHUTDOWN_TIMEOUT_SECONDS = 20.0

# Why a run is left whose worker was not told to stop.
PARENT_GONE = "the command that it was trained by is gone"


class CallbackRelay:
    """A listener that tells the parent, wherever that is."""

    def __init__(self, tell: Callable[[WorkerMessage], None], device: str) -> None:
        self._send = tell
        self._measures = device if device.startswith("cuda") else None

    def started(self, run: Run, epoch: int) -> None:
        """Passed on."""
        self._send(WorkerMessage("started", (run, epoch)))

    def epoch(self, run: Run, epoch: Epoch) -> None:
        """Passed on; after the first, also how many such runs fit on its GPU."""
        self._send(WorkerMessage("epoch", (run.id, epoch)))
        if self._measures is not None:
            peak = torch.cuda.max_memory_reserved(self._measures)
            memory = torch.cuda.get_device_properties(self._measures).total_memory
            self._send(WorkerMessage("fits", (self._measures, runs_per_gpu(peak, memory))))
            self._measures = None

    def noted(self, run: Run, message: str) -> None:
        """Passed on."""
        self._send(WorkerMessage("noted", (run.id, message)))

    def ended(self, ended: RunResult) -> None:
        """Passed on."""
        self._send(WorkerMessage("ended", (ended,)))


def pipe_sender(parent: Connection) -> Callable[[WorkerMessage], None]:
    """Tells the parent at the other end of a pipe."""

    def tell(message: WorkerMessage) -> None:
        try:
            parent.send(message)
        except OSError:
            # No fault of the run: it is left to whoever takes it up.
            raise KeyboardInterrupt(PARENT_GONE) from None

    return tell


class ParentCommands:
    """What the parent wants, heard by a thread; when the parent is gone, this process ends too."""

    def __init__(self, parent: Connection) -> None:
        self.stop, self.alone = threading.Event(), threading.Event()
        self.parent_is_gone = False
        threading.Thread(
            target=self._listen, args=(parent,), name="nnlab-orders", daemon=True
        ).start()

    def _listen(self, parent: Connection) -> None:
        heard: dict[object, threading.Event] = {
            STOP_COMMAND: self.stop,
            DEVICE_FREE_COMMAND: self.alone,
        }
        try:
            while True:
                heard[parent.recv()].set()
        except (EOFError, OSError):
            # In good order, if it can: nobody is left to show it to.
            self.parent_is_gone = True
            _shut_down_gracefully()


def _shut_down_gracefully() -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(SHUTDOWN_TIMEOUT_SECONDS)
    os._exit(1)


def worker_main(job: WorkerJob, parent: Connection | None) -> NoReturn:
    """Works off the job; ends the process, whatever happens.

    Where another node leads there is no `parent` to tell how it goes.
    """
    # Ctrl-C reaches the whole terminal: the parent decides what it means, and says so by SIGTERM.
    # So it is with SLURM's SIGUSR1.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    code = 0
    if job.team is None:
        assert parent is not None
        try:
            parent.send(run_job_for_parent(job, parent))
        except (OSError, KeyboardInterrupt):
            code = 1  # nobody listens any more
    else:
        code = _run_process_group(job, parent)
    # Without more ado: what was copied from the parent is the parent's to close.
    os._exit(code)


def _run_process_group(job: WorkerJob, parent: Connection | None) -> int:
    """Has a team work off the job; its leader tells the parent how it goes."""
    # Those who train alone never wait for torch.distributed to be loaded.
    from nnlab.workers.process_group_launch import launch_process_group

    if parent is None:
        call_when_orphaned(_shut_down_gracefully)
    try:
        launch_process_group(job, parent)
    except NnlabError as error:
        print(f"note: {escape_terminal(error.message)}", file=sys.stderr, flush=True)  # noqa: T201  no screen here
        return 1
    # Only now that all of its processes have ended.
    if parent is not None:
        with suppress(OSError):
            parent.send(WorkerMessage("done"))
    return 0


def run_job_for_parent(
    job: WorkerJob, parent: Connection, team: "ProcessGroup | None" = None
) -> WorkerMessage:
    """Works off the job in this process, alone or as the leader of a team; says how it ended."""
    orders = ParentCommands(parent)

    def at_once(number: int, frame: FrameType | None) -> NoReturn:
        del number, frame
        raise KeyboardInterrupt(*([PARENT_GONE] if orders.parent_is_gone else []))

    def wait_until_alone() -> None:
        parent.send(WorkerMessage("crowded"))
        orders.alone.wait()

    signal.signal(signal.SIGTERM, at_once)
    # What is imported stays: the collector need not look at it again and again.
    gc.freeze()
    return run_job(
        job,
        pipe_sender(parent),
        orders.stop.is_set,
        wait_until_alone=wait_until_alone if team is None else None,
        team=team,
    )


def run_job(
    job: WorkerJob,
    tell: Callable[[WorkerMessage], None],
    should_stop: Callable[[], bool],
    *,
    wait_until_alone: Callable[[], None] | None = None,
    team: "ProcessGroup | None" = None,
) -> WorkerMessage:
    """Works off the job in this process, telling how it goes; says how it ended."""
    try:
        tell(WorkerMessage("here", (WorkerAddress.here(),)))
        devices.set_auto_device(job.device, job.cores)
        db = job.db.open()
        try:
            run_queue(
                db,
                job.run_ids,
                CallbackRelay(tell, job.device),
                should_stop,
                keeping=job.keeping,
                planner=BatchPlanner(job.engine),
                at_most=job.at_most,
                wait_until_alone=wait_until_alone,
                team=team,
            )
        finally:
            db.close()
    except NnlabError as error:
        return WorkerMessage("failed", (error,))
    except KeyboardInterrupt:
        return WorkerMessage("interrupted")
    return WorkerMessage("done")
