"""The messages between a worker and the process that started it, for every kind of worker pool."""

from dataclasses import dataclass
from enum import Enum

from nnlab.errors import NnlabError
from nnlab.records import Epoch, Run
from nnlab.workers.callbacks import RunResult
from nnlab.workers.worker_job import WorkerAddress


class WorkerCommand(Enum):
    """What a parent asks of a worker."""

    STOP = "stop"  # after the current epoch
    USE_DEVICE_ALONE = "use device alone"  # no other worker uses the device now: retry


@dataclass(frozen=True, slots=True)
class WorkerStarted:
    """The worker runs, at this address."""

    address: WorkerAddress


@dataclass(frozen=True, slots=True)
class RunStarted:
    """`RunCallbacks.on_run_start`."""

    run: Run
    epoch: int


@dataclass(frozen=True, slots=True)
class EpochEnded:
    """`RunCallbacks.on_epoch_end`."""

    run_id: int
    epoch: Epoch


@dataclass(frozen=True, slots=True)
class RunNoted:
    """`RunCallbacks.on_note`."""

    run_id: int
    text: str


@dataclass(frozen=True, slots=True)
class RunEnded:
    """`RunCallbacks.on_run_end`."""

    result: RunResult


@dataclass(frozen=True, slots=True)
class GpuCapacityMeasured:
    """`runs` such runs fit into the memory of the GPU `device`."""

    device: str
    runs: int


@dataclass(frozen=True, slots=True)
class WaitingForMemory:
    """The worker waits for `WorkerCommand.USE_DEVICE_ALONE`: its run did not fit into memory."""


@dataclass(frozen=True, slots=True)
class WorkerDone:
    """The worker has ended because no run was left, or because it was asked to stop."""


@dataclass(frozen=True, slots=True)
class WorkerInterrupted:
    """The worker was ended by a signal."""


@dataclass(frozen=True, slots=True)
class WorkerFailed:
    """The worker has ended with an error that is not one of its run: the database, a disk."""

    error: NnlabError


WorkerExit = WorkerDone | WorkerInterrupted | WorkerFailed
WorkerMessage = (
    WorkerStarted
    | RunStarted
    | EpochEnded
    | RunNoted
    | RunEnded
    | GpuCapacityMeasured
    | WaitingForMemory
    | WorkerExit
)
