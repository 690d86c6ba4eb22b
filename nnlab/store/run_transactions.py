"""What a run's writer asks of the database: each function is one transaction.

Each raises LeaseLost where another worker has taken the run over, and then changes nothing.
"""

import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby

from sqlalchemy.engine import Connection

from nnlab.errors import LeaseLost
from nnlab.records import Artifact, Direction, Environment, Epoch, Finding, Status
from nnlab.store.curve_summary import SummaryRow, summarize_curve
from nnlab.store.database import Database
from nnlab.store.environments import get_or_create_environment
from nnlab.store.fingerprints import changed_data_error, query_data_mismatch
from nnlab.store.metric_state import MetricState
from nnlab.store.points import get_or_create_metrics, put_points, put_summaries
from nnlab.store.queue import LEASE_SECONDS, Claim, end_attempt, extend_lease, lease_lost_error
from nnlab.store.remote_callable import remote_callable
from nnlab.store.serialization import evidence_to_json, replace_invalid_unicode, timestamp_to_text

# SQLite 3.40 takes `IS NOT NULL` after RETURNING for true whatever the column holds: the value
# itself is asked for.
_RENEW_LEASE = """
    UPDATE run SET lease_until = ?, epochs = CASE WHEN epochs < ? THEN ? ELSE epochs END
    WHERE id = ? AND lease_attempt_id = ?
    RETURNING stop_requested_at
"""


@dataclass(frozen=True, slots=True)
class EpochBatch:
    """Epochs of a run that are to be stored, and how its metrics stand before them."""

    claim: Claim
    until: float
    epochs: tuple[Epoch, ...]
    metrics: Mapping[str, MetricState]


@dataclass(frozen=True, slots=True)
class EpochBatchResult:
    """How metrics stand after epochs that were stored; whether the run is asked to stop."""

    metrics: dict[str, MetricState]
    stop_requested: bool


@remote_callable
def begin_attempt(
    db: Database,
    claim: Claim,
    until: float,
    *,
    environment: Environment | None,
    data_fingerprint: str | None,
    resume_after: int,
    engine: str | None,
    artifacts: str | None,
    same_data: bool = False,
) -> dict[str, MetricState]:
    """Begins, or goes on with, a run; how its metrics stand (see `RunWriter`)."""
    with db.write(alone=False) as connection:
        extend_lease(connection, claim, until)
        if same_data and data_fingerprint is not None:
            # In the transaction that stores the fingerprint: two seeds may begin at once.
            difference = query_data_mismatch(connection, claim.run, data_fingerprint)
            if difference is not None:
                raise changed_data_error(claim.run, difference)
        if environment is not None:
            connection.exec_driver_sql(
                "UPDATE attempt SET environment_id = ? WHERE id = ?",
                (get_or_create_environment(connection, environment), claim.attempt_id),
            )
        connection.exec_driver_sql(
            "UPDATE attempt SET first_epoch = ?, engine = ? WHERE id = ?",
            (resume_after + 1, engine, claim.attempt_id),
        )
        connection.exec_driver_sql(
            "UPDATE run SET artifacts = ?, data_fingerprint = coalesce(?, data_fingerprint)"
            " WHERE id = ?",
            (artifacts, data_fingerprint, claim.run.id),
        )
        return _stored_metrics(connection, claim.run.id, resume_after)


def _stored_metrics(
    connection: Connection, run_id: int, resume_after: int
) -> dict[str, MetricState]:
    rows = connection.exec_driver_sql(
        "SELECT metric.name, metric.id, metric.direction, point.epoch, point.value"
        " FROM point JOIN metric ON metric.id = point.metric_id"
        " WHERE point.run_id = ? ORDER BY point.metric_id, point.epoch",
        (run_id,),
    )
    found = {}
    for (name, number, direction), points in groupby(rows, key=lambda row: row[:3]):
        curve = [(epoch, math.nan if value is None else value) for *_, epoch, value in points]
        found[name] = MetricState.stored(number, direction, curve, resume_after)
    return found


@remote_callable
def put_epochs(db: Database, parcels: Sequence[EpochBatch]) -> list[EpochBatchResult | LeaseLost]:
    """Stores epochs of several runs; an error for each run that is another worker's now."""
    with db.write(alone=False) as connection:
        return [_put_batch(connection, parcel) for parcel in parcels]


