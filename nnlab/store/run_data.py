"""The data that runs were trained on, which determine whether the runs are comparable."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, FromClause, case, func, select

from nnlab.store.constructs import cross_join, in_ids, json_field
from nnlab.store.database import Database
from nnlab.store.driver_statement import DriverStatement
from nnlab.store.rows import is_external_trial
from nnlab.store.scope import QueryScope, scope_of
from nnlab.store.tables import run, study, trial


class RunData(NamedTuple):
    """A run, its trial, and the fingerprint of its data (None before it was loaded)."""

    run_id: int
    trial_id: int
    fingerprint: str | None


def distinct_data(
    db: Database, *, study_ids: Iterable[int] | None = None, run_ids: Iterable[int] | None = None
) -> tuple[RunData, ...]:
    """For each data fingerprint of the current runs with an epoch: its newest run and one trial.

    The trial is any trial with that fingerprint. Runs without a fingerprint are grouped by trial.
    No setting is read, because that would take longer than ranking ten thousand runs.
    """
    scope, values = scope_of(study_ids, run_ids)
    with db.read() as connection:
        rows = _distinct_data_statement(scope).fetch(connection, **values)
    return tuple(RunData(*row) for row in rows)


@cache
def _distinct_data_statement(scope: QueryScope) -> DriverStatement:
    tables, conditions = _current_runs(scope)
    fingerprint = run.c.data_fingerprint
    return DriverStatement(
        lambda: (
            select(func.max(run.c.id), func.max(run.c.trial_id), fingerprint)
            .select_from(tables)
            .where(*conditions, run.c.epochs > 0)
            .group_by(fingerprint, case((fingerprint.is_(None), run.c.trial_id)))
        )
    )


def data_of_runs(
    db: Database, *, study_ids: Iterable[int] | None = None, run_ids: Iterable[int] | None = None
) -> tuple[RunData, ...]:
    """The data of each current run, with or without epochs, ordered by run id."""
    scope, values = scope_of(study_ids, run_ids)
    with db.read() as connection:
        rows = _run_data_statement(scope).fetch(connection, **values)
    return tuple(RunData(*row) for row in rows)


@cache
def _run_data_statement(scope: QueryScope) -> DriverStatement:
    tables, conditions = _current_runs(scope)
    return DriverStatement(
        lambda: (
            select(run.c.id, run.c.trial_id, run.c.data_fingerprint)
            .select_from(tables)
            .where(*conditions)
            .order_by(run.c.id)
        )
    )


def trial_fields(
    db: Database,
    fields: Sequence[str],
    *,
    study_ids: Iterable[int] | None = None,
    run_ids: Iterable[int] | None = None,
) -> dict[int, tuple[Any, ...]]:
    """Fields of the setting of each trial of nnlab that has a current run; None if it lacks one.

    The settings of other programs have no fields of nnlab, so their trials are left out.

    The values have the types that the database extracts: in PostgreSQL all of them are text.
    """
    scope, values = scope_of(study_ids, run_ids)
    with db.read() as connection:
        rows = _trial_fields_statement(scope, tuple(fields)).fetch(connection, **values)
    return {trial_id: tuple(extracted) for trial_id, *extracted in rows}


@cache
def _trial_fields_statement(scope: QueryScope, fields: tuple[str, ...]) -> DriverStatement:
    tables, conditions = _current_runs(scope)
    trials_in_scope = select(run.c.trial_id).select_from(tables).where(*conditions)
    # An alias: the subquery must not be correlated with this table.
    owner = trial.alias("owner")
    return DriverStatement(
        lambda: (
            select(owner.c.id, *(json_field(owner.c.setting, field) for field in fields))
            .join(study, study.c.id == owner.c.study_id)
            .where(owner.c.id.in_(trials_in_scope), ~is_external_trial(owner))
        )
    )


def seeds_with_changing_data(db: Database, run_ids: Iterable[int]) -> Mapping[int, tuple[int, ...]]:
    """The seeds of each trial whose runs, among the given ones, were trained on different data."""
    with db.read() as connection:
        rows = connection.execute(
            select(run.c.trial_id, run.c.seed, run.c.data_fingerprint)
            .where(
                in_ids(run.c.id, run_ids),
                run.c.data_fingerprint.is_not(None),
                run.c.seed.is_not(None),
            )
            .order_by(run.c.trial_id, run.c.seed)
        ).all()
    fingerprints: dict[int, dict[int, str]] = {}
    for trial_id, seed, fingerprint in rows:
        fingerprints.setdefault(trial_id, {})[seed] = fingerprint
    return {
        trial_id: tuple(by_seed)
        for trial_id, by_seed in fingerprints.items()
        if len(set(by_seed.values())) > 1
    }


def _current_runs(scope: QueryScope) -> tuple[FromClause, list[ColumnElement[Any]]]:
    """The tables of the current runs of a scope, and the conditions on them."""
    conditions: list[ColumnElement[Any]] = [run.c.current, *scope.conditions]
    if not scope.by_study:
        return run, conditions
    return cross_join(run, trial), [trial.c.id == run.c.trial_id, *conditions]
