"""`run_queue` claims and trains runs of the database's queue; every worker process executes it."""

import os
import socket
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import groupby

from nnlab import store
from nnlab.engine.data import location
from nnlab.provenance.environment import masked_command_line
from nnlab.records import Origin
from nnlab.workers.batched_worker import train_batched
from nnlab.workers.callbacks import RunResult
from nnlab.workers.heartbeat import LEASE_SECONDS
from nnlab.workers.planner import BatchPlanner, RunGroup
from nnlab.workers.save_policy import SavePolicy
from nnlab.workers.script_run import run_script
from nnlab.workers.spool import retry_when_disconnected
from nnlab.workers.worker import train_run
from nnlab.workers.worker_context import WorkerContext

# Runs are grouped in windows of this many, so that the first run of a long queue starts at once.
GROUPING_WINDOW = 2048


def run_queue(
    context: WorkerContext,
    run_ids: Sequence[int],
    *,
    planner: BatchPlanner | None = None,
    max_claims: int | None = None,
) -> tuple[RunResult, ...]:
    """Claims and trains runs until none is left or the worker is asked to stop.

    Runs are taken in the order of `run_ids`, except that runs that can be batched with the first
    one are taken together with it. Several processes may execute the same queue: each run is
    claimed by one of them.

    Args:
        context: what the runs have in common.
        run_ids: the runs to train.
        planner: chooses how many runs to train at once; None measures that.
        max_claims: the most runs to claim at once, so that other workers get some as well.

    Raises:
        StoreError, OutputError: nothing more can be stored.
        KeyboardInterrupt: a run was stopped during an epoch.
    """
    configure_data_locations(context.db, context.save_policy)
    planner = planner or BatchPlanner()
    results: list[RunResult] = []
    # Repeated, because runs that another worker loses meanwhile become claimable again.
    while not context.should_stop() and (
        claimable := retry_when_disconnected(partial(store.claimable_run_ids, context.db, run_ids))
    ):
        for group in _run_groups(context.db, claimable, planner):
            claim = partial(_claim_runs, context.db, group, planner, max_claims)
            while not context.should_stop() and (claims := retry_when_disconnected(claim)):
                results += _train_claims(context, claims)
    return tuple(results)


def configure_data_locations(db: store.AnyDatabase, save_policy: SavePolicy) -> None:
    """Lets this process find data files that are next to the database or were moved."""
    location.add_moved_paths(save_policy.moved_data)
    if isinstance(db.address, store.FileAddress):
        location.add_search_folder(db.address.path.parent)


def _train_claims(context: WorkerContext, claims: Sequence[store.Claim]) -> list[RunResult]:
    """Trains claimed runs; where a batch fails, for example for lack of memory, halves of it."""
    if len(claims) == 1:
        is_script = claims[0].run.origin is Origin.SCRIPT
        return [(run_script if is_script else train_run)(context, claims[0])]
    outcome = train_batched(context, claims)
    results = list(outcome.results)
    middle = (len(outcome.remaining) + 1) // 2
    for half in (outcome.remaining[:middle], outcome.remaining[middle:]):
        if half:
            results += _train_claims(context, half)
    return results


def _run_groups(
    db: store.AnyDatabase, run_ids: Sequence[int], planner: BatchPlanner
) -> Iterator[RunGroup]:
    for begin in range(0, len(run_ids), GROUPING_WINDOW):
        window = run_ids[begin : begin + GROUPING_WINDOW]
        stored_runs = retry_when_disconnected(partial(store.runs, db, run_ids=window))
        runs = {run.id: run for run in stored_runs}
        window_runs = [runs[run_id] for run_id in window if run_id in runs]
        for is_script, group in groupby(window_runs, lambda run: run.origin is Origin.SCRIPT):
            if is_script:  # never batched: each is a process
                yield RunGroup(tuple(run.id for run in group), None)
            else:
                yield from planner.groups(list(group))


def _claim_runs(
    db: store.AnyDatabase, group: RunGroup, planner: BatchPlanner, max_claims: int | None
) -> tuple[store.Claim, ...]:
    """Claims as many runs of a group as are best trained at once."""
    waiting = len(store.claimable_run_ids(db, group.run_ids)) if group.config is not None else 1
    width = planner.width(group, min(waiting, max_claims or waiting))
    return store.claim_runs(
        db,
        run_ids=group.run_ids,
        max_runs=width,
        hostname=socket.gethostname(),
        pid=os.getpid(),
        command=masked_command_line(),
        pid_namespace=store.current_pid_namespace(),
        lease_seconds=LEASE_SECONDS,
    )
