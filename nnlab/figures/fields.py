"""Which choices of trials an axis can show, and what was reached at each of their values."""

import math
from collections.abc import Mapping, Sequence
from typing import Literal

from nnlab.analysis.ranking import Ranking, Row
from nnlab.config.space import shown
from nnlab.errors import UnknownName, UsageError
from nnlab.objective import UNLIMITED, Limits, exact_text
from nnlab.records import Scalar
from nnlab.stats import aggregate
from nnlab.stats.intervals import interval_of

Over = Literal["best", "mean"]
Value = float | str


def chosen_fields(ranking: Ranking, asked: Sequence[str | None]) -> tuple[str, ...]:
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
        key=lambda name: (not _is_number(ranking.rows, name), -len(_values(ranking.rows, name))),
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


def value_at(row: Row, field: str) -> Value:
    """The value of a field on an axis: a number, or a word."""
    value = row.setting.get(field)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    return shown(value) or "-"


def in_order(values: Sequence[Value]) -> list[Value]:
    """Values once each: numbers by size, then words as they first came, best first."""
    once = list(dict.fromkeys(values))
    words = [value for value in once if isinstance(value, str)]
    if words and len(words) < len(once):
        # A field that is a number here and a word there is a category throughout.
        return [value if isinstance(value, str) else exact_text(value) for value in once]
    return list(words) if words else sorted(once)


def cells(
    ranking: Ranking, fields: Sequence[str], over: Over
) -> Mapping[tuple[Value, ...], tuple[float, ...]]:
    """What was reached at each combination of the fields' values, over all other choices.

    `best` takes the seeds of the best trial there, as if it had been tuned; `mean` the means of
    all its trials, as an analysis of variance does.
    """
    mixed = {name for name in fields if _is_mixed(ranking.rows, name)}
    groups: dict[tuple[Value, ...], list[Row]] = {}
    for row in ranking.rows:  # best first
        key = tuple(_at(row, name, mixed) for name in fields)
        groups.setdefault(key, []).append(row)
    if over == "best":
        return {key: rows[0].values for key, rows in groups.items()}
    return {key: tuple(row.value.mean for row in rows) for key, rows in groups.items()}


def mean_of(
    values: Sequence[float], over: Over = "best", limits: Limits = UNLIMITED
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
    return mean, interval_of(measured, limits=limits)


def _at(row: Row, field: str, mixed: set[str]) -> Value:
    value = value_at(row, field)
    return exact_text(value) if field in mixed and not isinstance(value, str) else value


def _is_mixed(rows: Sequence[Row], field: str) -> bool:
    return len({isinstance(value_at(row, field), str) for row in rows}) > 1


def _is_number(rows: Sequence[Row], field: str) -> bool:
    return not any(isinstance(value_at(row, field), str) for row in rows)


def _values(rows: Sequence[Row], field: str) -> set[Scalar]:
    return {row.setting.get(field) for row in rows}
