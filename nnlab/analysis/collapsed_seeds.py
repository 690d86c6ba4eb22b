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
from nnlab.stats.comparison import BestComparison
from nnlab.stats.success_test import adjusted_success_p

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


def tested_values(values: Mapping[int, float], collapse: Collapse | None) -> dict[int, float]:
    """The values that tests compare: of the seeds that work, which may be none.

    A trial whose few seeds all collapsed has a spread, but this spread says nothing about how
    often they do.
    """
    if collapse is None:
        return dict(values)
    return {s: value for s, value in values.items() if collapse.works(value)}


def with_success_test(
    comparison: BestComparison | None, rows: Sequence[RankingRow], index: int
) -> BestComparison | None:
    """The comparison, which is also significant if significantly fewer seeds of the row work.

    Its interval is then NaN, because that of the working seeds says nothing about their number.

    Args:
        comparison: by the values of the seeds that work; None if there are too few.
        rows: of the ranking, the best first.
        index: that of the compared row.
    """
    best, row = rows[0], rows[index]
    if (comparison is not None and comparison.is_significant) or not row.collapsed:
        return comparison
    adjusted = adjusted_success_p([row.working_seeds for row in rows], index)
    if row.success_rate >= best.success_rate or adjusted > SIGNIFICANCE_LEVEL:
        return comparison
    return BestComparison(
        n=min(best.working_seeds[1], row.working_seeds[1]),
        paired=False,
        mean=abs(best.value.mean - row.value.mean),
        low=math.nan,
        high=math.nan,
        p=adjusted / len(rows),
        adjusted=adjusted,
        effect=math.nan,
        improvement_probability=comparison.improvement_probability if comparison else math.nan,
        seeds_needed=None,
        by_success=True,
    )


def collapse_notes(
    rows: Sequence[RankingRow], collapse: Collapse | None, objective: Objective
) -> tuple[str, ...]:
    """Notes on how many seeds work, and what the means and intervals are about."""
    affected = [row for row in rows if row.collapsed]
    if collapse is None or not affected:
        return ()
    named = ", ".join(f"#{row.rank} ({working_text(row)} work)" for row in affected[:_MAX_NAMED])
    if len(affected) > _MAX_NAMED:
        named += f", and {format_count(len(affected) - _MAX_NAMED, 'more trial')}"
    side = "below" if collapse.higher else "above"
    notes = [
        f"some seeds collapse ({objective.metric} {side} {collapse.bound:.3g}): {named}",
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
