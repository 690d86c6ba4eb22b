"""Ablations as tables for papers and as plain values for scripts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nnlab.analysis.ablation import Ablation, SingleChange
from nnlab.analysis.ranking_numbers import missing_value_word, value_heading, written_values
from nnlab.analysis.records import RankingRow
from nnlab.analysis.significance import describe_test
from nnlab.figures.draw.display_names import metric_name, value_name
from nnlab.figures.trials import common_loss, trial_title
from nnlab.io.text import format_count
from nnlab.records import Status
from nnlab.report.change_text import change_text
from nnlab.report.text_table import PaperColumn, TextCell, TextTable, table_label, typeset_number
from nnlab.stats.number_columns import (
    WrittenNumber,
    interval_column,
    written_column,
)
from nnlab.stats.rounding import format_p
from nnlab.stats.uncertainty import uncertainty_name


@dataclass(frozen=True, slots=True)
class AblationTexts:
    """The numbers of an ablation as texts: the base first, then the changes.

    Texts are empty where nothing was measured or compared. The numbers of a column have equal
    decimals.
    """

    means: tuple[str, ...]
    differences: tuple[str, ...]
    intervals: tuple[str, ...]
    p_values: tuple[str, ...]


def ablation_texts(ablation: Ablation) -> AblationTexts:
    """The numbers of an ablation as texts."""
    rows = (ablation.base, *(change.row for change in ablation.changes))
    ranking, metric = ablation.ranking, ablation.ranking.objective.metric
    resolution = ranking.resolutions.get(metric)
    by_trials = {
        row.trials: number.text
        for row, number in zip(ranking.rows, written_values(ranking), strict=True)
    }
    comparisons = [None, *(change.comparison for change in ablation.changes)]
    compared = [comparison for comparison in comparisons if comparison is not None]
    differences = iter(
        map(
            _signed_text,
            written_column(
                [comparison.mean for comparison in compared],
                [(comparison.high - comparison.low) / 2 for comparison in compared],
                metric=metric,
                resolution=resolution,
            ),
        )
    )
    intervals = interval_column(
        [None if c is None else (c.low, c.high) for c in comparisons],
        metric=metric,
        resolution=resolution,
    )
    return AblationTexts(
        tuple(by_trials[row.trials] for row in rows),
        tuple("" if comparison is None else next(differences) for comparison in comparisons),
        intervals,
        tuple("" if c is None else format_p(c.adjusted) for c in comparisons),
    )


def _signed_text(difference: WrittenNumber) -> str:
    """A difference with its sign and without its uncertainty, which has a column of its own."""
    text = WrittenNumber(difference.value, None, difference.power).text
    return text if text.startswith("-") or not difference.value.strip("0.") else f"+{text}"


def ablation_table(ablation: Ablation) -> TextTable:
    """The base, then a row per change: its mean, its difference from the base, interval and p."""
    ranking = ablation.ranking
    name = metric_name(ranking.objective.metric, common_loss(ranking))
    texts = ablation_texts(ablation)
    titles = [base_title(ablation), *(change_title(ablation, c) for c in ablation.changes)]
    significant = [False, *(is_significant(change) for change in ablation.changes)]
    return TextTable(
        (
            PaperColumn("Change"),
            PaperColumn(value_heading(name, ranking), align_right=True),
            PaperColumn("Difference", align_right=True),
            PaperColumn("95 % interval", align_right=True),
            PaperColumn("p", align_right=True),
        ),
        tuple(
            (
                TextCell(title),
                TextCell(typeset_number(mean)),
                *(TextCell(typeset_number(text), bold=bold) for text in compared),
            )
            for title, bold, mean, *compared in zip(
                titles,
                significant,
                texts.means,
                texts.differences,
                texts.intervals,
                texts.p_values,
                strict=True,
            )
        ),
        _caption(ablation, name),
        table_label(f"{ranking.scope.title} {ranking.heading} ablation"),
        leading_rows=1,
        notes=_notes_for_print(ablation),
    )


def is_significant(change: SingleChange) -> bool:
    """Whether a change has a significant effect."""
    return change.comparison is not None and change.comparison.is_significant


def base_title(ablation: Ablation) -> str:
    """The base in words."""
    return _with_status(f"Base: {trial_title(ablation.base, ablation.ranking)}", ablation.base)


def change_title(ablation: Ablation, change: SingleChange) -> str:
    """The change in words, followed by the number of diverged seeds if there are any."""
    text = change_text(change.field, ablation.base.setting, change.row.setting)
    return _with_status(text, change.row)


def _with_status(text: str, row: RankingRow) -> str:
    diverged = row.statuses.get(Status.DIVERGED, 0)
    # Without any other seed, `diverged` takes the place of the mean.
    return (
        f"{text} ({diverged} of {len(row.runs)} diverged)" if 0 < diverged < len(row.runs) else text
    )


def _caption(ablation: Ablation, name: str) -> str:
    ranking = ablation.ranking
    direction = "lower is better" if ranking.objective.direction == "min" else "higher is better"
    heading = f"{value_name('data', ranking.heading)}: " if ranking.heading else ""
    spread = ""
    if any(row.value.n > 1 for row in (ablation.base, *(c.row for c in ablation.changes))):
        spread = f" ± {uncertainty_name(ranking.uncertainty)}"
    return (
        f"{heading}Effect of each change of the base alone. {name} at {ranking.values_at},"
        f" {direction}; mean{spread} over {_seeds_text(ablation)}."
    )


def _notes_for_print(ablation: Ablation) -> tuple[str, ...]:
    notes = tuple(f"{note[:1].upper()}{note[1:]}." for note in ablation_notes(ablation))
    if not any(change.comparison for change in ablation.changes):
        return notes
    bold = "Bold: significantly different from the base."
    is_any = any(map(is_significant, ablation.changes))
    return (comparison_text(ablation), *([bold] if is_any else []), *notes)


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
    comparisons = [change.comparison for change in ablation.changes if change.comparison]
    if comparisons and not any(comparison.paired for comparison in comparisons):
        pairing, test = "are not paired, because seeds are unknown", "Welch's t test"
    else:
        pairing, test = "are paired by seed", describe_test(ablation.test, 2)
        if not all(comparison.paired for comparison in comparisons):
            test += ", where seeds are unknown of Welch's t test"
    return f"Differences from the base {pairing}; {intervals} and p of the {test}{correction}."


def ablation_notes(ablation: Ablation) -> tuple[str, ...]:
    """The notes of an ablation, the changes without a value, and how many trials are not shown."""
    notes = list(ablation.notes)
    for field, trial in ablation.without_value:
        text = change_text(field, ablation.base.setting, trial.setting)
        notes.append(f"no value of {text}: {missing_value_word(trial.statuses)}")
    if ablation.several:
        trials = format_count(len(ablation.several), "trial")
        notes.append(f"{trials} not shown: changed in several settings")
    return tuple(notes)


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
