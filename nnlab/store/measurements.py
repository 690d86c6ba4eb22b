"""Reads what was measured and found: curves, summaries, findings, attempts, artifacts."""

import math
from collections.abc import Collection, Iterator, Sequence
from itertools import groupby
from typing import Any

from nnlab.io.redaction import mask_secrets
from nnlab.records import (
    Artifact,
    Attempt,
    Curve,
    Environment,
    Finding,
    History,
    MetricSummary,
    Severity,
)
from nnlab.store.database import Database
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
from nnlab.store.rows import ID_LIST, NAME_LIST, bind_ids, bind_names, environment_record, timestamp
from nnlab.store.serialization import evidence_from_json, timestamp_from_text, timestamp_to_text

# Runs whose points are fetched at once: few queries, and few points held twice.
_RUNS_PER_QUERY = 500


def metrics(db: Database) -> tuple[str, ...]:
    """The names of all metrics that were ever measured, sorted."""
    with db.read() as connection:
        rows = connection.exec_driver_sql("SELECT name FROM metric ORDER BY name")
        return tuple(name for (name,) in rows if isinstance(name, str))


@remote_callable
def history(db: Database, run_id: int) -> History:
    """All curves of a run; empty where it has none."""
    return histories(db, [run_id])[run_id]


def histories(
    db: Database, run_ids: Sequence[int], metrics: Collection[str] | None = None
) -> dict[int, History]:
    """The curves of each of the runs, of all metrics or of some."""
    found: dict[int, dict[str, Curve]] = {run_id: {} for run_id in run_ids}
    where, wanted = _metric_filter(metrics)
    with db.read() as connection:
        for chunk in _chunks(list(found)):
            rows = connection.exec_driver_sql(
                "SELECT point.run_id, metric.name, point.epoch, point.value"  # noqa: S608
                " FROM point JOIN metric ON metric.id = point.metric_id"
                f" WHERE point.run_id IN {ID_LIST}{where}"
                " ORDER BY point.run_id, point.metric_id, point.epoch",
                (bind_ids(chunk), *wanted),
            )
            for (run_id, name), points in groupby(rows, key=lambda row: (row[0], row[1])):
                with note_unreadable(db, "run", run_id):
                    _, _, epochs, values = zip(*points, strict=True)
                    _check_points(name, epochs, values)
                    found[run_id][name] = Curve(name, epochs, _null_to_nan(values))
    return {run_id: History(curves) for run_id, curves in found.items()}


def summaries(
    db: Database, run_ids: Sequence[int], metrics: Collection[str] | None = None
) -> dict[int, dict[str, MetricSummary]]:
    """The summary of each metric of each of the runs; runs without any are left out."""
    found: dict[int, dict[str, MetricSummary]] = {}
    where, wanted = _metric_filter(metrics)
    with db.read() as connection:
        rows = connection.exec_driver_sql(
            "SELECT run_id, metric.name, n, last, last_epoch, best, best_epoch"  # noqa: S608
            " FROM summary JOIN metric ON metric.id = summary.metric_id"
            f" WHERE run_id IN {ID_LIST}{where} ORDER BY run_id, metric.name",
            (bind_ids(run_ids), *wanted),
        )
        for run_id, name, n, last, last_epoch, best, best_epoch in rows:
            with note_unreadable(db, "run", run_id):
                _SUMMARY_TYPES.check((name, n, last, last_epoch, best, best_epoch))
                check_epochs(n=n, last_epoch=last_epoch, best_epoch=best_epoch)
                found.setdefault(run_id, {})[name] = MetricSummary(
                    name, n, math.nan if last is None else last, last_epoch, best, best_epoch
                )
    return found


def values_at_selected_epoch(
    db: Database, run_ids: Sequence[int], metric: str
) -> dict[int, tuple[int, float]]:
    """The epoch that each run selected, at which the test split was evaluated, and a metric there.

    The value is NaN where the metric was not measured; runs that selected no epoch are left out.
    """
    with db.read() as connection:
        rows = connection.exec_driver_sql(
            "SELECT run.id, run.selected_epoch, point.value FROM run LEFT JOIN point"  # noqa: S608
            " ON point.run_id = run.id AND point.epoch = run.selected_epoch"
            " AND point.metric_id = (SELECT id FROM metric WHERE name = ?)"
            f" WHERE run.id IN {ID_LIST} AND run.selected_epoch IS NOT NULL",
            (metric, bind_ids(run_ids)),
        )
        return {
            run_id: (epoch, math.nan if value is None else value) for run_id, epoch, value in rows
        }


