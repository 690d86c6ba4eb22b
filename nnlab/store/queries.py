"""Reads studies, trials and runs as frozen records, and counts them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    bindparam,
    case,
    func,
    literal_column,
    select,
)
from sqlalchemy.engine import Connection

from nnlab.records import Origin, Run, Status, Study, Trial
from nnlab.store.constructs import (
    cross_join,
    ids_to_json,
    in_ids,
    in_ids_parameter,
    is_valid_json,
    json_field,
)
from nnlab.store.database import Database
from nnlab.store.driver_statement import DriverStatement
from nnlab.store.liveness import Observer
from nnlab.store.remote_callable import remote_callable
from nnlab.store.row_validation import decode_rows, note_unreadable
from nnlab.store.rows import (
    STUDY_COLUMNS,
    WORKER_COLUMNS,
    is_external_trial,
    join_worker,
    run_record,
    select_runs,
    study_record,
    trial_record,
)
from nnlab.store.run_filters import has_tag
from nnlab.store.scope import QueryScope, scope_of
from nnlab.store.serialization import timestamp_from_text
from nnlab.store.tables import metric as metric_table
from nnlab.store.tables import run as run_table
from nnlab.store.tables import study as study_table
from nnlab.store.tables import summary
from nnlab.store.tables import trial as trial_table


@dataclass(frozen=True, slots=True)
class StudyOverview:
    """A study, its numbers of trials and current runs, and those runs counted by status."""

    study: Study
    trials: int
    runs: int
    by_status: Mapping[Status, int]
    last_activity: datetime | None


def _select_studies(removed: bool) -> Select[Any]:
    removed_at = study_table.c.removed_at
    condition = removed_at.is_not(None) if removed else removed_at.is_(None)
    return select(*STUDY_COLUMNS).where(condition).order_by(study_table.c.id)


def study_overviews(db: Database) -> tuple[StudyOverview, ...]:
    """All studies, oldest first."""
    not_removed = run_table.c.removed_at.is_(None)
    has_runs = select(run_table.c.id).where(run_table.c.trial_id == trial_table.c.id, not_removed)
    study_id = trial_table.c.study_id
    trial_counts = select(study_id, func.count()).where(has_runs.exists()).group_by(study_id)
    activity = (
        select(
            study_id,
            func.max(
                func.coalesce(run_table.c.ended_at, run_table.c.started_at, run_table.c.created_at)
            ),
        )
        .join(run_table, run_table.c.trial_id == trial_table.c.id)
        .where(not_removed)
        .group_by(study_id)
    )
    with db.read() as connection:
        rows = connection.execute(_select_studies(removed=False)).all()
        trials_by_study = _query_by_study(connection, trial_counts)
        activity_by_study = _query_by_study(connection, activity)
        counts = _statuses_by_study(db, connection)
    return tuple(
        StudyOverview(
            study=study,
            trials=trials_by_study.get(study.id, 0),
            runs=counts[study.id].total() if study.id in counts else 0,
            by_status=dict(counts.get(study.id, {})),
            last_activity=timestamp_or_none(activity_by_study.get(study.id)),
        )
        for study in decode_rows(db, "study", rows, study_record)
    )


def all_studies(db: Database, *, removed: bool = False) -> tuple[Study, ...]:
    """The studies without counts, oldest first; with `removed`, only the removed ones."""
    with db.read() as connection:
        rows = connection.execute(_select_studies(removed)).all()
    return tuple(decode_rows(db, "study", rows, study_record))


@remote_callable
def runs(
    db: Database,
    *,
    study: int | None = None,
    run_ids: Iterable[int] | None = None,
    status: Status | None = None,
    tag: str | None = None,
    origin: Origin | None = None,
    current_only: bool = False,
    limit: int | None = None,
    newest_first: bool = False,
    removed: bool = False,
) -> tuple[Run, ...]:
    """The runs that meet all conditions, oldest first by default.

    Args:
        db: the database.
        study: the id of a study.
        run_ids: ids of runs; ids without a run are ignored.
        status: the effective status: a running run whose worker is gone counts as interrupted.
        tag: one of the run's tags.
        origin: who trained it.
        current_only: whether to leave out runs that were trained again since.
        limit: the maximum number of runs.
        newest_first: whether to reverse the order.
        removed: whether to return removed runs only, instead of runs that were not removed.
    """
    removed_at = run_table.c.removed_at
    conditions: list[ColumnElement[bool]] = [
        removed_at.is_not(None) if removed else removed_at.is_(None)
    ]
    if study is not None:
        conditions.append(trial_table.c.study_id == study)
    if run_ids is not None:
        conditions.append(in_ids(run_table.c.id, run_ids))
    if origin is not None:
        conditions.append(run_table.c.origin == str(origin))
    if tag is not None:
        conditions.append(has_tag(tag))
    if status is not None:
        conditions.append(_status_condition(status))
    if current_only:
        conditions.append(run_table.c.current)
    order = run_table.c.id.desc() if newest_first else run_table.c.id.asc()
    query = select_runs().where(*conditions).order_by(order)
    if limit is not None and status not in (Status.RUNNING, Status.INTERRUPTED):
        # The effective status of all others is the stored one, so the query may have the limit.
        query = query.limit(max(limit, 0))
    with db.read() as connection:
        return tuple(_select_runs(db, connection, query, status, limit))


def trials(db: Database, trial_ids: Iterable[int]) -> dict[int, Trial]:
    """The trials with these ids, by id."""
    with db.read() as connection:
        rows = query_trials(connection, trial_ids)
    return {trial.id: trial for trial in decode_rows(db, "trial", rows, trial_record)}


_SELECT_TRIALS = DriverStatement(
    lambda: (
        select(
            trial_table.c.id,
            study_table.c.name,
            trial_table.c.setting,
            trial_table.c.digest,
            is_external_trial(),
        )
        .join(study_table, study_table.c.id == trial_table.c.study_id)
        .where(in_ids_parameter(trial_table.c.id, "trial_ids"))
    )
)


def query_trials(connection: Connection, trial_ids: Iterable[int]) -> list[Any]:
    """The rows of trials that `trial_record` takes, inside a transaction."""
    return _SELECT_TRIALS.fetch(connection, trial_ids=ids_to_json(trial_ids))


def count_runs(
    db: Database,
    *,
    study_ids: Iterable[int] | None = None,
    run_ids: Iterable[int] | None = None,
) -> dict[Status, int]:
    """The number of current runs by status, in studies, among runs, or in all."""
    scope, values = scope_of(study_ids, run_ids)
    counts: Counter[Status] = Counter()
    with db.read() as connection:
        for status, count in _status_counts_statement(scope).fetch(connection, **values):
            if _is_known_status(db, status):
                counts[Status(status)] = count
        if counts[Status.RUNNING]:
            # Only for these it must be checked whether the worker is alive.
            del counts[Status.RUNNING]
            observer = Observer.local()
            for worker in _running_workers_statement(scope).fetch(connection, **values):
                with note_unreadable(db, "run", "that says it is running"):
                    counts[observer.status(*worker)] += 1
    return {status: count for status, count in counts.items() if count}


def _runs_of(scope: QueryScope) -> FromClause:
    if not scope.by_study:
        return run_table
    return run_table.join(trial_table, trial_table.c.id == run_table.c.trial_id)


@cache
def _status_counts_statement(scope: QueryScope) -> DriverStatement:
    return DriverStatement(
        lambda: (
            select(run_table.c.status, func.count())
            .select_from(_runs_of(scope))
            .where(run_table.c.current, *scope.conditions)
            .group_by(run_table.c.status)
        )
    )


@cache
def _running_workers_statement(scope: QueryScope) -> DriverStatement:
    return DriverStatement(
        lambda: (
            select(*WORKER_COLUMNS)
            .select_from(join_worker(_runs_of(scope)))
            .where(
                run_table.c.current, run_table.c.status == str(Status.RUNNING), *scope.conditions
            )
        )
    )


def count_trials(
    db: Database,
    *,
    study_ids: Iterable[int] | None = None,
    run_ids: Iterable[int] | None = None,
    metric: str | None = None,
) -> int:
    """The number of trials with a current run that has an epoch, or has measured `metric`."""
    scope, values = scope_of(study_ids, run_ids)
    by_metric = {} if metric is None else {"metric": metric}
    with db.read() as connection:
        ((count,),) = _trial_count_statement(scope, metric is not None).fetch(
            connection, **by_metric, **values
        )
    return int(count)


@cache
def _trial_count_statement(scope: QueryScope, by_metric: bool) -> DriverStatement:
    tables: list[FromClause] = [run_table]
    conditions = [run_table.c.current, *scope.conditions]
    if scope.by_study:
        tables.append(trial_table)
        conditions.append(trial_table.c.id == run_table.c.trial_id)
    if by_metric:
        # From the index of the metric to its runs, which takes half the time of the other order.
        tables.insert(0, summary)
        metric_id = select(metric_table.c.id).where(metric_table.c.name == bindparam("metric"))
        conditions += [
            summary.c.metric_id == metric_id.scalar_subquery(),
            run_table.c.id == summary.c.run_id,
        ]
    else:
        conditions.append(run_table.c.epochs > 0)
    return DriverStatement(
        lambda: (
            select(func.count(run_table.c.trial_id.distinct()))
            .select_from(cross_join(*tables))
            .where(*conditions)
        )
    )


# The newest runs show which objectives are in use; reading all settings costs 3 ms per thousand.
_MAX_OBJECTIVE_RUNS = 500


def runs_over_steps(db: Database) -> frozenset[int]:
    """The runs whose points are measured over steps instead of epochs."""
    with db.read() as connection:
        return frozenset(run_id for (run_id,) in _SELECT_RUNS_OVER_STEPS.fetch(connection))


_SELECT_RUNS_OVER_STEPS = DriverStatement(
    lambda: select(run_table.c.id).where(run_table.c.axis == "step")
)


def count_objectives(
    db: Database,
    *,
    study_ids: Iterable[int] | None = None,
    run_ids: Iterable[int] | None = None,
) -> dict[str, int]:
    """The objectives (`val/loss:min`) of the trials of the newest runs, with how many have each.

    The objective of a trial of another program is that of its study.
    """
    scope, values = scope_of(study_ids, run_ids)
    with db.read() as connection:
        rows = _objectives_statement(scope).fetch(connection, **values)
    return {str(objective): count for objective, count in rows}


@cache
def _objectives_statement(scope: QueryScope) -> DriverStatement:
    newest_trials = (
        select(trial_table.c.id)
        .select_from(run_table.join(trial_table, trial_table.c.id == run_table.c.trial_id))
        .where(run_table.c.current, *scope.conditions)
        .order_by(run_table.c.id.desc())
        .limit(literal_column(str(_MAX_OBJECTIVE_RUNS)))
    )
    owner = trial_table.alias("owner")  # the subquery must not be correlated with this table
    objective = case(
        (is_external_trial(owner), study_table.c.objective),
        (is_valid_json(owner.c.setting), json_field(owner.c.setting, "objective")),
    )
    newest = (
        select(owner.c.id, objective.label("objective"))
        .join(study_table, study_table.c.id == owner.c.study_id)
        .where(owner.c.id.in_(newest_trials))
        .subquery("newest")
    )
    return DriverStatement(
        lambda: (
            select(newest.c.objective, func.count())
            .where(newest.c.objective.is_not(None))
            .group_by(newest.c.objective)
            .order_by(func.count().desc(), func.min(newest.c.id))
        )
    )


def _query_by_study(connection: Connection, query: Select[Any]) -> dict[int, Any]:
    return {study_id: value for study_id, value in connection.execute(query)}  # noqa: C416


def _is_known_status(db: Database, status: object) -> bool:
    """Whether a status is one of `Status`; an unknown one is noted as unreadable."""
    if status in set(Status):
        return True
    db.unreadable_rows["run", "with an unknown status"] = f"ValueError: its status is {status!r}"
    return False


def timestamp_or_none(text: object) -> datetime | None:
    """The timestamp of a text; None if there is none or it cannot be read."""
    try:
        return timestamp_from_text(text)  # type: ignore[arg-type]
    except (ValueError, TypeError):  # the run is noted as unreadable where runs are read
        return None


def _statuses_by_study(db: Database, connection: Connection) -> dict[int, Counter[Status]]:
    observer = Observer.local()
    counts: dict[int, Counter[Status]] = {}
    rows = connection.execute(
        select(trial_table.c.study_id, func.count(), *WORKER_COLUMNS)
        .select_from(
            join_worker(run_table.join(trial_table, trial_table.c.id == run_table.c.trial_id))
        )
        .where(run_table.c.current)
        .group_by(trial_table.c.study_id, *WORKER_COLUMNS)
    )
    for study_id, count, *worker in rows:
        if _is_known_status(db, worker[0]):
            with note_unreadable(db, "run", f"of study {study_id}"):
                counts.setdefault(study_id, Counter())[observer.status(*worker)] += count
    return counts


def _status_condition(status: Status) -> ColumnElement[bool]:
    # A run whose worker is gone is interrupted, but still stored as running.
    if status is Status.INTERRUPTED:
        return run_table.c.status.in_((str(status), str(Status.RUNNING)))
    return run_table.c.status == str(status)


def _select_runs(
    db: Database,
    connection: Connection,
    query: Select[Any],
    status: Status | None,
    limit: int | None,
) -> Iterator[Run]:
    if limit is not None and limit <= 0:
        return
    observer = Observer.local()
    count = 0
    rows = connection.execute(query)
    for run in decode_rows(db, "run", rows, partial(run_record, observer=observer)):
        if status is None or run.status is status:
            yield run
            count += 1
            if count == limit:
                return
