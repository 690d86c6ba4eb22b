"""Ranks trials by a metric averaged over their seeds, without reading points where possible."""

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import (
    Select,
    bindparam,
    func,
    select,
)
from sqlalchemy.engine import Connection

from nnlab.objective import mark_overflow
from nnlab.records import Direction, Status
from nnlab.store.constructs import cross_join, ids_to_json, in_ids, in_ids_parameter
from nnlab.store.database import Database
from nnlab.store.driver_statement import DriverStatement
from nnlab.store.liveness import Observer
from nnlab.store.peer_runs import query_pruned_counts
from nnlab.store.queries import query_trials
from nnlab.store.ranking_queries import (
    ResultRow,
    RunScope,
    ValueChoice,
    ValueQuery,
    best_first_statement,
)
from nnlab.store.row_validation import decode_rows
from nnlab.store.rows import WORKER_COLUMNS, join_worker, trial_record
from nnlab.store.scope import scope_of
from nnlab.store.tables import metric as metric_table
from nnlab.store.tables import run, summary, trial

# Scopes of fewer trials are ranked as a whole, which is faster than walking along the index.
_SMALL_SCOPE = 400

# After this many rows of the index the walk is no faster than ranking all.
_MAX_INDEX_ROWS = 4096


@dataclass(frozen=True, slots=True)
class SeedResult:
    """The result of one run: its value, and the epoch of the value (None if all values are NaN)."""

    run_id: int
    seed: int | None
    value: float
    epoch: int | None
    status: Status


class RankedTrial(NamedTuple):
    """A trial and the rows of its current runs; `mean` is NaN if one of their values is NaN.

    Few trials of a ranking of ten thousand are shown. So the records are made on access, and
    settings are not read (`trials` reads them).
    """

    mean: float
    trial_id: int
    rows: Sequence[ResultRow]

    @property
    def results(self) -> tuple[SeedResult, ...]:
        """The result of each run, sorted by seed; unknown seeds come last."""
        return tuple(
            SeedResult(
                run_id,
                seed,
                math.nan if value is None else mark_overflow(value),
                epoch,
                Status(status),
            )
            for _, seed, run_id, status, value, epoch in sorted(self.rows, key=_seed_and_run)
        )


def _seed_and_run(row: ResultRow) -> tuple[bool, int, int]:
    return row[1] is None, row[1] or 0, row[2]


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
    """Trials sorted by the mean over their current runs that have the metric, best first.

    Trials with a pruned run follow after the others, then trials with a diverged run, then those
    whose runs all diverged: the values of a run before it diverged do not count as a result.

    Args:
        db: the database.
        metric: the metric's name; no trials are returned if no run has it.
        direction: whether lower or higher values are better.
        study_ids: only trials of these studies.
        run_ids: only these runs.
        at: the best value of each run, the last one, or that of an epoch (runs without the epoch
            are left out).
        top: the number of trials to return, from the best on.
    """
    studies = None if study_ids is None else tuple(study_ids)
    selected = None if run_ids is None else tuple(run_ids)
    with db.read() as connection:
        rows = _SELECT_METRIC.fetch(connection, name=metric)
        if not rows or (top is not None and top <= 0):
            return ()
        ((metric_id, stored_direction),) = rows
        query = ValueQuery(metric_id, direction, at, in_summary=stored_direction == direction)
        is_small = selected is not None or (
            studies is not None and _has_few_trials(connection, studies)
        )
        use_index = query.uses_index and not is_small
        pruned = query_pruned_counts(connection)
        if top is not None and use_index and not pruned:
            diverged = _diverged_trials(connection)
            best = _rank_along_index(db, connection, query, studies, top, diverged)
            if best is not None:
                return _drop_unreadable_trials(db, connection, best)
        scope = RunScope.scope(studies, selected)
        results = (
            query.rows_along_index(connection, scope)
            if use_index
            else query.rows(connection, scope)
        )
        results = _drop_invalid_rows(db, results)
        return _drop_unreadable_trials(
            db, connection, _sort_trials(connection, query, results, pruned)[:top]
        )


_SELECT_METRIC = DriverStatement(
    lambda: select(metric_table.c.id, metric_table.c.direction).where(
        metric_table.c.name == bindparam("name")
    )
)

