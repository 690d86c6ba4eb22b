"""`WorkerContext`: database, callbacks and stop request of the worker that executes a queue."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nnlab import store
from nnlab.workers.callbacks import RunCallbacks
from nnlab.workers.save_policy import DEFAULT_SAVE_POLICY, SavePolicy
from nnlab.workers.script_slots import NO_LIMITS, ScriptResources

if TYPE_CHECKING:
    from nnlab.engine.distributed import GroupLeader


@dataclass(frozen=True, slots=True)
class WorkerContext:
    """The arguments of `run_queue`, `train_run` and `train_batched` that are the same for all runs.

    Args:
        db: where everything is stored.
        callbacks: called for each event, for an epoch only after it is durable.
        should_stop: checked between epochs.
        save_policy: what is stored of the runs.
        wait_for_device: returns once no other run uses this worker's device, so that a run that
            was out of memory can be retried; None if this worker has the device to itself.
        leader: the process group that trains each run, if this process is its leader.
        script_resources: the devices that runs of scripts see.
    """

    db: store.AnyDatabase
    callbacks: RunCallbacks
    should_stop: Callable[[], bool]
    save_policy: SavePolicy = DEFAULT_SAVE_POLICY
    wait_for_device: Callable[[], None] | None = None
    leader: "GroupLeader | None" = None
    script_resources: ScriptResources = NO_LIMITS
