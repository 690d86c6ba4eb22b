"""Ranks trials by a metric, seeds aggregated, without touching the points where it can."""

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from sqlalchemy.engine import Connection

from nnlab.records import Direction, Status
from nnlab.store.database import Database
from nnlab.store.liveness import Observer
from nnlab.store.peer_runs import query_pruned_counts
from nnlab.store.queries import scope_conditions
from nnlab.store.row_validation import decode_rows
from nnlab.store.rows import (
    ID_LIST,
    WORKER_COLUMNS,
    WORKER_JOIN,
    bind_ids,
    driver_cursor,
    fetch_driver_rows,
    trial_record,
)

ValueChoice = Literal["best", "last"] | int

# Scopes of fewer trials are ranked whole: that is faster than walking past the others.
_SMALL_SCOPE = 400

# After so many runs the walk in order of the best has no advantage left.
_MAX_INDEX_ROWS = 4096


# Trial, seed, run, status, value, epoch: as the queries below give them.
_Row = tuple[int, int, int, str, float | None, int | None]


@dataclass(frozen=True, slots=True)
class SeedResult:
    """What one run contributes: its value, and the epoch of it (None where all are NaN)."""

    run_id: int
    seed: int
    value: float
    epoch: int | None
    status: Status


class RankedTrial(NamedTuple):
    """A trial and what its current runs reached; `mean` is NaN if one of them is.

    Of a ranking of ten thousand trials few are looked at: the records of the others are never
    made, and their settings not read (`trials` reads those).
    """

    mean: float
    trial_id: int
    rows: Sequence[_Row]

    @property
    def results(self) -> tuple[SeedResult, ...]:
        """What each run contributes, by seed."""
        return tuple(
            SeedResult(run_id, seed, math.nan if value is None else value, epoch, Status(status))
            for _, seed, run_id, status, value, epoch in sorted(self.rows)
        )


def rank_trials(
    db: Database,
    *,
    metric: str,
    direction: Direction,
    study_ids: Iterable[int] | None = None,
    run_ids: Iterable[int] | None = None,
    at: ValueChoice = "best",
    top: int | None = None,
) -> tuple[RankedTrial, ...]:
    """Trials by the mean over their current runs that have the metric, best first.

    Those with a pruned run come after all that got their epochs, then those with a diverged run,
    then those whose runs all diverged: what a run reached before it diverged is no result.

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
        measure = _ValueQuery(found[0], direction, at, kept=found[1] == direction)
        few = chosen is not None or (studies is not None and _has_few_trials(connection, studies))
        along = measure.uses_index and not few
        pruned = query_pruned_counts(connection)
        if top is not None and along and not pruned:
            diverged = _diverged_trials(connection)
            walked = _rank_along_index(db, connection, measure, studies, top, diverged)
            if walked is not None:
                return _drop_unreadable_trials(db, connection, walked)
        among = _RunScope.scope(studies, chosen)
        rows = (
            measure.rows_along_index(connection, among)
            if along
            else measure.rows(connection, among)
        )
        rows = _drop_invalid_rows(db, rows)
        return _drop_unreadable_trials(
            db, connection, _sort_trials(connection, measure, rows, pruned)[:top]
        )


_STATUSES = frozenset(Status)
# The types of seed, value and epoch in `_Row`.
_ROW_TYPES: tuple[set[type], ...] = ({int}, {float, int, type(None)}, {int, type(None)})


def _drop_invalid_rows(db: Database, rows: list[_Row]) -> list[_Row]:
    """The rows whose values are numbers, and whose runs have a status that there is."""
    if _are_valid(rows):
        return rows
    sound = []
    for row in rows:
        if _are_valid([row]):
            sound.append(row)
        else:
            db.unreadable_rows["run", row[2]] = (
                f"ValueError: its status is {row[3]}, its value {row[4]}"
            )
    return sound


def _are_valid(rows: Sequence[_Row]) -> bool:
    columns = ([row[place] for row in rows] for place in (1, 4, 5))
    return {row[3] for row in rows} <= _STATUSES and all(
        set(map(type, column)) <= types for column, types in zip(columns, _ROW_TYPES, strict=True)
    )


def _drop_unreadable_trials(
    db: Database, connection: Connection, ranked: Sequence[RankedTrial]
) -> tuple[RankedTrial, ...]:
    """The trials whose setting can be read."""
    rows = fetch_driver_rows(
        connection,
        "SELECT trial.id, study.name, setting, digest FROM trial"  # noqa: S608
        f" JOIN study ON study.id = trial.study_id WHERE trial.id IN {ID_LIST}",
        (bind_ids(trial.trial_id for trial in ranked),),
    )
    known = {trial.id for trial in decode_rows(db, "trial", rows, trial_record)}
    return tuple(trial for trial in ranked if trial.trial_id in known)


class _RunScope(NamedTuple):
    """Which runs: tables that give `run`, conditions on them, and what both bind.

    CROSS JOIN keeps SQLite to the order written. Left to itself, it goes through all summaries
    of the metric even for the runs of one trial.
    """

    tables: str
    where: str = ""
    bound: tuple[Any, ...] = ()

    @property
    def tables_from_run(self) -> str:
        """The same tables, for a query that comes from a run's number."""
        return "run CROSS JOIN trial" if "trial" in self.tables else self.tables

    @classmethod
    def scope(cls, studies: Sequence[int] | None, runs: Sequence[int] | None) -> "_RunScope":
        """Runs of studies, or some runs, or all."""
        if runs is not None:
            where, bound = scope_conditions(studies, runs)
            return cls("run CROSS JOIN trial", f" AND trial.id = run.trial_id{where}", bound)
        if studies is not None:
            where, bound = scope_conditions(studies, None)
            return cls("trial CROSS JOIN run", f" AND run.trial_id = trial.id{where}", bound)
        return cls("run")

    @classmethod
    def trials(cls, numbers: Iterable[int]) -> "_RunScope":
        """All runs of some trials."""
        where = f" AND run.trial_id IN {ID_LIST}"
        return cls("run", where, (bind_ids(numbers),))


