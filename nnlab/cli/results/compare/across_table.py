"""Methods over data sets on the screen, in every format."""

from collections.abc import Mapping
from typing import Any

from nnlab.analysis.across_tasks import AcrossTasksComparison
from nnlab.cli.options import Format
from nnlab.cli.output.render import TableColumn, print_json, render, say
from nnlab.stats.across_tasks import PROFILE_THRESHOLDS, MethodResult


def print_across_tasks(found: AcrossTasksComparison, how: Format) -> None:
    """A row a method; on the screen also what they were compared on."""
    if how is Format.JSON:
        print_json(
            {
                "by": str(found.objective),
                "field": found.field,
                "tasks": list(found.tasks),
                "left_out": list(found.left_out),
                "profile_at": list(PROFILE_THRESHOLDS),
                "notes": list(found.notes),
                "methods": [_method_json(method) for method in found.methods],
            }
        )
        return
    columns = (
        TableColumn("name", found.field),
        TableColumn("iqm", "IQM", lambda value: f"{value:.3f}", right=True),
        TableColumn("interval", "95 % interval", _format_bounds, right=True),
        TableColumn(
            "better", "P(first better)", lambda value: f"{value:.2f}", right=True, priority=1
        ),
        TableColumn("better_interval", "95 % interval ", _format_bounds, right=True, priority=3),
        TableColumn("runs", "runs", right=True, priority=2),
        TableColumn("tuned", "trials a data set", right=True, priority=2),
    )
    render([_method_row(one, found) for one in found.methods], columns, how)
    if how is not Format.TABLE:
        return
    say(
        f"{found.objective.metric} scaled on each data set from 0 (worst run) to 1 (best);"
        f" {', '.join(found.tasks)}",
        style="dim",
    )
    say("IQM: mean of the middle half of all runs; bootstrap over the seeds of each", style="dim")
    for line in found.notes:
        say(line, style="dim")
    if found.left_out:
        say(f"not compared, some have no runs there: {', '.join(found.left_out)}", style="dim")
    if len(set(found.tuned.values())) > 1:
        say("unequal numbers of trials: who tried more had more luck to choose from", style="dim")


def _method_row(one: MethodResult, found: AcrossTasksComparison) -> Mapping[str, Any]:
    least, most = found.tuned[one.name]
    return {
        "name": one.name,
        "iqm": one.iqm,
        "interval": (one.low, one.high),
        "better": one.improvement_probability,
        "better_interval": None
        if one.improvement_probability is None
        else (one.improvement_probability_low, one.improvement_probability_high),
        "runs": one.runs,
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
