"""The leases of runs that are stored as running, and the workers that hold them, for monitors."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from typing import Any

from sqlalchemy import bindparam, select

from nnlab.records import Axis, Status
from nnlab.store.database import Database
from nnlab.store.driver_statement import DriverStatement
from nnlab.store.liveness import Observer
from nnlab.store.queries import timestamp_or_none
from nnlab.store.row_validation import INTEGER, NUMBER, TEXT, ColumnTypes, check_epochs, decode_rows
from nnlab.store.rows import timestamp
from nnlab.store.scope import QueryScope, scope_of
from nnlab.store.tables import attempt, environment, run, study, trial

_LEASE_TYPES = ColumnTypes(
    [
        ("number", INTEGER, False), ("study", TEXT, False), ("seed", INTEGER, True),
        ("epochs", INTEGER, False), ("epochs_planned", INTEGER, False), ("axis", TEXT, False),
        ("stop_requested_at", TEXT, True), ("lease_until", NUMBER, True), ("hostname", TEXT, False),
        ("pid_space", TEXT, False), ("pid", INTEGER, False), ("first_epoch", INTEGER, False),
        ("started_at", TEXT, False), ("engine", TEXT, True), ("device", TEXT, True),
    ]
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class WorkerLease:
    """The lease on a run that is stored as running, with the attempt that holds it.

    `is_alive` is False if the lease has ended or the process of the worker is known to be gone;
    such a run counts as interrupted. `lease_until` is in Unix seconds. `first_epoch` is the first
    epoch of the attempt. `device` is None until the worker has loaded its data.
    """

    run_id: int
    study: str
    seed: int | None
    epochs: int
    epochs_planned: int
    axis: Axis
    hostname: str
    pid: int
    first_epoch: int
    started_at: datetime
    lease_until: float | None
    is_alive: bool
    stop_requested_at: datetime | None
    engine: str | None
    device: str | None


def worker_leases(
    db: Database,
    *,
    study_ids: Iterable[int] | None = None,
    run_ids: Iterable[int] | None = None,
    limit: int,
) -> tuple[WorkerLease, ...]:
    """The leases of current runs that are stored as running, the oldest attempt first.

    Args:
        db: the database.
        study_ids: the studies; None means all.
        run_ids: the runs; None means all.
        limit: the maximum number of leases.
    """
    scope, values = scope_of(study_ids, run_ids)
    with db.read() as connection:
        rows = _leases_statement(scope).fetch(connection, max_leases=limit, **values)
    decode = partial(_lease_from_row, observer=Observer.local())
    return tuple(decode_rows(db, "run", rows, decode))


@cache
def _leases_statement(scope: QueryScope) -> DriverStatement:
    tables = (
        run.join(trial, trial.c.id == run.c.trial_id)
        .join(study, study.c.id == trial.c.study_id)
        .join(attempt, attempt.c.id == run.c.lease_attempt_id)
        .outerjoin(environment, environment.c.id == attempt.c.environment_id)
    )
    return DriverStatement(
        lambda: (
            select(
                run.c.id, study.c.name, run.c.seed, run.c.epochs, run.c.epochs_planned, run.c.axis,
                run.c.stop_requested_at, run.c.lease_until, attempt.c.hostname,
                attempt.c.pid_space, attempt.c.pid, attempt.c.first_epoch, attempt.c.started_at,
                attempt.c.engine, environment.c.device,
            )
            .select_from(tables)
            .where(run.c.current, run.c.status == str(Status.RUNNING), *scope.conditions)
            .order_by(attempt.c.id)
            .limit(bindparam("max_leases"))
        )
    )  # fmt: skip


def _lease_from_row(row: Sequence[Any], observer: Observer) -> WorkerLease:
    (
        run_id, study_name, seed, epochs, epochs_planned, axis, stop_requested_at, lease_until,
        hostname, pid_space, pid, first_epoch, started_at, engine, device,
    ) = row  # fmt: skip
    _LEASE_TYPES.check(row)
    check_epochs(epochs=epochs, epochs_planned=epochs_planned, first_epoch=first_epoch)
    status = observer.status(str(Status.RUNNING), lease_until, hostname, pid_space, pid)
    return WorkerLease(
        run_id=run_id,
        study=study_name,
        seed=seed,
        epochs=epochs,
        epochs_planned=epochs_planned,
        axis="step" if axis == "step" else "epoch",
        hostname=hostname,
        pid=pid,
        first_epoch=first_epoch,
        started_at=timestamp(started_at),
        lease_until=lease_until,
        is_alive=status is Status.RUNNING,
        stop_requested_at=timestamp_or_none(stop_requested_at),
        engine=engine,
        device=device,
    )
