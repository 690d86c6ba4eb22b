"""The queries of `ranked_trials`: one value of a metric for each current run of a scope."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Literal, NamedTuple

from sqlalchemy import ColumnElement, FromClause, Select, bindparam, case, func, select
from sqlalchemy.engine import Connection

from nnlab.records import Direction
from nnlab.store.constructs import cross_join, ids_to_json, in_ids_parameter
from nnlab.store.driver_statement import DriverStatement
from nnlab.store.scope import QueryScope, scope_of
from nnlab.store.tables import point, run, summary, trial

ValueChoice = Literal["best", "last"] | int

# Trial, seed, run, status, value, epoch: the columns of the queries below.
ResultRow = tuple[int, int, int, str, float | None, int | None]


class ScopeKind(NamedTuple):
    """Which runs a query reads, without the values: each kind has one compiled statement."""

    scope: QueryScope
    by_trial: bool = False

    @property
    def needs_trial(self) -> bool:
        """Whether the query must join the table of trials."""
        return self.scope.by_study or self.scope.by_run

    @property
    def tables(self) -> list[FromClause]:
        """The tables in the order of the join, from a study's trials to their runs."""
        if self.scope.by_run:
            return [run, trial]
        return [trial, run] if self.scope.by_study else [run]

    @property
    def tables_from_run(self) -> list[FromClause]:
        """The same tables, for a query that starts from the run."""
        return [run, trial] if self.needs_trial else [run]

    @property
    def conditions(self) -> list[ColumnElement[Any]]:
        """The conditions on the tables, with parameters for their values."""
        conditions: list[ColumnElement[Any]] = [*self.scope.conditions]
        if self.needs_trial:
            conditions.append(trial.c.id == run.c.trial_id)
        if self.by_trial:
            conditions.append(in_ids_parameter(run.c.trial_id, "trial_ids"))
        return conditions


class RunScope(NamedTuple):
    """Which runs a query reads, and the values that it binds."""

    kind: ScopeKind
    values: Mapping[str, Any]

    @classmethod
    def scope(cls, studies: Sequence[int] | None, run_ids: Sequence[int] | None) -> "RunScope":
        """Runs of studies, or some runs, or all."""
        scope, values = scope_of(studies, run_ids)
        return cls(ScopeKind(scope), values)

    @classmethod
    def trials(cls, trial_ids: Iterable[int]) -> "RunScope":
        """All runs of some trials."""
        return cls(
            ScopeKind(QueryScope(by_study=False, by_run=False), by_trial=True),
            {"trial_ids": ids_to_json(trial_ids)},
        )


class ValueQuery(NamedTuple):
    """Which value of a run counts; `in_summary`: whether the summary has the best value for it.

    A summary has the best value in the metric's own direction only.
    """

    metric_id: int
    direction: Direction
    at: ValueChoice
    in_summary: bool

    @property
    def uses_index(self) -> bool:
        """Whether the values are in the index of the best values."""
        return self.at == "best" and self.in_summary

    def rows_along_index(self, connection: Connection, scope: RunScope) -> list[ResultRow]:
        """The same as `rows`, faster if most runs are in the scope: in the order of the index."""
        statement = _index_statement(scope.kind)
        return statement.fetch(connection, metric_id=self.metric_id, **scope.values)

    def rows(self, connection: Connection, scope: RunScope) -> list[ResultRow]:
        """The rows of the runs that have the metric."""
        values = {"metric_id": self.metric_id, **scope.values}
        if self.at == "last":
            return _summary_statement(scope.kind, "last").fetch(connection, **values)
        if self.at != "best":
            return _epoch_statement(scope.kind).fetch(connection, epoch=int(self.at), **values)
        if self.in_summary:
            return _summary_statement(scope.kind, "best").fetch(connection, **values)
        return _best_point_statement(scope.kind, self.direction).fetch(connection, **values)


_RUN_COLUMNS = (run.c.trial_id, run.c.seed, run.c.id, run.c.status)


@cache
def _index_statement(kind: ScopeKind) -> DriverStatement:
    return DriverStatement(
        lambda: (
            select(*_RUN_COLUMNS, summary.c.best, summary.c.best_epoch)
            .select_from(cross_join(summary, *kind.tables_from_run))
            .where(
                summary.c.metric_id == bindparam("metric_id"),
                run.c.id == summary.c.run_id,
                run.c.current,
                *kind.conditions,
            )
        )
    )


def _measured(kind: ScopeKind, table: FromClause, *columns: ColumnElement[Any]) -> Select[Any]:
    """The columns of a table of values, for the current runs of a scope."""
    return (
        select(*_RUN_COLUMNS, *columns)
        .select_from(cross_join(*kind.tables, table))
        .where(run.c.current, table.c.run_id == run.c.id, *kind.conditions)
    )


@cache
def _summary_statement(kind: ScopeKind, value: Literal["best", "last"]) -> DriverStatement:
    return DriverStatement(
        lambda: _measured(kind, summary, summary.c[value], summary.c[f"{value}_epoch"]).where(
            summary.c.metric_id == bindparam("metric_id")
        )
    )


@cache
def _epoch_statement(kind: ScopeKind) -> DriverStatement:
    return DriverStatement(
        lambda: _measured(kind, point, point.c.value, point.c.epoch).where(
            point.c.metric_id == bindparam("metric_id"), point.c.epoch == bindparam("epoch")
        )
    )


@cache
def _best_point_statement(kind: ScopeKind, direction: Direction) -> DriverStatement:
    """The best value against the metric's own direction: no summary has it, so points are read."""
    value = point.c.value
    order = (value.is_(None), value.asc() if direction == "min" else value.desc(), point.c.epoch)
    place = func.row_number().over(partition_by=point.c.run_id, order_by=order)
    ranked = (
        select(point.c.run_id, value, point.c.epoch, place.label("place"))
        .where(point.c.metric_id == bindparam("metric_id"))
        .subquery("ranked")
    )
    epoch = case((ranked.c.value.is_not(None), ranked.c.epoch))
    return DriverStatement(
        lambda: _measured(kind, ranked, ranked.c.value, epoch).where(ranked.c.place == 1)
    )


@cache
def best_first_statement(scope: QueryScope, direction: Direction) -> DriverStatement:
    """Trials and best values along the index of the best values, from the best on."""
    return DriverStatement(
        lambda: (
            select(run.c.trial_id, summary.c.best)
            .select_from(cross_join(summary, run, trial))
            .where(
                summary.c.metric_id == bindparam("metric_id"),
                summary.c.best.is_not(None),
                run.c.id == summary.c.run_id,
                run.c.current,
                trial.c.id == run.c.trial_id,
                *scope.conditions,
            )
            .order_by(summary.c.best.desc() if direction == "max" else summary.c.best.asc())
        )
    )