class _ValueQuery(NamedTuple):
    """Which number of a run counts; `kept` where the summary knows the best that way round."""

    metric_id: int
    direction: Direction
    at: ValueChoice
    kept: bool

    @property
    def uses_index(self) -> bool:
        """Whether it can be read off the index of the best."""
        return self.at == "best" and self.kept

    def rows_along_index(self, connection: Connection, among: _RunScope) -> list[_Row]:
        """As `rows`, for most of the runs there are: straight through the metric's summaries."""
        return fetch_driver_rows(
            connection,
            "SELECT run.trial_id, run.seed, run.id, run.status, measured.best,"  # noqa: S608
            f" measured.best_epoch FROM summary AS measured CROSS JOIN {among.tables_from_run}"
            " WHERE measured.metric_id = ? AND run.id = measured.run_id AND run.current"
            f"{among.where}",
            (self.metric_id, *among.bound),
        )

    def rows(self, connection: Connection, among: _RunScope) -> list[_Row]:
        """The runs that have the metric."""
        if self.at == "last":
            sql = _SELECT_FROM_SUMMARY.format(tables=among.tables, value="last", epoch="last_epoch")
        elif self.at != "best":
            sql = _SELECT_FROM_POINT.format(tables=among.tables, epoch=int(self.at))
        elif self.kept:
            sql = _SELECT_FROM_SUMMARY.format(tables=among.tables, value="best", epoch="best_epoch")
        else:
            order = "ASC" if self.direction == "min" else "DESC"
            sql = _SELECT_BEST_POINT.format(tables=among.tables, order=order)
        return fetch_driver_rows(connection, sql + among.where, (self.metric_id, *among.bound))


