"""Takes runs out of the queue: a claim is a lease, and a lease that is not renewed lapses."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

from sqlalchemy.engine import Connection

from nnlab.errors import LeaseLost
from nnlab.records import Environment, Run, Status
from nnlab.store.checksum import store_run_checksum
from nnlab.store.database import Database
from nnlab.store.environments import get_or_create_environment
from nnlab.store.liveness import Observer, current_pid_namespace
from nnlab.store.remote_callable import AnyDatabase, remote_callable
from nnlab.store.rows import ID_LIST, WORKER_COLUMNS, WORKER_JOIN, bind_ids, select_run
from nnlab.store.serialization import replace_invalid_unicode, timestamp_to_text

LEASE_SECONDS = 60.0

_CLAIMABLE_STATUSES = (Status.QUEUED, Status.INTERRUPTED)

# Workers in a row that may die on a run without a checkpoint in between, before it is given up.
MAX_LOST_WORKERS = 3


@dataclass(frozen=True, slots=True)
class Claim:
    """A run that this process works on, as it was when claimed, and the attempt that it is."""

    run: Run
    attempt_id: int


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
    """Takes the first run that waits, or whose worker is gone, and nobody else can take it.

    Args:
        db: the database.
        environment: where it will be trained, if that is known yet (see `RunWriter`).
        run_ids: which runs, in the order to try them.
        pid: the worker's process.
        command: the command line that it was started by.
        hostname: the host that it runs on.
        lease_seconds: how long the lease lasts without a renewal.
        now: Unix seconds; None reads the clock.

    Returns:
        The claim, or None where there is nothing to do.
    """
    claims = claim_runs(
        db,
        environment,
        run_ids=run_ids,
        most=1,
        pid=pid,
        command=command,
        hostname=hostname,
        lease_seconds=lease_seconds,
        now=now,
    )
    return claims[0] if claims else None


@remote_callable
def claimable_run_ids(db: Database, run_ids: Sequence[int]) -> tuple[int, ...]:
    """Those of the runs that `claim` would take now, in the order given."""
    with db.read() as connection:
        return tuple(_iterate_claimable(connection, run_ids, Observer.here()))


@remote_callable
def claim_runs(
    db: Database,
    environment: Environment | None = None,
    *,
    run_ids: Sequence[int],
    most: int,
    pid: int,
    command: str,
    hostname: str,
    space: str | None = None,
    lease_seconds: float = LEASE_SECONDS,
    now: float | None = None,
) -> tuple[Claim, ...]:
    """Takes as `claim` does, at most so many runs, all or none at once.

    `space` is what `pid` is counted in (`current_pid_namespace`), for a worker elsewhere.
    """
    observer = Observer(time.time() if now is None else now, hostname)
    at = timestamp_to_text(datetime.fromtimestamp(observer.now, UTC))
    with db.write(alone=False) as connection:
        place = (
            get_or_create_environment(connection, environment) if environment else None,
            hostname,
            current_pid_namespace() if space is None else space,
            pid,
            replace_invalid_unicode(command),
            at,
        )
        found = _lock_claimable(connection, run_ids, most, observer, at)
        until = observer.now + lease_seconds
        attempts = [_start_attempt(connection, number, place, until) for number in found]
        pairs = zip(found, attempts, strict=True)
        return tuple(Claim(select_run(connection, run, observer), made) for run, made in pairs)


def _lock_claimable(
    connection: Connection, run_ids: Sequence[int], most: int, observer: Observer, at: str
) -> list[int]:
    """Those that can be taken, kept from all others until the transaction's end."""
    found: list[int] = []
    for chunk in _claimable_chunks(connection, run_ids, observer):
        waiting = [number for number, is_left in chunk if not is_left]
        # Others may have been faster; how many there are makes no difference to one statement.
        while waiting and (got := _lock_waiting(connection, waiting, most - len(found))):
            taken = [number for number in waiting if number in got]
            found += [
                number for number in taken if not _fail_after_lost_workers(connection, number, at)
            ]
            waiting = [number for number in waiting if number not in got]
        for number in [number for number, is_left in chunk if is_left]:
            if len(found) < most and _lock_abandoned(connection, number, observer):
                found += [] if _fail_after_lost_workers(connection, number, at) else [number]
        if len(found) == most:
            break
    return found


# Of the run alone: a row that has changed since the statement began is looked at again when it is
# locked, what is joined to it is not.
_LOCK_WAITING = """
    SELECT run.id FROM json_each(?) AS wanted
    JOIN run ON run.id = CAST(wanted.value AS INTEGER)
    WHERE run.status IN ('queued', 'interrupted')
        AND run.stop_requested_at IS NULL AND run.removed_at IS NULL
    ORDER BY wanted.key LIMIT ?
    /* PostgreSQL: FOR UPDATE OF run SKIP LOCKED */
"""
_LOCK_ABANDONED = """
    SELECT status FROM run WHERE id = ? AND stop_requested_at IS NULL AND removed_at IS NULL
    /* PostgreSQL: FOR UPDATE SKIP LOCKED */
"""
_SELECT_WORKER = f"SELECT {WORKER_COLUMNS} FROM run {WORKER_JOIN} WHERE run.id = ?"  # noqa: S608


