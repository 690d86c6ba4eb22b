"""Stores and reads the samples that other programs logged, and keeps their points up to date."""

import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, islice

from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.engine import Connection

from nnlab.records import (
    Artifact,
    Axis,
    Curve,
    Environment,
    Finding,
    History,
    Sample,
    Status,
)
from nnlab.store.constructs import in_ids, parameters, upsert
from nnlab.store.database import Database
from nnlab.store.driver_statement import DriverStatement, MultiRowStatement
from nnlab.store.evaluation_points import CurveChange, derive_points
from nnlab.store.leases import LEASE_SECONDS, Claim, extend_lease
from nnlab.store.points import PointRow, get_or_create_metrics, put_points, put_summaries
from nnlab.store.remote_callable import AnyDatabase, remote_callable
from nnlab.store.row_validation import (
    INTEGER,
    MAX_EPOCHS,
    NUMBER,
    TEXT,
    ColumnTypes,
)
from nnlab.store.run_transactions import begin_attempt, put_attempt_end
from nnlab.store.tables import metric, point, run, sample, summary

PUT_SAMPLES = MultiRowStatement(
    lambda rows: upsert(
        sample,
        key=("run_id", "metric_id", "seq"),
        columns=("run_id", "metric_id", "seq", "step", "epoch", "time", "value"),
        update=True,
        rows=rows,
    )
)
_SELECT_SAMPLES = DriverStatement(
    lambda: (
        select(
            sample.c.seq,
            sample.c.metric_id,
            sample.c.value,
            sample.c.step,
            sample.c.epoch,
            sample.c.time,
        )
        .where(sample.c.run_id == bindparam("run_id"))
        .order_by(sample.c.seq, sample.c.metric_id)
    )
)
_SAMPLE_TYPES = ColumnTypes(
    [
        ("call", INTEGER, False), ("metric", TEXT, False), ("value", NUMBER, True),
        ("step", INTEGER, True), ("epoch", NUMBER, True), ("time", NUMBER, True),
    ]
)  # fmt: skip
_DELETE_POINTS = DriverStatement(
    lambda: delete(point).where(
        point.c.run_id == bindparam("of_run"),
        point.c.metric_id == bindparam("of_metric"),
        point.c.epoch >= bindparam("first"),
    )
)
_UPDATE_RUN = DriverStatement(
    lambda: (
        update(run)
        .where(run.c.id == bindparam("of_run"))
        .values(parameters("axis", "epochs"))
        .returning(run.c.stop_requested_at)
    )
)
# SQLite's integers have 64 bits; a larger step is stored as the largest one.
LARGEST_STEP = 2**62
# Rows of points that are in memory at once.
_POINTS_AT_ONCE = 20_000


@dataclass(frozen=True, slots=True)
class SampleCall:
    """The samples of one log call; `seq` numbers the calls of a run."""

    seq: int
    samples: tuple[Sample, ...]


@dataclass(frozen=True, slots=True)
class SampleBatchRows:
    """Samples to store, and the changes of the run's points that follow from them."""

    calls: Sequence[SampleCall]
    changes: Mapping[str, CurveChange]
    axis: Axis
    last_position: int


@remote_callable
def put_samples(
    db: Database, run_id: int, batch: SampleBatchRows, *, claim: Claim | None, renew: bool
) -> bool:
    """Stores samples and changed points in one transaction; returns whether to stop the run.

    May be repeated: a sample of the same call is stored once.

    Args:
        db: the database.
        run_id: the run.
        batch: what to store.
        claim: the attempt that logged it; None for an import.
        renew: whether to renew the lease of the claim.

    Raises:
        LeaseLost: another worker has claimed the run; nothing is stored.
    """
    with db.write(exclusive=False, check_foreign_keys=False) as connection:
        if claim is not None and renew:
            extend_lease(connection, claim, time.time() + LEASE_SECONDS)
        names = {item.metric for call in batch.calls for item in call.samples}
        metrics = get_or_create_metrics(connection, names | set(batch.changes))
        rows = [
            (
                run_id,
                metrics[item.metric][0],
                call.seq,
                None if item.step is None else stored_step(item.step),
                item.epoch,
                item.time,
                float(item.value),
            )
            for call in batch.calls
            for item in call.samples
        ]
        if rows:
            PUT_SAMPLES.execute_many(connection, rows)
        apply_changes(connection, run_id, batch.changes, metrics)
        ((requested,),) = _UPDATE_RUN.fetch(
            connection,
            of_run=run_id,
            axis=batch.axis,
            epochs=stored_position(batch.last_position),
        ) or ((None,),)
    return requested is not None


def stored_step(step: int) -> int:
    """A step as it is stored: SQLite's integers have 64 bits."""
    return max(-LARGEST_STEP, min(step, LARGEST_STEP))


def stored_position(position: int) -> int:
    """The position of a point as it is stored, at most `MAX_EPOCHS`."""
    return max(0, min(position, MAX_EPOCHS))