_SELECT_FROM_SUMMARY = """
    SELECT run.trial_id, run.seed, run.id, run.status, measured.{value}, measured.{epoch}
    FROM {tables} CROSS JOIN summary AS measured
    WHERE run.current AND measured.run_id = run.id AND measured.metric_id = ?
"""
_SELECT_FROM_POINT = """
    SELECT run.trial_id, run.seed, run.id, run.status, measured.value, measured.epoch
    FROM {tables} CROSS JOIN point AS measured
    WHERE run.current AND measured.run_id = run.id AND measured.metric_id = ?
        AND measured.epoch = {epoch}
"""
# The best the other way round than the metric goes is in no summary: ask every point.
_SELECT_BEST_POINT = """
    SELECT run.trial_id, run.seed, run.id, run.status, measured.value,
        CASE WHEN measured.value IS NULL THEN NULL ELSE measured.epoch END
    FROM {tables} CROSS JOIN (
        SELECT run_id, value, epoch, row_number() OVER (
            PARTITION BY run_id ORDER BY value IS NULL, value {order}, epoch
        ) AS place FROM point WHERE metric_id = ?
    ) AS measured
    WHERE run.current AND measured.run_id = run.id AND measured.place = 1
"""

# Along the index, best first.
_SELECT_BEST_FIRST = """
    SELECT run.trial_id, summary.best
    FROM summary CROSS JOIN run CROSS JOIN trial
    WHERE summary.metric_id = ? AND summary.best IS NOT NULL
        AND run.id = summary.run_id AND run.current AND trial.id = run.trial_id
"""


def _rank_along_index(
    db: Database,
    connection: Connection,
    measure: _ValueQuery,
    studies: Sequence[int] | None,
    top: int,
    diverged: Set[int],
) -> list[RankedTrial] | None:
    """The first `top`, by going through the runs best first; None where that does not pay.

    No trial is better than its best run. So once `top` trials are better than the last run
    come by, none of those still ahead can be among them. Trials with a `diverged` run come after
    all others: they are passed over.
    """
    where, bound = scope_conditions(studies, None)
    descending = measure.direction == "max"
    walk = driver_cursor(
        connection,
        _SELECT_BEST_FIRST + where + f" ORDER BY summary.best {'DESC' if descending else 'ASC'}",
        (measure.metric_id, *bound),
    )
    sign = -1.0 if descending else 1.0
    losses: dict[int, float] = {}
    seen: set[int] = set()
    step, walked, ahead = top + 12, 0, -math.inf
    try:
        while walked < _MAX_INDEX_ROWS:
            rows = walk.fetchmany(step)
            new = {trial_id for trial_id, _ in rows} - seen - diverged
            seen |= new
            rough = _approximate_losses(connection, measure, new, sign)
            if any(map(math.isinf, rough.values())):
                return None  # an overflow, perhaps: only exact sums can tell
            losses |= rough
            over = len(rows) < step
            if any(isinstance(best, str | bytes) for _, best in rows):
                return None  # text in place of a number: those rows are left out elsewhere
            if not over:
                ahead = sign * rows[-1][1]
            if len(losses) >= top:
                enough = sorted(losses.values())[top - 1]
                enough += _RELATIVE_ROUNDING * (
                    abs(enough) + abs(ahead) if not over else abs(enough)
                )
                if over or enough < ahead:
                    close = [trial_id for trial_id, loss in losses.items() if loss <= enough]
                    found = _drop_invalid_rows(
                        db, measure.rows(connection, _RunScope.trials(close))
                    )
                    return _sort_trials(connection, measure, found)[:top]
            elif over:
                return None  # trials without any number come last, and were not on the way
            walked += len(rows)
            step *= 2
    finally:
        walk.close()
    return None


# SQLite adds up in another order than `_mean`: its means choose whom to look at, no more.
_RELATIVE_ROUNDING = 1e-9

_SELECT_MEANS = f"""
    SELECT run.trial_id, avg(measured.best)
    FROM run CROSS JOIN summary AS measured
    WHERE measured.run_id = run.id AND measured.metric_id = ? AND run.current
        AND run.trial_id IN {ID_LIST}
    GROUP BY run.trial_id HAVING count(*) = count(measured.best)
"""  # noqa: S608