def _lock_waiting(connection: Connection, run_ids: Sequence[int], most: int) -> set[int]:
    """Keeps the first of some runs from all others, unless somebody was faster."""
    if not most:
        return set()
    return set(connection.exec_driver_sql(_LOCK_WAITING, (bind_ids(run_ids), most)).scalars())


def _lock_abandoned(connection: Connection, run_id: int, observer: Observer) -> bool:
    """Keeps a run whose worker is gone from all others, unless somebody was faster."""
    status = connection.exec_driver_sql(_LOCK_ABANDONED, (run_id,)).scalar_one_or_none()
    if status == Status.RUNNING:
        place = connection.exec_driver_sql(_SELECT_WORKER, (run_id,)).one()
        return observer.status(*place) in _CLAIMABLE_STATUSES
    return status in _CLAIMABLE_STATUSES


def _start_attempt(
    connection: Connection, run_id: int, place: tuple[object, ...], until: float
) -> int:
    """Gives a run to a new attempt; `place` is where that works and, last, since when."""
    at = place[-1]
    connection.exec_driver_sql(
        "UPDATE attempt SET outcome = 'lost', ended_at = ? WHERE run_id = ? AND ended_at IS NULL",
        (at, run_id),
    )
    attempt_id: int = connection.exec_driver_sql(
        "INSERT INTO attempt (run_id, environment_id, hostname, pid_space, pid, command,"
        " first_epoch, started_at)"
        " SELECT id, ?, ?, ?, ?, ?, epochs + 1, ? FROM run WHERE id = ? RETURNING id",
        (*place, run_id),
    ).scalar_one()
    connection.exec_driver_sql(
        "UPDATE run SET status = 'running', reason = NULL, ended_at = NULL,"
        " started_at = coalesce(started_at, ?), lease_attempt_id = ?, lease_until = ?,"
        # Its points change from now on.
        " points_checksum = NULL WHERE id = ?",
        (at, attempt_id, until, run_id),
    )
    return attempt_id


def _fail_after_lost_workers(connection: Connection, run_id: int, at: str) -> bool:
    """Fails a run that has cost too many workers their lives; says whether it did."""
    rows = connection.exec_driver_sql(
        "SELECT outcome, first_epoch FROM attempt WHERE run_id = ? ORDER BY id DESC LIMIT ?",
        (run_id, MAX_LOST_WORKERS),
    ).all()
    # One that is open belongs to a worker that is gone, or the run would not be free.
    in_vain = all(outcome in (None, "lost") for outcome, _ in rows)
    stuck = len({first_epoch for _, first_epoch in rows}) == 1
    if len(rows) < MAX_LOST_WORKERS or not (in_vain and stuck):
        return False
    connection.exec_driver_sql(
        "UPDATE run SET status = 'failed', ended_at = ?, lease_attempt_id = NULL,"
        " lease_until = NULL, reason = ? || coalesce(': ' || reason, '') WHERE id = ?",
        (at, f"given up after {MAX_LOST_WORKERS} workers died on it", run_id),
    )
    # The next try, if there is one, counts from here.
    connection.exec_driver_sql(
        "UPDATE attempt SET outcome = 'failed', ended_at = coalesce(ended_at, ?) WHERE id ="
        " (SELECT max(id) FROM attempt WHERE run_id = ?)",
        (at, run_id),
    )
    return True


@remote_callable
def renew_lease(
    db: Database,
    claim: Claim,
    lease_seconds: float = LEASE_SECONDS,
    *,
    now: float | None = None,
) -> None:
    """Lengthens the lease to `lease_seconds` from now.

    Raises:
        LeaseLost: another worker has taken the run over.
    """
    with db.write(alone=False) as connection:
        extend_lease(connection, claim, (time.time() if now is None else now) + lease_seconds)


@remote_callable
def release_run(
    db: Database,
    claim: Claim,
    status: Status,
    *,
    reason: str | None = None,
    peak_bytes: int | None = None,
    traceback: str | None = None,
) -> bool:
    """Gives a run back that could not be worked on to its end; all that is stored of it stays.

    Args:
        db: the database.
        claim: the run and the attempt that ends.
        status: the run's status from now on.
        reason: what went wrong, in a line.
        peak_bytes: the most memory that the attempt held on its device.
        traceback: the Python traceback of the error that ended it.

    Returns:
        False where another worker has the run: then nothing was changed.
    """
    now = datetime.now(UTC)
    with db.write(alone=False) as connection:
        started_at = connection.exec_driver_sql(
            "SELECT attempt.started_at FROM attempt JOIN run ON run.lease_attempt_id = attempt.id"
            " WHERE attempt.id = ? AND run.id = ?",
            (claim.attempt_id, claim.run.id),
        ).scalar_one_or_none()
        if started_at is None:
            return False
        seconds = (now - datetime.fromisoformat(started_at)).total_seconds()
        end_attempt(
            connection, claim, status, reason=reason, wall_seconds=max(seconds, 0.0), at=now
        )
        connection.exec_driver_sql(
            "UPDATE attempt SET peak_bytes = ?, traceback = ? WHERE id = ?",
            (
                peak_bytes,
                replace_invalid_unicode(traceback) if traceback is not None else None,
                claim.attempt_id,
            ),
        )
    return True


