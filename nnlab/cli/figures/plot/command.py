"""`nnlab plot`: figures from the database, and of what is to be trained."""

from pathlib import Path
from typing import Annotated

import typer

from nnlab.cli.figures.plot import curves, models, trials
from nnlab.cli.figures.plot.options import app
from nnlab.cli.open_database import open_db
from nnlab.cli.options import DbOption
from nnlab.cli.output.render import say
from nnlab.errors import UsageError

__all__ = ["COMMAND_MODULES", "app"]

# Each of them gives the application its commands, in this order.
COMMAND_MODULES = (curves, trials, models)


@app.callback()
def plot(
    context: typer.Context,
    *,
    check: Annotated[
        Path | None,
        typer.Option("--check", metavar="FILE", help="say whether a figure is stale, and exit"),
    ] = None,
    db: DbOption = None,
) -> None:
    """Draw figures for a paper, or in the terminal where no -o FILE says where to.

    [bold]Examples[/bold]

        nnlab plot curves depth -o fig1.pdf --venue neurips

        nnlab plot --check fig1.pdf
    """
    if check is None:
        if context.invoked_subcommand is None:
            typer.echo(context.get_help())
        return
    from nnlab.figures.check import FigureState, check_figure

    with open_db(db) as database:
        found = check_figure(database, check)
    if found is None:
        raise UsageError(f"{check} was not drawn by nnlab plot")
    say(f"{check}: {found.state}, {found.reason}")
    if found.command:
        say(f"made by: {found.command}", style="dim")
    raise typer.Exit(0 if found.state is FigureState.FRESH else 3)
