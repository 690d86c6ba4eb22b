"""A ranking as a table for a paper: means with their intervals, the best and its ties marked."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from nnlab import store
from nnlab.analysis.comparable import (
    DATA_FIELDS,
    ComparableGroup,
    comparable_groups,
    merge_groups_along,
    resolve_objective,
)
from nnlab.analysis.ranking import rank_group
from nnlab.analysis.records import EpochChoice, Ranking, RankingRow
from nnlab.analysis.run_epochs import test_metric as twin_of
from nnlab.analysis.scope import Scope
from nnlab.analysis.significance import describe_test, too_few_seeds
from nnlab.config.space import format_value
from nnlab.errors import UnknownName, UsageError
from nnlab.figures.draw.display_names import metric_name, setting_name
from nnlab.figures.trials import common_loss
from nnlab.io.text import format_count
from nnlab.objective import Limits, limits_of
from nnlab.records import Scalar
from nnlab.stats import format_mean
from nnlab.stats.aggregate import Aggregate
from nnlab.stats.comparison import PairedTest
from nnlab.stats.intervals import IntervalMethod, applicable_limits, interval_within_limits
from nnlab.stats.paired import CONFIDENCE_LEVEL
from nnlab.stats.student_t import t_quantile

# Beside a row whose seeds were trained on different data.
_DIFFERENT_DATA_MARK = "†"
_NUMBER_PATTERN = re.compile(r"^\(?(-?[\d.]+)(?: ± ([\d.]+))?\)?(?:e([+-]?\d+))?$")


@dataclass(frozen=True, slots=True)
class MeasuredCell:
    """A cell: a mean and half of its 95 % interval (NaN where it has none), `bold` if it is best.

    `mean`, `half` and `exponent` are the digits that the interval supports.
    """

    value: float
    half_width: float
    bold: bool

    @property
    def text(self) -> str:
        """As it is read: `0.973 ± 0.004`."""
        return format_mean(self.value, self.half_width)

    @property
    def digits(self) -> tuple[str, str | None, int]:
        """Mean, half of the interval and power of ten as digits; of what is no number its word."""
        found = _NUMBER_PATTERN.match(self.text)
        if found is None:
            return self.text, None, 0
        return found[1], found[2], int(found[3] or 0)


@dataclass(frozen=True, slots=True)
class PaperTable:
    """A table: leading columns of words, then columns of measured cells, perhaps in groups.

    `groups` are names over so many columns each, values of the choice `over`; empty where there are
    none. `objective` is the metric's key.
    """

    row_headings: tuple[str, ...]
    groups: tuple[tuple[str, int], ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[tuple[str, ...], tuple[MeasuredCell | None, ...]], ...]
    caption: str
    label: str
    objective: str
    over: str = ""

    def transposed(self) -> "PaperTable":
        """Rows as columns: what was measured goes down, what was compared goes across."""
        over = [name for name, span in self.groups for _ in range(span)]
        names = [" ".join(words) or "value" for words, _ in self.rows]
        stub: tuple[str, ...] = ("Metric",)
        heads: list[tuple[str, ...]] = [(name,) for name in self.columns]
        if over:
            stub = (self.over, "Metric")
            heads = list(zip(over, self.columns, strict=True))
        rows = tuple(
            (head, tuple(cells[i] for _, cells in self.rows)) for i, head in enumerate(heads)
        )
        return replace(self, row_headings=stub, groups=(), columns=tuple(names), rows=rows, over="")


def paper_tables(
    db: store.Database,
    scope: Scope,
    *,
    by: str | None = None,
    at: EpochChoice = "best",
    top: int | None = None,
    group_by: Sequence[str] = (),
    pivot: str | None = None,
    interval: IntervalMethod = IntervalMethod.T,
    test: PairedTest = PairedTest.T,
    mixed: bool = False,
) -> tuple[PaperTable, ...]:
    """A table for each group of comparable runs in a scope, the newest first.

    With `pivot`, a group of columns for each value of that field. Pivoted over a field that makes
    runs incomparable, as `data`, it is one table: nothing is ranked from one value to another.
    `mixed` puts everything into one table.

    Raises:
        UnknownName: no run has that metric, or no trial that field.
        UsageError: nothing was trained.
    """
    groups = comparable_groups(db, scope, by=by)
    left_out: tuple[str, ...] = ()
    if mixed:
        groups = (ComparableGroup(scope, resolve_objective(db, scope, by)),)
    elif pivot in DATA_FIELDS:
        group, left_out = merge_groups_along(groups, [pivot])
        groups = (group,)
    limits = {"at": at, "top": top, "interval": interval, "test": test}
    tables = [
        build_table(db, group, group_by=group_by, pivot=pivot, left_out=left_out, **limits)  # type: ignore[arg-type]
        for group in groups
    ]
    found = tuple(table for table in tables if table is not None)
    if not found:
        raise UsageError(f"nothing to compare: no epoch of {scope.title} is finished")
    return found


def build_table(
    db: store.Database,
    group: ComparableGroup,
    *,
    at: EpochChoice = "best",
    top: int | None = None,
    group_by: Sequence[str] = (),
    pivot: str | None = None,
    interval: IntervalMethod = IntervalMethod.T,
    test: PairedTest = PairedTest.T,
    left_out: Sequence[str] = (),
) -> PaperTable | None:
    """The ranking of a group as a table; None where nothing in it was measured.

    Under a pivot a row is what agrees in all other fields that differ, or in `group_by`; where
    several trials do, the best speaks.

    Raises:
        UnknownName: no trial has the field of the pivot.
    """

    def ranked(part: ComparableGroup) -> Ranking:
        fields = () if pivot else group_by
        limit = None if pivot else top
        return rank_group(db, part, at=at, top=limit, group_by=fields, interval=interval, test=test)

    whole = ranked(group)
    if not whole.rows:
        return None
    if pivot is None:
        parts = {"": whole}
        fields = whole.fields
    else:
        parts = {
            format_value(value) or "-": ranked(
                replace(group, scope=replace(group.scope, studies=None, runs=runs))
            )
            for value, runs in _runs_by_value(whole, pivot).items()
        }
        fields = tuple(group_by) or tuple(name for name in whole.fields if name != pivot)
    heads = _column_names(parts, whole, short=pivot is not None)
    keys = dict.fromkeys(_row_key(row, fields) for part in parts.values() for row in part.rows)
    cells = {name: _row_cells(part, fields, len(heads)) for name, part in parts.items()}
    rows = tuple(
        (key, tuple(cell for name in parts for cell in cells[name].get(key, (None,) * len(heads))))
        for key in list(keys)[: top or None]
    )
    tuned = any(len(part.rows) > len(cells[name]) for name, part in parts.items())
    return PaperTable(
        tuple(setting_name(name) for name in fields),
        tuple((_group_name(name, pivot), len(heads)) for name in parts) if pivot else (),
        tuple(heads) * len(parts),
        rows,
        _caption(parts, whole, test, left_out, tuned=tuned),
        "tab:" + (re.sub(r"[^a-z0-9]+", "-", _table_title(whole).lower()).strip("-") or "results"),
        whole.objective.metric,
        setting_name(pivot) if pivot else "",
    )


def _table_title(ranking: Ranking) -> str:
    """The scope, and which of its groups."""
    return f"{ranking.scope.title} {ranking.heading}".strip()


def _group_name(value: str, pivot: str) -> str:
    """A data set by its name, any other value by its choice's name as well."""
    return value if pivot == "data" else f"{setting_name(pivot)} {value}"


