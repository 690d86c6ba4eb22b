"""Methods ranked within data sets or seeds, and the test of their average ranks."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from nnlab import store
from nnlab.analysis.diverged_runs import diverged_run_ids
from nnlab.analysis.external_data import data_of
from nnlab.analysis.ranking import rank
from nnlab.analysis.records import Ranking, RankingRequest, RankingRow
from nnlab.analysis.scope import Scope
from nnlab.errors import UnknownName, UsageError
from nnlab.io.text import format_count
from nnlab.objective import Objective
from nnlab.records import Scalar, Status
from nnlab.settings.setting_differences import format_value
from nnlab.stats.average_ranks import RankComparison, RankKey, compare_average_ranks
from nnlab.stats.comparison import is_seed

BlockKind = Literal["data", "seeds"]
# Demšar 2006, section 3.2.2: with fewer data sets the test rarely finds a difference.
_FEW_DATA_SETS = 10


@dataclass(frozen=True, slots=True)
class MethodRanks:
    """The average ranks of methods, the values of the field `field`, over blocks.

    `methods` holds the value of the field by the name of the method. `blocks` names the data sets
    or seeds. `values` holds the results of each method by block, NaN
    for a run that diverged. `runs` are the runs compared. `notes` must be shown with the ranks.
    """

    objective: Objective
    field: str
    methods: Mapping[str, Scalar]
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
    _check_methods(best, blocks, field)
    results = (
        _results_by_data(best, ranking.objective)
        if blocks == "data"
        else _results_by_seed(db, best, ranking.objective)
    )
    if len(results.blocks) < 2:
        raise _too_few_blocks(best, blocks)
    comparison = compare_average_ranks(results.keys)
    rows = {method: next(iter(by_data.values())) for method, by_data in best.items()}
    return MethodRanks(
        ranking.objective,
        field,
        {method: row.setting.get(field) for method, row in rows.items()},
        comparison,
        results.blocks,
        results.values,
        results.runs,
        (*ranking.left_out, *results.left_out, *_notes(comparison, best, blocks)),
    )


_BestTrials = Mapping[str, Mapping[str, RankingRow]]


@dataclass(frozen=True, slots=True)
class _BlockResults:
    """The results of each method by block, as values and as keys by which they are ranked."""

    blocks: tuple[str, ...]
    keys: Mapping[str, Sequence[RankKey]]
    values: Mapping[str, tuple[float, ...]]
    runs: tuple[int, ...]
    left_out: tuple[str, ...]


def _best_trials(ranking: Ranking, field: str) -> _BestTrials:
    """The best trial of each method on each data set."""
    best: dict[str, dict[str, RankingRow]] = {}
    for row in ranking.rows:  # best first
        method = format_value(row.setting.get(field)) or "-"
        best.setdefault(method, {}).setdefault(format_value(data_of(row.setting)), row)
    return best


def _check_methods(best: _BestTrials, blocks: BlockKind, field: str) -> None:
    if len(best) < 3:
        raise UsageError(
            f"--across {field}: average ranks need at least three methods,"
            f" {'there is one' if len(best) == 1 else 'there are two'}",
            hint=f"nnlab compare --across {field}",
        )
    data_sets = {data for by_data in best.values() for data in by_data}
    if blocks == "seeds" and len(data_sets) > 1:
        raise UsageError(
            f"--blocks seeds: the seeds of {len(data_sets)} data sets are not independent blocks",
            hint="name a study of one data set, or leave out --blocks",
        )


def _too_few_blocks(best: _BestTrials, blocks: BlockKind) -> UsageError:
    """The error for fewer than two data sets, or seeds, with runs of every method."""
    data_sets = {data for by_data in best.values() for data in by_data}
    if blocks == "seeds":
        return UsageError("--blocks seeds: fewer than two seeds were trained with every method")
    if len(data_sets) > 1:
        return UsageError("fewer than two data sets have runs of every method")
    return UsageError(
        f"average ranks over data sets need several of them, and all runs use {data_sets.pop()}",
        hint="--blocks seeds ranks within its seeds, which says nothing about other data",
    )


def _results_by_data(best: _BestTrials, objective: Objective) -> _BlockResults:
    shared = set.intersection(*(set(by_data) for by_data in best.values()))
    left_out = sorted({data for by_data in best.values() for data in by_data} - shared)
    names = tuple(sorted(shared))
    return _BlockResults(
        names,
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
        tuple(run for by_data in best.values() for data in names for run in by_data[data].runs),
        (f"not on all data sets, left out: {', '.join(left_out)}",) if left_out else (),
    )


def _row_key(row: RankingRow, objective: Objective) -> RankKey:
    """As trials are ranked: after all others if a seed diverged, last if all of them did."""
    if row.all_diverged:
        return _key(math.nan, objective)
    diverged = store.divergence_rank(row.statuses.get(Status.DIVERGED, 0), len(row.runs))
    return _key(row.value.mean, objective, diverged)


def _key(value: float, objective: Objective, diverged: int = 0) -> RankKey:
    if math.isnan(value):
        return (math.inf, 0.0)
    return (float(diverged), value if objective.direction == "min" else -value)


def _results_by_seed(db: store.Database, best: _BestTrials, objective: Objective) -> _BlockResults:
    rows = {method: next(iter(by_data.values())) for method, by_data in best.items()}
    diverged = diverged_run_ids(db, rows.values())
    runs = {method: dict(zip(row.seed_keys, row.runs, strict=True)) for method, row in rows.items()}
    values = {
        method: {
            seed: math.nan if run in diverged else value
            for run, seed, value in zip(row.runs, row.seed_keys, row.values, strict=True)
        }
        for method, row in rows.items()
    }
    shared = set.intersection(*(set(by_seed) for by_seed in values.values()))
    unshared = {seed for by_seed in values.values() for seed in by_seed} - shared
    names = ", ".join(str(seed) if is_seed(seed) else "unknown" for seed in sorted(unshared))
    seeds = sorted(shared)
    return _BlockResults(
        tuple(f"seed {seed}" for seed in seeds),
        {
            method: [_key(by_seed[seed], objective) for seed in seeds]
            for method, by_seed in values.items()
        },
        {method: tuple(by_seed[seed] for seed in seeds) for method, by_seed in values.items()},
        tuple(by_seed[seed] for by_seed in runs.values() for seed in seeds),
        (f"not trained with every method, left out: seeds {names}",) if unshared else (),
    )


def _notes(comparison: RankComparison, best: _BestTrials, blocks: BlockKind) -> list[str]:
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
            f"few data sets ({count}): the tests find only large differences (Demšar 2006"
            f" recommends more than {_FEW_DATA_SETS})"
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
