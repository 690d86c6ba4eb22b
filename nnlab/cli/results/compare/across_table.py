"""Output of `nnlab compare --across`: methods compared over several data sets."""

from collections.abc import Mapping
from typing import Any

from nnlab.analysis.across_tasks import AcrossTasksComparison
from nnlab.cli.output.formats import Format
from nnlab.cli.output.render import TableColumn, print_json, render, say
from nnlab.stats.across_tasks import PROFILE_THRESHOLDS, MethodResult


def print_across_tasks(comparison: AcrossTasksComparison, output_format: Format) -> None:
    """Prints a row per method; a table is followed by its definitions and notes."""
    if output_format is Format.JSON:
        print_json(
            {
                "by": str(comparison.objective),
                "field": comparison.field,
                "tasks": list(comparison.tasks),
                "left_out": list(comparison.left_out),
                "profile_at": list(PROFILE_THRESHOLDS),
                "notes": list(comparison.notes),
                "methods": [_method_json(method) for method in comparison.methods],
            }
        )
        return
    columns = (
        TableColumn("name", comparison.field),
        TableColumn("iqm", "IQM", lambda value: f"{value:.3f}", align_right=True),
        TableColumn("interval", "95 % interval", _format_bounds, align_right=True),
        TableColumn(
            "better", "P(first better)", lambda value: f"{value:.2f}", align_right=True, priority=1
        ),
        TableColumn(
            "better_interval", "95 % interval ", _format_bounds, align_right=True, priority=3
        ),
        TableColumn("runs", "runs", align_right=True, priority=2),
        TableColumn("tuned", "trials per data set", align_right=True, priority=2),
    )
    rows = [_method_row(method, comparison) for method in comparison.methods]
    render(rows, columns, output_format)
    if output_format is not Format.TABLE:
        return
    say(
        f"{comparison.objective.metric} scaled per data set from 0 (worst run) to 1 (best run);"
        f" {', '.join(comparison.tasks)}",
        style="dim",
    )
    say("IQM: interquartile mean of all runs; intervals by a bootstrap over seeds", style="dim")
    for line in comparison.notes:
        say(line, style="dim")
    if comparison.left_out:
        say(
            f"not compared, because runs are missing: {', '.join(comparison.left_out)}", style="dim"
        )
    if len(set(comparison.tuned.values())) > 1:
        say("unequal numbers of trials favour methods with more trials to choose from", style="dim")


def _method_row(method: MethodResult, comparison: AcrossTasksComparison) -> Mapping[str, Any]:
    least, most = comparison.tuned[method.name]
    return {
        "name": method.name,
        "iqm": method.iqm,
        "interval": (method.low, method.high),
        "better": method.improvement_probability,
        "better_interval": None
        if method.improvement_probability is None
        else (method.improvement_probability_low, method.improvement_probability_high),
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
