"""The progress of the current runs, in a few queries that can be repeated every second."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, partial
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, bindparam, case, cast, func, literal, select
from sqlalchemy.engine import Connection

from nnlab.records import Run, Status
from nnlab.store.constructs import cross_join, in_values
from nnlab.store.database import Database
from nnlab.store.driver_statement import DriverStatement
from nnlab.store.liveness import Observer
from nnlab.store.queries import timestamp_or_none
from nnlab.store.row_validation import MAX_EPOCHS, decode_rows, note_unreadable
from nnlab.store.rows import run_record, select_runs
from nnlab.store.scope import QueryScope, scope_of
from nnlab.store.serialization import timestamp_to_text
from nnlab.store.tables import attempt, run, study, trial

# The speed is measured over the last minute.
SPEED_WINDOW = timedelta(seconds=60)

# The attempts of the last minute are searched among this many newest ones.
_MAX_ATTEMPTS = 4096

_WAITING = (Status.QUEUED, Status.INTERRUPTED)


@dataclass(frozen=True, slots=True)
class Progress:
    """Counts of the current runs by status, and their epochs.

    `stopped_waiting` counts waiting runs that were asked to stop; no worker trains them.
    `epochs_left` are the epochs still to be trained, without those of stopped runs.
    `epochs_per_second` is summed over all runs. `failed_runs` has the newest first.
    """

    by_status: Mapping[Status, int]
    stopped_waiting: int
    epochs_done: int
    epochs_planned: int
    epochs_left: int
    epochs_per_second: float
    running_runs: tuple[Run, ...]
    failed_runs: tuple[Run, ...]

    @property
    def run_count(self) -> int:
        """The number of current runs."""
        return sum(self.by_status.values())

    @property
    def is_finished(self) -> bool:
        """True if no run is running, and none is waiting except stopped ones."""
        waiting = sum(self.by_status.get(status, 0) for status in _WAITING)
        return bool(self.run_count) and not self.running_runs and waiting <= self.stopped_waiting

    @property
    def seconds_left(self) -> float | None:
        """The remaining seconds at this speed; None if the speed is zero."""
        return self.epochs_left / self.epochs_per_second if self.epochs_per_second > 0 else None


def progress(
    db: Database,
    *,
    study_ids: Iterable[int] | None,
    run_ids: Iterable[int] | None = None,
    failures: int,
    now: datetime | None = None,
) -> Progress:
    """The progress of the current runs of some studies or among some runs, or of all.

    Args:
        db: the database.
        study_ids: the studies; None means all.
        run_ids: the runs; None means all.
        failures: the maximum number of failed or diverged runs to return.
        now: the end of the window in which the speed is measured; None reads the clock.
    """
    observer = Observer.local()
    now = now or datetime.fromtimestamp(observer.now).astimezone()
    scope, values = scope_of(study_ids, run_ids)
    with db.read() as connection:
        totals = _RunTotals()
        for status, is_held, *sums in _counts_statement(scope).fetch(connection, **values):
            with note_unreadable(db, "run", f"with the status {status!r}"):
                totals.add(Status(status), bool(is_held), *sums)
        decode = partial(run_record, observer=observer)
        rows = _running_statement(scope).fetch(connection, **values)
        claimed = list(decode_rows(db, "run", rows, decode))
        for record in claimed:
            is_held = record.stop_requested_at is not None
            epochs = record.epochs if record.epochs_planned else 0
            totals.add(record.status, is_held, 1, epochs, record.epochs_planned)
        running = [record for record in claimed if record.status is Status.RUNNING]
        rows = _failed_statement(scope).fetch(connection, max_runs=failures, **values)
        failed = list(decode_rows(db, "run", rows, decode))
        spans = _recent_attempts(connection, scope, values, running, now)
    return Progress(
        dict(totals.by_status), totals.held, totals.epochs, totals.planned, totals.left,
        _epochs_per_second(spans, now), tuple(running), tuple(failed),
    )  # fmt: skip


def studies_in_progress(
    db: Database,
    *,
    study_ids: Iterable[int] | None = None,
    run_ids: Iterable[int] | None = None,
) -> tuple[tuple[int, str], ...]:
    """The id and name of each study with a run that is waiting or running, newest run first.

    Args:
        db: the database.
        study_ids: the studies; None means all.
        run_ids: the runs; None means all.
    """
    scope, values = scope_of(study_ids, run_ids)
    with db.read() as connection:
        rows = _unfinished_studies_statement(scope).fetch(connection, **values)
    return tuple((study_id, str(name)) for study_id, name in rows)


@cache
def _unfinished_studies_statement(scope: QueryScope) -> DriverStatement:
    newest = (
        select(trial.c.study_id, func.max(run.c.id).label("run_id"))
        .select_from(cross_join(run, trial))
        .where(
            trial.c.id == run.c.trial_id,
            run.c.current,
            in_values(run.c.status, (*_WAITING, Status.RUNNING)),
            *scope.conditions,
        )
        .group_by(trial.c.study_id)
        .subquery("newest")
    )
    return DriverStatement(
        lambda: (
            select(study.c.id, study.c.name)
            .join(newest, newest.c.study_id == study.c.id)
            .where(study.c.removed_at.is_(None))
            .order_by(newest.c.run_id.desc())
        )
    )


@cache
def _counts_statement(scope: QueryScope) -> DriverStatement:
    """Sums over all runs but running ones, of which each is read: its worker may be gone."""
    is_held = run.c.stop_requested_at.is_not(None)
    largest = literal(MAX_EPOCHS, BigInteger())
    return DriverStatement(
        lambda: (
            select(
                run.c.status,
                is_held,
                func.count(),
                # Runs of other programs have no planned epochs, and may count steps.
                _integer_sum(case((run.c.epochs_planned > 0, run.c.epochs), else_=0)),
                _integer_sum(run.c.epochs_planned),
            )
            .select_from(cross_join(trial, run))
            .where(
                run.c.trial_id == trial.c.id,
                run.c.current,
                run.c.status != str(Status.RUNNING),
                # Corrupt numbers of epochs would overflow the sums.
                run.c.epochs <= largest,
                run.c.epochs_planned <= largest,
                *scope.conditions,
            )
            .group_by(run.c.status, is_held)
        )
    )


def _integer_sum(column: ColumnElement[int]) -> ColumnElement[int]:
    # The sum of large integers is a decimal number in PostgreSQL.
    return cast(func.sum(column), BigInteger)


@cache
def _running_statement(scope: QueryScope) -> DriverStatement:
    condition = run.c.status == str(Status.RUNNING)
    return DriverStatement(lambda: select_runs().where(run.c.current, condition, *scope.conditions))


@cache
def _failed_statement(scope: QueryScope) -> DriverStatement:
    condition = in_values(run.c.status, (Status.FAILED, Status.DIVERGED))
    return DriverStatement(
        lambda: (
            select_runs()
            .where(run.c.current, condition, *scope.conditions)
            .order_by(run.c.ended_at.desc())
            .limit(bindparam("max_runs"))
        )
    )


class _RunTotals:
    """Sums over the current runs."""

    def __init__(self) -> None:
        self.by_status: Counter[Status] = Counter()
        self.held = self.epochs = self.planned = self.left = 0

    def add(self, status: Status, held: bool, runs: int, epochs: int, planned: int) -> None:
        self.by_status[status] += runs
        self.epochs += epochs
        self.planned += planned
        if held and status in _WAITING:
            self.held += runs
        elif not held and status in (*_WAITING, Status.RUNNING):
            self.left += planned - epochs


_AttemptSpan = tuple[datetime, datetime, int]  # start, end, epochs


def _recent_attempts(
    connection: Connection,
    scope: QueryScope,
    values: Mapping[str, Any],
    running: Sequence[Run],
    now: datetime,
) -> list[_AttemptSpan]:
    """The newest attempt at each run that was trained within the window."""
    rows = _attempts_statement(scope).fetch(
        connection,
        now=timestamp_to_text(now),
        window_start=timestamp_to_text(now - SPEED_WINDOW),
        **values,
    )
    newest = {run_id: span for run_id, *span in rows if isinstance(span[-1], int)}
    running_ids = {record.id for record in running}
    return [
        (started, timestamp_or_none(ended_at) or now, epochs)
        for run_id, (started_at, ended_at, epochs) in newest.items()
        if (started := timestamp_or_none(started_at)) is not None
        and (ended_at or run_id in running_ids)
    ]


@cache
def _attempts_statement(scope: QueryScope) -> DriverStatement:
    newest_id = select(func.max(attempt.alias("newest").c.id)).scalar_subquery()
    ended_or_now: ColumnElement[Any] = func.coalesce(attempt.c.ended_at, bindparam("now"))
    return DriverStatement(
        lambda: (
            select(
                run.c.id,
                attempt.c.started_at,
                attempt.c.ended_at,
                run.c.epochs - attempt.c.first_epoch + 1,
            )
            .select_from(cross_join(attempt, run, trial))
            .where(
                run.c.id == attempt.c.run_id,
                trial.c.id == run.c.trial_id,
                attempt.c.id > newest_id - _MAX_ATTEMPTS,
                run.c.epochs_planned > 0,
                ended_or_now >= bindparam("window_start"),
                *scope.conditions,
            )
            .order_by(attempt.c.id)
        )
    )


def _epochs_per_second(spans: Sequence[_AttemptSpan], now: datetime) -> float:
    """Epochs per second within the window; an attempt counts by its share within the window."""
    if not spans:
        return 0.0
    begin = max(min(started for started, _, _ in spans), now - SPEED_WINDOW)
    epochs = 0.0
    for started, ended, count in spans:
        duration = (ended - started).total_seconds()
        inside = (ended - max(started, begin)).total_seconds()
        if duration > 0:
            epochs += max(count, 0) * min(max(inside / duration, 0.0), 1.0)
    elapsed = (now - begin).total_seconds()
    return epochs / elapsed if elapsed > 0 else 0.0