def mark_worker_dead(
    db: Database, *, hostname: str, pid: int, reason: str, space: str | None = None
) -> tuple[int, ...]:
    """Frees the runs of a worker that is known to be dead; gives their numbers.

    Args:
        db: the database.
        hostname: its host.
        pid: its process id.
        reason: how it died.
        space: what its process id is counted in, for one on another host.
    """
    at = timestamp_to_text(datetime.now(UTC))
    with db.write(alone=False) as connection:
        rows = connection.exec_driver_sql(
            "UPDATE attempt SET outcome = 'lost', ended_at = ? WHERE ended_at IS NULL"
            " AND hostname = ? AND pid_space = ? AND pid = ? RETURNING run_id, id",
            (at, hostname, current_pid_namespace() if space is None else space, pid),
        ).all()
        for row in rows:
            connection.exec_driver_sql(
                "UPDATE run SET status = 'interrupted', reason = ?, ended_at = ?,"
                " lease_attempt_id = NULL, lease_until = NULL"
                " WHERE id = ? AND lease_attempt_id = ?",
                (replace_invalid_unicode(reason), at, *row),
            )
    return tuple(run_id for run_id, _ in rows)


def extend_lease(connection: Connection, claim: Claim, until: float) -> None:
    """Sets the lease's end, in Unix seconds; raises LeaseLost where it is another's now."""
    changed = connection.exec_driver_sql(
        "UPDATE run SET lease_until = ? WHERE id = ? AND lease_attempt_id = ?",
        (until, claim.run.id, claim.attempt_id),
    )
    if changed.rowcount != 1:
        raise lease_lost_error(claim)


def end_attempt(
    connection: Connection,
    claim: Claim,
    status: Status,
    *,
    reason: str | None,
    wall_seconds: float,
    at: datetime,
    device_seconds: float = 0.0,
) -> None:
    """Ends the attempt and sets the run's state and checksum, after its last point was written.

    Seconds are added to those of earlier attempts.
    """
    moment = timestamp_to_text(at)
    connection.exec_driver_sql(
        "UPDATE run SET status = ?, reason = ?, ended_at = ?, lease_attempt_id = NULL,"
        " lease_until = NULL, wall_seconds = coalesce(wall_seconds, 0) + ?,"
        " device_seconds = coalesce(device_seconds, 0) + ? WHERE id = ?",
        (
            str(status),
            replace_invalid_unicode(reason) if reason is not None else None,
            moment,
            wall_seconds,
            device_seconds,
            claim.run.id,
        ),
    )
    connection.exec_driver_sql(
        "UPDATE attempt SET outcome = ?, ended_at = ? WHERE id = ?",
        (str(status), moment, claim.attempt_id),
    )
    store_run_checksum(connection, claim.run.id)


def lease_lost_error(claim: Claim) -> LeaseLost:
    """Another attempt has the run."""
    return LeaseLost(
        f"run {claim.run.id} was taken over by another worker: this one was silent for too long",
        hint="nothing is lost; the other worker goes on",
    )


def _iterate_claimable(
    connection: Connection, run_ids: Sequence[int], observer: Observer
) -> Iterator[int]:
    return (
        number for chunk in _claimable_chunks(connection, run_ids, observer) for number, _ in chunk
    )


def _claimable_chunks(
    connection: Connection, run_ids: Sequence[int], observer: Observer
) -> Iterator[list[tuple[int, bool]]]:
    """Those that could be taken, in the order given; of each, whether a worker has left it."""
    for chunk in _growing_chunks(run_ids):
        rows = connection.exec_driver_sql(
            f"SELECT run.id, {WORKER_COLUMNS} FROM run {WORKER_JOIN}"  # noqa: S608
            f" WHERE run.id IN {ID_LIST} AND run.status IN ('queued', 'interrupted', 'running')"
            " AND run.stop_requested_at IS NULL AND run.removed_at IS NULL",
            (bind_ids(chunk),),
        )
        free = {
            number: place[0] == Status.RUNNING
            for number, *place in rows
            if observer.status(*place) in _CLAIMABLE_STATUSES
        }
        yield [(number, free[number]) for number in chunk if number in free]


def _growing_chunks(run_ids: Sequence[int]) -> Iterator[list[int]]:
    # Mostly one of the first is free; where none is, long chunks get to the end soon.
    rest = iter(run_ids)
    size = 64
    while chunk := list(islice(rest, size)):
        yield chunk
        size = min(size * 4, 16_384)
