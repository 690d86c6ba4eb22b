"""Writes what a claimed run does, epoch by epoch: each is durable when `write` returns."""

import math
import time
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby

from sqlalchemy.engine import Connection

from nnlab.errors import LeaseLost
from nnlab.records import Artifact, Direction, Environment, Epoch, Finding, Status
from nnlab.store.connect import Database
from nnlab.store.environments import environment_id
from nnlab.store.points import metric_ids, put_points, put_summaries
from nnlab.store.queue import LEASE_SECONDS, Claim, end, hold, lease_lost
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
    nothing; StoreError where the database cannot be written.
    """

    def __init__(
        self,
        db: Database,
        claim: Claim,
        *,
        environment: Environment | None = None,
        data_fingerprint: str | None = None,
        resume_after: int = 0,
        lease_seconds: float = LEASE_SECONDS,
        engine: str | None = None,
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
        """
        self._db = db
        self._claim = claim
        self._run_id = claim.run.id
        self._lease_seconds = lease_seconds
        self._written = resume_after
        self._stop_requested = False
        self._metrics: dict[str, _Metric] = {}
        with db.write(alone=False) as connection:
            self._hold(connection)
            if environment is not None:
                connection.exec_driver_sql(
                    "UPDATE attempt SET environment_id = ? WHERE id = ?",
                    (environment_id(connection, environment), claim.attempt_id),
                )
            connection.exec_driver_sql(
                "UPDATE attempt SET first_epoch = ?, engine = ? WHERE id = ?",
                (resume_after + 1, engine, claim.attempt_id),
            )
            if data_fingerprint is not None:
                connection.exec_driver_sql(
                    "UPDATE run SET data_fingerprint = ? WHERE id = ?",
                    (data_fingerprint, self._run_id),
                )
            self._load(connection, resume_after)

    @property
    def stop_requested(self) -> bool:
        """Whether `nnlab stop` had asked for this run when the last epoch was written."""
        return self._stop_requested

    def mark(self) -> Callable[[], None]:
        """Remembers what was written; the answer forgets all since, which was not stored."""
        written, metrics, stop = self._written, dict(self._metrics), self._stop_requested

        def go_back() -> None:
            self._written, self._metrics, self._stop_requested = written, metrics, stop

        return go_back

    def write(self, epoch: Epoch) -> None:
        """Stores a finished epoch and renews the lease, in one transaction.

        Raises:
            ValueError: the epoch does not come after the one written before.
        """
        number = epoch.number
        if number <= self._written:
            raise ValueError(f"epoch {number} after epoch {self._written}")
        values = {name: float(value) for name, value in epoch.values.items()}
        until = time.time() + self._lease_seconds
        with self._db.write(alone=False) as connection:
            held = connection.exec_driver_sql(
                _RENEW, (until, number, number, self._run_id, self._claim.attempt_id)
            ).one_or_none()
            if held is None:
                raise lease_lost(self._claim)
            added = self._add(connection, number, values, self._metrics)
        # Only now is it stored; a write that failed may be tried again.
        self._stop_requested = held[0] is not None
        self._metrics |= added
        self._written = number

    def extra(self, values: Mapping[str, float], epoch: int) -> None:
        """Stores metrics that a run has once, such as the test split's at the selected epoch."""
        if not values:
            return
        with self._db.write(alone=False) as connection:
            if self._has_ended(connection):
                return
            known = metric_ids(connection, values)
            # An attempt before this one may have selected another epoch.
            connection.exec_driver_sql(
                "DELETE FROM point WHERE run_id = ? AND metric_id = ?",
                [(self._run_id, number) for number, _ in known.values()],
            )
            added = self._add(connection, epoch, {name: float(values[name]) for name in values}, {})
        self._metrics |= added

    def began_with(self, parent_id: int) -> None:
        """Notes the run whose weights this one began with."""
        with self._db.write(alone=False) as connection:
            self._hold(connection)
            connection.exec_driver_sql(
                "UPDATE run SET parent_id = ? WHERE id = ?", (parent_id, self._run_id)
            )

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
        now = datetime.now(UTC)
        with self._db.write(alone=False) as connection:
            if self._has_ended(connection):
                return
            if status in (Status.FINISHED, Status.DIVERGED):
                self._drop_later(connection)
            connection.exec_driver_sql(
                "UPDATE run SET selected_epoch = ?, pruned_at = ? WHERE id = ?",
                (selected_epoch, pruned_at, self._run_id),
            )
            connection.exec_driver_sql(
                "UPDATE attempt SET peak_bytes = ? WHERE id = ?",
                (peak_bytes, self._claim.attempt_id),
            )
            end(
                connection,
                self._claim,
                status,
                reason=reason,
                wall_seconds=wall_seconds,
                device_seconds=device_seconds,
                at=now,
            )
            _put_findings(connection, self._run_id, findings, now)
            _put_artifacts(connection, self._run_id, artifacts, now)

    def _has_ended(self, connection: Connection) -> bool:
        """Renews the lease, or says that this attempt is over.

        It is where the end came through, and its answer was lost with the connection.
        """
        try:
            self._hold(connection)
        except LeaseLost:
            outcome = connection.exec_driver_sql(
                "SELECT outcome FROM attempt WHERE id = ?", (self._claim.attempt_id,)
            ).scalar_one()
            if outcome in (None, "lost"):
                raise
            return True
        return False

    def _hold(self, connection: Connection) -> None:
        hold(connection, self._claim, time.time() + self._lease_seconds)

    def _load(self, connection: Connection, resume_after: int) -> None:
        rows = connection.exec_driver_sql(
            "SELECT metric.name, metric.id, metric.direction, point.epoch, point.value"
            " FROM point JOIN metric ON metric.id = point.metric_id"
            " WHERE point.run_id = ? ORDER BY point.metric_id, point.epoch",
            (self._run_id,),
        )
        for (name, number, direction), points in groupby(rows, key=lambda row: row[:3]):
            curve = [(epoch, math.nan if value is None else value) for *_, epoch, value in points]
            self._metrics[name] = _Metric.stored(number, direction, curve, resume_after)

    def _add(
        self,
        connection: Connection,
        epoch: int,
        values: Mapping[str, float],
        known: Mapping[str, _Metric],
    ) -> dict[str, _Metric]:
        """Stores one epoch's values and their summaries; returns how the metrics stand then."""
        new = [name for name in values if name not in known]
        made = metric_ids(connection, new) if new else {}
        added = {
            name: (known[name] if name in known else _Metric(*made[name])).add(epoch, value)
            for name, value in values.items()
        }
        for name, metric in added.items():
            # Epochs that an attempt before measured and this one has passed by are no more.
            passed = metric.later[known[name].at : metric.at] if name in known else ()
            self._delete(connection, metric.id, [number for number in passed if number != epoch])
        put_points(
            connection,
            [(self._run_id, added[name].id, epoch, value) for name, value in values.items()],
        )
        self._put_summaries(connection, added.values())
        return added

    def _delete(self, connection: Connection, metric_id: int, epochs: Sequence[int]) -> None:
        if epochs:
            connection.exec_driver_sql(
                "DELETE FROM point WHERE run_id = ? AND metric_id = ? AND epoch = ?",
                [(self._run_id, metric_id, epoch) for epoch in epochs],
            )

    def _put_summaries(self, connection: Connection, metrics: Iterable[_Metric]) -> None:
        rows = [(metric.id, row) for metric in metrics if (row := metric.summary()) is not None]
        put_summaries(connection, self._run_id, rows)

    def _drop_later(self, connection: Connection) -> None:
        """Removes the points that only an earlier attempt wrote."""
        for metric in self._metrics.values():
            stale = metric.later[metric.at :]
            self._delete(connection, metric.id, stale)
            if stale and metric.so_far is None:
                connection.exec_driver_sql(
                    "DELETE FROM summary WHERE run_id = ? AND metric_id = ?",
                    (self._run_id, metric.id),
                )
            elif stale:
                self._put_summaries(connection, [replace(metric, at=len(metric.later))])
        connection.exec_driver_sql(
            "UPDATE run SET epochs = ? WHERE id = ?", (self._written, self._run_id)
        )


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