_STATUSES = frozenset(Status)
# The types of seed, value and epoch in `ResultRow`.
_ROW_TYPES: tuple[set[type], ...] = ({int, type(None)}, {float, int, type(None)}, {int, type(None)})


def _drop_invalid_rows(db: Database, rows: list[ResultRow]) -> list[ResultRow]:
    """The rows whose values are numbers and whose status is one of `Status`; others are noted."""
    if _are_valid(rows):
        return rows
    valid = []
    for row in rows:
        if _are_valid([row]):
            valid.append(row)
        else:
            db.unreadable_rows["run", row[2]] = (
                f"ValueError: its status is {row[3]}, its value {row[4]}"
            )
    return valid


def _are_valid(rows: Sequence[ResultRow]) -> bool:
    columns = ([row[place] for row in rows] for place in (1, 4, 5))
    return {row[3] for row in rows} <= _STATUSES and all(
        set(map(type, column)) <= types for column, types in zip(columns, _ROW_TYPES, strict=True)
    )


def _drop_unreadable_trials(
    db: Database, connection: Connection, ranked: Sequence[RankedTrial]
) -> tuple[RankedTrial, ...]:
    """The trials whose setting can be read."""
    rows = query_trials(connection, (trial.trial_id for trial in ranked))
    readable = {trial.id for trial in decode_rows(db, "trial", rows, trial_record)}
    return tuple(trial for trial in ranked if trial.trial_id in readable)


def _rank_along_index(
    db: Database,
    connection: Connection,
    query: ValueQuery,
    studies: Sequence[int] | None,
    top: int,
    diverged: Set[int],
) -> list[RankedTrial] | None:
    """The first `top` trials, found along the index of the best; None if that does not pay.

    No trial is better than its best run. So once `top` trials are better than the last run that
    was read, none of the remaining trials can be among them. Trials with a `diverged` run come
    after all others and are skipped.
    """
    scope, values = scope_of(studies, None)
    cursor = best_first_statement(scope, query.direction).execute(
        connection, metric_id=query.metric_id, **values
    )
    sign = -1.0 if query.direction == "max" else 1.0
    losses: dict[int, float] = {}
    seen: set[int] = set()
    step, rows_read, last_loss = top + 12, 0, -math.inf
    try:
        while rows_read < _MAX_INDEX_ROWS:
            rows = cursor.fetchmany(step)
            new = {trial_id for trial_id, _ in rows} - seen - diverged
            seen |= new
            approximate = _approximate_losses(connection, query, new, sign)
            if any(map(math.isinf, approximate.values())):
                return None  # perhaps an overflow: only exact sums can decide
            losses |= approximate
            at_end = len(rows) < step
            if any(isinstance(best, str | bytes) for _, best in rows):
                return None  # text in place of a number: `_drop_invalid_rows` handles those
            if not at_end:
                last_loss = sign * rows[-1][1]
            if len(losses) >= top:
                bound = sorted(losses.values())[top - 1]
                bound += _RELATIVE_ROUNDING * (abs(bound) + (0.0 if at_end else abs(last_loss)))
                if at_end or bound < last_loss:
                    candidates = [trial_id for trial_id, loss in losses.items() if loss <= bound]
                    results = query.rows(connection, RunScope.trials(candidates))
                    return _sort_trials(connection, query, _drop_invalid_rows(db, results))[:top]
            elif at_end:
                return None  # trials without a number come last, and are not in the index
            rows_read += len(rows)
            step *= 2
    finally:
        cursor.close()
    return None


# SQLite adds numbers in another order than `_mean`: its means only select the candidates.
_RELATIVE_ROUNDING = 1e-9

_SELECT_MEANS = DriverStatement(
    lambda: (
        select(run.c.trial_id, func.avg(summary.c.best))
        .select_from(cross_join(run, summary))
        .where(
            summary.c.run_id == run.c.id,
            summary.c.metric_id == bindparam("metric_id"),
            run.c.current,
            in_ids_parameter(run.c.trial_id, "trial_ids"),
        )
        .group_by(run.c.trial_id)
        .having(func.count() == func.count(summary.c.best))
    )
)


