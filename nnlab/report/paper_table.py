"""Rankings as tables for papers: means with intervals, the best trials in bold."""

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
from nnlab.analysis.records import Ranking, RankingRequest, RankingRow
from nnlab.analysis.run_epochs import test_metric
from nnlab.analysis.scope import Scope
from nnlab.analysis.significance import describe_test, too_few_seeds
from nnlab.config.setting_differences import format_value
from nnlab.errors import UnknownName, UsageError
from nnlab.figures.draw.display_names import metric_name, setting_name
from nnlab.figures.trials import common_loss
from nnlab.io.text import format_count
from nnlab.objective import Limits, limits_of
from nnlab.records import Scalar
from nnlab.stats import format_mean
from nnlab.stats.aggregate import Aggregate
from nnlab.stats.comparison import PairedTest
from nnlab.stats.intervals import applicable_limits, interval_within_limits
from nnlab.stats.paired import CONFIDENCE_LEVEL
from nnlab.stats.student_t import t_quantile

# Marks rows whose seeds were trained on different data.
_DIFFERENT_DATA_MARK = "†"
_NUMBER_PATTERN = re.compile(r"^\(?(-?[\d.]+)(?: ± ([\d.]+))?\)?(?:e([+-]?\d+))?$")


@dataclass(frozen=True, slots=True)
class MeasuredCell:
    """A cell: a mean and half of its 95 % interval (NaN if it has none), in bold for the best."""

    value: float
    half_width: float
    bold: bool

    @property
    def text(self) -> str:
        """The cell as text, such as `0.973 ± 0.004`."""
        return format_mean(self.value, self.half_width)

    @property
    def digits(self) -> tuple[str, str | None, int]:
        """The mean, half of the interval and the power of ten, with the digits that are shown.

        For a mean that is not finite: its text, None, 0.
        """
        match = _NUMBER_PATTERN.match(self.text)
        if match is None:
            return self.text, None, 0
        return match[1], match[2], int(match[3] or 0)