def _runs_by_value(ranking: Ranking, field: str) -> Mapping[Scalar, tuple[int, ...]]:
    known = {name for row in ranking.rows for name in row.setting}
    if field not in known:
        raise UnknownName("field", field, known)
    found: dict[Scalar, tuple[int, ...]] = {}
    for row in ranking.rows:
        value = row.setting.get(field)
        found[value] = found.get(value, ()) + row.runs
    return dict(sorted(found.items(), key=lambda item: str(item[0])))


def _column_names(parts: Mapping[str, Ranking], whole: Ranking, *, short: bool) -> list[str]:
    """The objective, and its twin on the test split where it was measured at the same epochs.

    Under groups the caption alone says which quantity it is.
    """
    loss = common_loss(whole)
    twin = twin_of(whole.objective)
    tested = _has_test_values(parts) and _is_test_at_same_epochs(parts)
    if short and twin:
        return ["Validation", "Test"] if tested else ["Validation"]
    names = [metric_name(whole.objective.metric, loss)]
    return [*names, metric_name(twin, loss)] if tested else names


def _has_test_values(parts: Mapping[str, Ranking]) -> bool:
    return any(part.has_test for part in parts.values())


def _is_test_at_same_epochs(parts: Mapping[str, Ranking]) -> bool:
    return all(part.test_epochs_match for part in parts.values())


def _row_key(row: RankingRow, fields: Sequence[str]) -> tuple[str, ...]:
    """The words of a row; the last is marked where its seeds had different data."""
    words = [format_value(row.setting.get(name)) or "-" for name in fields]
    if row.different_data:
        words[-1:] = [f"{words[-1]} {_DIFFERENT_DATA_MARK}"] if words else [_DIFFERENT_DATA_MARK]
    return tuple(words)


