"""Writes what a claimed run does, epoch by epoch: each is durable when `write` returns."""

import math
import time
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby, pairwise

from sqlalchemy.engine import Connection

from nnlab.errors import LeaseLost
from nnlab.records import Artifact, Direction, Environment, Epoch, Finding, Status
from nnlab.store.connect import Database
from nnlab.store.environments import environment_id
from nnlab.store.points import metric_ids, put_points, put_summaries
from nnlab.store.queue import LEASE_SECONDS, Claim, end, hold, lease_lost
from nnlab.store.served import AnyDatabase, served
from nnlab.store.summarize import SummaryRow, combined, of_curve, of_point
from nnlab.store.text import evidence_to_json, moment_to_text, storable

# SQLite 3.40 takes `IS NOT NULL` after RETURNING for true whatever the column holds: the value
# itself is asked for.
_RENEW = """
    UPDATE run SET lease_until = ?, epochs = CASE WHEN epochs < ? THEN ? ELSE epochs END
    WHERE id = ? AND lease_attempt_id = ?
    RETURNING stop_requested_at
"""


_Points = Sequence[tuple[int, float]]  # epoch and value, in the order of epochs


@dataclass(frozen=True, slots=True)
class _Metric:
    """What is stored of a metric: up to where this attempt has come, and beyond, if resumed.

    An attempt that goes on from a checkpoint writes the epochs after it again. Until it has,
    those of the attempt before stay: an epoch that was once shown is never missing. `later`
    are their numbers, from place `at` on; `onward[i]` is the summary of `later[i:]`.
    """

    id: int
    direction: Direction
    so_far: SummaryRow | None = None
    later: tuple[int, ...] = ()
    onward: tuple[SummaryRow, ...] = ()
    at: int = 0

    def add(self, epoch: int, value: float) -> "_Metric":
        so_far = combined(self.direction, self.so_far, of_point(epoch, value))
        at = bisect_right(self.later, epoch, lo=self.at)
        return replace(self, so_far=so_far, at=at)

    @property
    def is_passed(self) -> bool:
        """Whether an attempt before has measured it later than this one has come."""
        return self.at < len(self.later)

    def summary(self) -> SummaryRow | None:
        if self.at == len(self.later):
            return self.so_far
        return combined(self.direction, self.so_far, self.onward[self.at])

    @classmethod
    def stored(
        cls, number: int, direction: Direction, points: _Points, resume_after: int
    ) -> "_Metric":
        """How a metric stands when an attempt goes on after an epoch."""
        before = [point for point in points if point[0] <= resume_after]
        later = points[len(before) :]
        onward: list[SummaryRow] = []
        for epoch, value in reversed(later):
            rest = onward[-1] if onward else None
            onward.append(combined(direction, rest, of_point(epoch, value)))
        return cls(
            number,
            direction,
            so_far=of_curve(direction, *zip(*before, strict=True)) if before else None,
            later=tuple(epoch for epoch, _ in later),
            onward=tuple(reversed(onward)),
        )