def apply_changes(
    connection: Connection,
    run_id: int,
    changes: Mapping[str, CurveChange],
    metrics: Mapping[str, tuple[int, str]],
) -> None:
    """Stores changes of the points of a run and of their summaries.

    Args:
        connection: in a transaction.
        run_id: the run.
        changes: by metric.
        metrics: the id and direction of each of these metrics.
    """
    summaries = []
    emptied = []
    for name, change in changes.items():
        metric_id, direction = metrics[name]
        if change.delete_from is not None:
            _DELETE_POINTS.execute(
                connection, of_run=run_id, of_metric=metric_id, first=change.delete_from
            )
        row = change.highest if direction == "max" else change.lowest
        if row is None:
            emptied.append(metric_id)
        else:
            summaries.append((metric_id, row))
    points: Iterator[PointRow] = (
        (run_id, metrics[name][0], stored_position(position), value)
        for name, change in changes.items()
        for position, value in zip(change.positions, change.values, strict=True)
    )
    while chunk := list(islice(points, _POINTS_AT_ONCE)):
        put_points(connection, chunk)
    put_summaries(connection, run_id, summaries)
    if emptied:
        connection.execute(
            delete(summary).where(summary.c.run_id == run_id, in_ids(summary.c.metric_id, emptied))
        )


@remote_callable
def samples(
    db: Database, run_id: int, metrics: Sequence[str] | None = None
) -> list[tuple[int, Sample]]:
    """The samples of a run with the number of their log call, in the order of arrival.

    Args:
        db: the database.
        run_id: the run.
        metrics: the metrics to read; None reads all.
    """
    return list(iterate_samples(db, run_id, metrics))


def iterate_samples(
    db: Database, run_id: int, metrics: Sequence[str] | None = None
) -> Iterator[tuple[int, Sample]]:
    """The same as `samples`, read as they are needed."""
    with db.read() as connection:
        name_of = dict(connection.execute(select(metric.c.id, metric.c.name)).all())
        wanted = None if metrics is None else set(metrics)
        for seq, metric_id, value, step, epoch, logged_at in _SELECT_SAMPLES.execute(
            connection, run_id=run_id
        ):
            name = name_of.get(metric_id)
            if wanted is not None and name not in wanted:
                continue
            try:
                _SAMPLE_TYPES.check((seq, name, value, step, epoch, logged_at))
            except TypeError as error:
                db.unreadable_rows["sample", f"{seq} of run {run_id}"] = str(error)
                continue
            number = math.nan if value is None else value
            yield seq, Sample(str(name), number, step, epoch, logged_at)


@remote_callable
def sample_clock(
    db: Database, run_id: int, metric_name: str
) -> list[tuple[int | None, float | None, float | None]]:
    """The step, the epoch and the seconds since the first sample of each value of a metric.

    The seconds are None if the program did not say the time.
    """
    with db.read() as connection:
        first = connection.execute(
            select(func.min(sample.c.time)).where(sample.c.run_id == run_id)
        ).scalar_one_or_none()
        if not isinstance(first, int | float):
            first = None  # no time, or a corrupt one
        rows = connection.execute(
            select(sample.c.step, sample.c.epoch, sample.c.time)
            .join(metric, metric.c.id == sample.c.metric_id)
            .where(sample.c.run_id == run_id, metric.c.name == metric_name)
            .order_by(sample.c.seq)
        ).all()
    return [
        (step, epoch, None if first is None or logged_at is None else logged_at - first)
        for step, epoch, logged_at in rows
        if _are_numbers(step, epoch, logged_at)
    ]


def _are_numbers(*values: object) -> bool:
    return all(value is None or isinstance(value, int | float) for value in values)


@remote_callable
def count_samples(db: Database, run_id: int) -> int:
    """How many values the program of a run has logged."""
    with db.read() as connection:
        return int(
            connection.execute(
                select(func.count()).select_from(sample).where(sample.c.run_id == run_id)
            ).scalar_one()
        )


def visible_samples(of_metric: Iterable[Sample]) -> list[Sample]:
    """The samples of one metric without those that later ones replaced, in the order of steps.

    When the step goes back, what was logged from that step on is replaced by the new values; of
    several values at one step the newest remains. Samples without a step are all visible.
    """
    visible: list[Sample] = []
    for item in of_metric:
        while (
            item.step is not None
            and visible
            and (last := visible[-1].step) is not None
            and last >= item.step
        ):
            visible.pop()
        visible.append(item)
    return visible


@remote_callable
def next_seq(db: Database, run_id: int) -> int:
    """The number of the next log call of a run."""
    with db.read() as connection:
        last = connection.execute(
            select(func.max(sample.c.seq)).where(sample.c.run_id == run_id)
        ).scalar_one_or_none()
    return 0 if last is None else int(last) + 1


@remote_callable
def delete_samples(db: Database, run_id: int) -> None:
    """Deletes the samples and points of a run, because its log was written anew."""
    with db.write() as connection:
        for table in (sample, point, summary):
            connection.execute(delete(table).where(table.c.run_id == run_id))
        connection.execute(update(run).where(run.c.id == run_id).values(epochs=0))


