"""The transactions of `RunWriter`; each function is one transaction.

Each raises LeaseLost if another worker has claimed the run, and then changes nothing.
"""

import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby

from sqlalchemy import Text, bindparam, case, delete, func, insert, literal, select, update
from sqlalchemy.engine import Connection

from nnlab.errors import LeaseLost
from nnlab.records import Artifact, Direction, Environment, Epoch, Finding, Run, Status
from nnlab.store.constructs import in_ids, upsert
from nnlab.store.curve_summary import SummaryRow, summarize_curve
from nnlab.store.database import Database
from nnlab.store.driver_statement import DriverStatement
from nnlab.store.environments import get_or_create_environment
from nnlab.store.fingerprints import changed_data_error, query_data_mismatch
from nnlab.store.leases import LEASE_SECONDS, Claim, end_attempt, extend_lease, lease_lost_error
from nnlab.store.metric_state import MetricState
from nnlab.store.points import get_or_create_metrics, put_points, put_summaries
from nnlab.store.remote_callable import remote_callable
from nnlab.store.serialization import evidence_to_json, replace_invalid_unicode, timestamp_to_text
from nnlab.store.tables import artifact, attempt, finding, metric, point, run, summary

# RETURNING has the value itself: SQLite 3.40 takes `IS NOT NULL` there for true in any case.
_RENEW_LEASE = DriverStatement(
    lambda: (
        update(run)
        .where(run.c.id == bindparam("run_id"), run.c.lease_attempt_id == bindparam("attempt_id"))
        .values(
            lease_until=bindparam("lease_until"),
            epochs=case(
                (run.c.epochs < bindparam("epoch"), bindparam("epoch")), else_=run.c.epochs
            ),
        )
        .returning(run.c.stop_requested_at)
    )
)


@dataclass(frozen=True, slots=True)
class EpochBatch:
    """Epochs of a run to be stored, and the state of its metrics before them."""

    claim: Claim
    lease_until: float
    epochs: tuple[Epoch, ...]
    metrics: Mapping[str, MetricState]


@dataclass(frozen=True, slots=True)
class EpochBatchResult:
    """The state of the metrics after a batch was stored, and whether the run was asked to stop."""

    metrics: dict[str, MetricState]
    stop_requested: bool


@remote_callable
def begin_attempt(
    db: Database,
    claim: Claim,
    lease_until: float,
    *,
    environment: Environment | None,
    data_fingerprint: str | None,
    resume_after: int,
    engine: str | None,
    artifacts: str | None,
    same_data: bool = False,
) -> dict[str, MetricState]:
    """Starts or resumes a run; returns the state of its metrics (see `RunWriter`)."""
    with db.write(exclusive=False) as connection:
        extend_lease(connection, claim, lease_until)
        if same_data and data_fingerprint is not None:
            # In the transaction that stores the fingerprint: two seeds may begin at once.
            difference = query_data_mismatch(connection, claim.run, data_fingerprint)
            if difference is not None:
                raise changed_data_error(claim.run, difference)
        started: dict[str, object] = {"first_epoch": resume_after + 1, "engine": engine}
        if environment is not None:
            started["environment_id"] = get_or_create_environment(connection, environment)
        connection.execute(update(attempt).where(attempt.c.id == claim.attempt_id).values(started))
        connection.execute(
            update(run)
            .where(run.c.id == claim.run.id)
            .values(
                artifacts=artifacts,
                data_fingerprint=func.coalesce(
                    literal(data_fingerprint, Text()), run.c.data_fingerprint
                ),
            )
        )
        return _stored_metrics(connection, claim.run.id, resume_after)


def _stored_metrics(
    connection: Connection, run_id: int, resume_after: int
) -> dict[str, MetricState]:
    rows = connection.execute(
        select(metric.c.name, metric.c.id, metric.c.direction, point.c.epoch, point.c.value)
        .join(metric, metric.c.id == point.c.metric_id)
        .where(point.c.run_id == run_id)
        .order_by(point.c.metric_id, point.c.epoch)
    )
    states = {}
    for (name, metric_id, direction), points in groupby(rows, key=lambda row: tuple(row[:3])):
        curve = [(epoch, math.nan if value is None else value) for *_, epoch, value in points]
        states[name] = MetricState.from_stored_points(metric_id, direction, curve, resume_after)
    return states


@remote_callable
def put_epochs(db: Database, batches: Sequence[EpochBatch]) -> list[EpochBatchResult | LeaseLost]:
    """Stores epochs of several runs; returns an error for each run that another worker has."""
    with db.write(exclusive=False) as connection:
        return [_put_batch(connection, batch) for batch in batches]


