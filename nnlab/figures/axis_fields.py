"""Which choices of trials an axis can show, and what was reached at each of their values."""

import math
from collections.abc import Mapping, Sequence
from typing import Literal

from nnlab.analysis.records import Ranking, RankingRow
from nnlab.config.space import format_value
from nnlab.errors import UnknownName, UsageError
from nnlab.objective import UNLIMITED, Limits, format_exact
from nnlab.records import Scalar
from nnlab.stats import aggregate
from nnlab.stats.intervals import confidence_interval

Reduction = Literal["best", "mean"]
AxisValue = float | str


def choose_fields(ranking: Ranking, asked: Sequence[str | None]) -> tuple[str, ...]:
    """The fields that were asked for; for each None the next one that differs most.

    Numbers come before words, then what has more values.

    Raises:
        UnknownName: no trial has that field.
        UsageError: not so many fields differ.
    """
    known = {name for row in ranking.rows for name in row.setting}
    given = [None if name is None else name.lstrip("-").replace("-", "_") for name in asked]
    for name in given:
        if name is not None and name not in known:
            raise UnknownName("field", name, known)
    free = sorted(
        (name for name in ranking.fields if name not in given),
        key=lambda name: (
            not _has_only_numbers(ranking.rows, name),
            -len(_distinct_values(ranking.rows, name)),
        ),
    )
    needed = sum(name is None for name in given)
    if len(free) < needed:
        differ = ", ".join(ranking.fields) or "nothing"
        wanted = "a choice" if len(given) == 1 else "two choices"
        raise UsageError(
            f"{wanted} in which trials differ must be there to draw this; these differ in {differ}",
            hint="nnlab train --lr 0.001..1 --seeds 3 makes trials that differ",
        )
    rest = iter(free)
    return tuple(next(rest) if name is None else name for name in given)


def axis_value(row: RankingRow, field: str) -> AxisValue:
    """The value of a field on an axis: a number, or a word."""
    value = row.setting.get(field)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    return format_value(value) or "-"


def ordered_values(values: Sequence[AxisValue]) -> list[AxisValue]:
    """Values once each: numbers by size, then words as they first came, best first."""
    once = list(dict.fromkeys(values))
    words = [value for value in once if isinstance(value, str)]
    if words and len(words) < len(once):
        # A field that is a number here and a word there is a category throughout.
        return [value if isinstance(value, str) else format_exact(value) for value in once]
    return list(words) if words else sorted(once)


def values_by_cell(
    ranking: Ranking, fields: Sequence[str], over: Reduction
) -> Mapping[tuple[AxisValue, ...], tuple[float, ...]]:
    """What was reached at each combination of the fields' values, over all other choices.

    `best` takes the seeds of the best trial there, as if it had been tuned; `mean` the means of
    all its trials, as an analysis of variance does.
    """
    mixed = {name for name in fields if _has_words_and_numbers(ranking.rows, name)}
    groups: dict[tuple[AxisValue, ...], list[RankingRow]] = {}
    for row in ranking.rows:  # best first
        key = tuple(_cell_coordinate(row, name, mixed) for name in fields)
        groups.setdefault(key, []).append(row)
    if over == "best":
        return {key: rows[0].values for key, rows in groups.items()}
    return {key: tuple(row.value.mean for row in rows) for key, rows in groups.items()}


def mean_and_interval(
    values: Sequence[float], over: Reduction = "best", limits: Limits = UNLIMITED
) -> tuple[float, tuple[float, float] | None]:
    """The mean as tables show it, and its 95 % interval over the seeds of one trial, if several.

    Values that are NaN are left out, as `nnlab.stats.aggregate` does: runs without a result. An
    infinite value, or none at all, makes the mean not finite. Other trials' choices are no sample
    of anything: their mean has no interval.
    """
    mean = aggregate(values).mean
    measured = [value for value in values if not math.isnan(value)]
    if not math.isfinite(mean) or len(measured) < 2 or over != "best":
        return mean, None
    return mean, confidence_interval(measured, limits=limits)


def _cell_coordinate(row: RankingRow, field: str, mixed: set[str]) -> AxisValue:
    value = axis_value(row, field)
    return format_exact(value) if field in mixed and not isinstance(value, str) else value


def _has_words_and_numbers(rows: Sequence[RankingRow], field: str) -> bool:
    return len({isinstance(axis_value(row, field), str) for row in rows}) > 1


def _has_only_numbers(rows: Sequence[RankingRow], field: str) -> bool:
    return not any(isinstance(axis_value(row, field), str) for row in rows)


def _distinct_values(rows: Sequence[RankingRow], field: str) -> set[Scalar]:
    return {row.setting.get(field) for row in rows}
