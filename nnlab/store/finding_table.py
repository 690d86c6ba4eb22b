"""Counts of findings by code, and the surest runs of each code, without reading all findings."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from sqlalchemy import FromClause, bindparam, func, select

from nnlab.records import Severity
from nnlab.store.database import Database
from nnlab.store.driver_statement import DriverStatement
from nnlab.store.row_validation import note_unreadable
from nnlab.store.scope import QueryScope, scope_of
from nnlab.store.tables import finding, run, trial


@dataclass(frozen=True, slots=True)
class FindingCount:
    """The number of current runs that have a finding of this code with this severity."""

    code: str
    severity: Severity
    runs: int


def finding_counts(
    db: Database,
    *,
    study_ids: Iterable[int] | None = None,
    run_ids: Iterable[int] | None = None,
) -> tuple[FindingCount, ...]:
    """How many current runs have each finding, by code and severity, sorted by code."""
    scope, values = scope_of(study_ids, run_ids)
    counts: list[FindingCount] = []
    with db.read() as connection:
        for code, severity, count in _counts_statement(scope).fetch(connection, **values):
            with note_unreadable(db, "finding", f"with the severity {severity!r}"):
                counts.append(FindingCount(str(code), Severity(severity), count))
    return tuple(counts)


def surest_runs(
    db: Database,
    *,
    study_ids: Iterable[int] | None = None,
    run_ids: Iterable[int] | None = None,
    limit: int,
) -> dict[str, tuple[int, ...]]:
    """The current runs with each finding, by code and in descending order of confidence.

    Args:
        db: the database.
        study_ids: the studies; None means all.
        run_ids: the runs; None means all.
        limit: the maximum number of runs for each code.
    """
    scope, values = scope_of(study_ids, run_ids)
    by_code: dict[str, list[int]] = {}
    with db.read() as connection:
        rows = _surest_statement(scope).fetch(connection, max_runs=limit, **values)
    for code, run_id in rows:
        by_code.setdefault(str(code), []).append(run_id)
    return {code: tuple(ids) for code, ids in by_code.items()}


def _runs_with_findings(scope: QueryScope) -> FromClause:
    tables = finding.join(run, run.c.id == finding.c.run_id)
    return tables.join(trial, trial.c.id == run.c.trial_id) if scope.by_study else tables


@cache
def _counts_statement(scope: QueryScope) -> DriverStatement:
    return DriverStatement(
        lambda: (
            select(finding.c.code, finding.c.severity, func.count())
            .select_from(_runs_with_findings(scope))
            .where(run.c.current, *scope.conditions)
            .group_by(finding.c.code, finding.c.severity)
            .order_by(finding.c.code)
        )
    )


@cache
def _surest_statement(scope: QueryScope) -> DriverStatement:
    position = func.row_number().over(
        partition_by=finding.c.code, order_by=(finding.c.confidence.desc(), finding.c.run_id)
    )
    ranked = (
        select(finding.c.code, finding.c.run_id, position.label("position"))
        .select_from(_runs_with_findings(scope))
        .where(run.c.current, *scope.conditions)
        .subquery("ranked")
    )
    return DriverStatement(
        lambda: (
            select(ranked.c.code, ranked.c.run_id)
            .where(ranked.c.position <= bindparam("max_runs"))
            .order_by(ranked.c.code, ranked.c.position)
        )
    )