def _put_batch(connection: Connection, batch: EpochBatch) -> EpochBatchResult | LeaseLost:
    claim, last_epoch = batch.claim, batch.epochs[-1].number
    rows = _RENEW_LEASE.fetch(
        connection,
        run_id=claim.run.id,
        attempt_id=claim.attempt_id,
        lease_until=batch.lease_until,
        epoch=last_epoch,
    )
    if not rows:
        return lease_lost_error(claim)
    states: dict[str, MetricState] = {}
    for epoch in batch.epochs:
        values = {name: float(value) for name, value in epoch.values.items()}
        before = {name: states.get(name) or batch.metrics.get(name) for name in values}
        states |= _store_epoch_values(connection, claim.run, epoch.number, values, before)
    ((stop_requested_at,),) = rows
    return EpochBatchResult(states, stop_requested_at is not None)


@remote_callable
def put_single_metrics(
    db: Database, claim: Claim, lease_until: float, values: Mapping[str, float], epoch: int
) -> dict[str, MetricState]:
    """Stores metrics that a run has at one epoch only; returns their state."""
    with db.write(exclusive=False) as connection:
        if _renew_unless_ended(connection, claim, lease_until):
            return {}
        metrics = get_or_create_metrics(connection, values, claim.run.trial.setting)
        # An earlier attempt may have selected another epoch.
        connection.execute(
            delete(point).where(
                point.c.run_id == claim.run.id,
                point.c.metric_id.in_([metric_id for metric_id, _ in metrics.values()]),
            )
        )
        return _store_epoch_values(connection, claim.run, epoch, values, dict.fromkeys(values))


@remote_callable
def put_parent(db: Database, claim: Claim, lease_until: float, parent_id: int) -> None:
    """Stores the id of the run whose weights this run started from."""
    with db.write(exclusive=False) as connection:
        extend_lease(connection, claim, lease_until)
        connection.execute(update(run).where(run.c.id == claim.run.id).values(parent_id=parent_id))


@remote_callable
def put_attempt_end(
    db: Database,
    claim: Claim,
    lease_until: float,
    status: Status,
    *,
    written: int,
    stale: Sequence[MetricState],
    selected_epoch: int | None,
    reason: str | None,
    wall_seconds: float,
    device_seconds: float,
    findings: Sequence[Finding],
    artifacts: Sequence[Artifact],
    pruned_at: int | None,
    peak_bytes: int | None,
    traceback: str | None = None,
) -> None:
    """Ends the attempt and releases the lease (see `RunWriter.finish`)."""
    now = datetime.now(UTC)
    run_id = claim.run.id
    with db.write(exclusive=False) as connection:
        if _renew_unless_ended(connection, claim, lease_until):
            return
        if status in (Status.FINISHED, Status.DIVERGED):
            _delete_stale_points(connection, run_id, stale, written)
        connection.execute(
            update(run)
            .where(run.c.id == run_id)
            .values(selected_epoch=selected_epoch, pruned_at=pruned_at)
        )
        connection.execute(
            update(attempt)
            .where(attempt.c.id == claim.attempt_id)
            .values(
                peak_bytes=peak_bytes,
                traceback=None if traceback is None else replace_invalid_unicode(traceback),
            )
        )
        end_attempt(
            connection,
            claim,
            status,
            reason=reason,
            wall_seconds=wall_seconds,
            device_seconds=device_seconds,
            ended_at=now,
        )
        replace_findings(connection, run_id, findings, now)
        insert_artifacts(connection, run_id, artifacts, now)


def _renew_unless_ended(connection: Connection, claim: Claim, lease_until: float) -> bool:
    """Renews the lease; returns True if this attempt has ended already.

    That is so if its end was stored but the connection was lost before the answer arrived.
    """
    try:
        extend_lease(connection, claim, lease_until)
    except LeaseLost:
        outcome = connection.execute(
            select(attempt.c.outcome).where(attempt.c.id == claim.attempt_id)
        ).scalar_one()
        if outcome in (None, "lost"):
            raise
        return True
    return False


def _store_epoch_values(
    connection: Connection,
    claimed_run: Run,
    epoch: int,
    values: Mapping[str, float],
    before: Mapping[str, MetricState | None],
) -> dict[str, MetricState]:
    """Stores the values of one epoch and their summaries; returns the new state of the metrics."""
    run_id = claimed_run.id
    new = [name for name in values if before[name] is None]
    setting = claimed_run.trial.setting
    created = get_or_create_metrics(connection, new, setting) if new else {}
    states = {}
    for name, value in values.items():
        previous = before[name] or MetricState(*created[name])
        states[name] = state = previous.after_epoch(epoch, value)
        # An earlier attempt measured these epochs, and this attempt has passed them.
        passed = state.later_epochs[previous.position : state.position]
        _delete_points(
            connection, run_id, state.id, [number for number in passed if number != epoch]
        )
    put_points(
        connection, [(run_id, states[name].id, epoch, value) for name, value in values.items()]
    )
    _put_summaries(connection, run_id, states.values())
    return states


