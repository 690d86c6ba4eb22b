"""`nnlab choices`: lists the catalogues."""

import math
from typing import Annotated, Any

import typer

from nnlab import catalogue
from nnlab.catalogue.metrics import MetricChoice
from nnlab.cli import completion
from nnlab.cli.options import FormatOption
from nnlab.cli.output.formats import Format
from nnlab.cli.output.render import TableColumn, render
from nnlab.config.space import format_value
from nnlab.errors import UnknownName

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

COLUMNS = (
    TableColumn("kind", "kind", priority=1),
    TableColumn("name", "name"),
    TableColumn("summary", "description", wrap=True),
    TableColumn(
        "defaults",
        "options and defaults",
        lambda defaults: ", ".join(f"{k} {format_value(value)}" for k, value in defaults.items()),
        wrap=True,
        priority=2,
    ),
    TableColumn("source", "source", wrap=True, priority=3),
)
_METRIC_COLUMNS = (
    TableColumn("better", "better, range", priority=2),
    TableColumn("tasks", "tasks", hidden=True),
    TableColumn("direction", "direction", hidden=True),
    TableColumn("limits", "limits", hidden=True),
)


@app.command()
def choices(
    kind: Annotated[
        str | None,
        typer.Argument(
            metavar="KIND",
            show_default=False,
            help=f"one of {', '.join(catalogue.CATALOGUES)} \\[default: all]",
            autocompletion=completion.kinds,
        ),
    ] = None,
    *,
    format: FormatOption = Format.TABLE,  # noqa: A002  the option is called --format
) -> None:
    """List the available choices with their defaults and sources.

    [bold]Examples[/bold]

        nnlab choices opt

        nnlab choices --format json
    """
    if kind is not None and kind not in catalogue.CATALOGUES:
        raise UnknownName("kind of choice", kind, catalogue.CATALOGUES)
    rows = [
        {
            "kind": catalogue_name,
            "name": row.name,
            "summary": row.summary,
            "defaults": dict(row.defaults),
            "source": row.source,
            **_metric_properties(row),
        }
        for catalogue_name in ([kind] if kind else catalogue.CATALOGUES)
        for row in catalogue.CATALOGUES[catalogue_name]
    ]
    render(rows, [*COLUMNS, *(_METRIC_COLUMNS if kind == "metric" else ())], format)


def _metric_properties(row: catalogue.Choice) -> dict[str, Any]:
    """Task, direction and limits of a metric; nothing for other rows."""
    if not isinstance(row, MetricChoice):
        return {}
    return {
        "tasks": list(row.tasks),
        "direction": row.direction,
        "limits": [None if math.isinf(limit) else limit for limit in row.limits],
        "better": row.range_text,
    }