class RunWriter:
    """The one writer of a claimed run.

    Every method raises LeaseLost where another worker has taken the run over, and then changes
    nothing; StoreError where the database cannot be written. What is known of the run's metrics
    is kept here, so that the database may be asked through another process as well.
    """

    def __init__(
        self,
        db: AnyDatabase,
        claim: Claim,
        *,
        environment: Environment | None = None,
        data_fingerprint: str | None = None,
        resume_after: int = 0,
        lease_seconds: float = LEASE_SECONDS,
        engine: str | None = None,
        artifacts: str | None = None,
    ) -> None:
        """Begins, or goes on with, a run.

        Args:
            db: the database.
            claim: the run, and this attempt at it.
            environment: where it is trained, if the claim did not know yet.
            data_fingerprint: what identifies the data that it is trained on, if known.
            resume_after: the last epoch in the checkpoint that it goes on from; 0 starts over.
            lease_seconds: how long the lease lasts after each write.
            engine: what trains it: `solo`, or `stacked 64`.
            artifacts: the folder of its files, if that is not the database's own.
        """
        self._db = db
        self._claim = claim
        self._lease_seconds = lease_seconds
        self._written = resume_after
        self._stop_requested = False
        self._metrics = _begin(
            db,
            claim,
            self._until,
            environment=environment,
            data_fingerprint=data_fingerprint,
            resume_after=resume_after,
            engine=engine,
            artifacts=artifacts,
        )

    @property
    def stop_requested(self) -> bool:
        """Whether `nnlab stop` had asked for this run when the last epoch was written."""
        return self._stop_requested

    def write(self, epoch: Epoch) -> None:
        """Stores a finished epoch and renews the lease, in one transaction.

        Raises:
            ValueError: the epoch does not come after the one written before.
        """
        (lost,) = write_all(self._db, [(self, [epoch])])
        if lost is not None:
            raise lost

    def extra(self, values: Mapping[str, float], epoch: int) -> None:
        """Stores metrics that a run has once, such as the test split's at the selected epoch."""
        if values:
            plain = {name: float(value) for name, value in values.items()}
            self._metrics |= _put_extra(self._db, self._claim, self._until, plain, epoch)

    def began_with(self, parent_id: int) -> None:
        """Notes the run whose weights this one began with."""
        _put_parent(self._db, self._claim, self._until, parent_id)

    def finish(
        self,
        status: Status,
        *,
        selected_epoch: int | None,
        reason: str | None,
        wall_seconds: float,
        device_seconds: float,
        findings: Sequence[Finding] = (),
        artifacts: Sequence[Artifact] = (),
        pruned_at: int | None = None,
        peak_bytes: int | None = None,
    ) -> None:
        """Ends the attempt and gives the lease back, in one transaction.

        A run that has ended for good keeps only what this attempt wrote after its checkpoint;
        one that is to go on also keeps later epochs of an attempt before.

        Args:
            status: how it ended.
            selected_epoch: the epoch that the test split was evaluated at.
            reason: why, if something went wrong.
            wall_seconds: how long this attempt took; added to the attempts before.
            device_seconds: how much of that was training; added as well.
            findings: what was diagnosed; they replace those before.
            artifacts: the files made; each replaces that of its kind.
            pruned_at: the epoch after which a pruner ended it; `reason` says why.
            peak_bytes: the most memory that this attempt held on its device.
        """
        for_good = status in (Status.FINISHED, Status.DIVERGED)
        _put_end(
            self._db,
            self._claim,
            self._until,
            status,
            written=self._written,
            stale=[metric for metric in self._metrics.values() if for_good and metric.is_passed],
            selected_epoch=selected_epoch,
            reason=reason,
            wall_seconds=wall_seconds,
            device_seconds=device_seconds,
            findings=findings,
            artifacts=artifacts,
            pruned_at=pruned_at,
            peak_bytes=peak_bytes,
        )

    @property
    def _until(self) -> float:
        """When the lease ends that is renewed now, in Unix seconds."""
        return time.time() + self._lease_seconds

    def _parcel(self, epochs: Sequence[Epoch]) -> "_Parcel":
        numbers = [self._written, *(epoch.number for epoch in epochs)]
        for before, number in pairwise(numbers):
            if number <= before:
                raise ValueError(f"epoch {number} after epoch {before}")
        return _Parcel(self._claim, self._until, tuple(epochs), self._metrics)

    def _took(self, epochs: Sequence[Epoch], stored: "_Stored") -> None:
        self._stop_requested = stored.stop_requested
        self._metrics |= stored.metrics
        self._written = epochs[-1].number


def write_all(
    db: AnyDatabase, parcels: Sequence[tuple[RunWriter, Sequence[Epoch]]]
) -> list[LeaseLost | None]:
    """Stores finished epochs of several runs and renews their leases, in one transaction.

    Args:
        db: the database of all the writers.
        parcels: a writer and epochs of its run, one at least, each.

    Returns:
        For each run whose lease another worker has, of which nothing was stored, an error.

    Raises:
        ValueError: an epoch does not come after the one written before.
        StoreError: nothing of it is stored, and it may be tried again.
    """
    answers = _put_epochs(db, [writer._parcel(epochs) for writer, epochs in parcels])
    lost: list[LeaseLost | None] = []
    # Only now is it stored.
    for (writer, epochs), answer in zip(parcels, answers, strict=True):
        if isinstance(answer, LeaseLost):
            lost.append(answer)
        else:
            writer._took(epochs, answer)
            lost.append(None)
    return lost


@dataclass(frozen=True, slots=True)
class _Parcel:
    """Epochs of a run that are to be stored, and how its metrics stand before them."""

    claim: Claim
    until: float
    epochs: tuple[Epoch, ...]
    metrics: Mapping[str, _Metric]


