"""`nnlab choices`: lists the catalogues."""

from typing import Annotated

import typer

from nnlab import catalogue
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
        }
        for catalogue_name in ([kind] if kind else catalogue.CATALOGUES)
        for row in catalogue.CATALOGUES[catalogue_name]
    ]
    render(rows, COLUMNS, format)