def _row_cells(
    ranking: Ranking, fields: Sequence[str], columns: int
) -> dict[tuple[str, ...], tuple[MeasuredCell | None, ...]]:
    """The cells of each row; of trials with the same key those of the best."""
    found: dict[tuple[str, ...], tuple[MeasuredCell | None, ...]] = {}
    limits = limits_of(ranking.objective.metric)
    for row in ranking.rows:  # best first
        bold = row.tier == 1 or (row.rank == 1 and row.tier is None)
        half = _half_width(row.interval) if row.interval else math.nan
        cells: list[MeasuredCell | None] = [MeasuredCell(row.value.mean, half, bold)]
        if columns > 1:
            cells.append(_test_cell(row.test, limits))
        found.setdefault(_row_key(row, fields), tuple(cells))
    return found


def _test_cell(test: Aggregate | None, limits: Limits) -> MeasuredCell | None:
    """What was read on the test split: never bold, for nothing is chosen by it."""
    if test is None or not test.n:
        return None
    if test.n < 2 or not math.isfinite(test.sem):
        return MeasuredCell(test.mean, math.nan, bold=False)
    # A mean and its standard deviation are all that the ranking keeps of it.
    symmetric = test.sem * t_quantile(test.n - 1, 0.5 + CONFIDENCE_LEVEL / 2)
    holding = applicable_limits(limits, (test.low, test.high))
    half = _half_width(interval_within_limits(test.mean, symmetric, holding))
    return MeasuredCell(test.mean, half, bold=False)


def _half_width(interval: tuple[float, float]) -> float:
    low, high = interval
    return (high - low) / 2


def _caption(
    parts: Mapping[str, Ranking],
    whole: Ranking,
    test: PairedTest,
    left_out: Sequence[str],
    *,
    tuned: bool,
) -> str:
    text = _measurement_text(parts, whole, test, tuned=tuned)
    if whole.heading:
        text = f"{whole.heading}: {text}"
    if _has_test_values(parts) and not _is_test_at_same_epochs(parts):
        text += " Test values are left out: they were measured at other epochs."
    if any(row.different_data for part in parts.values() for row in part.rows):
        text += f" {_DIFFERENT_DATA_MARK}: seeds trained on different data."
    if left_out:
        text += f" Left out, not comparable: {'; '.join(left_out)}."
    return text


def _measurement_text(
    parts: Mapping[str, Ranking], whole: Ranking, test: PairedTest, *, tuned: bool
) -> str:
    name = metric_name(whole.objective.metric, common_loss(whole))
    better = "lower is better" if whole.objective.direction == "min" else "higher is better"
    seeds = sorted({row.value.n for part in parts.values() for row in part.rows})
    over = (
        format_count(seeds[-1], "seed") if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]} seeds"
    )
    epoch = {"best": "each run's best epoch", "last": "the last epoch"}.get(
        str(whole.at), f"epoch {whole.at}"
    )
    text = f"{name} at {epoch}, {better}; mean over {over}"
    if seeds[-1] < 2:
        return f"{text}. Bold: the best."
    trials = max(len(part.rows) for part in parts.values())
    if tuned:
        text += ", each the best of its trials,"
    return f"{text} ± half of its 95 % interval. {_meaning_of_bold(parts, test, trials)}"


def _meaning_of_bold(parts: Mapping[str, Ranking], test: PairedTest, trials: int) -> str:
    """What bold cells are, and whether differences could be tested."""
    lacking = [note for part in parts.values() if (note := too_few_seeds(part.rows))]
    if not any(row.tier for part in parts.values() for row in part.rows):
        return f"Bold: the best mean{f' ({lacking[0]})' if lacking else ''}."
    how = f" ({describe_test(test, trials)})" if trials > 1 else ""
    untested = " Rows with too few seeds are not tested." if lacking else ""
    return f"Bold: the best, and what is not significantly different from it{how}.{untested}"


def table_as_json(table: PaperTable) -> Mapping[str, Any]:
    """The table with stable keys (docs/formats.md)."""
    return {
        "by": table.objective,
        "caption": table.caption,
        "stub": list(table.row_headings),
        "groups": [{"name": name, "columns": span} for name, span in table.groups],
        "columns": list(table.columns),
        "rows": [
            {
                "stub": list(words),
                "cells": [
                    None
                    if cell is None
                    else {"mean": cell.value, "half_width": cell.half_width, "best": cell.bold}
                    for cell in cells
                ],
            }
            for words, cells in table.rows
        ],
    }
