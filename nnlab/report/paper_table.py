"""Rankings as tables for papers: means with their uncertainty, the best trials in bold."""

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
from nnlab.analysis.ranking_numbers import (
    half_width,
    missing_value_word,
    row_half_width,
    written_tests,
    written_values,
)
from nnlab.analysis.records import Ranking, RankingRequest, RankingRow, UnrankedTrial
from nnlab.analysis.run_epochs import test_metric
from nnlab.analysis.scope import Scope
from nnlab.analysis.table_ranking import as_table_ranking, check_relative_base
from nnlab.errors import UnknownName, UsageError
from nnlab.figures.draw.display_names import metric_name, setting_name, trial_name, value_name
from nnlab.figures.trials import common_loss
from nnlab.objective import limits_of
from nnlab.records import Scalar
from nnlab.report.extra_cells import extra_cells, extra_headings, extra_notes
from nnlab.report.measured_cell import MeasuredCell
from nnlab.report.table_notes import (
    DIFFERENT_DATA_MARK,
    PARTIAL_FAILURE_MARK,
    seed_counts,
    table_caption,
    table_notes,
)
from nnlab.stats.number_columns import WrittenNumber


@dataclass(frozen=True, slots=True)
class PaperTable:
    """A table: columns of text (settings), then columns of measured cells, optionally in groups.

    `groups` are (name, number of columns) pairs, one for each value of the setting `over`; empty
    if there are none. `objective` is the key of the metric. `caption` says what the cells are, and
    `notes` are sentences that belong below the table.
    """

    row_headings: tuple[str, ...]
    groups: tuple[tuple[str, int], ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[tuple[str, ...], tuple[MeasuredCell | None, ...]], ...]
    caption: str
    label: str
    objective: str
    over: str = ""
    notes: tuple[str, ...] = ()

    def _row_title(self, texts: Sequence[str]) -> str:
        """The texts of a row as one, with the heading before a number."""
        return ", ".join(
            f"{heading} {text}" if text[:1].isdigit() else text
            for heading, text in zip(self.row_headings, texts, strict=True)
        )

    def transposed(self) -> "PaperTable":
        """The table with rows and columns exchanged: metrics in rows, trials in columns."""
        group_names = [name for name, span in self.groups for _ in range(span)]
        names = [self._row_title(texts) or "value" for texts, _ in self.rows]
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
    check_relative_base(db, scope, request)
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
        full_ranking = as_table_ranking(db, full_ranking, part_request)
        parts = {"": full_ranking}
        fields = full_ranking.fields
    else:
        parts = {
            _group_name(value, pivot): as_table_ranking(
                db,
                rank_group(
                    db,
                    replace(group, scope=replace(group.scope, studies=None, runs=runs)),
                    part_request,
                ),
                part_request,
            )
            for value, runs in _runs_by_value(full_ranking, pivot).items()
        }
        fields = tuple(request.group_by) or tuple(
            name for name in full_ranking.fields if name != pivot
        )
    measured = _column_names(parts, full_ranking, short=pivot is not None)
    extra = extra_headings(parts.values())
    names = [*measured, *extra.values()]
    # A column of its own says n if it differs between the rows.
    shows_n = pivot is None and len(seed_counts(parts)) > 1
    cells = {
        name: _row_cells(part, fields, len(measured), tuple(extra), shows_n=shows_n)
        for name, part in parts.items()
    }
    row_texts = dict.fromkeys(texts for part_cells in cells.values() for texts in part_cells)
    rows = tuple(
        (
            texts,
            tuple(cell for name in parts for cell in cells[name].get(texts, (None,) * len(names))),
        )
        for texts in list(row_texts)[: request.top or None]
    )
    is_tuned = any(
        len(part.rows) + len(part.unranked) > len(cells[name]) for name, part in parts.items()
    )
    headings = [setting_name(name) for name in fields] + ["n"] * shows_n
    return PaperTable(
        tuple(headings),
        tuple((name, len(names)) for name in parts) if pivot else (),
        tuple(names) * len(parts),
        rows,
        table_caption(parts, full_ranking, is_tuned=is_tuned),
        "tab:"
        + (re.sub(r"[^a-z0-9]+", "-", _table_title(full_ranking).lower()).strip("-") or "results"),
        full_ranking.objective.metric,
        setting_name(pivot) if pivot else "",
        (
            *table_notes(
                parts,
                request.test,
                left_out,
                omits_test_values=_has_test_values(parts) and not _is_test_at_same_epochs(parts),
            ),
            *extra_notes(parts.values()),
        ),
    )


