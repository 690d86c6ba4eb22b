"""Methods ranked within data sets, or within the seeds of one data set, and the test of the ranks."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from nnlab import store
from nnlab.analysis.diverged_runs import diverged_run_ids
from nnlab.analysis.ranking import rank
from nnlab.analysis.records import Ranking, RankingRequest, RankingRow
from nnlab.analysis.scope import Scope
from nnlab.config.setting_differences import format_value
from nnlab.errors import UnknownName, UsageError
from nnlab.io.text import format_count
from nnlab.objective import Objective
from nnlab.records import Scalar, Status
from nnlab.stats.average_ranks import RankComparison, RankKey, compare_average_ranks

BlockKind = Literal["data", "seeds"]
# Demšar 2006, section 3.2.2: with fewer data sets the test rarely finds a difference.
_FEW_DATA_SETS = 10


@dataclass(frozen=True, slots=True)
class MethodRanks:
    """The average ranks of methods, the values of the field `field`, over blocks.

    `blocks` names the data sets or seeds. `values` holds the results of each method by block, NaN
    for a run that diverged. `runs` are the runs compared. `notes` must be shown with the ranks.
    """

    objective: Objective
    field: str
    comparison: RankComparison
    blocks: tuple[str, ...]
    values: Mapping[str, tuple[float, ...]]
    runs: tuple[int, ...]
    notes: tuple[str, ...]


def rank_methods(
    db: store.Database,
    scope: Scope,
    field: str,
    *,
    by: str | None = None,
    blocks: BlockKind = "data",
) -> MethodRanks:
    """The average ranks of the values of a field (the methods) over data sets or seeds.

    On each data set a method is represented by its best trial, by the mean of the objective over
    the seeds. The seeds of one data set are blocks only on request: they are not a sample of data
    sets, so their ranks say nothing about other data.

    Raises:
        UnknownName: no trial has that field.
        UsageError: there are too few methods or blocks, or seeds of several data sets.
    """
    ranking = rank(db, scope, RankingRequest(by=by, along=["data"]))
    fields = {name for row in ranking.rows for name in row.setting}
    if field not in fields:
        raise UnknownName("field", field, fields)
    best = _best_trials(ranking, field)
    keys, values, names, runs, left_out = (
        _results_by_data(best, ranking.objective)
        if blocks == "data"
        else _results_by_seed(db, best, ranking.objective)
    )
    _check_blocks(best, names, blocks, field)
    try:
        comparison = compare_average_ranks(keys)
    except ValueError as error:
        raise UsageError(
            f"--across {field}: {error}", hint=f"nnlab compare --across {field}"
        ) from error
    notes = (*ranking.left_out, *left_out, *_notes(comparison, best, names, blocks))
    return MethodRanks(ranking.objective, field, comparison, names, values, runs, notes)


_BestTrials = Mapping[str, Mapping[str, RankingRow]]
_Results = tuple[
    dict[str, list[RankKey]],
    dict[str, tuple[float, ...]],
    tuple[str, ...],
    tuple[int, ...],
    tuple[str, ...],
]


def _best_trials(ranking: Ranking, field: str) -> _BestTrials:
    """The best trial of each method on each data set."""
    best: dict[str, dict[str, RankingRow]] = {}
    for row in ranking.rows:  # best first
        method = _method_name(row.setting.get(field))
        best.setdefault(method, {}).setdefault(format_value(row.setting.get("data")), row)
    return best


def _method_name(value: Scalar) -> str:
    return format_value(value) or "-"


def _check_blocks(
    best: _BestTrials, names: Sequence[str], blocks: BlockKind, field: str
) -> None:
    data_sets = {data for by_data in best.values() for data in by_data}
    if len(best) < 3:
        raise UsageError(
            f"--across {field}: average ranks need at least three methods,"
            f" {'there is one' if len(best) == 1 else 'there are two'}",
            hint=f"nnlab compare --across {field}",
        )
    if blocks == "seeds" and len(data_sets) > 1:
        raise UsageError(
            f"--blocks seeds: the seeds of {len(data_sets)} data sets are not independent blocks",
            hint="name a study of one data set, or leave out --blocks",
        )
    if len(names) >= 2:
        return
    if blocks == "seeds":
        raise UsageError("--blocks seeds: fewer than two seeds were trained with every method")
    if len(data_sets) == 1:
        raise UsageError(
            f"average ranks over data sets need several of them, and all runs use {data_sets.pop()}",
            hint="--blocks seeds ranks within its seeds, which says nothing about other data",
        )
    raise UsageError("fewer than two data sets have runs of every method")


def _results_by_data(best: _BestTrials, objective: Objective) -> _Results:
    shared = set.intersection(*(set(by_data) for by_data in best.values()))
    every = {data for by_data in best.values() for data in by_data}
    names = tuple(sorted(shared))
    left_out = sorted(every - shared)
    return (
        {
            method: [_row_key(by_data[data], objective) for data in names]
            for method, by_data in best.items()
        },
        {
            method: tuple(
                math.nan if by_data[data].all_diverged else by_data[data].value.mean
                for data in names
            )
            for method, by_data in best.items()
        },
        names,
        tuple(run for by_data in best.values() for data in names for run in by_data[data].runs),
        (f"not on all data sets, left out: {', '.join(left_out)}",) if left_out else (),
    )


def _row_key(row: RankingRow, objective: Objective) -> RankKey:
    """As trials are ranked: after all others if a seed diverged, last if all of them did."""
    diverged = store.divergence_rank(row.statuses.get(Status.DIVERGED, 0), len(row.runs))
    return _key(row.value.mean, objective, float(diverged), last=row.all_diverged)


def _key(value: float, objective: Objective, diverged: float, *, last: bool) -> RankKey:
    if last or math.isnan(value):
        return (math.inf, 0.0)
    return (diverged, value if objective.direction == "min" else -value)


def _results_by_seed(db: store.Database, best: _BestTrials, objective: Objective) -> _Results:
    rows = {method: next(iter(by_data.values())) for method, by_data in best.items()}
    diverged = diverged_run_ids(db, rows.values())
    shared = set.intersection(*(set(row.seeds) for row in rows.values()))
    seeds = sorted(shared)
    results = {
        method: {
            seed: (run, math.nan if run in diverged else value)
            for run, seed, value in zip(row.runs, row.seeds, row.values, strict=True)
        }
        for method, row in rows.items()
    }
    unshared = {seed for row in rows.values() for seed in row.seeds} - shared
    return (
        {
            method: [
                _key(by_seed[seed][1], objective, 0.0, last=math.isnan(by_seed[seed][1]))
                for seed in seeds
            ]
            for method, by_seed in results.items()
        },
        {
            method: tuple(by_seed[seed][1] for seed in seeds)
            for method, by_seed in results.items()
        },
        tuple(f"seed {seed}" for seed in seeds),
        tuple(by_seed[seed][0] for by_seed in results.values() for seed in seeds),
        (f"not trained with every method, left out: seeds {', '.join(map(str, sorted(unshared)))}",)
        if unshared
        else (),
    )


def _notes(
    comparison: RankComparison, best: _BestTrials, names: Sequence[str], blocks: BlockKind
) -> list[str]:
    notes = []
    count = comparison.blocks
    if blocks == "seeds":
        data = next(iter(next(iter(best.values()))))
        notes.append(f"ranks within the seeds of {data}: they say nothing about other data sets")
    noun = "data set" if blocks == "data" else "seed"
    if count < comparison.min_blocks:
        notes.append(
            f"too few {noun}s: with {len(comparison.names)} methods Nemenyi's test finds no"
            f" difference below {format_count(comparison.min_blocks, noun)}, there are {count}"
        )
    elif blocks == "data" and count < _FEW_DATA_SETS:
        notes.append(
            f"few data sets ({count}): the tests find only large differences; Demšar 2006"
            f" recommends more than {_FEW_DATA_SETS}"
        )
    diverged = [
        f"{method} on {data} ({row.statuses[Status.DIVERGED]} of {len(row.runs)})"
        for method, by_data in best.items()
        for data, row in by_data.items()
        if row.statuses.get(Status.DIVERGED)
    ]
    if diverged:
        notes.append(f"diverged runs are ranked last: {'; '.join(diverged)}")
    return notes