@remote_callable
def derive_points_again(db: Database, run_id: int, axis: Axis) -> int:
    """Replaces the points of a run by those derived from its samples over the given axis.

    Returns the position of the last point.
    """
    points = derive_points(group_calls(iterate_samples(db, run_id)), axis)
    changes = points.pending_changes()
    with db.write() as connection:
        for table in (point, summary):
            connection.execute(delete(table).where(table.c.run_id == run_id))
        metrics = get_or_create_metrics(connection, changes)
        apply_changes(connection, run_id, changes, metrics)
        connection.execute(
            update(run)
            .where(run.c.id == run_id)
            .values(axis=axis, epochs=stored_position(points.last_position))
        )
    return points.last_position


def group_calls(rows: Iterable[tuple[int, Sample]]) -> Iterator[list[Sample]]:
    """The samples of each log call, from samples with the number of their call."""
    for _, call in groupby(rows, key=lambda row: row[0]):
        yield [item for _, item in call]


class SampleWriter:
    """Stores the samples of one run of another program, and its points.

    Not safe for several threads at once. Every method raises LeaseLost if another worker has
    claimed the run, and StoreError if the database cannot be written; a failed `write` may be
    repeated with the same calls.
    """

    def __init__(
        self, db: AnyDatabase, run_id: int, *, claim: Claim | None = None, renew: bool = True
    ) -> None:
        """Continues after the samples that are stored.

        Args:
            db: the database.
            run_id: the run.
            claim: the attempt that logs; None for an import.
            renew: whether each write renews the lease: False in a script's process, whose parent
                renews it.
        """
        self._db, self._run_id, self._claim, self._renew = db, run_id, claim, renew
        stored = samples(db, run_id)
        # With the points after the last evaluation, which are deleted when the run goes on.
        self._points = derive_points(group_calls(stored))
        if self._points.is_ambiguous:
            derive_points_again(db, run_id, "step")
            self._points = derive_points(group_calls(stored), "step")
        self._points.mark_stored()
        self._last_position: int | None = None
        self.next_seq = stored[-1][0] + 1 if stored else 0
        self.stop_requested = False

    def history(self) -> tuple[History, Axis]:
        """The points so far, and what their positions are."""
        curves = {
            name: Curve(name, tuple(curve.positions), tuple(curve.values))
            for name, curve in self._points.curves.items()
        }
        return History(curves), self._points.axis

    def begin(self, environment: Environment | None, *, artifacts: str | None = None) -> None:
        """Stores the environment of the attempt."""
        if self._claim is not None:
            begin_attempt(
                self._db,
                self._claim,
                time.time() + LEASE_SECONDS,
                environment=environment,
                data_fingerprint=None,
                resume_after=self._points.last_position,
                engine=None,
                artifacts=artifacts,
            )

    def log(self, of_call: Sequence[Sample]) -> None:
        """Stores the samples of one log call at once."""
        self.write([SampleCall(self.next_seq, tuple(of_call))])

    def write(self, calls: Sequence[SampleCall]) -> None:
        """Stores log calls, numbered from `next_seq` on, in one transaction."""
        for call in calls:
            if call.seq >= self.next_seq:
                self._points.add(call.samples)
                self.next_seq = call.seq + 1
        self._flush(calls)

    def _flush(self, calls: Sequence[SampleCall]) -> None:
        changes = self._points.pending_changes()
        batch = SampleBatchRows(calls, changes, self._points.axis, self._points.last_position)
        self.stop_requested |= put_samples(
            self._db, self._run_id, batch, claim=self._claim, renew=self._renew
        )
        self._points.mark_stored()

    def complete_points(self) -> None:
        """Stores the points of what was logged after the last evaluation."""
        self._points.finish()
        self._flush([])
        if self._points.is_ambiguous:
            self._last_position = derive_points_again(self._db, self._run_id, "step")

    @property
    def axis(self) -> Axis:
        """What the points are measured over, as far as it is known yet."""
        return self._points.axis if self._last_position is None else "step"

    @property
    def last_position(self) -> int:
        """The epoch or step of the last point."""
        return self._points.last_position if self._last_position is None else self._last_position

    def finish(
        self,
        status: Status,
        *,
        wall_seconds: float,
        selected_epoch: int | None = None,
        reason: str | None = None,
        traceback: str | None = None,
        findings: Sequence[Finding] = (),
        artifacts: Sequence[Artifact] = (),
        pruned_at: int | None = None,
    ) -> None:
        """Ends the attempt and releases the lease; `complete_points` comes first.

        Raises:
            ValueError: the writer has no claim.
        """
        if self._claim is None:
            raise ValueError("an import has no attempt to end")
        put_attempt_end(
            self._db,
            self._claim,
            time.time() + LEASE_SECONDS,
            status,
            written=self.last_position,
            stale=[],
            selected_epoch=selected_epoch,
            reason=reason,
            wall_seconds=wall_seconds,
            device_seconds=0.0,
            findings=findings,
            artifacts=artifacts,
            pruned_at=pruned_at,
            peak_bytes=None,
            traceback=traceback,
        )
