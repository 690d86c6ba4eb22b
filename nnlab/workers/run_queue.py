"""The local launcher: one process works off runs, one after another or many at once."""

import os
import socket
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from nnlab import store
from nnlab.engine.data import location
from nnlab.workers.batched_worker import train_batched
from nnlab.workers.callbacks import RunCallbacks, RunResult
from nnlab.workers.planner import BatchPlanner, RunGroup
from nnlab.workers.provenance import masked_command_line
from nnlab.workers.run_context import LEASE_SECONDS
from nnlab.workers.save_policy import DEFAULT_SAVE_POLICY, SavePolicy
from nnlab.workers.spool import retry_when_disconnected

if TYPE_CHECKING:
    from nnlab.engine.process_group import ProcessGroup

# So many runs are looked at together: a long queue begins at once.
GROUPING_WINDOW = 2048


def run_queue(
    db: store.AnyDatabase,
    run_ids: Sequence[int],
    listener: RunCallbacks,
    should_stop: Callable[[], bool],
    *,
    keeping: SavePolicy = DEFAULT_SAVE_POLICY,
    planner: BatchPlanner | None = None,
    at_most: int | None = None,
    wait_until_alone: Callable[[], None] | None = None,
    team: "ProcessGroup | None" = None,
) -> tuple[RunResult, ...]:
    """Claims and trains runs until none is left or it is to stop.

    They are taken in the order given, those beside the first that can be trained with it.
    Another process that works off the same runs helps: each run is claimed by one of them.

    Args:
        db: where everything is stored.
        run_ids: what to train.
        listener: told how it goes.
        should_stop: asked between epochs.
        keeping: what is kept of the runs.
        planner: says how many to train at once; None measures that.
        at_most: how many to take at once, so that other workers have some as well.
        wait_until_alone: waits until no other run is on this worker's device; a run that is short
            of memory then tries again. None where it is alone anyway.
        team: the processes that train each run together, of which this one leads.

    Raises:
        StoreError, OutputError: nothing more can be stored.
        KeyboardInterrupt: passed on from a run that was stopped in mid epoch.
    """
    configure_data_locations(db, keeping)
    planner = planner or BatchPlanner()
    ended: list[RunResult] = []
    # What another worker loses meanwhile is free once more.
    while not should_stop() and (
        free := retry_when_disconnected(partial(store.claimable_run_ids, db, run_ids))
    ):
        for group in _run_groups(db, free, planner):
            claim = partial(_claim_runs, db, group, planner, at_most)
            while not should_stop() and (claims := retry_when_disconnected(claim)):
                ended += train_batched(
                    db,
                    claims,
                    listener,
                    should_stop,
                    keeping=keeping,
                    wait_until_alone=wait_until_alone,
                    team=team,
                )
    return tuple(ended)


def configure_data_locations(db: store.AnyDatabase, keeping: SavePolicy) -> None:
    """Has this process find data files that are beside the database, or were moved."""
    location.add_moved_paths(keeping.moved_data)
    if isinstance(db.address, store.FileAddress):
        location.add_search_folder(db.address.path.parent)


def _run_groups(
    db: store.AnyDatabase, run_ids: Sequence[int], planner: BatchPlanner
) -> Iterator[RunGroup]:
    for begin in range(0, len(run_ids), GROUPING_WINDOW):
        window = run_ids[begin : begin + GROUPING_WINDOW]
        found = retry_when_disconnected(partial(store.runs, db, run_ids=window))
        runs = {run.id: run for run in found}
        yield from planner.groups([runs[run_id] for run_id in window if run_id in runs])


def _claim_runs(
    db: store.AnyDatabase, group: RunGroup, planner: BatchPlanner, at_most: int | None
) -> tuple[store.Claim, ...]:
    """Takes as many runs of a group as are best trained at once, of those that wait."""
    waiting = len(store.claimable_run_ids(db, group.run_ids)) if group.config is not None else 1
    width = planner.width(group, min(waiting, at_most or waiting))
    return store.claim_runs(
        db,
        run_ids=group.run_ids,
        most=width,
        hostname=socket.gethostname(),
        pid=os.getpid(),
        command=masked_command_line(),
        space=store.current_pid_namespace(),
        lease_seconds=LEASE_SECONDS,
    )