def _approximate_losses(
    connection: Connection, measure: _ValueQuery, trials: Iterable[int], sign: float
) -> dict[int, float]:
    """How bad each of the trials is, up to rounding; those with a NaN are left out."""
    rows = fetch_driver_rows(connection, _SELECT_MEANS, (measure.metric_id, bind_ids(trials)))
    return {trial_id: sign * mean for trial_id, mean in rows if mean is not None}


def _diverged_trials(connection: Connection) -> set[int]:
    """The trials with a current run that diverged."""
    rows = fetch_driver_rows(
        connection, "SELECT trial_id FROM run WHERE status = 'diverged' AND current", ()
    )
    return {trial_id for (trial_id,) in rows}


def _has_few_trials(connection: Connection, studies: Sequence[int]) -> bool:
    found: int = connection.exec_driver_sql(
        f"SELECT count(*) FROM (SELECT 1 FROM trial WHERE study_id IN {ID_LIST} LIMIT ?) AS few",  # noqa: S608
        (bind_ids(studies), _SMALL_SCOPE),
    ).scalar_one()
    return found < _SMALL_SCOPE


def _sort_trials(
    connection: Connection,
    measure: _ValueQuery,
    rows: Iterable[_Row],
    pruned: Collection[int] = (),
) -> list[RankedTrial]:
    """Trials of these rows, best first, then pruned, then diverged, those without a mean last.

    Among equals they are in the order of their numbers.
    """
    trials: dict[int, list[_Row]] = {}
    running: list[int] = []
    diverged: Counter[int] = Counter()
    for row in rows:
        if row[0] in trials:
            trials[row[0]].append(row)
        else:
            trials[row[0]] = [row]
        if row[3] == "running":
            running.append(row[2])
        elif row[3] == "diverged":
            diverged[row[0]] += 1
    live = _live_statuses(connection, running)
    if live:
        trials = {
            number: [_with_live_status(row, live) for row in found]
            for number, found in trials.items()
        }
    means = {
        number: found[0][4] if len(found) == 1 else _mean([row[4] for row in found])
        for number, found in sorted(trials.items())
    }
    known = {number: mean for number, mean in means.items() if mean is not None}
    # Sorting is stable in both directions: equals stay in the order of their numbers.
    order = sorted(known, key=known.__getitem__, reverse=measure.direction == "max")
    if pruned or diverged:
        order.sort(
            key=lambda number: (
                divergence_rank(diverged[number], len(trials[number])),
                number in pruned,
            )
        )
    ranked = [RankedTrial(known[number], number, trials[number]) for number in order]
    unknown = [number for number, mean in means.items() if mean is None]
    return ranked + [RankedTrial(math.nan, number, trials[number]) for number in unknown]


def divergence_rank(diverged: int, runs: int) -> int:
    """The place of a trial among others by how many of its runs diverged: 0 none, 1 some, 2 all."""
    return (diverged > 0) + (diverged == runs > 0)


def _with_live_status(row: _Row, live: Mapping[int, Status]) -> _Row:
    trial_id, seed, run_id, status, value, epoch = row
    return trial_id, seed, run_id, live.get(run_id, status), value, epoch


def _mean(values: Sequence[float | None]) -> float | None:
    """The mean, or None (for NaN) where one is None."""
    numbers = [value for value in values if value is not None]
    if len(numbers) < len(values):
        return None
    try:
        mean = math.fsum(numbers) / len(numbers)
    except OverflowError:
        mean = math.fsum(number / len(numbers) for number in numbers)
    except ValueError:  # infinities of both signs
        return None
    # Rounding must not make a trial better than its best run: the walk relies on that.
    return min(max(mean, min(numbers)), max(numbers))


def _live_statuses(connection: Connection, run_ids: Sequence[int]) -> dict[int, Status]:
    """The status, as it is told, of runs that say that they are running."""
    if not run_ids:
        return {}
    observer = Observer.here()
    rows = connection.exec_driver_sql(
        f"SELECT run.id, {WORKER_COLUMNS} FROM run {WORKER_JOIN}"  # noqa: S608
        f" WHERE run.id IN {ID_LIST}",
        (bind_ids(run_ids),),
    )
    return {run_id: observer.status(*place) for run_id, *place in rows}
