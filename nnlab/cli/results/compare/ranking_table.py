"""Output of rankings in all formats, used by `nnlab compare` and after training."""

from collections.abc import Mapping, Sequence
from typing import Any

from nnlab.analysis.collapsed_seeds import working_text
from nnlab.analysis.plain_values import ranking_values
from nnlab.analysis.ranking_numbers import (
    difference_bounds,
    difference_texts,
    interval_texts,
    is_symmetric,
    missing_value_word,
    unsuccessful_text,
    value_heading,
    written_errors,
    written_tests,
    written_values,
)
from nnlab.analysis.records import Ranking, RankingRow
from nnlab.analysis.run_epochs import test_metric
from nnlab.cli.output.formats import Format
from nnlab.cli.output.render import TableColumn, print_json, render, say
from nnlab.cli.results.compare.extra_columns import extra_cells, extra_table_columns
from nnlab.io.text import position_number
from nnlab.settings.setting_differences import format_value
from nnlab.stats.rounding import format_p
from nnlab.stats.uncertainty import Uncertainty

# Further groups are listed by name.
_MAX_TABLES = 8


def print_rankings(
    rankings: Sequence[Ranking],
    output_format: Format,
    claim: Mapping[str, Any] | None = None,
) -> None:
    """Prints a ranking for each group of comparable runs, as one document.

    Args:
        rankings: the rankings.
        output_format: the format.
        claim: the verdict on the claim of their study, which only JSON contains.
    """
    if output_format is Format.JSON:
        first, *others = map(ranking_values, rankings)
        print_json({**first, "other_groups": others, "claim": claim})
    elif output_format is Format.CSV and len(rankings) > 1:
        _print_one_csv(rankings)
    elif len(rankings) == 1:
        print_ranking(rankings[0], output_format)
    else:
        groups = len(rankings)
        say(f"{groups} groups of runs that are not comparable with each other", style="bold")
        for index, ranking in enumerate(rankings[:_MAX_TABLES]):
            if index == 0 or footnotes(rankings[index - 1]):
                say()
            say(ranking.heading, style="bold")
            print_ranking(ranking, output_format)
        if groups > _MAX_TABLES:
            names = "; ".join(ranking.heading for ranking in rankings[_MAX_TABLES:])
            say(f"not shown: {names}; name a study or runs to see them", style="dim")


def print_ranking(ranking: Ranking, output_format: Format) -> None:
    """Prints the rows of a ranking, and its footnotes except in CSV."""
    if ranking.rows or not ranking.heading:
        render(_table_rows(ranking), ranking_columns(ranking), output_format)
    if output_format is Format.CSV:
        return
    for line in footnotes(ranking):
        say(line, style="dim")


def _print_one_csv(rankings: Sequence[Ranking]) -> None:
    """Prints the rows of all groups in one CSV table with the columns of all groups."""
    columns = {
        column.key: column for ranking in rankings for column in ranking_columns(ranking)
    }  # columns of equal keys are equal in all groups
    fields = {field: None for ranking in rankings for field in ranking.fields}
    ordered = ["rank", *fields, *(key for key in columns if key != "rank" and key not in fields)]
    rows = [
        {
            **dict.fromkeys(fields),
            **row,
            "group": ranking.heading,
            "metric": ranking.objective.metric,
        }
        for ranking in rankings
        for row in _table_rows(ranking)
    ]
    leading = [TableColumn("group", "group"), TableColumn("metric", "metric")]
    render(rows, [*leading, *(columns[key] for key in ordered)], Format.CSV)


def footnotes(ranking: Ranking) -> list[str]:
    """The notes of a ranking, and the number of omitted trials."""
    lines = list(ranking.notes)
    if ranking.total > len(ranking.rows):
        omitted = ranking.total - len(ranking.rows)
        lines.append(f"{omitted:,} more trials; --top 0 shows all")
    return lines


def ranking_columns(ranking: Ranking) -> list[TableColumn]:
    """The columns: rank, differing fields, seeds, metric, epoch and findings."""
    arrow = "lower is better" if ranking.objective.direction == "min" else "higher is better"
    axes = {row.axis for row in ranking.rows}
    title = f"{value_heading(ranking.objective.metric, ranking)} ({arrow})"
    return [
        TableColumn("rank", "#", align_right=True),
        *(TableColumn(field, field, format_value) for field in ranking.fields),
        *(
            [TableColumn("trial", "trial", align_right=True)]
            if ranking.ranks_with_equal_fields
            else []
        ),
        TableColumn("n", "n", align_right=True),
        *(
            [TableColumn("working", "seeds that work")]
            if any(row.collapsed for row in ranking.rows)
            else []
        ),
        *_error_columns(ranking),
        TableColumn("mean_sd", title, align_right=True),
        *_significance_columns(ranking),
        TableColumn(
            "unsuccessful", "diverged or failed", hidden=not _has_partial_failures(ranking)
        ),
        TableColumn("mean", "mean", hidden=True),
        TableColumn("sd", "sd", hidden=True),
        TableColumn(
            "epoch",
            f"best {ranking.axis_word}" if ranking.at == "best" else ranking.axis_word,
            lambda epoch: position_number(epoch, axes),
            align_right=True,
            priority=3,
        ),
        *_test_columns(ranking),
        *extra_table_columns(ranking),
        TableColumn("flags", "flags", _format_flags, wrap=True, priority=2),
        *(
            [TableColumn("different_data", "data", lambda differs: "different!" if differs else "")]
            if any(row.different_data for row in ranking.rows)
            else []
        ),
        TableColumn("runs", "runs", hidden=True),
    ]


