"""Output of `nnlab compare --ablation`: the effect of each change of a base setting."""

from collections.abc import Mapping, Sequence
from typing import Any

from nnlab.analysis.ablation import Ablation
from nnlab.analysis.ranking_numbers import value_heading
from nnlab.cli.output.formats import Format
from nnlab.cli.output.render import TableColumn, print_json, render, say
from nnlab.cli.results.compare.text_tables import TextOutput, print_text_tables
from nnlab.report.ablation_table import (
    ablation_as_json,
    ablation_notes,
    ablation_table,
    ablation_texts,
    base_title,
    change_title,
    comparison_text,
    is_significant,
)

_CSV_KEYS = (
    "group", "change", "field", "base_value", "value", "n", "mean", "sd", "difference", "low",
    "high", "p", "adjusted", "relative", "relative_low", "relative_high", "significant",
    "diverged", "runs",
)  # fmt: skip


def print_ablations(ablations: Sequence[Ablation], output: TextOutput) -> None:
    """Prints each ablation as a table with its notes, or all as one JSON or CSV document."""
    output_format = output.list_format
    if output_format is None:
        print_text_tables([ablation_table(ablation) for ablation in ablations], output)
        return
    if output_format is Format.JSON:
        first, *others = map(ablation_as_json, ablations)
        print_json({**first, "other_groups": others})
        return
    if output_format is Format.CSV:
        rows = [row for ablation in ablations for row in _csv_rows(ablation)]
        render(rows, [TableColumn(key, key) for key in _CSV_KEYS], output_format)
        return
    for index, ablation in enumerate(ablations):
        if index:
            say()
        if ablation.ranking.heading:
            say(ablation.ranking.heading, style="bold")
        _print_ablation(ablation)


def _print_ablation(ablation: Ablation) -> None:
    objective = ablation.ranking.objective
    arrow = "lower is better" if objective.direction == "min" else "higher is better"
    texts = ablation_texts(ablation)
    titles = [base_title(ablation), *(change_title(ablation, c) for c in ablation.changes)]
    rows = (ablation.base, *(change.row for change in ablation.changes))
    marks = ["", *(" *" if is_significant(change) else "  " for change in ablation.changes)]
    columns = (
        TableColumn("change", "change", wrap=True),
        TableColumn("n", "n", align_right=True, priority=2),
        TableColumn(
            "mean",
            f"{value_heading(objective.metric, ablation.ranking)} ({arrow})",
            align_right=True,
        ),
        TableColumn("difference", "difference", align_right=True),
        TableColumn("interval", "95 % interval", align_right=True, priority=1),
        TableColumn("p", "p", align_right=True),
    )
    render(
        [
            {
                "change": title,
                "n": row.value.n,
                "mean": mean,
                "difference": difference,
                "interval": interval,
                "p": p and f"{p}{mark}",
            }
            for title, row, mark, mean, difference, interval, p in zip(
                titles,
                rows,
                marks,
                texts.means,
                texts.differences,
                texts.intervals,
                texts.p_values,
                strict=True,
            )
        ],
        columns,
        Format.TABLE,
    )
    if any(change.comparison for change in ablation.changes):
        say(comparison_text(ablation), style="dim")
    if any(map(is_significant, ablation.changes)):
        say("*: significantly different from the base", style="dim")
    for note in ablation_notes(ablation):
        say(note, style="dim")


def _csv_rows(ablation: Ablation) -> list[Mapping[str, Any]]:
    values = ablation_as_json(ablation)
    group = {"group": ablation.ranking.heading}
    rows: list[Mapping[str, Any]] = [{**group, "change": "base", **values["base"]}]
    for change in values["changes"]:
        difference = change["difference"] or {}
        own = {key: value for key, value in difference.items() if key not in ("n", "mean")}
        rows.append({**group, **change, **own, "difference": difference.get("mean")})
    return rows