@dataclass(frozen=True, slots=True)
class _Stored:
    """How metrics stand after epochs that were stored; whether the run is asked to stop."""

    metrics: dict[str, _Metric]
    stop_requested: bool


@served
def _begin(
    db: Database,
    claim: Claim,
    until: float,
    *,
    environment: Environment | None,
    data_fingerprint: str | None,
    resume_after: int,
    engine: str | None,
    artifacts: str | None,
) -> dict[str, _Metric]:
    with db.write(alone=False) as connection:
        hold(connection, claim, until)
        if environment is not None:
            connection.exec_driver_sql(
                "UPDATE attempt SET environment_id = ? WHERE id = ?",
                (environment_id(connection, environment), claim.attempt_id),
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


def _stored_metrics(connection: Connection, run_id: int, resume_after: int) -> dict[str, _Metric]:
    rows = connection.exec_driver_sql(
        "SELECT metric.name, metric.id, metric.direction, point.epoch, point.value"
        " FROM point JOIN metric ON metric.id = point.metric_id"
        " WHERE point.run_id = ? ORDER BY point.metric_id, point.epoch",
        (run_id,),
    )
    found = {}
    for (name, number, direction), points in groupby(rows, key=lambda row: row[:3]):
        curve = [(epoch, math.nan if value is None else value) for *_, epoch, value in points]
        found[name] = _Metric.stored(number, direction, curve, resume_after)
    return found


@served
def _put_epochs(db: Database, parcels: Sequence[_Parcel]) -> list[_Stored | LeaseLost]:
    with db.write(alone=False) as connection:
        return [_put_parcel(connection, parcel) for parcel in parcels]


def _put_parcel(connection: Connection, parcel: _Parcel) -> _Stored | LeaseLost:
    claim, last = parcel.claim, parcel.epochs[-1].number
    held = connection.exec_driver_sql(
        _RENEW, (parcel.until, last, last, claim.run.id, claim.attempt_id)
    ).one_or_none()
    if held is None:
        return lease_lost(claim)
    known: dict[str, _Metric] = {}
    for epoch in parcel.epochs:
        values = {name: float(value) for name, value in epoch.values.items()}
        before = {name: known.get(name) or parcel.metrics.get(name) for name in values}
        known |= _add(connection, claim.run.id, epoch.number, values, before)
    return _Stored(known, held[0] is not None)


@served
def _put_extra(
    db: Database, claim: Claim, until: float, values: Mapping[str, float], epoch: int
) -> dict[str, _Metric]:
    with db.write(alone=False) as connection:
        if _has_ended(connection, claim, until):
            return {}
        known = metric_ids(connection, values)
        # An attempt before this one may have selected another epoch.
        connection.exec_driver_sql(
            "DELETE FROM point WHERE run_id = ? AND metric_id = ?",
            [(claim.run.id, number) for number, _ in known.values()],
        )
        return _add(connection, claim.run.id, epoch, values, dict.fromkeys(values))


@served
def _put_parent(db: Database, claim: Claim, until: float, parent_id: int) -> None:
    with db.write(alone=False) as connection:
        hold(connection, claim, until)
        connection.exec_driver_sql(
            "UPDATE run SET parent_id = ? WHERE id = ?", (parent_id, claim.run.id)
        )


@served
def _put_end(
    db: Database,
    claim: Claim,
    until: float,
    status: Status,
    *,
    written: int,
    stale: Sequence[_Metric],
    selected_epoch: int | None,
    reason: str | None,
    wall_seconds: float,
    device_seconds: float,
    findings: Sequence[Finding],
    artifacts: Sequence[Artifact],
    pruned_at: int | None,
    peak_bytes: int | None,
) -> None:
    now = datetime.now(UTC)
    run_id = claim.run.id
    with db.write(alone=False) as connection:
        if _has_ended(connection, claim, until):
            return
        if status in (Status.FINISHED, Status.DIVERGED):
            _drop_later(connection, run_id, stale, written)
        connection.exec_driver_sql(
            "UPDATE run SET selected_epoch = ?, pruned_at = ? WHERE id = ?",
            (selected_epoch, pruned_at, run_id),
        )
        connection.exec_driver_sql(
            "UPDATE attempt SET peak_bytes = ? WHERE id = ?", (peak_bytes, claim.attempt_id)
        )
        end(
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


def _has_ended(connection: Connection, claim: Claim, until: float) -> bool:
    """Renews the lease, or says that this attempt is over.

    It is where the end came through, and its answer was lost with the connection.
    """
    try:
        hold(connection, claim, until)
    except LeaseLost:
        outcome = connection.exec_driver_sql(
            "SELECT outcome FROM attempt WHERE id = ?", (claim.attempt_id,)
        ).scalar_one()
        if outcome in (None, "lost"):
            raise
        return True
    return False


def _add(
    connection: Connection,
    run_id: int,
    epoch: int,
    values: Mapping[str, float],
    known: Mapping[str, _Metric | None],
) -> dict[str, _Metric]:
    """Stores one epoch's values and their summaries; returns how the metrics stand then."""
    new = [name for name in values if known[name] is None]
    made = metric_ids(connection, new) if new else {}
    added = {}
    for name, value in values.items():
        before = known[name] or _Metric(*made[name])
        added[name] = after = before.add(epoch, value)
        # Epochs that an attempt before measured and this one has passed by are no more.
        passed = after.later[before.at : after.at]
        _delete(connection, run_id, after.id, [number for number in passed if number != epoch])
    put_points(
        connection, [(run_id, added[name].id, epoch, value) for name, value in values.items()]
    )
    _put_summaries(connection, run_id, added.values())
    return added


def _delete(connection: Connection, run_id: int, metric_id: int, epochs: Sequence[int]) -> None:
    if epochs:
        connection.exec_driver_sql(
            "DELETE FROM point WHERE run_id = ? AND metric_id = ? AND epoch = ?",
            [(run_id, metric_id, epoch) for epoch in epochs],
        )


def _put_summaries(connection: Connection, run_id: int, metrics: Iterable[_Metric]) -> None:
    rows = [(metric.id, row) for metric in metrics if (row := metric.summary()) is not None]
    put_summaries(connection, run_id, rows)


def _drop_later(
    connection: Connection, run_id: int, stale: Iterable[_Metric], written: int
) -> None:
    """Removes the points that only an earlier attempt wrote."""
    for metric in stale:
        _delete(connection, run_id, metric.id, metric.later[metric.at :])
        if metric.so_far is None:
            connection.exec_driver_sql(
                "DELETE FROM summary WHERE run_id = ? AND metric_id = ?", (run_id, metric.id)
            )
        else:
            _put_summaries(connection, run_id, [replace(metric, at=len(metric.later))])
    connection.exec_driver_sql("UPDATE run SET epochs = ? WHERE id = ?", (written, run_id))


@served
def deliver(db: Database, claim: Claim, epochs: Sequence[Epoch]) -> None:
    """Stores epochs that an attempt before could not; those that are there take these values.

    Raises:
        LeaseLost: another worker has the run.
        StoreError: they cannot be stored; none of them is.
    """
    if not epochs:
        return
    run_id = claim.run.id
    with db.write(alone=False) as connection:
        hold(connection, claim, time.time() + LEASE_SECONDS)
        known = metric_ids(connection, {name for epoch in epochs for name in epoch.values})
        points = {
            (run_id, known[name][0], epoch.number): float(value)
            for epoch in epochs
            for name, value in epoch.values.items()
        }
        put_points(connection, [(*key, value) for key, value in points.items()])
        put_summaries(connection, run_id, _summaries(connection, run_id, known.values()))
        last = max(epoch.number for epoch in epochs)
        connection.exec_driver_sql(
            "UPDATE run SET epochs = ? WHERE id = ? AND epochs < ?", (last, run_id, last)
        )


def _summaries(
    connection: Connection, run_id: int, metrics: Iterable[tuple[int, Direction]]
) -> Iterator[tuple[int, SummaryRow]]:
    """The summaries of some metrics of a run, from its points."""
    for number, direction in metrics:
        rows = connection.exec_driver_sql(
            "SELECT epoch, value FROM point WHERE run_id = ? AND metric_id = ? ORDER BY epoch",
            (run_id, number),
        ).fetchall()
        values = [math.nan if value is None else value for _, value in rows]
        yield number, of_curve(direction, [epoch for epoch, _ in rows], values)


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
            storable(finding.message),
            storable(finding.remedy),
            evidence_to_json(finding.evidence),
            moment_to_text(at),
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
        (run_id, one.kind, storable(one.path), one.sha256, one.size, moment_to_text(at))
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
