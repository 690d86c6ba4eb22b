"""Reads the rows of single curves: points, or the samples that another program logged.

The board draws them. Its requests are frequent, so nothing here decodes a setting, and the rows of
a curve are read from a position on.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import bindparam, exists, func, select

from nnlab.records import Axis, Origin
from nnlab.store.constructs import (
    ids_to_json,
    in_ids_parameter,
    in_names_parameter,
    in_values,
    names_to_json,
)
from nnlab.store.database import Database
from nnlab.store.driver_statement import DriverStatement
from nnlab.store.scope import scope_of
from nnlab.store.serialization import timestamp_from_text
from nnlab.store.tables import attempt, metric, point, run, sample, summary, trial

_NO_END = 2**62
_EXTERNAL_ORIGINS = tuple(origin for origin in Origin if origin.is_external)


@dataclass(frozen=True, slots=True)
class CurveRun:
    """What the curves of a run need to be drawn; times are in Unix seconds."""

    id: int
    trial_id: int
    study_id: int
    axis: Axis
    created_at: float
    started_at: float | None


@dataclass(frozen=True, slots=True)
class CurveVersion:
    """How far a curve is stored.

    `count` is None for samples, which are not counted. `last` is the largest position: the epoch
    or step of a point, the number of the log call of a sample.
    """

    from_samples: bool
    count: int | None
    last: int


class CurveRows(NamedTuple):
    """The columns of a curve, ordered by position; those that points do not have are empty.

    None is NaN in `values`, and a missing number elsewhere.
    """

    positions: Sequence[int]
    values: Sequence[float | None]
    steps: Sequence[int | None] = ()
    epochs: Sequence[float | None] = ()
    times: Sequence[float | None] = ()


def curve_runs(db: Database, run_ids: Collection[int]) -> dict[int, CurveRun]:
    """The runs of these ids that exist and were not removed, by id."""
    with db.read() as connection:
        rows = _SELECT_RUNS.fetch(connection, run_ids=ids_to_json(run_ids))
    runs = {}
    for run_id, trial_id, study_id, axis, created_at, started_at in rows:
        created = _unix_seconds(created_at)
        if created is not None and axis in ("epoch", "step"):  # `nnlab db check` lists others
            runs[run_id] = CurveRun(
                run_id, trial_id, study_id, axis, created, _unix_seconds(started_at)
            )
    return runs


def _unix_seconds(stored: Any) -> float | None:
    try:
        moment = timestamp_from_text(stored)
    except (TypeError, ValueError):
        return None
    return moment.timestamp() if moment else None


_SELECT_RUNS = DriverStatement(
    lambda: (
        select(
            run.c.id, run.c.trial_id, trial.c.study_id, run.c.axis,
            run.c.created_at, run.c.started_at,
        )
        .join(trial, trial.c.id == run.c.trial_id)
        .where(in_ids_parameter(run.c.id, "run_ids"), run.c.removed_at.is_(None))
        .order_by(run.c.id)
    )
)  # fmt: skip


def newest_started_runs(
    db: Database,
    limit: int,
    *,
    study_ids: Collection[int] | None = None,
    run_ids: Collection[int] | None = None,
) -> list[tuple[int, int]]:
    """The id and the trial of the newest current runs that are not queued, newest first.

    Args:
        db: the database.
        limit: the maximum number of runs.
        study_ids: only runs of these studies.
        run_ids: only these runs.
    """
    scope, values = scope_of(study_ids, run_ids)
    query = (
        select(run.c.id, run.c.trial_id)
        .join(trial, trial.c.id == run.c.trial_id)
        .where(run.c.current, run.c.status != "queued", *scope.conditions)
        .order_by(run.c.id.desc())
        .limit(limit)
    )
    with db.read() as connection:
        return [(run_id, trial_id) for run_id, trial_id in connection.execute(query, values)]


def started_runs_of_trials(db: Database, trial_ids: Collection[int]) -> list[int]:
    """The ids of the current runs of trials that are not queued, in ascending order."""
    with db.read() as connection:
        rows = _SELECT_RUNS_OF_TRIALS.fetch(connection, trial_ids=ids_to_json(trial_ids))
    return [run_id for (run_id,) in rows]


_SELECT_RUNS_OF_TRIALS = DriverStatement(
    lambda: (
        select(run.c.id)
        .where(
            in_ids_parameter(run.c.trial_id, "trial_ids"), run.c.current, run.c.status != "queued"
        )
        .order_by(run.c.id)
    )
)


def curve_counts(db: Database, run_ids: Collection[int]) -> dict[str, int]:
    """In how many of the runs each metric has points or samples, by name; sorted."""
    ids = ids_to_json(run_ids)
    with db.read() as connection:
        rows = [
            *_COUNT_SUMMARIES.fetch(connection, run_ids=ids),
            *_COUNT_SAMPLED.fetch(connection, run_ids=ids),
        ]
    counts: dict[str, int] = {}
    for name, count in rows:
        if isinstance(name, str):
            counts[name] = max(count, counts.get(name, 0))
    return dict(sorted(counts.items()))


_COUNT_SUMMARIES = DriverStatement(
    lambda: (
        select(metric.c.name, func.count())
        .join(summary, summary.c.metric_id == metric.c.id)
        .where(in_ids_parameter(summary.c.run_id, "run_ids"))
        .group_by(metric.c.name)
    )
)
# One search in the index per run and metric, because the samples of a run may be millions.
_COUNT_SAMPLED = DriverStatement(
    lambda: (
        select(metric.c.name, func.count())
        .select_from(run)
        .join(
            metric,
            exists().where(sample.c.run_id == run.c.id, sample.c.metric_id == metric.c.id),
        )
        .where(
            in_ids_parameter(run.c.id, "run_ids"),
            in_values(run.c.origin, _EXTERNAL_ORIGINS),
        )
        .group_by(metric.c.name)
    )
)


def curve_versions(
    db: Database, run_ids: Collection[int], metrics: Collection[str]
) -> dict[tuple[int, str], CurveVersion]:
    """How far the curves of some metrics are stored, by run and metric.

    A curve of samples is preferred to the points that were derived from it.
    """
    values = {"run_ids": ids_to_json(run_ids), "metrics": names_to_json(metrics)}
    with db.read() as connection:
        versions = {
            (run_id, name): CurveVersion(False, count, last)
            for run_id, name, count, last in _SELECT_POINT_VERSIONS.fetch(connection, **values)
        }
        for run_id, name, last in _SELECT_SAMPLE_VERSIONS.fetch(connection, **values):
            if last is not None:
                versions[run_id, name] = CurveVersion(True, None, last)
    return versions


_SELECT_POINT_VERSIONS = DriverStatement(
    lambda: (
        select(summary.c.run_id, metric.c.name, summary.c.n, summary.c.last_epoch)
        .join(metric, metric.c.id == summary.c.metric_id)
        .where(
            in_ids_parameter(summary.c.run_id, "run_ids"),
            in_names_parameter(metric.c.name, "metrics"),
        )
    )
)
_SELECT_SAMPLE_VERSIONS = DriverStatement(
    lambda: (
        select(
            run.c.id,
            metric.c.name,
            select(func.max(sample.c.seq))
            .where(sample.c.run_id == run.c.id, sample.c.metric_id == metric.c.id)
            .scalar_subquery(),
        )
        .select_from(run)
        .join(metric, in_names_parameter(metric.c.name, "metrics"))
        .where(
            in_ids_parameter(run.c.id, "run_ids"),
            in_values(run.c.origin, _EXTERNAL_ORIGINS),
        )
    )
)


def latest_attempts(db: Database, run_ids: Collection[int]) -> dict[int, int]:
    """The id of the latest attempt at each of the runs that has one."""
    with db.read() as connection:
        return dict(_SELECT_LATEST_ATTEMPTS.fetch(connection, run_ids=ids_to_json(run_ids)))


_SELECT_LATEST_ATTEMPTS = DriverStatement(
    lambda: (
        select(attempt.c.run_id, func.max(attempt.c.id))
        .where(in_ids_parameter(attempt.c.run_id, "run_ids"))
        .group_by(attempt.c.run_id)
    )
)


def curve_rows(
    db: Database,
    run_id: int,
    metric_name: str,
    *,
    from_samples: bool,
    first: int = 0,
    last: int = _NO_END,
    limit: int = _NO_END,
) -> CurveRows:
    """The first rows of a curve whose positions are in a range, both ends included.

    Args:
        db: the database.
        run_id: the run.
        metric_name: the metric.
        from_samples: whether to read samples instead of points.
        first: the first position.
        last: the last position.
        limit: the maximum number of rows.
    """
    statement = _SELECT_SAMPLE_ROWS if from_samples else _SELECT_POINT_ROWS
    with db.read() as connection:
        rows = statement.fetch(
            connection, of_run=run_id, name=metric_name, first=first, last=last, most=limit
        )
    return CurveRows(*zip(*rows, strict=True)) if rows else CurveRows((), ())


_SELECT_POINT_ROWS = DriverStatement(
    lambda: (
        select(point.c.epoch, point.c.value)
        .where(
            point.c.run_id == bindparam("of_run"),
            point.c.metric_id
            == select(metric.c.id).where(metric.c.name == bindparam("name")).scalar_subquery(),
            point.c.epoch.between(bindparam("first"), bindparam("last")),
        )
        .order_by(point.c.epoch)
        .limit(bindparam("most"))
    )
)
_SELECT_SAMPLE_ROWS = DriverStatement(
    lambda: (
        select(sample.c.seq, sample.c.value, sample.c.step, sample.c.epoch, sample.c.time)
        .where(
            sample.c.run_id == bindparam("of_run"),
            sample.c.metric_id
            == select(metric.c.id).where(metric.c.name == bindparam("name")).scalar_subquery(),
            sample.c.seq.between(bindparam("first"), bindparam("last")),
        )
        .order_by(sample.c.seq)
        .limit(bindparam("most"))
    )
)
