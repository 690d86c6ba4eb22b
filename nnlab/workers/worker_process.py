"""Executes a `WorkerJob` in the current process and sends every event to the parent.

`worker_main`, the process group's leader rank and the Ray actors use it.
"""

import gc
import os
import signal
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

import torch

from nnlab.engine import device as devices
from nnlab.errors import NnlabError
from nnlab.records import Epoch, Run
from nnlab.workers.callbacks import RunResult
from nnlab.workers.messages import (
    EpochEnded,
    GpuCapacityMeasured,
    RunEnded,
    RunNoted,
    RunStarted,
    WaitingForMemory,
    WorkerCommand,
    WorkerDone,
    WorkerExit,
    WorkerFailed,
    WorkerInterrupted,
    WorkerMessage,
    WorkerStarted,
)
from nnlab.workers.placement import runs_per_gpu
from nnlab.workers.planner import BatchPlanner
from nnlab.workers.run_queue import run_queue
from nnlab.workers.worker_context import WorkerContext
from nnlab.workers.worker_job import WorkerAddress, WorkerJob

if TYPE_CHECKING:
    from nnlab.engine.distributed import GroupLeader

# How long a worker may take to end after its parent has ended.
SHUTDOWN_TIMEOUT_SECONDS = 20.0

# The reason of runs that are interrupted because the parent has ended.
PARENT_GONE = "the command that started its worker has ended"

SendMessage = Callable[[WorkerMessage], None]


class CallbackRelay:
    """`RunCallbacks` that sends every event to the parent as a message."""

    def __init__(self, send: SendMessage, device: str) -> None:
        self._send = send
        self._gpu_to_measure = device if device.startswith("cuda") else None

    def on_run_start(self, run: Run, epoch: int) -> None:
        """See `RunCallbacks`."""
        self._send(RunStarted(run, epoch))

    def on_epoch_end(self, run: Run, epoch: Epoch) -> None:
        """See `RunCallbacks`; after the first epoch also sends how many runs fit on the GPU."""
        self._send(EpochEnded(run.id, epoch))
        if self._gpu_to_measure is not None:
            device, self._gpu_to_measure = self._gpu_to_measure, None
            peak = torch.cuda.max_memory_reserved(device)
            memory = torch.cuda.get_device_properties(device).total_memory
            self._send(GpuCapacityMeasured(device, runs_per_gpu(peak, memory)))

    def on_note(self, run: Run, message: str) -> None:
        """See `RunCallbacks`."""
        self._send(RunNoted(run.id, message))

    def on_run_end(self, result: RunResult) -> None:
        """See `RunCallbacks`."""
        self._send(RunEnded(result))


def pipe_sender(parent: Connection) -> SendMessage:
    """Returns a function that sends messages through a pipe."""

    def send(message: WorkerMessage) -> None:
        try:
            parent.send(message)
        except OSError:
            # Not an error of the run: it is interrupted, and another worker can resume it.
            raise KeyboardInterrupt(PARENT_GONE) from None

    return send


class ParentCommands:
    """Receives the parent's commands in a thread; ends this process when the parent has ended."""

    def __init__(self, parent: Connection) -> None:
        self.stop, self.device_free = threading.Event(), threading.Event()
        self.parent_has_ended = False
        threading.Thread(
            target=self._receive, args=(parent,), name="nnlab-commands", daemon=True
        ).start()

    def _receive(self, parent: Connection) -> None:
        events = {
            WorkerCommand.STOP: self.stop,
            WorkerCommand.USE_DEVICE_ALONE: self.device_free,
        }
        try:
            while True:
                events[parent.recv()].set()
        except (EOFError, OSError):
            self.parent_has_ended = True
            shut_down_gracefully()


def shut_down_gracefully() -> None:
    """Sends SIGTERM to this process, and ends it if it is still running after the timeout."""
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(SHUTDOWN_TIMEOUT_SECONDS)
    os._exit(1)


def run_job_for_parent(
    job: WorkerJob, parent: Connection, leader: "GroupLeader | None" = None
) -> WorkerExit:
    """Executes the job in this process, alone or as the leader of a process group."""
    commands = ParentCommands(parent)

    def interrupt(number: int, frame: FrameType | None) -> NoReturn:
        del number, frame
        raise KeyboardInterrupt(*([PARENT_GONE] if commands.parent_has_ended else []))

    def wait_for_device() -> None:
        parent.send(WaitingForMemory())
        commands.device_free.wait()

    signal.signal(signal.SIGTERM, interrupt)
    # Imported modules are never garbage: the collector need not examine them.
    gc.freeze()
    return run_job(
        job,
        pipe_sender(parent),
        commands.stop.is_set,
        wait_for_device=wait_for_device if leader is None else None,
        leader=leader,
    )


def run_job(
    job: WorkerJob,
    send: SendMessage,
    should_stop: Callable[[], bool],
    *,
    wait_for_device: Callable[[], None] | None = None,
    leader: "GroupLeader | None" = None,
) -> WorkerExit:
    """Executes the job in this process, sending a message for each event.

    Args:
        job: the queue and the device.
        send: sends a message to the parent.
        should_stop: checked between epochs.
        wait_for_device: see `WorkerContext`.
        leader: see `WorkerContext`.
    """
    try:
        send(WorkerStarted(WorkerAddress.of_this_process()))
        devices.set_auto_device(job.device, job.cores)
        db = job.db.open()
        try:
            context = WorkerContext(
                db,
                CallbackRelay(send, job.device),
                should_stop,
                job.save_policy,
                wait_for_device,
                leader,
            )
            planner = BatchPlanner(job.engine)
            run_queue(context, job.run_ids, planner=planner, max_claims=job.max_claims)
        finally:
            db.close()
    except NnlabError as error:
        return WorkerFailed(error)
    except KeyboardInterrupt:
        return WorkerInterrupted()
    return WorkerDone()