def _put_batch(connection: Connection, parcel: EpochBatch) -> EpochBatchResult | LeaseLost:
    claim, last = parcel.claim, parcel.epochs[-1].number
    held = connection.exec_driver_sql(
        _RENEW_LEASE, (parcel.until, last, last, claim.run.id, claim.attempt_id)
    ).one_or_none()
    if held is None:
        return lease_lost_error(claim)
    known: dict[str, MetricState] = {}
    for epoch in parcel.epochs:
        values = {name: float(value) for name, value in epoch.values.items()}
        before = {name: known.get(name) or parcel.metrics.get(name) for name in values}
        known |= _store_epoch_values(connection, claim.run.id, epoch.number, values, before)
    return EpochBatchResult(known, held[0] is not None)


@remote_callable
def put_single_metrics(
    db: Database, claim: Claim, until: float, values: Mapping[str, float], epoch: int
) -> dict[str, MetricState]:
    """Stores metrics that a run has once; how they stand."""
    with db.write(alone=False) as connection:
        if _renew_unless_ended(connection, claim, until):
            return {}
        known = get_or_create_metrics(connection, values)
        # An attempt before this one may have selected another epoch.
        connection.exec_driver_sql(
            "DELETE FROM point WHERE run_id = ? AND metric_id = ?",
            [(claim.run.id, number) for number, _ in known.values()],
        )
        return _store_epoch_values(connection, claim.run.id, epoch, values, dict.fromkeys(values))


@remote_callable
def put_parent(db: Database, claim: Claim, until: float, parent_id: int) -> None:
    """Notes the run whose weights this one began with."""
    with db.write(alone=False) as connection:
        extend_lease(connection, claim, until)
        connection.exec_driver_sql(
            "UPDATE run SET parent_id = ? WHERE id = ?", (parent_id, claim.run.id)
        )


@remote_callable
def put_attempt_end(
    db: Database,
    claim: Claim,
    until: float,
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
) -> None:
    """Ends the attempt and gives the lease back (see `RunWriter.finish`)."""
    now = datetime.now(UTC)
    run_id = claim.run.id
    with db.write(alone=False) as connection:
        if _renew_unless_ended(connection, claim, until):
            return
        if status in (Status.FINISHED, Status.DIVERGED):
            _delete_stale_points(connection, run_id, stale, written)
        connection.exec_driver_sql(
            "UPDATE run SET selected_epoch = ?, pruned_at = ? WHERE id = ?",
            (selected_epoch, pruned_at, run_id),
        )
        connection.exec_driver_sql(
            "UPDATE attempt SET peak_bytes = ? WHERE id = ?", (peak_bytes, claim.attempt_id)
        )
        end_attempt(
            connection,
            claim,
            status,
            reason=reason,
            wall_seconds=wall_seconds,
            device_seconds=device_seconds,
            at=now,
        )
        _put_findings(connection, run_id, findings, now)
        _put_artifacts(connection, run_id, artifacts, now)


def _renew_unless_ended(connection: Connection, claim: Claim, until: float) -> bool:
    """Renews the lease, or says that this attempt is over.

    It is where the end came through, and its answer was lost with the connection.
    """
    try:
        extend_lease(connection, claim, until)
    except LeaseLost:
        outcome = connection.exec_driver_sql(
            "SELECT outcome FROM attempt WHERE id = ?", (claim.attempt_id,)
        ).scalar_one()
        if outcome in (None, "lost"):
            raise
        return True
    return False


def _store_epoch_values(
    connection: Connection,
    run_id: int,
    epoch: int,
    values: Mapping[str, float],
    known: Mapping[str, MetricState | None],
) -> dict[str, MetricState]:
    """Stores one epoch's values and their summaries; returns how the metrics stand then."""
    new = [name for name in values if known[name] is None]
    made = get_or_create_metrics(connection, new) if new else {}
    added = {}
    for name, value in values.items():
        before = known[name] or MetricState(*made[name])
        added[name] = after = before.add(epoch, value)
        # Epochs that an attempt before measured and this one has passed by are no more.
        passed = after.later_epochs[before.at : after.at]
        _delete_points(
            connection, run_id, after.id, [number for number in passed if number != epoch]
        )
    put_points(
        connection, [(run_id, added[name].id, epoch, value) for name, value in values.items()]
    )
    _put_summaries(connection, run_id, added.values())
    return added