def _approximate_losses(
    connection: Connection, query: ValueQuery, trial_ids: Iterable[int], sign: float
) -> dict[int, float]:
    """The mean of each trial times the sign, up to rounding; trials with a NaN are left out."""
    rows = _SELECT_MEANS.fetch(
        connection, metric_id=query.metric_id, trial_ids=ids_to_json(trial_ids)
    )
    return {trial_id: sign * mean for trial_id, mean in rows if mean is not None}


_SELECT_DIVERGED = DriverStatement(
    lambda: select(run.c.trial_id).where(run.c.status == str(Status.DIVERGED), run.c.current)
)


def _diverged_trials(connection: Connection) -> set[int]:
    """The trials with a current run that diverged."""
    return {trial_id for (trial_id,) in _SELECT_DIVERGED.fetch(connection)}


def _few_trials_query() -> Select[Any]:
    few = (
        select(trial.c.id)
        .where(in_ids_parameter(trial.c.study_id, "study_ids"))
        .limit(_SMALL_SCOPE)
        .subquery("few")
    )
    return select(func.count()).select_from(few)


_COUNT_FEW_TRIALS = DriverStatement(_few_trials_query)


def _has_few_trials(connection: Connection, studies: Sequence[int]) -> bool:
    ((count,),) = _COUNT_FEW_TRIALS.fetch(connection, study_ids=ids_to_json(studies))
    return int(count) < _SMALL_SCOPE


def _sort_trials(
    connection: Connection,
    query: ValueQuery,
    rows: Iterable[ResultRow],
    pruned: Collection[int] = (),
) -> list[RankedTrial]:
    """The trials of these rows: best first, then pruned, then diverged, then without a mean.

    Equal trials are sorted by id.
    """
    trials: dict[int, list[ResultRow]] = {}
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
            trial_id: [_with_live_status(row, live) for row in results]
            for trial_id, results in trials.items()
        }
    means = {
        trial_id: results[0][4] if len(results) == 1 else _mean([row[4] for row in results])
        for trial_id, results in sorted(trials.items())
    }
    finite = {trial_id: mean for trial_id, mean in means.items() if mean is not None}
    # Sorting is stable in both directions, so equal trials stay sorted by id.
    order = sorted(finite, key=finite.__getitem__, reverse=query.direction == "max")
    if pruned or diverged:
        order.sort(
            key=lambda trial_id: (
                divergence_rank(diverged[trial_id], len(trials[trial_id])),
                trial_id in pruned,
            )
        )
    ranked = [RankedTrial(finite[trial_id], trial_id, trials[trial_id]) for trial_id in order]
    without_mean = [trial_id for trial_id, mean in means.items() if mean is None]
    return ranked + [RankedTrial(math.nan, trial_id, trials[trial_id]) for trial_id in without_mean]


def divergence_rank(diverged: int, runs: int) -> int:
    """How many of a trial's runs diverged: 0 for none, 1 for some, 2 for all of them."""
    return (diverged > 0) + (diverged == runs > 0)


def _with_live_status(row: ResultRow, live: Mapping[int, Status]) -> ResultRow:
    trial_id, seed, run_id, status, value, epoch = row
    return trial_id, seed, run_id, live.get(run_id, status), value, epoch


def _mean(values: Sequence[float | None]) -> float | None:
    """The mean, or None (for NaN) if one of the values is None."""
    numbers = [value for value in values if value is not None]
    if len(numbers) < len(values):
        return None
    try:
        mean = math.fsum(numbers) / len(numbers)
    except OverflowError:
        mean = math.fsum(number / len(numbers) for number in numbers)
    except ValueError:  # infinities of both signs
        return None
    # Rounding must not make a trial better than its best run: `_rank_along_index` relies on that.
    return min(max(mean, min(numbers)), max(numbers))


def _live_statuses(connection: Connection, run_ids: Sequence[int]) -> dict[int, Status]:
    """The effective status of runs that are stored as running."""
    if not run_ids:
        return {}
    observer = Observer.local()
    rows = connection.execute(
        select(run.c.id, *WORKER_COLUMNS)
        .select_from(join_worker(run))
        .where(in_ids(run.c.id, run_ids))
    )
    return {run_id: observer.status(*worker) for run_id, *worker in rows}
