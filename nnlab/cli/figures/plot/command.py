"""`nnlab plot`: figures of stored runs and of settings; the group of its commands."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from nnlab.cli import completion
from nnlab.cli.figures.page_options import with_page_options
from nnlab.cli.figures.plot import (
    compose,
    curves,
    distributions,
    lessons,
    models,
    tradeoffs,
    trials,
)
from nnlab.cli.figures.plot.all_figures import draw_all
from nnlab.cli.figures.plot.options import app
from nnlab.cli.figures.plot.plugin_commands import PlotGroup
from nnlab.cli.open_database import open_db
from nnlab.cli.options import DbOption, ForceOption
from nnlab.cli.output.render import say
from nnlab.errors import UsageError
from nnlab.figures.check import FigureState, check_figure

__all__ = ["COMMAND_MODULES", "app"]

# The modules register their commands on import; the order is that of the help page.
COMMAND_MODULES = (curves, trials, models, lessons, tradeoffs, distributions, compose)


@app.callback(cls=PlotGroup)
@with_page_options
def plot(
    context: typer.Context,
    *,
    all_of: Annotated[
        list[str] | None,
        typer.Option(
            "--all",
            metavar="STUDY",
            help="draw all kinds of figures that apply to a study into the folder -o",
            autocompletion=completion.studies,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FOLDER", help="folder for the figures of --all"),
    ] = None,
    force: ForceOption = False,
    check: Annotated[
        Path | None,
        typer.Option("--check", metavar="FILE", help="show whether a figure is stale, and exit"),
    ] = None,
    db: DbOption = None,
    page: Mapping[str, Any],
) -> None:
    """Draw figures for a paper, or in the terminal without -o FILE.

    [bold]Examples[/bold]

        nnlab plot curves depth -o fig1.pdf --venue neurips

        nnlab plot --all depth -o figures/ --venue icml

        nnlab plot paper.toml

        nnlab plot --check fig1.pdf
    """
    chosen = [*page, *(["output"] if output else []), *(["force"] if force else [])]
    if chosen and (not all_of or context.invoked_subcommand is not None):
        raise UsageError(f"--{chosen[0]} belongs after the kind of figure, or to --all STUDY")
    if all_of:
        if output is None:
            raise UsageError("--all needs a folder", hint="add -o figures/")
        draw_all(all_of, output, page, force=force, db=db)
        return
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
