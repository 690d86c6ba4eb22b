"""The queue: claims runs for workers.

A run that is waiting can be claimed, and a running one whose worker is gone or whose lease ended.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from sqlalchemy import Integer, Text, bindparam, cast, func, insert, literal, null, select, update
from sqlalchemy.engine import Connection

from nnlab.records import Environment, Status
from nnlab.store.constructs import ids_to_json, in_ids_parameter, in_values, ordered_ids, parameters
from nnlab.store.database import Database
from nnlab.store.driver_statement import DriverStatement
from nnlab.store.environments import get_or_create_environment
from nnlab.store.leases import LEASE_SECONDS, Claim
from nnlab.store.liveness import Observer, current_pid_namespace
from nnlab.store.remote_callable import AnyDatabase, remote_callable
from nnlab.store.rows import WORKER_COLUMNS, join_worker, select_run
from nnlab.store.serialization import replace_invalid_unicode, timestamp_to_text
from nnlab.store.tables import Timestamp, attempt, run

_CLAIMABLE_STATUSES = (Status.QUEUED, Status.INTERRUPTED)

# A run fails after this many consecutive workers died on it without a checkpoint in between.
MAX_LOST_WORKERS = 3


def claim(
    db: AnyDatabase,
    environment: Environment | None = None,
    *,
    run_ids: Sequence[int],
    pid: int,
    command: str,
    hostname: str,
    lease_seconds: float = LEASE_SECONDS,
    now: float | None = None,
) -> Claim | None:
    """Claims the first of the runs that is waiting or whose worker is gone.

    Args:
        db: the database.
        environment: the worker's environment, if it is known yet (see `RunWriter`).
        run_ids: the candidates, in the order to try them.
        pid: the worker's process id.
        command: the command line that started the worker.
        hostname: the worker's host.
        lease_seconds: how long the lease lasts without a renewal.
        now: the time in Unix seconds; None reads the clock.

    Returns:
        The claim, or None if no run can be claimed.
    """
    claims = claim_runs(
        db,
        environment,
        run_ids=run_ids,
        max_runs=1,
        pid=pid,
        command=command,
        hostname=hostname,
        lease_seconds=lease_seconds,
        now=now,
    )
    return claims[0] if claims else None


@remote_callable
def claimable_run_ids(db: Database, run_ids: Sequence[int]) -> tuple[int, ...]:
    """The ids of the runs that `claim` could claim now, in the order given."""
    with db.read() as connection:
        return tuple(_iterate_claimable(connection, run_ids, Observer.local()))


@remote_callable
def claim_runs(
    db: Database,
    environment: Environment | None = None,
    *,
    run_ids: Sequence[int],
    max_runs: int,
    pid: int,
    command: str,
    hostname: str,
    pid_namespace: str | None = None,
    lease_seconds: float = LEASE_SECONDS,
    now: float | None = None,
) -> tuple[Claim, ...]:
    """Claims at most `max_runs` runs as `claim` does, in one transaction.

    `pid_namespace` is that of `pid` (`current_pid_namespace`), for a worker on another host.
    """
    observer = Observer(time.time() if now is None else now, hostname)
    started_at = timestamp_to_text(datetime.fromtimestamp(observer.now, UTC))
    with db.write(exclusive=False) as connection:
        worker = {
            "environment_id": get_or_create_environment(connection, environment)
            if environment
            else None,
            "hostname": hostname,
            "pid_space": current_pid_namespace() if pid_namespace is None else pid_namespace,
            "pid": pid,
            "command": replace_invalid_unicode(command),
            "started_at": started_at,
        }
        run_ids = _lock_claimable(connection, run_ids, max_runs, observer, started_at)
        lease_until = observer.now + lease_seconds
        return tuple(
            _start_attempt(connection, run_id, worker, lease_until, observer) for run_id in run_ids
        )


def _lock_claimable(
    connection: Connection, run_ids: Sequence[int], max_runs: int, observer: Observer, now: str
) -> list[int]:
    """The ids of claimable runs, locked against other workers until the transaction ends."""
    locked: list[int] = []
    for chunk in _claimable_chunks(connection, run_ids, observer):
        waiting = [run_id for run_id, is_abandoned in chunk if not is_abandoned]
        # Other workers may have claimed some of them since; one statement skips all of those.
        while waiting and (new := _lock_waiting(connection, waiting, max_runs - len(locked))):
            locked += [
                run_id
                for run_id in waiting
                if run_id in new and not _fail_after_lost_workers(connection, run_id, now)
            ]
            waiting = [run_id for run_id in waiting if run_id not in new]
        for run_id in [run_id for run_id, is_abandoned in chunk if is_abandoned]:
            if (
                len(locked) < max_runs
                and _lock_abandoned(connection, run_id, observer)
                and not _fail_after_lost_workers(connection, run_id, now)
            ):
                locked.append(run_id)
        if len(locked) == max_runs:
            break
    return locked


_requested = ordered_ids("run_ids")
# Only `run` is read: PostgreSQL evaluates the conditions on a row again when it locks a row that
# has changed since the statement began, but not the rows that are joined to it.
_LOCK_WAITING = DriverStatement(
    lambda: (
        select(run.c.id)
        .select_from(_requested.join(run, run.c.id == cast(_requested.c.value, Integer)))
        .where(
            in_values(run.c.status, _CLAIMABLE_STATUSES),
            run.c.stop_requested_at.is_(None),
            run.c.removed_at.is_(None),
        )
        .order_by(_requested.c.key)
        .limit(bindparam("max_runs"))
        .with_for_update(of=run, skip_locked=True)
    )
)
_LOCK_ABANDONED = DriverStatement(
    lambda: (
        select(run.c.status)
        .where(
            run.c.id == bindparam("run_id"),
            run.c.stop_requested_at.is_(None),
            run.c.removed_at.is_(None),
        )
        .with_for_update(skip_locked=True)
    )
)
_SELECT_WORKER = DriverStatement(
    lambda: (
        select(*WORKER_COLUMNS).select_from(join_worker(run)).where(run.c.id == bindparam("run_id"))
    )
)


def _lock_waiting(connection: Connection, run_ids: Sequence[int], max_runs: int) -> set[int]:
    """The first of the runs that are waiting, now locked; empty if others hold all of them."""
    if not max_runs:
        return set()
    rows = _LOCK_WAITING.fetch(connection, run_ids=ids_to_json(run_ids), max_runs=max_runs)
    return {run_id for (run_id,) in rows}


def _lock_abandoned(connection: Connection, run_id: int, observer: Observer) -> bool:
    """Whether the worker of a run is gone and the run could be locked."""
    rows = _LOCK_ABANDONED.fetch(connection, run_id=run_id)
    status = rows[0][0] if rows else None
    if status == Status.RUNNING:
        (worker,) = _SELECT_WORKER.fetch(connection, run_id=run_id)
        return observer.status(*worker) in _CLAIMABLE_STATUSES
    return status in _CLAIMABLE_STATUSES


_END_LOST_ATTEMPTS = DriverStatement(
    lambda: (
        update(attempt)
        .where(attempt.c.run_id == bindparam("of_run"), attempt.c.ended_at.is_(None))
        .values(outcome="lost", ended_at=bindparam("ended_at"))
    )
)
_INSERT_ATTEMPT = DriverStatement(
    lambda: (
        insert(attempt)
        .values(
            **parameters(
                "run_id", "environment_id", "hostname", "pid_space", "pid", "command", "started_at"
            ),
            first_epoch=select(run.c.epochs + 1)
            .where(run.c.id == bindparam("run_id"))
            .scalar_subquery(),
        )
        .returning(attempt.c.id)
    )
)
_SET_RUNNING = DriverStatement(
    lambda: (
        update(run)
        .where(run.c.id == bindparam("run_id"))
        .values(
            status=str(Status.RUNNING),
            reason=null(),
            ended_at=null(),
            started_at=func.coalesce(run.c.started_at, bindparam("started_at")),
            # The points change from now on.
            points_checksum=null(),
            **parameters("lease_attempt_id", "lease_until"),
        )
    )
)


def _start_attempt(
    connection: Connection,
    run_id: int,
    worker: Mapping[str, Any],
    lease_until: float,
    observer: Observer,
) -> Claim:
    """Starts an attempt of a worker, given by the columns of `attempt`, at a locked run."""
    started_at = worker["started_at"]
    _END_LOST_ATTEMPTS.execute(connection, of_run=run_id, ended_at=started_at)
    ((attempt_id,),) = _INSERT_ATTEMPT.fetch(connection, run_id=run_id, **worker)
    _SET_RUNNING.execute(
        connection,
        run_id=run_id,
        started_at=started_at,
        lease_attempt_id=attempt_id,
        lease_until=lease_until,
    )
    return Claim(select_run(connection, run_id, observer), attempt_id)


_LAST_ATTEMPTS = DriverStatement(
    lambda: (
        select(attempt.c.outcome, attempt.c.first_epoch)
        .where(attempt.c.run_id == bindparam("run_id"))
        .order_by(attempt.c.id.desc())
        .limit(MAX_LOST_WORKERS)
    )
)


def _fail_after_lost_workers(connection: Connection, run_id: int, now: str) -> bool:
    """Marks a run as failed if too many consecutive workers died on it; returns whether it did."""
    rows = _LAST_ATTEMPTS.fetch(connection, run_id=run_id)
    # An attempt without an outcome belongs to a worker that is gone, or the run was not claimable.
    all_lost = all(outcome in (None, "lost") for outcome, _ in rows)
    no_progress = len({first_epoch for _, first_epoch in rows}) == 1
    if len(rows) < MAX_LOST_WORKERS or not (all_lost and no_progress):
        return False
    reason = literal(f"given up after {MAX_LOST_WORKERS} workers died on it", Text())
    connection.execute(
        update(run)
        .where(run.c.id == run_id)
        .values(
            status=str(Status.FAILED),
            ended_at=now,
            lease_attempt_id=None,
            lease_until=None,
            reason=reason + func.coalesce(literal(": ", Text()) + run.c.reason, ""),
        )
    )
    # The workers of the next try, if there is one, are counted from this attempt on.
    last_attempt = select(func.max(attempt.c.id)).where(attempt.c.run_id == run_id)
    connection.execute(
        update(attempt)
        .where(attempt.c.id == last_attempt.scalar_subquery())
        .values(
            outcome=str(Status.FAILED),
            ended_at=func.coalesce(attempt.c.ended_at, literal(now, Timestamp())),
        )
    )
    return True


def _iterate_claimable(
    connection: Connection, run_ids: Sequence[int], observer: Observer
) -> Iterator[int]:
    return (
        run_id for chunk in _claimable_chunks(connection, run_ids, observer) for run_id, _ in chunk
    )


_SELECT_CANDIDATES = DriverStatement(
    lambda: (
        select(run.c.id, *WORKER_COLUMNS)
        .select_from(join_worker(run))
        .where(
            in_ids_parameter(run.c.id, "run_ids"),
            in_values(run.c.status, (*_CLAIMABLE_STATUSES, Status.RUNNING)),
            run.c.stop_requested_at.is_(None),
            run.c.removed_at.is_(None),
        )
    )
)


def _claimable_chunks(
    connection: Connection, run_ids: Sequence[int], observer: Observer
) -> Iterator[list[tuple[int, bool]]]:
    """The claimable runs in the order given: their ids, and whether a worker abandoned them."""
    for chunk in _growing_chunks(run_ids):
        rows = _SELECT_CANDIDATES.fetch(connection, run_ids=ids_to_json(chunk))
        is_abandoned = {
            run_id: worker[0] == Status.RUNNING
            for run_id, *worker in rows
            if observer.status(*worker) in _CLAIMABLE_STATUSES
        }
        yield [(run_id, is_abandoned[run_id]) for run_id in chunk if run_id in is_abandoned]


def _growing_chunks(run_ids: Sequence[int]) -> Iterator[list[int]]:
    # Usually one of the first runs is claimable. If none is, large chunks need few queries.
    remaining = iter(run_ids)
    size = 64
    while chunk := list(islice(remaining, size)):
        yield chunk
        size = min(size * 4, 16_384)
