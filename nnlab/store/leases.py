"""Leases on claimed runs: renews, releases and ends them.

A claim is a lease with an end; a run whose lease was not renewed in time can be claimed again.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.engine import Connection

from nnlab.errors import LeaseLost
from nnlab.records import Run, Status
from nnlab.store.checksum import store_run_checksum
from nnlab.store.constructs import parameters
from nnlab.store.database import Database
from nnlab.store.driver_statement import DriverStatement
from nnlab.store.liveness import current_pid_namespace
from nnlab.store.remote_callable import remote_callable
from nnlab.store.serialization import replace_invalid_unicode, timestamp_to_text
from nnlab.store.tables import attempt, run

LEASE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Claim:
    """A run as it was when a worker claimed it, and the id of that worker's attempt."""

    run: Run
    attempt_id: int


@remote_callable
def renew_lease(
    db: Database,
    claim: Claim,
    lease_seconds: float = LEASE_SECONDS,
    *,
    now: float | None = None,
) -> None:
    """Extends the lease to `lease_seconds` from now.

    Raises:
        LeaseLost: another worker has taken the run over.
    """
    with db.write(exclusive=False) as connection:
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
    """Ends the attempt at a run that could not be finished; everything that is stored is kept.

    Args:
        db: the database.
        claim: the run and the attempt that ends.
        status: the run's new status.
        reason: what went wrong, in one line.
        peak_bytes: the peak memory of the attempt on its device.
        traceback: the Python traceback of the error that ended the attempt.

    Returns:
        False if another worker has claimed the run; then nothing was changed.
    """
    now = datetime.now(UTC)
    with db.write(exclusive=False) as connection:
        started_at = connection.execute(
            select(attempt.c.started_at)
            .join(run, run.c.lease_attempt_id == attempt.c.id)
            .where(attempt.c.id == claim.attempt_id, run.c.id == claim.run.id)
        ).scalar_one_or_none()
        if started_at is None:
            return False
        seconds = (now - datetime.fromisoformat(started_at)).total_seconds()
        end_attempt(
            connection, claim, status, reason=reason, wall_seconds=max(seconds, 0.0), ended_at=now
        )
        connection.execute(
            update(attempt)
            .where(attempt.c.id == claim.attempt_id)
            .values(
                peak_bytes=peak_bytes,
                traceback=None if traceback is None else replace_invalid_unicode(traceback),
            )
        )
    return True


def mark_worker_dead(
    db: Database, *, hostname: str, pid: int, reason: str, pid_namespace: str | None = None
) -> tuple[int, ...]:
    """Interrupts the runs of a worker that is known to be dead; returns their ids.

    Args:
        db: the database.
        hostname: the worker's host.
        pid: the worker's process id.
        reason: how it died.
        pid_namespace: the namespace of its process id, for a worker on another host.
    """
    now = timestamp_to_text(datetime.now(UTC))
    with db.write(exclusive=False) as connection:
        rows = connection.execute(
            update(attempt)
            .where(
                attempt.c.ended_at.is_(None),
                attempt.c.hostname == hostname,
                attempt.c.pid_space
                == (current_pid_namespace() if pid_namespace is None else pid_namespace),
                attempt.c.pid == pid,
            )
            .values(outcome="lost", ended_at=now)
            .returning(attempt.c.run_id, attempt.c.id)
        ).all()
        for run_id, attempt_id in rows:
            connection.execute(
                update(run)
                .where(run.c.id == run_id, run.c.lease_attempt_id == attempt_id)
                .values(
                    status=str(Status.INTERRUPTED),
                    reason=replace_invalid_unicode(reason),
                    ended_at=now,
                    lease_attempt_id=None,
                    lease_until=None,
                )
            )
    return tuple(run_id for run_id, _ in rows)


_EXTEND_LEASE = DriverStatement(
    lambda: (
        update(run)
        .where(run.c.id == bindparam("run_id"), run.c.lease_attempt_id == bindparam("attempt_id"))
        .values(parameters("lease_until"))
    )
)


def extend_lease(connection: Connection, claim: Claim, lease_until: float) -> None:
    """Sets the end of the lease, in Unix seconds.

    Raises:
        LeaseLost: another worker has claimed the run.
    """
    cursor = _EXTEND_LEASE.execute(
        connection, run_id=claim.run.id, attempt_id=claim.attempt_id, lease_until=lease_until
    )
    if cursor.rowcount != 1:
        raise lease_lost_error(claim)


def end_attempt(
    connection: Connection,
    claim: Claim,
    status: Status,
    *,
    reason: str | None,
    wall_seconds: float,
    ended_at: datetime,
    device_seconds: float = 0.0,
) -> None:
    """Ends the attempt and sets the run's status and checksum, after its last point was written.

    The seconds are added to those of earlier attempts.
    """
    ended_text = timestamp_to_text(ended_at)
    connection.execute(
        update(run)
        .where(run.c.id == claim.run.id)
        .values(
            status=str(status),
            reason=None if reason is None else replace_invalid_unicode(reason),
            ended_at=ended_text,
            lease_attempt_id=None,
            lease_until=None,
            wall_seconds=func.coalesce(run.c.wall_seconds, 0.0) + wall_seconds,
            device_seconds=func.coalesce(run.c.device_seconds, 0.0) + device_seconds,
        )
    )
    connection.execute(
        update(attempt)
        .where(attempt.c.id == claim.attempt_id)
        .values(outcome=str(status), ended_at=ended_text)
    )
    store_run_checksum(connection, claim.run.id)


def lease_lost_error(claim: Claim) -> LeaseLost:
    """The error for a claim whose run another worker has claimed since."""
    return LeaseLost(
        f"run {claim.run.id} was taken over by another worker: this one was silent for too long",
        hint="nothing is lost; the other worker goes on",
    )