@dataclass(frozen=True, slots=True)
class PaperTable:
    """A table: columns of text (settings), then columns of measured cells, optionally in groups.

    `groups` are (name, number of columns) pairs, one for each value of the setting `over`; empty
    if there are none. `objective` is the key of the metric.
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
        """The table with rows and columns exchanged: metrics in rows, trials in columns."""
        group_names = [name for name, span in self.groups for _ in range(span)]
        names = [" ".join(texts) or "value" for texts, _ in self.rows]
        headings: tuple[str, ...] = ("Metric",)
        heads: list[tuple[str, ...]] = [(name,) for name in self.columns]
        if group_names:
            headings = (self.over, "Metric")
            heads = list(zip(group_names, self.columns, strict=True))
        rows = tuple(
            (head, tuple(cells[i] for _, cells in self.rows)) for i, head in enumerate(heads)
        )
        return replace(
            self, row_headings=headings, groups=(), columns=tuple(names), rows=rows, over=""
        )


def paper_tables(
    db: store.Database, scope: Scope, request: RankingRequest, *, pivot: str | None = None
) -> tuple[PaperTable, ...]:
    """A table for each group of comparable runs in a scope, the newest first.

    With `pivot`, the table has a group of columns for each value of that field. If runs with
    different values are not comparable (as for `data`), each value is ranked separately, in one
    table. A request for a mixed ranking puts all runs into one table.

    Raises:
        UnknownName: no run has that metric, or no trial has that field.
        UsageError: no epoch is finished.
    """
    groups = comparable_groups(db, scope, by=request.by)
    left_out: tuple[str, ...] = ()
    if request.mixed:
        groups = (ComparableGroup(scope, resolve_objective(db, scope, request.by)),)
    elif pivot in DATA_FIELDS:
        group, left_out = merge_groups_along(groups, [pivot])
        groups = (group,)
    built = [build_table(db, group, request, pivot=pivot, left_out=left_out) for group in groups]
    tables = tuple(table for table in built if table is not None)
    if not tables:
        raise UsageError(f"nothing to compare: no epoch of {scope.title} is finished")
    return tables


def build_table(
    db: store.Database,
    group: ComparableGroup,
    request: RankingRequest,
    *,
    pivot: str | None = None,
    left_out: Sequence[str] = (),
) -> PaperTable | None:
    """The ranking of a group as a table; None if nothing was measured.

    With a pivot, trials that agree in all other differing fields (or in `group_by`) share a row,
    which shows the best of them.

    Raises:
        UnknownName: no trial has the field `pivot`.
    """
    # With a pivot, rows are formed and cut off below, across all values of the field.
    part_request = replace(request, top=None, group_by=()) if pivot else request
    full_ranking = rank_group(db, group, part_request)
    if not full_ranking.rows:
        return None
    if pivot is None:
        parts = {"": full_ranking}
        fields = full_ranking.fields
    else:
        parts = {
            format_value(value) or "-": rank_group(
                db,
                replace(group, scope=replace(group.scope, studies=None, runs=runs)),
                part_request,
            )
            for value, runs in _runs_by_value(full_ranking, pivot).items()
        }
        fields = tuple(request.group_by) or tuple(
            name for name in full_ranking.fields if name != pivot
        )
    names = _column_names(parts, full_ranking, short=pivot is not None)
    row_texts = dict.fromkeys(_row_key(row, fields) for part in parts.values() for row in part.rows)
    cells = {name: _row_cells(part, fields, len(names)) for name, part in parts.items()}
    rows = tuple(
        (
            texts,
            tuple(cell for name in parts for cell in cells[name].get(texts, (None,) * len(names))),
        )
        for texts in list(row_texts)[: request.top or None]
    )
    is_tuned = any(len(part.rows) > len(cells[name]) for name, part in parts.items())
    return PaperTable(
        tuple(setting_name(name) for name in fields),
        tuple((_group_name(name, pivot), len(names)) for name in parts) if pivot else (),
        tuple(names) * len(parts),
        rows,
        _caption(parts, full_ranking, request.test, left_out, is_tuned=is_tuned),
        "tab:"
        + (re.sub(r"[^a-z0-9]+", "-", _table_title(full_ranking).lower()).strip("-") or "results"),
        full_ranking.objective.metric,
        setting_name(pivot) if pivot else "",
    )


def _table_title(ranking: Ranking) -> str:
    """The title of the scope, followed by the heading of the group."""
    return f"{ranking.scope.title} {ranking.heading}".strip()


def _group_name(value: str, pivot: str) -> str:
    """The name of a group of columns: the value of the field, with the name of the field."""
    return value if pivot == "data" else f"{setting_name(pivot)} {value}"


def _runs_by_value(ranking: Ranking, field: str) -> Mapping[Scalar, tuple[int, ...]]:
    fields = {name for row in ranking.rows for name in row.setting}
    if field not in fields:
        raise UnknownName("field", field, fields)
    runs: dict[Scalar, tuple[int, ...]] = {}
    for row in ranking.rows:
        value = row.setting.get(field)
        runs[value] = runs.get(value, ()) + row.runs
    return dict(sorted(runs.items(), key=lambda item: str(item[0])))


def _column_names(parts: Mapping[str, Ranking], ranking: Ranking, *, short: bool) -> list[str]:
    """The objective, and the same metric on the test split if it was measured at the same epochs.

    With `short`, the names are the splits only; the caption names the quantity.
    """
    loss = common_loss(ranking)
    counterpart = test_metric(ranking.objective)
    shows_test = _has_test_values(parts) and _is_test_at_same_epochs(parts)
    if short and counterpart:
        return ["Validation", "Test"] if shows_test else ["Validation"]
    names = [metric_name(ranking.objective.metric, loss)]
    return [*names, metric_name(counterpart, loss)] if shows_test else names


def _has_test_values(parts: Mapping[str, Ranking]) -> bool:
    return any(part.has_test for part in parts.values())


def _is_test_at_same_epochs(parts: Mapping[str, Ranking]) -> bool:
    return all(part.test_epochs_match for part in parts.values())


def _row_key(row: RankingRow, fields: Sequence[str]) -> tuple[str, ...]:
    """The settings of a row as text; the last is marked if its seeds had different data."""
    texts = [format_value(row.setting.get(name)) or "-" for name in fields]
    if row.different_data:
        texts[-1:] = [f"{texts[-1]} {_DIFFERENT_DATA_MARK}"] if texts else [_DIFFERENT_DATA_MARK]
    return tuple(texts)


def _row_cells(
    ranking: Ranking, fields: Sequence[str], columns: int
) -> dict[tuple[str, ...], tuple[MeasuredCell | None, ...]]:
    """The cells of each row; trials with the same key get the cells of the best."""
    cells_by_key: dict[tuple[str, ...], tuple[MeasuredCell | None, ...]] = {}
    limits = limits_of(ranking.objective.metric)
    for row in ranking.rows:  # best first
        bold = row.tier == 1 or (row.rank == 1 and row.tier is None)
        half = _half_width(row.interval) if row.interval else math.nan
        cells: list[MeasuredCell | None] = [MeasuredCell(row.value.mean, half, bold)]
        if columns > 1:
            cells.append(_test_cell(row.test, limits))
        cells_by_key.setdefault(_row_key(row, fields), tuple(cells))
    return cells_by_key


def _test_cell(test: Aggregate | None, limits: Limits) -> MeasuredCell | None:
    """The cell of a test value; never bold, because test values do not select trials."""
    if test is None or not test.n:
        return None
    if test.n < 2 or not math.isfinite(test.sem):
        return MeasuredCell(test.mean, math.nan, bold=False)
    # The ranking keeps only the mean and standard deviation of test values.
    symmetric = test.sem * t_quantile(test.n - 1, 0.5 + CONFIDENCE_LEVEL / 2)
    applicable = applicable_limits(limits, (test.low, test.high))
    half = _half_width(interval_within_limits(test.mean, symmetric, applicable))
    return MeasuredCell(test.mean, half, bold=False)


def _half_width(interval: tuple[float, float]) -> float:
    low, high = interval
    return (high - low) / 2


def _caption(
    parts: Mapping[str, Ranking],
    ranking: Ranking,
    test: PairedTest,
    left_out: Sequence[str],
    *,
    is_tuned: bool,
) -> str:
    text = _measurement_text(parts, ranking, test, is_tuned=is_tuned)
    if ranking.heading:
        text = f"{ranking.heading}: {text}"
    if _has_test_values(parts) and not _is_test_at_same_epochs(parts):
        text += " Test values are omitted because they were measured at other epochs."
    if any(row.different_data for part in parts.values() for row in part.rows):
        text += f" {_DIFFERENT_DATA_MARK}: seeds trained on different data."
    if left_out:
        text += f" Omitted, not comparable: {'; '.join(left_out)}."
    return text


def _measurement_text(
    parts: Mapping[str, Ranking], ranking: Ranking, test: PairedTest, *, is_tuned: bool
) -> str:
    name = metric_name(ranking.objective.metric, common_loss(ranking))
    direction = "lower is better" if ranking.objective.direction == "min" else "higher is better"
    seeds = sorted({row.value.n for part in parts.values() for row in part.rows})
    seed_text = (
        format_count(seeds[-1], "seed") if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]} seeds"
    )
    epoch = {"best": "each run's best epoch", "last": "the last epoch"}.get(
        str(ranking.at), f"epoch {ranking.at}"
    )
    text = f"{name} at {epoch}, {direction}; mean over {seed_text}"
    if seeds[-1] < 2:
        return f"{text}. Bold: the best."
    trials = max(len(part.rows) for part in parts.values())
    if is_tuned:
        text += ", each the best of its trials,"
    return f"{text} ± half of its 95 % interval. {_meaning_of_bold(parts, test, trials)}"


def _meaning_of_bold(parts: Mapping[str, Ranking], test: PairedTest, trials: int) -> str:
    """The sentence that explains bold cells, and whether differences were tested."""
    seed_notes = [note for part in parts.values() if (note := too_few_seeds(part.rows))]
    if not any(row.tier for part in parts.values() for row in part.rows):
        return f"Bold: the best mean{f' ({seed_notes[0]})' if seed_notes else ''}."
    method = f" ({describe_test(test, trials)})" if trials > 1 else ""
    untested = " Rows with too few seeds are not tested." if seed_notes else ""
    return f"Bold: the best, and those not significantly different from it{method}.{untested}"


def table_as_json(table: PaperTable) -> Mapping[str, Any]:
    """The table as JSON values with stable keys (docs/formats.md)."""
    return {
        "by": table.objective,
        "caption": table.caption,
        "stub": list(table.row_headings),
        "groups": [{"name": name, "columns": span} for name, span in table.groups],
        "columns": list(table.columns),
        "rows": [
            {
                "stub": list(texts),
                "cells": [
                    None
                    if cell is None
                    else {"mean": cell.value, "half_width": cell.half_width, "best": cell.bold}
                    for cell in cells
                ],
            }
            for texts, cells in table.rows
        ],
    }