def _error_columns(ranking: Ranking) -> list[TableColumn]:
    """The errors of a regression in the unit of the target, if the runs have them."""
    metrics = dict.fromkeys(metric for row in ranking.rows for metric in row.errors)
    return [
        TableColumn(
            metric.replace("/", "_"), value_heading(metric, ranking), align_right=True, priority=1
        )
        for metric in metrics
    ]


def _significance_columns(ranking: Ranking) -> list[TableColumn]:
    """Intervals, tiers and differences from the best, if any trial has at least two seeds."""
    if not any(row.interval for row in ranking.rows):
        return []
    single_row = len(ranking.rows) < 2
    no_tiers = not any(row.tier for row in ranking.rows)
    is_shown_after_mean = ranking.uncertainty is Uncertainty.CI and all(
        map(is_symmetric, ranking.rows)
    )
    texts = dict(zip((row.interval for row in ranking.rows), interval_texts(ranking), strict=True))
    differences = dict(
        zip(map(difference_bounds, ranking.rows), difference_texts(ranking), strict=True)
    )
    return [
        TableColumn(
            "interval",
            "95 % interval",
            lambda bounds: texts.get(bounds, ""),
            align_right=True,
            hidden=is_shown_after_mean,
            priority=3,
        ),
        TableColumn("tier", "tier", align_right=True, hidden=single_row or no_tiers, priority=1),
        TableColumn(
            "behind",
            "difference from best",
            lambda bounds: differences.get(bounds, ""),
            align_right=True,
            hidden=single_row,
            priority=4,
        ),
        TableColumn("p", "p", format_p, align_right=True, hidden=single_row, priority=2),
        TableColumn(
            "better", "P(best better)", lambda share: f"{share:.2f}", align_right=True, hidden=True
        ),
    ]


def _test_columns(ranking: Ranking) -> list[TableColumn]:
    """The columns of the test metric, if any, and its epoch if it differs from the ranked one."""
    if not ranking.has_test:
        return []
    name = value_heading(test_metric(ranking.objective), ranking)
    axes = {row.axis for row in ranking.rows}
    return [
        TableColumn(
            "test",
            f"{name} (same epoch)" if ranking.test_epochs_match else name,
            align_right=True,
            priority=1,
        ),
        TableColumn(
            "test_epoch",
            f"test {ranking.axis_word}",
            lambda epoch: position_number(epoch, axes),
            align_right=True,
            hidden=ranking.test_epochs_match,
            priority=1,
        ),
        TableColumn("test_mean", "test mean", hidden=True),
        TableColumn("test_sd", "test sd", hidden=True),
    ]


def _table_rows(ranking: Ranking) -> list[Mapping[str, Any]]:
    """The cells of the ranked trials, and below them of the trials without a value."""
    errors = {
        metric: written_errors(ranking, metric)
        for metric in dict.fromkeys(metric for row in ranking.rows for metric in row.errors)
    }
    rows: list[Mapping[str, Any]] = []
    for index, (row, value, test) in enumerate(
        zip(ranking.rows, written_values(ranking), written_tests(ranking), strict=True)
    ):
        texts = {"mean_sd": value.text, "test": test.text if test else None}
        for metric, column in errors.items():
            error = column[index]
            texts[metric.replace("/", "_")] = error.text if error else None
        rows.append({**_row_cells(row, ranking), **texts, **extra_cells(ranking, index)})
    return rows + [
        {
            "trial": str(trial.trial),
            **{field: trial.labelled_setting.get(field) for field in ranking.fields},
            "n": 0,
            "mean_sd": missing_value_word(trial.statuses),
        }
        for trial in ranking.unranked
    ]


def _has_partial_failures(ranking: Ranking) -> bool:
    return any(row.unsuccessful and not row.all_diverged for row in ranking.rows)


def _row_cells(row: RankingRow, ranking: Ranking) -> Mapping[str, Any]:
    return {
        "rank": row.rank,
        "trial": ", ".join(map(str, row.trials)),
        **{field: row.labelled_setting.get(field) for field in ranking.fields},
        "n": row.value.n,
        "working": working_text(row),
        "unsuccessful": unsuccessful_text(row),
        "mean": row.value.mean,
        "sd": row.value.sd,
        "interval": row.interval,
        "tier": row.tier,
        "behind": difference_bounds(row),
        "p": row.comparison.adjusted if row.comparison else None,
        "better": row.comparison.improvement_probability if row.comparison else None,
        "epoch": row.epoch,
        "test_epoch": row.test_epoch,
        "test_mean": row.test.mean if row.test else None,
        "test_sd": row.test.sd if row.test else None,
        "different_data": row.different_data,
        "flags": {code: [count, len(row.runs)] for code, count in row.flags.items()},
        "runs": list(row.runs),
    }


def _format_flags(flags: Mapping[str, tuple[int, int]]) -> str:
    return ", ".join(f"{code} {count}/{runs}" for code, (count, runs) in flags.items())
