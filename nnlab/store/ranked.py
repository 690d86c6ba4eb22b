"""Ranks trials by a metric, seeds aggregated, without touching the points where it can."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any, Literal, NamedTuple

from sqlalchemy.engine import Connection

from nnlab.records import Direction, Status, Trial
from nnlab.store.connect import Database
from nnlab.store.liveness import Observer
from nnlab.store.queries import scope
from nnlab.store.rows import IDS, ids
from nnlab.store.text import StoredSetting

At = Literal["best", "last"] | int

# Scopes of fewer trials are ranked whole: that is faster than walking past the others.
_FEW_TRIALS = 400

# After so many runs the walk in order of the best has no advantage left.
_LONGEST_WALK = 4096

_STATUSES = {str(status): status for status in Status}


class SeedResult(NamedTuple):
    """What one run contributes: its value, and the epoch of it (None where all are NaN)."""

    run_id: int
    seed: int
    value: float
    epoch: int | None
    status: Status


@dataclass(frozen=True, slots=True)
class RankedTrial:
    """A trial and what its current runs reached, by seed; `mean` is NaN if one of them is."""

    trial: Trial
    mean: float
    results: tuple[SeedResult, ...]


class _Scored(NamedTuple):
    """A trial by its number; sorts best first, NaN last, then by number."""

    is_nan: bool
    loss: float
    trial_id: int
    mean: float
    results: tuple[SeedResult, ...]


def ranking(
    db: Database,
    *,
    metric: str,
    direction: Direction,
    study_ids: Iterable[int] | None = None,
    run_ids: Iterable[int] | None = None,
    at: At = "best",
    top: int | None = None,
) -> tuple[RankedTrial, ...]:
    """Trials by the mean over their current runs that have the metric, best first.

    Args:
        db: the database.
        metric: the metric's name; one that nothing has gives no trials.
        direction: which way is better.
        study_ids: only trials of these studies.
        run_ids: only these runs.
        at: each run's best value, its last one, or that of an epoch (runs without it are left
            out).
        top: only so many trials, the same as the first of all.
    """
    studies = None if study_ids is None else tuple(study_ids)
    chosen = None if run_ids is None else tuple(run_ids)
    with db.read() as connection:
        found = connection.exec_driver_sql(
            "SELECT id, direction FROM metric WHERE name = ?", (metric,)
        ).one_or_none()
        if found is None or (top is not None and top <= 0):
            return ()
        measure = _Measure(found[0], direction, at, kept=found[1] == direction)
        scored: list[_Scored] | None = None
        if top is not None and at == "best" and measure.kept and chosen is None:
            scored = _walk(connection, measure, studies, top)
        if scored is None:
            where, bound = scope(studies, chosen)
            scored = sorted(_scored(connection, measure, where, bound), key=_ORDER)[:top]
        return tuple(_with_trials(connection, scored))


class _Measure(NamedTuple):
    """Which number of a run counts; `kept` where the summary knows the best that way round."""

    metric_id: int
    direction: Direction
    at: At
    kept: bool

    @property
    def source(self) -> str:
        """A join that gives `measured.value` and `measured.epoch`; it binds the metric."""
        if self.at == "last":
            return _SUMMARY.format(value="last", epoch="last_epoch")
        if self.at != "best":
            return _POINT.format(epoch=int(self.at))
        if self.kept:
            return _SUMMARY.format(value="best", epoch="best_epoch")
        return _SCAN.format(order="ASC" if self.direction == "min" else "DESC")


_ORDER = itemgetter(0, 1, 2)

_SUMMARY = """
    SELECT run.trial_id, run.id, run.seed, run.status, measured.{value}, measured.{epoch}
    FROM run
    JOIN trial ON trial.id = run.trial_id
    JOIN summary AS measured ON measured.run_id = run.id AND measured.metric_id = ?
"""
_POINT = """
    SELECT run.trial_id, run.id, run.seed, run.status, measured.value, measured.epoch
    FROM run
    JOIN trial ON trial.id = run.trial_id
    JOIN point AS measured ON measured.run_id = run.id AND measured.metric_id = ?
        AND measured.epoch = {epoch}
"""
# The best the other way round than the metric goes is in no summary: ask every point.
_SCAN = """
    SELECT run.trial_id, run.id, run.seed, run.status, measured.value,
        CASE WHEN measured.value IS NULL THEN NULL ELSE measured.epoch END
    FROM run
    JOIN trial ON trial.id = run.trial_id
    JOIN (
        SELECT run_id, value, epoch, row_number() OVER (
            PARTITION BY run_id ORDER BY value IS NULL, value {order}, epoch
        ) AS place FROM point WHERE metric_id = ?
    ) AS measured ON measured.run_id = run.id AND measured.place = 1