def findings(db: Database, run_ids: Sequence[int]) -> dict[int, tuple[Finding, ...]]:
    """The findings of each of the runs, by code; runs without any are left out."""
    found: dict[int, list[Finding]] = {}
    with db.read() as connection:
        rows = connection.exec_driver_sql(
            "SELECT id, run_id, code, name, severity, confidence, onset, message, remedy,"  # noqa: S608
            f" evidence FROM finding WHERE run_id IN {ID_LIST} ORDER BY run_id, code",
            (bind_ids(run_ids),),
        )
        for run_id, finding in decode_rows(db, "finding", rows, _finding_from_row):
            found.setdefault(run_id, []).append(finding)
    return {run_id: tuple(each) for run_id, each in found.items()}


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
    return _query_attempts(db, f"run_id IN {ID_LIST}", (bind_ids(run_ids),))


def batched_attempts(db: Database, attempt: Attempt) -> tuple[Attempt, ...]:
    """The attempts that one process began at one time in the same way, this one among them.

    For one of `stacked 64` these are the runs that were trained as one program, in their order.
    """
    return _query_attempts(
        db,
        "hostname = ? AND pid = ? AND started_at = ? AND engine = ?",
        (attempt.hostname, attempt.pid, timestamp_to_text(attempt.started_at), attempt.engine),
    )


def _query_attempts(
    db: Database, condition: str, parameters: tuple[object, ...]
) -> tuple[Attempt, ...]:
    with db.read() as connection:
        rows = connection.exec_driver_sql(
            "SELECT id, run_id, hostname, pid, command, first_epoch, outcome, started_at, ended_at,"  # noqa: S608
            " engine, peak_bytes, traceback, environment_id FROM attempt"
            f" WHERE {condition} ORDER BY id",
            parameters,
        ).fetchall()
        used = connection.exec_driver_sql(
            f"SELECT * FROM environment WHERE id IN {ID_LIST}",  # noqa: S608
            (bind_ids({row[-1] for row in rows if isinstance(row[-1], int)}),),
        ).mappings()
        where: dict[int, Environment] = {}
        for environment in used:
            with note_unreadable(db, "environment", environment["id"]):
                where[environment["id"]] = environment_record(dict(environment))

    def attempt(row: Sequence[Any]) -> Attempt:
        _ATTEMPT_TYPES.check(row)
        (
            number,
            run_id,
            hostname,
            pid,
            command,
            first_epoch,
            outcome,
            started_at,
            ended_at,
            engine,
            peak_bytes,
            traceback,
            environment_id,
        ) = row
        check_epochs(first_epoch=first_epoch)
        return Attempt(
            id=number,
            run_id=run_id,
            hostname=hostname,
            environment=where.get(environment_id),
            pid=pid,
            # An earlier version stored some passwords as they were typed.
            command=mask_secrets(command),
            first_epoch=first_epoch,
            outcome=outcome,
            started_at=timestamp(started_at),
            ended_at=timestamp_from_text(ended_at),
            engine=engine,
            peak_bytes=peak_bytes,
            traceback=traceback,
        )

    return tuple(decode_rows(db, "attempt", rows, attempt))


@remote_callable
def artifacts(db: Database, run_id: int) -> tuple[Artifact, ...]:
    """The files that a run made, by kind."""
    with db.read() as connection:
        rows = connection.exec_driver_sql(
            "SELECT id, run_id, kind, path, sha256, size FROM artifact WHERE run_id = ?"
            " ORDER BY kind",
            (run_id,),
        )
        return tuple(decode_rows(db, "artifact", rows, _artifact_from_row))


def _artifact_from_row(row: Sequence[Any]) -> Artifact:
    _ARTIFACT_TYPES.check(row)
    return Artifact(*row[1:])


def _metric_filter(metrics: Collection[str] | None) -> tuple[str, tuple[str, ...]]:
    if metrics is None:
        return "", ()
    return f" AND metric.name IN {NAME_LIST}", (bind_names(metrics),)


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
    """Raises TypeError or ValueError where points are no numbers at whole epochs."""
    if not isinstance(name, str) or set(map(type, epochs)) != {int}:
        raise TypeError(f"the points of {name} are not at whole epochs")
    if not set(map(type, values)) <= _POINT_VALUE_TYPES:
        raise TypeError(f"a point of {name} is no number")
    check_epochs(epoch=epochs[0], last_epoch=epochs[-1])  # type: ignore[arg-type]


def _null_to_nan(values: Sequence[float | None]) -> tuple[float, ...]:
    return tuple(math.nan if value is None else value for value in values)


def _chunks(run_ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(run_ids), _RUNS_PER_QUERY):
        yield run_ids[start : start + _RUNS_PER_QUERY]