def _table_title(ranking: Ranking) -> str:
    """The title of the scope, followed by the heading of the group."""
    return f"{ranking.scope.title} {ranking.heading}".strip()


def _group_name(value: Scalar, pivot: str) -> str:
    """The name of a group of columns: the value of the field, with its field where needed."""
    if pivot == "data":
        return value_name(pivot, value)
    return trial_name({pivot: value}, [pivot]) or f"{setting_name(pivot)} -"


def _runs_by_value(ranking: Ranking, field: str) -> Mapping[Scalar, tuple[int, ...]]:
    trials: list[RankingRow | UnrankedTrial] = [*ranking.rows, *ranking.unranked]
    fields = {name for trial in trials for name in trial.labelled_setting}
    if field not in fields:
        raise UnknownName("field", field, fields)
    runs: dict[Scalar, tuple[int, ...]] = {}
    for trial in trials:
        value = trial.labelled_setting.get(field)
        more = trial.runs_without_value if isinstance(trial, RankingRow) else ()
        runs[value] = (*runs.get(value, ()), *trial.runs, *more)
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


def _row_texts(
    row: RankingRow | UnrankedTrial, fields: Sequence[str], *, shows_n: bool
) -> tuple[str, ...]:
    """The settings of a row as text; marks follow the last one."""
    texts = [
        "-"
        if row.labelled_setting.get(name) is None
        else value_name(name, row.labelled_setting.get(name))
        for name in fields
    ]
    marks = ""
    if isinstance(row, RankingRow):
        marks += DIFFERENT_DATA_MARK if row.different_data else ""
        marks += PARTIAL_FAILURE_MARK if row.unsuccessful and not row.all_diverged else ""
    if marks:
        texts[-1:] = [f"{texts[-1]} {marks}"] if texts else [marks]
    if shows_n:
        has_value = isinstance(row, RankingRow) and not row.all_diverged
        texts.append(str(row.value.n) if has_value and isinstance(row, RankingRow) else "0")
    return tuple(texts)


def _row_cells(
    ranking: Ranking,
    fields: Sequence[str],
    columns: int,
    extra: Sequence[str],
    *,
    shows_n: bool,
) -> dict[tuple[str, ...], tuple[MeasuredCell | None, ...]]:
    """The cells of each row; trials with the same texts get the cells of the best.

    Trials without a value follow, with a word in place of the value.
    """
    cells_by_texts: dict[tuple[str, ...], tuple[MeasuredCell | None, ...]] = {}
    limits = limits_of(test_metric(ranking.objective))
    for index, (row, value, test) in enumerate(
        zip(ranking.rows, written_values(ranking), written_tests(ranking), strict=True)
    ):  # best first
        mean = row.value.mean if value.is_number else math.nan
        cells: list[MeasuredCell | None] = [
            MeasuredCell(mean, row_half_width(row, ranking), row.is_leader, value)
        ]
        if columns > 1:
            # Never bold, because test values do not select trials.
            cells.append(
                MeasuredCell(
                    row.test.mean, half_width(row.test, ranking.uncertainty, limits), False, test
                )
                if row.test and test
                else None
            )
        cells += extra_cells(ranking, index, extra)
        cells_by_texts.setdefault(_row_texts(row, fields, shows_n=shows_n), tuple(cells))
    for trial in ranking.unranked:
        word = WrittenNumber(missing_value_word(trial.statuses))
        cell = MeasuredCell(math.nan, math.nan, bold=False, written=word)
        empty = (None,) * (columns - 1 + len(extra))
        cells_by_texts.setdefault(_row_texts(trial, fields, shows_n=shows_n), (cell, *empty))
    return cells_by_texts


def table_as_json(table: PaperTable) -> Mapping[str, Any]:
    """The table as JSON values with stable keys (docs/formats.md)."""
    return {
        "by": table.objective,
        "caption": " ".join([table.caption, *table.notes]),
        "notes": list(table.notes),
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
