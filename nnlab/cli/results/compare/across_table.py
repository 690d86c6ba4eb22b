"""Output of `nnlab compare --across`: methods compared over several data sets."""

from collections.abc import Mapping
from typing import Any

from nnlab.analysis.methods_by_task import MethodsByTask
from nnlab.cli.output.formats import Format
from nnlab.cli.output.render import TableColumn, print_json, render, say
from nnlab.cli.results.compare.text_tables import TextOutput, print_text_tables
from nnlab.figures.draw.display_names import setting_name, value_name
from nnlab.report.across_table import across_notes, across_table, rank_test_text
from nnlab.stats.across_tasks import PROFILE_THRESHOLDS, MethodResult
from nnlab.stats.average_ranks import RankComparison


def print_across_tasks(methods: MethodsByTask, output: TextOutput) -> None:
    """Prints a row per method; a table is followed by its definitions and notes.

    Tables for papers have the means on each data set, those on the screen the comparison of all
    runs.
    """
    comparison = methods.comparison
    output_format = output.list_format
    if output_format is None:
        print_text_tables([across_table(methods)], output)
        return
    if output_format is Format.JSON:
        print_json(
            {
                "by": str(comparison.objective),
                "field": comparison.field,
                "tasks": list(comparison.tasks),
                "left_out": list(comparison.left_out),
                "profile_at": list(PROFILE_THRESHOLDS),
                "notes": list(comparison.notes),
                "rank_test": _rank_test_json(methods.rank_test),
                "methods": [
                    {**_method_json(method), **_task_values_json(methods, method.name)}
                    for method in comparison.methods
                ],
            }
        )
        return
    columns = (
        TableColumn(
            "name", setting_name(comparison.field), lambda name: value_name(comparison.field, name)
        ),
        TableColumn("iqm", "IQM", lambda value: f"{value:.3f}", align_right=True),
        TableColumn("interval", "95 % interval", _format_bounds, align_right=True),
        TableColumn(
            "better", "P(first better)", lambda value: f"{value:.2f}", align_right=True, priority=1
        ),
        TableColumn(
            "better_interval", "95 % interval ", _format_bounds, align_right=True, priority=3
        ),
        TableColumn(
            "rank", "average rank", lambda value: f"{value:.2f}", align_right=True, priority=2
        ),
        TableColumn("runs", "runs", align_right=True, priority=2),
        TableColumn("tuned", "trials per data set", align_right=True, priority=2),
    )
    rows = [_method_row(method, methods) for method in comparison.methods]
    render(rows, columns, output_format)
    if output_format is not Format.TABLE:
        return
    say(
        f"{comparison.objective.metric} scaled per data set from 0 (worst run) to 1 (best run);"
        f" {', '.join(value_name('data', task) for task in comparison.tasks)}",
        style="dim",
    )
    say("IQM: interquartile mean of all runs; intervals by a bootstrap over seeds", style="dim")
    say(rank_test_text(methods).removesuffix("."), style="dim")
    for line in across_notes(methods):
        say(line, style="dim")


def _method_row(method: MethodResult, methods: MethodsByTask) -> Mapping[str, Any]:
    least, most = methods.comparison.tuned[method.name]
    return {
        "name": method.name,
        "iqm": method.iqm,
        "interval": (method.low, method.high),
        "better": method.improvement_probability,
        "better_interval": None
        if method.improvement_probability is None
        else (method.improvement_probability_low, method.improvement_probability_high),
        "rank": methods.ranks[method.name],
        "runs": method.runs,
        "tuned": str(least) if least == most else f"{least} to {most}",
    }


def _format_bounds(bounds: tuple[float, float]) -> str:
    return f"{bounds[0]:.2f} to {bounds[1]:.2f}"


def _method_json(method: MethodResult) -> Mapping[str, Any]:
    """A method with the keys of docs/formats.md, which differ from the names in the code."""
    return {
        "name": method.name,
        "tasks": method.tasks,
        "runs": method.runs,
        "iqm": method.iqm,
        "low": method.low,
        "high": method.high,
        "better": method.improvement_probability,
        "better_low": method.improvement_probability_low,
        "better_high": method.improvement_probability_high,
        "profile": method.profile,
    }


def _task_values_json(methods: MethodsByTask, name: str) -> Mapping[str, Any]:
    """The average rank and tier of a method, and its values on each data set."""
    rows = {task: methods.row(name, task)[1] for task in methods.comparison.tasks}
    return {
        "rank": methods.ranks[name],
        "tier": methods.tier(name),
        "values": {
            task: {
                "n": row.value.n,
                "mean": None if row.all_diverged else row.value.mean,
                "sd": None if row.all_diverged else row.value.sd,
                "interval": list(row.interval) if row.interval else None,
                "best": row.is_leader,
                "runs": list(row.runs),
            }
            for task, row in rows.items()
        },
    }


def _rank_test_json(test: RankComparison | None) -> Mapping[str, Any] | None:
    if test is None:
        return None
    return {
        "test": f"Friedman ({test.method})",
        "chi2": test.chi2,
        "p": test.p,
        "critical_difference": test.critical_difference,
    }
