"""The settings on the axes of heatmaps and sweeps, and the results at each of their values."""

import math
from collections.abc import Mapping, Sequence
from typing import Literal

from nnlab.analysis.records import Ranking, RankingRow
from nnlab.config.setting_differences import format_value
from nnlab.errors import UnknownName, UsageError
from nnlab.objective import UNLIMITED, Limits, format_exact
from nnlab.records import Scalar
from nnlab.stats import aggregate
from nnlab.stats.intervals import confidence_interval

Reduction = Literal["best", "mean"]
AxisValue = float | str


def choose_fields(ranking: Ranking, names: Sequence[str | None]) -> tuple[str, ...]:
    """The requested fields; each None is replaced by the next field in which the trials differ.

    Numeric fields come first, then fields with more values.

    Raises:
        UnknownName: no trial has that field.
        UsageError: too few fields differ.
    """
    available = {name for row in ranking.rows for name in row.setting}
    requested = [None if name is None else name.lstrip("-").replace("-", "_") for name in names]
    for name in requested:
        if name is not None and name not in available:
            raise UnknownName("field", name, available)
    free = sorted(
        (name for name in ranking.fields if name not in requested),
        key=lambda name: (
            not _has_only_numbers(ranking.rows, name),
            -len(_distinct_values(ranking.rows, name)),
        ),
    )
    needed = sum(name is None for name in requested)
    if len(free) < needed:
        differ = ", ".join(ranking.fields) or "nothing"
        count = "one setting" if len(requested) == 1 else "two settings"
        raise UsageError(
            f"this figure needs {count} in which trials differ; these trials differ in {differ}",
            hint="nnlab train --lr 0.001..1 --seeds 3 creates trials that differ",
        )
    unused = iter(free)
    return tuple(next(unused) if name is None else name for name in requested)


def axis_value(row: RankingRow, field: str) -> AxisValue:
    """The value of a field on an axis: a number, or the text of a category."""
    value = row.setting.get(field)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    return format_value(value) or "-"


def ordered_values(values: Sequence[AxisValue]) -> list[AxisValue]:
    """The distinct values: numbers in ascending order, categories in order of appearance."""
    distinct = list(dict.fromkeys(values))
    texts = [value for value in distinct if isinstance(value, str)]
    if texts and len(texts) < len(distinct):
        # A field with numbers and texts is treated as categorical.
        return [value if isinstance(value, str) else format_exact(value) for value in distinct]
    return list(texts) if texts else sorted(distinct)


def values_by_cell(
    ranking: Ranking, fields: Sequence[str], over: Reduction
) -> Mapping[tuple[AxisValue, ...], tuple[float, ...]]:
    """The results at each combination of values of the fields, over all other settings.

    `best` takes the seeds of the best trial, as if the other settings had been tuned; `mean` takes
    the mean of each trial, as an analysis of variance does.
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
    """The mean, and its 95 % interval over the seeds of one trial.

    NaN values (runs without a result) are ignored, as in `nnlab.stats.aggregate`. With an infinite
    value, or without values, the mean is not finite. The interval is None below two seeds, and for
    means over several trials, because their settings are not a random sample.
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
