"""Reads curves, summaries, findings, attempts and artifacts of runs."""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, Text, and_, literal, select

from nnlab.io.redaction import mask_secrets
from nnlab.records import (
    Artifact,
    Attempt,
    Curve,
    Direction,
    Environment,
    Finding,
    History,
    MetricSummary,
    Severity,
)
from nnlab.store.constructs import (
    ids_to_json,
    in_ids,
    in_ids_parameter,
    in_names_parameter,
    names_to_json,
)
from nnlab.store.database import Database
from nnlab.store.driver_statement import DriverStatement
from nnlab.store.remote_callable import remote_callable
from nnlab.store.row_validation import (
    INTEGER,
    NUMBER,
    TEXT,
    ColumnTypes,
    check_epochs,
    decode_rows,
    note_unreadable,
)
from nnlab.store.rows import environment_record, timestamp
from nnlab.store.serialization import evidence_from_json, timestamp_from_text, timestamp_to_text
from nnlab.store.tables import artifact, attempt, environment, finding, metric, point, run, summary

# The points of this many runs are fetched at once: few queries, and few points in memory twice.
_RUNS_PER_QUERY = 500


def metrics(db: Database) -> tuple[str, ...]:
    """The names of all metrics in the database, sorted."""
    with db.read() as connection:
        rows = connection.execute(select(metric.c.name).order_by(metric.c.name))
        return tuple(name for (name,) in rows if isinstance(name, str))


@remote_callable
def history(db: Database, run_id: int) -> History:
    """All curves of a run."""
    return histories(db, [run_id])[run_id]


def histories(
    db: Database, run_ids: Sequence[int], metrics: Collection[str] | None = None
) -> dict[int, History]:
    """The curves of each of the runs, of all metrics or of some."""
    curves: dict[int, dict[str, Curve]] = {run_id: {} for run_id in run_ids}
    values = {} if metrics is None else {"metrics": names_to_json(metrics)}
    query = _points_query(metrics is not None)
    with db.read() as connection:
        for chunk in _chunks(list(curves)):
            rows = query.execute(connection, run_ids=ids_to_json(chunk), **values)
            for (run_id, name), points in groupby(rows, key=lambda row: (row[0], row[1])):
                with note_unreadable(db, "run", run_id):
                    _, _, epochs, curve = zip(*points, strict=True)
                    _check_points(name, epochs, curve)
                    curves[run_id][name] = Curve(name, epochs, _null_to_nan(curve))
    return {run_id: History(by_metric) for run_id, by_metric in curves.items()}


@cache
def _points_query(by_metric: bool) -> DriverStatement:
    return DriverStatement(
        lambda: (
            select(point.c.run_id, metric.c.name, point.c.epoch, point.c.value)
            .join(metric, metric.c.id == point.c.metric_id)
            .where(in_ids_parameter(point.c.run_id, "run_ids"), *_metric_condition(by_metric))
            .order_by(point.c.run_id, point.c.metric_id, point.c.epoch)
        )
    )


def summaries(
    db: Database, run_ids: Sequence[int], metrics: Collection[str] | None = None
) -> dict[int, dict[str, MetricSummary]]:
    """The summary of each metric of each of the runs; runs without metrics are left out."""
    by_run: dict[int, dict[str, MetricSummary]] = {}
    values = {} if metrics is None else {"metrics": names_to_json(metrics)}
    with db.read() as connection:
        rows = _summaries_query(metrics is not None).execute(
            connection, run_ids=ids_to_json(run_ids), **values
        )
        for run_id, name, n, last, last_epoch, best, best_epoch in rows:
            with note_unreadable(db, "run", run_id):
                _SUMMARY_TYPES.check((name, n, last, last_epoch, best, best_epoch))
                check_epochs(n=n, last_epoch=last_epoch, best_epoch=best_epoch)
                by_run.setdefault(run_id, {})[name] = MetricSummary(
                    name, n, math.nan if last is None else last, last_epoch, best, best_epoch
                )
    return by_run


def stored_directions(db: Database) -> dict[str, Direction]:
    """The direction in which the summaries of each metric have their best value."""
    with db.read() as connection:
        rows = connection.execute(select(metric.c.name, metric.c.direction)).all()
    return {name: direction for name, direction in rows if direction in ("min", "max")}


def best_values(
    db: Database, run_ids: Sequence[int], metric_name: str, direction: Direction
) -> dict[int, tuple[float, int]]:
    """The best value of a metric in each of the runs and its epoch, in any direction.

    A summary has the best value in the stored direction of the metric only, which may be another
    one for a metric of users. Runs without a finite value are left out.
    """
    with db.read() as connection:
        stored = connection.execute(
            select(metric.c.direction).where(metric.c.name == metric_name)
        ).scalar()
    if stored == direction:
        rows = {
            run_id: by_name[metric_name]
            for run_id, by_name in summaries(db, run_ids, [metric_name]).items()
        }
        return {
            run_id: (row.best, row.best_epoch)
            for run_id, row in rows.items()
            if row.best is not None and row.best_epoch is not None
        }
    best = min if direction == "min" else max
    values: dict[int, tuple[float, int]] = {}
    for run_id, history in histories(db, run_ids, [metric_name]).items():
        points = [point for point in history.get(metric_name) or () if not math.isnan(point[1])]
        if points:
            epoch, value = best(points, key=lambda point: point[1])
            values[run_id] = (value, epoch)
    return values