"""
_SORTED = " ORDER BY run.trial_id, run.seed, run.id"

# CROSS JOIN keeps SQLite to this order: along the index, best first.
_BEST_FIRST = """
    SELECT run.trial_id, summary.best
    FROM summary CROSS JOIN run CROSS JOIN trial
    WHERE summary.metric_id = ? AND summary.best IS NOT NULL
        AND run.id = summary.run_id AND run.current AND trial.id = run.trial_id
"""


def _walk(
    connection: Connection, measure: _Measure, studies: Sequence[int] | None, top: int
) -> list[_Scored] | None:
    """The first `top`, by going through the runs best first; None where that does not pay.

    No trial is better than its best run. So once `top` trials are better than the last run
    come by, none of those still ahead can be among them.
    """
    if studies is not None and _is_small(connection, studies):
        return None
    where, bound = scope(studies, None)
    descending = measure.direction == "max"
    walk = connection.exec_driver_sql(
        _BEST_FIRST + where + f" ORDER BY summary.best {'DESC' if descending else 'ASC'}",
        (measure.metric_id, *bound),
    )
    seen: set[int] = set()
    scored: list[_Scored] = []
    step, walked = top + 12, 0
    while walked < _LONGEST_WALK:
        rows = walk.fetchmany(step)
        walked += len(rows)
        new = {trial_id for trial_id, _ in rows} - seen
        seen |= new
        scored += _scored(connection, measure, f" AND run.trial_id IN {IDS}", (ids(new),))
        scored.sort(key=_ORDER)
        if len(rows) < step:
            # The walk is over; trials without any number come last and were not on it.
            return scored[:top] if len(scored) >= top else None
        ahead = -rows[-1][1] if descending else rows[-1][1]
        if len(scored) >= top and not scored[top - 1].is_nan and scored[top - 1].loss < ahead:
            walk.close()
            return scored[:top]
        step *= 2
    walk.close()
    return None


def _is_small(connection: Connection, studies: Sequence[int]) -> bool:
    found: int = connection.exec_driver_sql(
        f"SELECT count(*) FROM (SELECT 1 FROM trial WHERE study_id IN {IDS} LIMIT ?)",
        (ids(studies), _FEW_TRIALS),
    ).scalar_one()
    return found < _FEW_TRIALS


def _scored(
    connection: Connection, measure: _Measure, where: str, bound: Sequence[Any]
) -> Iterator[_Scored]:
    rows = connection.exec_driver_sql(
        f"{measure.source} WHERE run.current{where}{_SORTED}", (measure.metric_id, *bound)
    ).fetchall()
    live = _live(connection, [row[1] for row in rows if row[3] == Status.RUNNING])
    sign = 1.0 if measure.direction == "min" else -1.0
    for trial_id, group in groupby(rows, key=itemgetter(0)):
        results = tuple(
            SeedResult(
                run_id,
                seed,
                math.nan if value is None else value,
                epoch,
                live[run_id] if run_id in live else _STATUSES[status],
            )
            for _, run_id, seed, status, value, epoch in group
        )
        mean = _mean([result.value for result in results])
        is_nan = math.isnan(mean)
        yield _Scored(is_nan, 0.0 if is_nan else sign * mean, trial_id, mean, results)


def _mean(values: Sequence[float]) -> float:
    if len(values) == 1:
        return values[0]
    try:
        mean = math.fsum(values) / len(values)
    except OverflowError:
        mean = math.fsum(value / len(values) for value in values)
    except ValueError:  # infinities of both signs
        return math.nan
    # Rounding must not make a trial better than its best run: the walk relies on that.
    return mean if math.isnan(mean) else min(max(mean, min(values)), max(values))


def _live(connection: Connection, run_ids: Sequence[int]) -> dict[int, Status]:
    """The status, as it is told, of runs that say that they are running."""
    if not run_ids:
        return {}
    observer = Observer.here()
    rows = connection.exec_driver_sql(
        "SELECT run.id, run.status, run.lease_until, attempt.hostname, attempt.pid_space,"
        " attempt.pid FROM run LEFT JOIN attempt ON attempt.id = run.lease_attempt_id"
        f" WHERE run.id IN {IDS}",
        (ids(run_ids),),
    )
    return {run_id: observer.status(*place) for run_id, *place in rows}


def _with_trials(connection: Connection, scored: Sequence[_Scored]) -> Iterator[RankedTrial]:
    rows = connection.exec_driver_sql(
        "SELECT trial.id, study.name, trial.setting, trial.digest"
        f" FROM trial JOIN study ON study.id = trial.study_id WHERE trial.id IN {IDS}",
        (ids(one.trial_id for one in scored),),
    )
    trials = {
        number: Trial(number, study, StoredSetting(setting), digest)
        for number, study, setting, digest in rows
    }
    return (RankedTrial(trials[one.trial_id], one.mean, one.results) for one in scored)
