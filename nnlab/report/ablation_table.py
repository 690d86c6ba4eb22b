"""Ablations as tables for papers and as plain values for scripts."""

import math
from collections.abc import Mapping
from typing import Any

from nnlab.analysis.ablation import Ablation, SingleChange
from nnlab.analysis.records import RankingRow
from nnlab.analysis.significance import describe_test
from nnlab.figures.draw.display_names import metric_name
from nnlab.figures.trials import common_loss, trial_title
from nnlab.io.text import format_count
from nnlab.records import Status
from nnlab.report.change_text import change_text
from nnlab.report.text_table import TextCell, TextColumn, TextTable, table_label
from nnlab.stats import format_interval, format_mean


def ablation_table(ablation: Ablation) -> TextTable:
    """The base, then a row per change: its mean, its difference from the base, interval and p."""
    ranking = ablation.ranking
    rows = (ablation.base, *(change.row for change in ablation.changes))
    name = metric_name(ranking.objective.metric, common_loss(ranking))
    base_cells = (
        TextCell(_with_status(f"Base: {trial_title(ablation.base, ranking)}", ablation.base)),
        TextCell(_mean_text(rows[0])),
        *(TextCell("") for _ in range(3)),
    )
    return TextTable(
        (
            TextColumn("Change"),
            TextColumn(name, align_right=True),
            TextColumn("Difference", align_right=True),
            TextColumn("95 % interval", align_right=True),
            TextColumn("p", align_right=True),
        ),
        (base_cells, *(_change_cells(ablation, change) for change in ablation.changes)),
        _caption(ablation, name),
        table_label(f"{ranking.scope.title} {ranking.heading} ablation"),
        leading_rows=1,
    )


def change_title(ablation: Ablation, change: SingleChange) -> str:
    """The change in words, followed by the number of diverged seeds if there are any."""
    text = change_text(change.field, ablation.base.setting, change.row.setting)
    return _with_status(text, change.row)


def _with_status(text: str, row: RankingRow) -> str:
    diverged, seeds = row.statuses.get(Status.DIVERGED, 0), len(row.runs)
    if not diverged:
        return text
    return f"{text} ({'diverged' if diverged == seeds else f'{diverged} of {seeds} diverged'})"


def _mean_texts(ablation: Ablation) -> tuple[str, ...]:
    """The means of the base and of the changes; empty for trials without a result."""
    rows = (ablation.base, *(change.row for change in ablation.changes))
    means = [math.nan if row.all_diverged else row.value.mean for row in rows]
    halves = [_half_width(row) for row in rows]
    texts = number_column(means, halves, metric=ablation.ranking.objective.metric)
    return tuple(
        text if math.isfinite(mean) else "" for text, mean in zip(texts, means, strict=True)
    )


def _half_width(row: RankingRow) -> float:
    return (row.interval[1] - row.interval[0]) / 2 if row.interval else math.nan


def _change_cells(ablation: Ablation, change: SingleChange) -> tuple[TextCell, ...]:
    comparison = change.comparison
    title, mean = TextCell(change_title(ablation, change)), TextCell(_mean_text(change.row))
    if comparison is None:
        return title, mean, *(TextCell("") for _ in range(3))
    bold = comparison.is_significant
    return (
        title,
        mean,
        TextCell(f"{comparison.mean:+.3g}", bold=bold),
        TextCell(format_interval(comparison.low, comparison.high), bold=bold),
        TextCell(f"{comparison.adjusted:.2g}", bold=bold),
    )


def _caption(ablation: Ablation, name: str) -> str:
    ranking = ablation.ranking
    epoch = {"best": "each run's best epoch", "last": "the last epoch"}.get(
        str(ranking.at), f"epoch {ranking.at}"
    )
    direction = "lower is better" if ranking.objective.direction == "min" else "higher is better"
    heading = f"{ranking.heading}: " if ranking.heading else ""
    text = (
        f"{heading}Effect of single changes on the base. {name} at {epoch}, {direction};"
        f" mean over {_seeds_text(ablation)}"
    )
    if any(row.interval for row in (ablation.base, *(c.row for c in ablation.changes))):
        text += " ± half of its 95 % interval"
    text += "."
    if any(change.comparison for change in ablation.changes):
        text += f" {comparison_text(ablation)} Bold: significantly different from the base."
    return " ".join(
        [text, *(f"{note[:1].upper()}{note[1:]}." for note in ablation_notes(ablation))]
    )


def _seeds_text(ablation: Ablation) -> str:
    seeds = {ablation.base.value.n, *(c.row.value.n for c in ablation.changes)} - {0}
    if len(seeds) == 1:
        return format_count(seeds.pop(), "seed")
    return f"{min(seeds, default=0)} to {max(seeds, default=0)} seeds"


def comparison_text(ablation: Ablation) -> str:
    """How the changes are compared with the base, as a sentence."""
    count = sum(change.comparison is not None for change in ablation.changes)
    correction = f", corrected for {count} changes (Bonferroni)" if count > 1 else ""
    intervals = "simultaneous 95 % intervals" if count > 1 else "95 % intervals"
    test = describe_test(ablation.test, 2)
    return (
        "Differences from the base are paired by seed;"
        f" {intervals} and p of the {test}{correction}."
    )


def ablation_notes(ablation: Ablation) -> tuple[str, ...]:
    """The notes of an ablation, and how many trials are not shown."""
    if not ablation.several:
        return ablation.notes
    trials = format_count(len(ablation.several), "trial")
    return (*ablation.notes, f"{trials} not shown: changed in several settings")


def ablation_as_json(ablation: Ablation) -> Mapping[str, Any]:
    """The ablation as JSON values with stable keys (docs/formats.md)."""
    ranking = ablation.ranking
    return {
        "by": ranking.objective.metric,
        "direction": ranking.objective.direction,
        "at": ranking.at,
        "heading": ranking.heading,
        "test": str(ablation.test),
        "notes": list(ablation_notes(ablation)),
        "base": {"setting": dict(ablation.base.setting), **_row_json(ablation.base)},
        "changes": [_change_json(ablation, change) for change in ablation.changes],
        "several": [list(row.trials) for row in ablation.several],
    }


def _row_json(row: RankingRow) -> Mapping[str, Any]:
    return {
        "trials": list(row.trials),
        "runs": list(row.runs),
        "n": row.value.n,
        "mean": None if row.all_diverged else row.value.mean,
        "sd": None if row.all_diverged else row.value.sd,
        "interval": list(row.interval) if row.interval else None,
        "diverged": row.statuses.get(Status.DIVERGED, 0),
    }


def _change_json(ablation: Ablation, change: SingleChange) -> Mapping[str, Any]:
    comparison = change.comparison
    return {
        "change": change_text(change.field, ablation.base.setting, change.row.setting),
        "field": change.field,
        "base_value": change.base_value,
        "value": change.value,
        **_row_json(change.row),
        "difference": None
        if comparison is None
        else {
            "n": comparison.n,
            "mean": comparison.mean,
            "low": comparison.low,
            "high": comparison.high,
            "p": comparison.p,
            "adjusted": comparison.adjusted,
            "relative": comparison.relative,
            "relative_low": comparison.relative_low,
            "relative_high": comparison.relative_high,
            "significant": comparison.is_significant,
        },
    }