@cache
def _summaries_query(by_metric: bool) -> DriverStatement:
    return DriverStatement(
        lambda: (
            select(
                summary.c.run_id, metric.c.name, summary.c.n, summary.c.last,
                summary.c.last_epoch, summary.c.best, summary.c.best_epoch,
            )
            .join(metric, metric.c.id == summary.c.metric_id)
            .where(in_ids_parameter(summary.c.run_id, "run_ids"), *_metric_condition(by_metric))
            .order_by(summary.c.run_id, metric.c.name)
        )
    )  # fmt: skip


def _metric_condition(by_metric: bool) -> list[ColumnElement[bool]]:
    return [in_names_parameter(metric.c.name, "metrics")] if by_metric else []


def values_at_selected_epoch(
    db: Database, run_ids: Sequence[int], metric_name: str
) -> dict[int, tuple[int, float]]:
    """The selected epoch of each run (of its test evaluation), and the value of a metric there.

    The value is NaN if the metric was not measured; runs without a selected epoch are left out.
    """
    metric_id = select(metric.c.id).where(metric.c.name == metric_name).scalar_subquery()
    query = (
        select(run.c.id, run.c.selected_epoch, point.c.value)
        .select_from(
            run.outerjoin(
                point,
                and_(
                    point.c.run_id == run.c.id,
                    point.c.epoch == run.c.selected_epoch,
                    point.c.metric_id == metric_id,
                ),
            )
        )
        .where(in_ids(run.c.id, run_ids), run.c.selected_epoch.is_not(None))
    )
    with db.read() as connection:
        return {
            run_id: (epoch, math.nan if value is None else value)
            for run_id, epoch, value in connection.execute(query)
        }


def findings(db: Database, run_ids: Sequence[int]) -> dict[int, tuple[Finding, ...]]:
    """The findings of each of the runs, sorted by code; runs without findings are left out."""
    by_run: dict[int, list[Finding]] = {}
    query = (
        select(
            finding.c.id, finding.c.run_id, finding.c.code, finding.c.name, finding.c.severity,
            finding.c.confidence, finding.c.onset, finding.c.message, finding.c.remedy,
            finding.c.evidence,
        )
        .where(in_ids(finding.c.run_id, run_ids))
        .order_by(finding.c.run_id, finding.c.code)
    )  # fmt: skip
    with db.read() as connection:
        rows = connection.execute(query)
        for run_id, record in decode_rows(db, "finding", rows, _finding_from_row):
            by_run.setdefault(run_id, []).append(record)
    return {run_id: tuple(records) for run_id, records in by_run.items()}


def _finding_from_row(row: Sequence[Any]) -> tuple[int, Finding]:
    _FINDING_TYPES.check(row)
    _, run_id, code, name, severity, confidence, onset, message, remedy, evidence = row
    check_epochs(onset=onset)
    return run_id, Finding(
        code=code,
        name=name,
        severity=Severity(severity),
        confidence=confidence,
        onset=onset,
        message=message,
        remedy=remedy,
        evidence=evidence_from_json(evidence),
    )


def attempts(db: Database, run_id: int) -> tuple[Attempt, ...]:
    """The attempts at a run, oldest first."""
    return attempts_of_runs(db, [run_id])


def attempts_of_runs(db: Database, run_ids: Sequence[int]) -> tuple[Attempt, ...]:
    """The attempts at any of the runs, oldest first."""
    return _query_attempts(db, in_ids(attempt.c.run_id, run_ids))


def batched_attempts(db: Database, record: Attempt) -> tuple[Attempt, ...]:
    """The attempts that the same process started at the same time, including the given one.

    For an attempt with the engine `stacked 64` these are the runs of the batch, in its order.
    """
    return _query_attempts(
        db,
        attempt.c.hostname == record.hostname,
        attempt.c.pid == record.pid,
        attempt.c.started_at == timestamp_to_text(record.started_at),
        attempt.c.engine == literal(record.engine, Text()),  # not IS NULL: unknown engines differ
    )


