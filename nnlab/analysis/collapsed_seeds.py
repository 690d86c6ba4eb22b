"""Trials with seeds that collapse: ranked by the fraction that works, then by the mean of those."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from nnlab.analysis.records import RankingRow
from nnlab.io.text import format_count
from nnlab.objective import Objective
from nnlab.stats import aggregate
from nnlab.stats.claims import SIGNIFICANCE_LEVEL
from nnlab.stats.collapse import Collapse
from nnlab.stats.comparison import BestComparison, count_pairs
from nnlab.stats.success_test import success_p

# The number of trials that a note names; the others are counted.
_MAX_NAMED = 5


def working_values(values: Mapping[int, float], collapse: Collapse | None) -> dict[int, float]:
    """The values of the seeds that work; all values if none does, or if no seed collapsed.

    Args:
        values: of a trial, by seed.
        collapse: the bound of the table, if its seeds collapse.
    """
    if collapse is None:
        return dict(values)
    return {s: value for s, value in values.items() if collapse.works(value)} or dict(values)


def success_rate(values: Mapping[int, float], collapse: Collapse) -> float:
    """The fraction of the seeds with a value that work."""
    works = [collapse.works(value) for value in values.values() if not math.isnan(value)]
    return sum(works) / len(works) if works else 0.0


def with_working_seeds(row: RankingRow, collapse: Collapse | None) -> RankingRow:
    """The row with the mean and spread of the seeds that work."""
    if collapse is None:
        return row
    values = dict(zip(row.runs, row.values, strict=True))
    collapsed = tuple(
        run for run, value in values.items() if not (math.isnan(value) or collapse.works(value))
    )
    value = aggregate(working_values(values, collapse).values())
    return replace(row, value=replace(value, missing=row.value.missing), collapsed=collapsed)


def with_success_test(
    comparison: BestComparison | None, best: RankingRow, row: RankingRow, trials: int
) -> BestComparison | None:
    """The comparison, which is also significant if significantly fewer seeds work than of the best.

    Its interval is then NaN, because that of the working seeds says nothing about their number.
    """
    if comparison is None or comparison.is_significant or not (best.collapsed or row.collapsed):
        return comparison
    p = success_p(best.working_seeds, row.working_seeds)
    adjusted = min(1.0, count_pairs(trials) * p)
    has_fewer = row.success_rate < best.success_rate
    if not has_fewer or adjusted > SIGNIFICANCE_LEVEL:
        return comparison
    return replace(
        comparison,
        p=p,
        adjusted=adjusted,
        low=math.nan,
        high=math.nan,
        seeds_needed=None,
        min_seeds=2,
        by_success=True,
    )


def collapse_notes(
    rows: Sequence[RankingRow], collapse: Collapse | None, objective: Objective
) -> tuple[str, ...]:
    """Notes on how many seeds work, and what the means and intervals are about."""
    affected = [row for row in rows if row.collapsed]
    if collapse is None or not affected:
        return ()
    named = ", ".join(f"#{row.rank}: {working_text(row)}" for row in affected[:_MAX_NAMED])
    if len(affected) > _MAX_NAMED:
        named += f", and {format_count(len(affected) - _MAX_NAMED, 'more trial')}"
    side = "below" if collapse.higher else "above"
    notes = [
        f"some seeds collapse ({objective.metric} {side} {collapse.bound:.3g}); work: {named}",
        "ranked by the fraction of seeds that work, then by their mean; means, intervals and"
        " tests are those of the seeds that work",
    ]
    fewer = [f"#{row.rank}" for row in rows if row.comparison and row.comparison.by_success]
    if fewer:
        notes.append(f"significantly fewer seeds work than of the best: {', '.join(fewer)}")
    return tuple(notes)


def working_text(row: RankingRow) -> str:
    """How many seeds of a row work, such as `2 of 3 seeds`."""
    working, total = row.working_seeds
    return f"{working} of {format_count(total, 'seed')}"