def _delete_points(
    connection: Connection, run_id: int, metric_id: int, epochs: Sequence[int]
) -> None:
    if epochs:
        connection.execute(
            delete(point).where(
                point.c.run_id == run_id,
                point.c.metric_id == metric_id,
                in_ids(point.c.epoch, epochs),
            )
        )


def _put_summaries(connection: Connection, run_id: int, states: Iterable[MetricState]) -> None:
    rows = [(state.id, row) for state in states if (row := state.summary()) is not None]
    put_summaries(connection, run_id, rows)


def _delete_stale_points(
    connection: Connection, run_id: int, stale: Iterable[MetricState], written: int
) -> None:
    """Deletes the points that only an earlier attempt wrote."""
    for state in stale:
        _delete_points(connection, run_id, state.id, state.later_epochs[state.position :])
        if state.summary_so_far is None:
            connection.execute(
                delete(summary).where(summary.c.run_id == run_id, summary.c.metric_id == state.id)
            )
        else:
            _put_summaries(connection, run_id, [replace(state, position=len(state.later_epochs))])
    connection.execute(update(run).where(run.c.id == run_id).values(epochs=written))


@remote_callable
def store_spooled_epochs(db: Database, claim: Claim, epochs: Sequence[Epoch]) -> None:
    """Stores epochs that an earlier attempt could not; stored epochs take the new values.

    Raises:
        LeaseLost: another worker has claimed the run.
        StoreError: they cannot be stored; none of them is stored.
    """
    if not epochs:
        return
    run_id = claim.run.id
    with db.write(exclusive=False) as connection:
        extend_lease(connection, claim, time.time() + LEASE_SECONDS)
        metrics = get_or_create_metrics(
            connection,
            {name for epoch in epochs for name in epoch.values},
            claim.run.trial.setting,
        )
        points = {
            (run_id, metrics[name][0], epoch.number): float(value)
            for epoch in epochs
            for name, value in epoch.values.items()
        }
        put_points(connection, [(*key, value) for key, value in points.items()])
        put_summaries(
            connection, run_id, _summarize_stored_metrics(connection, run_id, metrics.values())
        )
        last_epoch = max(epoch.number for epoch in epochs)
        connection.execute(
            update(run)
            .where(run.c.id == run_id, run.c.epochs < last_epoch)
            .values(epochs=last_epoch)
        )


def _summarize_stored_metrics(
    connection: Connection, run_id: int, metrics: Iterable[tuple[int, Direction]]
) -> Iterator[tuple[int, SummaryRow]]:
    """The summaries of metrics of a run, computed from its points."""
    for metric_id, direction in metrics:
        rows = connection.execute(
            select(point.c.epoch, point.c.value)
            .where(point.c.run_id == run_id, point.c.metric_id == metric_id)
            .order_by(point.c.epoch)
        ).all()
        values = [math.nan if value is None else value for _, value in rows]
        yield metric_id, summarize_curve(direction, [epoch for epoch, _ in rows], values)


def replace_findings(
    connection: Connection, run_id: int, findings: Sequence[Finding], created_at: datetime
) -> None:
    """Stores the findings of a run in place of those that are stored."""
    connection.execute(delete(finding).where(finding.c.run_id == run_id))
    rows = [
        {
            "run_id": run_id,
            "code": item.code,
            "name": item.name,
            "severity": str(item.severity),
            "confidence": item.confidence,
            "onset": item.onset,
            "message": replace_invalid_unicode(item.message),
            "remedy": replace_invalid_unicode(item.remedy),
            "evidence": evidence_to_json(item.evidence),
            "created_at": timestamp_to_text(created_at),
        }
        for item in findings
    ]
    if rows:
        connection.execute(insert(finding), rows)


_PUT_ARTIFACT = DriverStatement(
    lambda: upsert(
        artifact,
        key=("run_id", "kind"),
        columns=("run_id", "kind", "path", "sha256", "size", "created_at"),
        update=True,
    )
)


def insert_artifacts(
    connection: Connection, run_id: int, artifacts: Sequence[Artifact], created_at: datetime
) -> None:
    """Inserts the files of a run; a file of the same kind is replaced."""
    rows = [
        (
            run_id,
            item.kind,
            replace_invalid_unicode(item.path),
            item.sha256,
            item.size,
            timestamp_to_text(created_at),
        )
        for item in artifacts
    ]
    if rows:
        _PUT_ARTIFACT.execute_many(connection, rows)