def _query_attempts(db: Database, *conditions: ColumnElement[bool]) -> tuple[Attempt, ...]:
    query = (
        select(
            attempt.c.id, attempt.c.run_id, attempt.c.hostname, attempt.c.pid, attempt.c.command,
            attempt.c.first_epoch, attempt.c.outcome, attempt.c.started_at, attempt.c.ended_at,
            attempt.c.engine, attempt.c.peak_bytes, attempt.c.traceback, attempt.c.environment_id,
        )
        .where(*conditions)
        .order_by(attempt.c.id)
    )  # fmt: skip
    environments: dict[int, Environment] = {}
    with db.read() as connection:
        rows = connection.execute(query).all()
        environment_ids = {row[-1] for row in rows if isinstance(row[-1], int)}
        for row in connection.execute(
            select(environment).where(in_ids(environment.c.id, environment_ids))
        ).mappings():
            with note_unreadable(db, "environment", row["id"]):
                environments[row["id"]] = environment_record(dict(row))
    return tuple(decode_rows(db, "attempt", rows, lambda row: _attempt_from_row(row, environments)))


def _attempt_from_row(row: Sequence[Any], environments: Mapping[int, Environment]) -> Attempt:
    _ATTEMPT_TYPES.check(row)
    (
        attempt_id, run_id, hostname, pid, command, first_epoch, outcome, started_at, ended_at,
        engine, peak_bytes, traceback, environment_id,
    ) = row  # fmt: skip
    check_epochs(first_epoch=first_epoch)
    return Attempt(
        id=attempt_id,
        run_id=run_id,
        hostname=hostname,
        environment=environments.get(environment_id),
        pid=pid,
        # An earlier version stored some commands with passwords.
        command=mask_secrets(command),
        first_epoch=first_epoch,
        outcome=outcome,
        started_at=timestamp(started_at),
        ended_at=timestamp_from_text(ended_at),
        engine=engine,
        peak_bytes=peak_bytes,
        traceback=traceback,
    )


@remote_callable
def artifacts(db: Database, run_id: int) -> tuple[Artifact, ...]:
    """The files of a run, sorted by kind."""
    query = (
        select(
            artifact.c.id, artifact.c.run_id, artifact.c.kind, artifact.c.path,
            artifact.c.sha256, artifact.c.size,
        )
        .where(artifact.c.run_id == run_id)
        .order_by(artifact.c.kind)
    )  # fmt: skip
    with db.read() as connection:
        rows = connection.execute(query)
        return tuple(decode_rows(db, "artifact", rows, _artifact_from_row))


def _artifact_from_row(row: Sequence[Any]) -> Artifact:
    _ARTIFACT_TYPES.check(row)
    return Artifact(*row[1:])


_SUMMARY_TYPES = ColumnTypes(
    [
        ("metric", TEXT, False), ("n", INTEGER, False), ("last", NUMBER, True),
        ("last_epoch", INTEGER, False), ("best", NUMBER, True), ("best_epoch", INTEGER, True),
    ]
)  # fmt: skip
_FINDING_TYPES = ColumnTypes(
    [
        ("number", INTEGER, False), ("run", INTEGER, False), ("code", TEXT, False),
        ("name", TEXT, False), ("severity", TEXT, False), ("confidence", NUMBER, False),
        ("onset", INTEGER, True), ("message", TEXT, False), ("remedy", TEXT, False),
        ("evidence", TEXT, False),
    ]
)  # fmt: skip
_ATTEMPT_TYPES = ColumnTypes(
    [
        ("number", INTEGER, False), ("run", INTEGER, False), ("hostname", TEXT, False),
        ("pid", INTEGER, False), ("command", TEXT, False), ("first_epoch", INTEGER, False),
        ("outcome", TEXT, True), ("started_at", TEXT, False), ("ended_at", TEXT, True),
        ("engine", TEXT, True), ("peak_bytes", INTEGER, True), ("traceback", TEXT, True),
        ("environment", INTEGER, True),
    ]
)  # fmt: skip
_ARTIFACT_TYPES = ColumnTypes(
    [
        ("number", INTEGER, False), ("run", INTEGER, False), ("kind", TEXT, False),
        ("path", TEXT, False), ("sha256", TEXT, False), ("size", INTEGER, False),
    ]
)  # fmt: skip
_POINT_VALUE_TYPES = {float, int, type(None)}


def _check_points(name: object, epochs: Sequence[object], values: Sequence[object]) -> None:
    """Raises TypeError or ValueError if points are not numbers at whole epochs."""
    if not isinstance(name, str) or set(map(type, epochs)) != {int}:
        raise TypeError(f"the points of {name} are not at whole epochs")
    if not set(map(type, values)) <= _POINT_VALUE_TYPES:
        raise TypeError(f"a point of {name} is not a number")
    check_epochs(epoch=epochs[0], last_epoch=epochs[-1])  # type: ignore[arg-type]


def _null_to_nan(values: Sequence[float | None]) -> tuple[float, ...]:
    return tuple(math.nan if value is None else value for value in values)


def _chunks(run_ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(run_ids), _RUNS_PER_QUERY):
        yield run_ids[start : start + _RUNS_PER_QUERY]