def _delete_points(
    connection: Connection, run_id: int, metric_id: int, epochs: Sequence[int]
) -> None:
    if epochs:
        connection.exec_driver_sql(
            "DELETE FROM point WHERE run_id = ? AND metric_id = ? AND epoch = ?",
            [(run_id, metric_id, epoch) for epoch in epochs],
        )


def _put_summaries(connection: Connection, run_id: int, metrics: Iterable[MetricState]) -> None:
    rows = [(metric.id, row) for metric in metrics if (row := metric.summary()) is not None]
    put_summaries(connection, run_id, rows)


def _delete_stale_points(
    connection: Connection, run_id: int, stale: Iterable[MetricState], written: int
) -> None:
    """Removes the points that only an earlier attempt wrote."""
    for metric in stale:
        _delete_points(connection, run_id, metric.id, metric.later_epochs[metric.at :])
        if metric.summary_so_far is None:
            connection.exec_driver_sql(
                "DELETE FROM summary WHERE run_id = ? AND metric_id = ?", (run_id, metric.id)
            )
        else:
            _put_summaries(connection, run_id, [replace(metric, at=len(metric.later_epochs))])
    connection.exec_driver_sql("UPDATE run SET epochs = ? WHERE id = ?", (written, run_id))


@remote_callable
def store_spooled_epochs(db: Database, claim: Claim, epochs: Sequence[Epoch]) -> None:
    """Stores epochs that an attempt before could not; those that are there take these values.

    Raises:
        LeaseLost: another worker has the run.
        StoreError: they cannot be stored; none of them is.
    """
    if not epochs:
        return
    run_id = claim.run.id
    with db.write(alone=False) as connection:
        extend_lease(connection, claim, time.time() + LEASE_SECONDS)
        known = get_or_create_metrics(
            connection, {name for epoch in epochs for name in epoch.values}
        )
        points = {
            (run_id, known[name][0], epoch.number): float(value)
            for epoch in epochs
            for name, value in epoch.values.items()
        }
        put_points(connection, [(*key, value) for key, value in points.items()])
        put_summaries(
            connection, run_id, _summarize_stored_metrics(connection, run_id, known.values())
        )
        last = max(epoch.number for epoch in epochs)
        connection.exec_driver_sql(
            "UPDATE run SET epochs = ? WHERE id = ? AND epochs < ?", (last, run_id, last)
        )


def _summarize_stored_metrics(
    connection: Connection, run_id: int, metrics: Iterable[tuple[int, Direction]]
) -> Iterator[tuple[int, SummaryRow]]:
    """The summaries of some metrics of a run, from its points."""
    for number, direction in metrics:
        rows = connection.exec_driver_sql(
            "SELECT epoch, value FROM point WHERE run_id = ? AND metric_id = ? ORDER BY epoch",
            (run_id, number),
        ).fetchall()
        values = [math.nan if value is None else value for _, value in rows]
        yield number, summarize_curve(direction, [epoch for epoch, _ in rows], values)


def _put_findings(
    connection: Connection, run_id: int, findings: Sequence[Finding], at: datetime
) -> None:
    connection.exec_driver_sql("DELETE FROM finding WHERE run_id = ?", (run_id,))
    rows = [
        (
            run_id,
            finding.code,
            finding.name,
            str(finding.severity),
            finding.confidence,
            finding.onset,
            replace_invalid_unicode(finding.message),
            replace_invalid_unicode(finding.remedy),
            evidence_to_json(finding.evidence),
            timestamp_to_text(at),
        )
        for finding in findings
    ]
    if rows:
        connection.exec_driver_sql(
            "INSERT INTO finding (run_id, code, name, severity, confidence, onset, message,"
            " remedy, evidence, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            rows,
        )


def _put_artifacts(
    connection: Connection, run_id: int, artifacts: Sequence[Artifact], at: datetime
) -> None:
    rows = [
        (
            run_id,
            one.kind,
            replace_invalid_unicode(one.path),
            one.sha256,
            one.size,
            timestamp_to_text(at),
        )
        for one in artifacts
    ]
    if rows:
        connection.exec_driver_sql(
            "INSERT INTO artifact (run_id, kind, path, sha256, size, created_at)"
            " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (run_id, kind) DO UPDATE SET"
            " path = excluded.path, sha256 = excluded.sha256, size = excluded.size,"
            " created_at = excluded.created_at",
            rows,
        )
