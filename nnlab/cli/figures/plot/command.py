"""`nnlab plot`: figures of stored runs and of settings; the group of its commands."""

from pathlib import Path
from typing import Annotated

import typer

from nnlab.cli.figures.plot import curves, distributions, models, tradeoffs, trials
from nnlab.cli.figures.plot.options import app
from nnlab.cli.figures.plot.plugin_commands import PlotGroup
from nnlab.cli.open_database import open_db
from nnlab.cli.options import DbOption
from nnlab.cli.output.render import say
from nnlab.errors import UsageError
from nnlab.figures.check import FigureState, check_figure

__all__ = ["COMMAND_MODULES", "app"]

# The modules register their commands on import; the order is that of the help page.
COMMAND_MODULES = (curves, trials, models, tradeoffs, distributions)


@app.callback(cls=PlotGroup)
def plot(
    context: typer.Context,
    *,
    check: Annotated[
        Path | None,
        typer.Option("--check", metavar="FILE", help="show whether a figure is stale, and exit"),
    ] = None,
    db: DbOption = None,
) -> None:
    """Draw figures for a paper, or in the terminal without -o FILE.

    [bold]Examples[/bold]

        nnlab plot curves depth -o fig1.pdf --venue neurips

        nnlab plot --check fig1.pdf
    """
    if check is None:
        if context.invoked_subcommand is None:
            typer.echo(context.get_help())
        return
    with open_db(db) as database:
        result = check_figure(database, check)
    if result is None:
        raise UsageError(f"{check} was not drawn by nnlab plot")
    say(f"{check}: {result.state}, {result.reason}")
    if result.command:
        say(f"command: {result.command}", style="dim")
    raise typer.Exit(0 if result.state is FigureState.FRESH else 3)
