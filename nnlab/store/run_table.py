"""Pages of a table of runs or trials: filtered, sorted and cut in SQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, FromClause, Select, and_, func, select
from sqlalchemy.engine import Connection

from nnlab.records import Status
from nnlab.store.constructs import in_ids, json_number, json_text
from nnlab.store.database import Database
from nnlab.store.liveness import Observer
from nnlab.store.rows import WORKER_COLUMNS, join_worker
from nnlab.store.run_filters import RunCondition, filter_clause
from nnlab.store.tables import metric, run, study, summary, trial

RunColumn = Literal[
    "run", "study", "name", "seed", "status", "epochs", "started", "duration", "created"
]


@dataclass(frozen=True, slots=True)
class RunOrder:
    """What a table is sorted by: a column, a field of the setting, or a value of a metric.

    Runs without a value are last in both directions.
    """

    kind: Literal["column", "setting", "best", "last"] = "column"
    name: str = "run"
    descending: bool = True


@dataclass(frozen=True, slots=True)
class RunQuery:
    """Which runs a table has: those of some studies, and among some runs (None: all of them)."""

    conditions: tuple[RunCondition, ...] = ()
    study_ids: tuple[int, ...] | None = None
    run_ids: tuple[int, ...] | None = None
    order: RunOrder = RunOrder()


@dataclass(frozen=True, slots=True)
class TrialValues:
    """A trial of a table: its runs that meet the conditions, and the values of those that have one.

    `values` are the best or last values of a metric, in the order of `runs`; None without one.
    """

    trial: int
    runs: tuple[int, ...]
    values: tuple[float | None, ...]


_COLUMNS: dict[str, ColumnElement[Any]] = {
    "run": run.c.id,
    "study": study.c.name,
    "name": run.c.name,
    "seed": run.c.seed,
    "status": run.c.status,
    "epochs": run.c.epochs,
    "started": run.c.started_at,
    "duration": run.c.wall_seconds,
    "created": run.c.created_at,
}


def run_page(db: Database, query: RunQuery, *, offset: int, limit: int) -> tuple[int, ...]:
    """The ids of the runs from `offset` on, at most `limit`."""
    tables, value = _tables_with_order(query.order)
    with db.read() as connection:
        statement = (
            select(run.c.id)
            .select_from(tables)
            .where(*_conditions(connection, query))
            .order_by(*_order_by(value, query.order.descending))
            .offset(offset)
            .limit(limit)
        )
        return tuple(connection.execute(statement).scalars())


def count_matching_runs(db: Database, query: RunQuery) -> int:
    """The number of runs that meet the conditions."""
    with db.read() as connection:
        statement = (
            select(func.count()).select_from(_run_tables()).where(*_conditions(connection, query))
        )
        return int(connection.execute(statement).scalar_one())


def trial_page(
    db: Database, query: RunQuery, *, metric_name: str, kind: str, offset: int, limit: int
) -> tuple[tuple[TrialValues, ...], int]:
    """The trials with the best means of a metric's `best` or `last` values, and how many there are.

    `query.order.descending` is the direction of the means.
    """
    joined = _run_tables().outerjoin(
        summary, and_(summary.c.run_id == run.c.id, summary.c.metric_id == _metric_id(metric_name))
    )
    value = summary.c[kind]
    with db.read() as connection:
        conditions = [*_conditions(connection, query), run.c.current]
        groups: Select[Any] = (
            select(trial.c.id, func.avg(value))
            .select_from(joined)
            .where(*conditions)
            .group_by(trial.c.id)
        )
        mean = func.avg(value)
        total = connection.execute(select(func.count()).select_from(groups.subquery())).scalar_one()
        ordered = groups.order_by(*_by_value(mean, query.order.descending), trial.c.id)
        ids = [row[0] for row in connection.execute(ordered.offset(offset).limit(limit))]
        rows = connection.execute(
            select(trial.c.id, run.c.id, value)
            .select_from(joined)
            .where(*conditions, in_ids(trial.c.id, ids))
            .order_by(run.c.seed, run.c.id)
        ).all()
    by_trial: dict[int, list[tuple[int, float | None]]] = {trial_id: [] for trial_id in ids}
    for trial_id, run_id, number in rows:
        by_trial[trial_id].append((run_id, number if isinstance(number, float) else None))
    return tuple(
        TrialValues(trial_id, tuple(r for r, _ in pairs), tuple(v for _, v in pairs))
        for trial_id, pairs in by_trial.items()
    ), int(total)


def _run_tables() -> FromClause:
    return run.join(trial, trial.c.id == run.c.trial_id).join(study, study.c.id == trial.c.study_id)


def _tables_with_order(order: RunOrder) -> tuple[FromClause, Sequence[ColumnElement[Any]]]:
    """The tables of a query, and the values to sort by."""
    tables = _run_tables()
    if order.kind == "column":
        return tables, [_COLUMNS[order.name]]
    if order.kind == "setting":
        # Numbers before texts, as SQLite sorts them.
        setting = trial.c.setting
        return tables, [json_number(setting, order.name), json_text(setting, order.name)]
    of_metric = and_(summary.c.run_id == run.c.id, summary.c.metric_id == _metric_id(order.name))
    return tables.outerjoin(summary, of_metric), [summary.c[order.kind]]


def _metric_id(name: str) -> ColumnElement[Any]:
    return select(metric.c.id).where(metric.c.name == name).scalar_subquery()


def _order_by(values: Sequence[ColumnElement[Any]], descending: bool) -> list[ColumnElement[Any]]:
    if len(values) == 1 and values[0] is run.c.id:
        return [run.c.id.desc() if descending else run.c.id.asc()]
    return [*(part for value in values for part in _by_value(value, descending)), run.c.id.desc()]


def _by_value(value: ColumnElement[Any], descending: bool) -> tuple[ColumnElement[Any], ...]:
    return (value.is_(None), value.desc() if descending else value.asc())


def _conditions(connection: Connection, query: RunQuery) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [run.c.removed_at.is_(None)]
    if query.study_ids is not None:
        conditions.append(in_ids(study.c.id, query.study_ids))
    if query.run_ids is not None:
        conditions.append(in_ids(run.c.id, query.run_ids))
    return [*conditions, *filter_clause(query.conditions, _lost_runs(connection))]


def _lost_runs(connection: Connection) -> list[int]:
    """The runs that are stored as running, but whose worker is gone."""
    observer = Observer.local()
    rows = connection.execute(
        select(run.c.id, *WORKER_COLUMNS)
        .select_from(join_worker(run))
        .where(run.c.status == str(Status.RUNNING))
    )
    return [run_id for run_id, *worker in rows if observer.status(*worker) != Status.RUNNING]
