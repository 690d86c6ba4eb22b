"""The local launcher: one process works off runs, one after another or many at once."""

import os
import socket
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from nnlab import store
from nnlab.engine.data import location
from nnlab.workers.batched_worker import train_together
from nnlab.workers.callbacks import Ended, Listener
from nnlab.workers.planner import Group, Planner
from nnlab.workers.provenance import command_line
from nnlab.workers.run_context import LEASE_SECONDS
from nnlab.workers.save_policy import KEEPING, Keeping
from nnlab.workers.spool import patiently

if TYPE_CHECKING:
    from nnlab.engine.process_group import Team

# So many runs are looked at together: a long queue begins at once.
WINDOW = 2048


def work_off(
    db: store.AnyDatabase,
    run_ids: Sequence[int],
    listener: Listener,
    should_stop: Callable[[], bool],
    *,
    keeping: Keeping = KEEPING,
    planner: Planner | None = None,
    at_most: int | None = None,
    wait_until_alone: Callable[[], None] | None = None,
    team: "Team | None" = None,
) -> tuple[Ended, ...]:
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
    look_for_data(db, keeping)
    planner = planner or Planner()
    ended: list[Ended] = []
    # What another worker loses meanwhile is free once more.
    while not should_stop() and (free := patiently(partial(store.claimable, db, run_ids))):
        for group in _groups(db, free, planner):
            claim = partial(_claims, db, group, planner, at_most)
            while not should_stop() and (claims := patiently(claim)):
                ended += train_together(
                    db,
                    claims,
                    listener,
                    should_stop,
                    keeping=keeping,
                    wait_until_alone=wait_until_alone,
                    team=team,
                )
    return tuple(ended)


def look_for_data(db: store.AnyDatabase, keeping: Keeping) -> None:
    """Has this process find data files that are beside the database, or were moved."""
    location.look_at(keeping.moved_data)
    if isinstance(db.address, store.FileAddress):
        location.look_in(db.address.path.parent)


def _groups(db: store.AnyDatabase, run_ids: Sequence[int], planner: Planner) -> Iterator[Group]:
    for begin in range(0, len(run_ids), WINDOW):
        window = run_ids[begin : begin + WINDOW]
        found = patiently(partial(store.runs, db, run_ids=window))
        runs = {run.id: run for run in found}
        yield from planner.groups([runs[run_id] for run_id in window if run_id in runs])


def _claims(
    db: store.AnyDatabase, group: Group, planner: Planner, at_most: int | None
) -> tuple[store.Claim, ...]:
    """Takes as many runs of a group as are best trained at once, of those that wait."""
    waiting = len(store.claimable(db, group.run_ids)) if group.config is not None else 1
    width = planner.width(group, min(waiting, at_most or waiting))
    return store.claim_several(
        db,
        run_ids=group.run_ids,
        most=width,
        hostname=socket.gethostname(),
        pid=os.getpid(),
        command=command_line(),
        space=store.pid_space(),
        lease_seconds=LEASE_SECONDS,
    )
