"""`nnlab figures`: lists figures and whether they are stale, and redraws stale ones."""

from pathlib import Path
from typing import Annotated

import typer

from nnlab import store
from nnlab.cli.open_database import open_db
from nnlab.cli.options import DbOption, FormatOption
from nnlab.cli.output.formats import Format
from nnlab.cli.output.render import TableColumn, note, render, say
from nnlab.errors import NnlabError, OutputError
from nnlab.figures.check import FigureCheck, FigureState, check_listed_figure, find_figure_files
from nnlab.figures.output import redraw_figure

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

COLUMNS = (
    TableColumn("file", "file"),
    TableColumn("state", "state"),
    TableColumn("why", "reason", wrap=True),
    TableColumn("command", "command"),
)


@app.command()
def figures(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FOLDER|FILE...",
            show_default=False,
            help="folders or files to search \\[default: this folder and its subfolders]",
        ),
    ] = None,
    *,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="redraw stale figures into their files")
    ] = False,
    format: FormatOption = Format.TABLE,  # noqa: A002  the option is called --format
    db: DbOption = None,
) -> None:
    """List figures drawn by nnlab plot, and whether they show the current data of the database.

    A figure contains its own provenance, so files may be renamed and moved.

    [bold]Examples[/bold]

        nnlab figures

        nnlab figures paper/ --refresh
    """
    with open_db(db) as database:
        # A link is followed only if the user names it, not if a folder contains it.
        checks = [
            check
            for path in find_figure_files(paths or [Path()])
            if (check := check_listed_figure(database, path, follow_links=path in (paths or ())))
        ]
        rows = [
            {
                "file": str(check.path),
                "state": str(check.state),
                "why": check.reason,
                "command": check.command,
            }
            for check in checks
        ]
        if checks or format is not Format.TABLE:
            render(rows, COLUMNS if format is not Format.TABLE else COLUMNS[:3], format)
        else:
            say("no figures of nnlab plot found", style="dim")
        stale = [check for check in checks if check.state is FigureState.STALE]
        if refresh:
            failed = sum(not _redraw(database, check) for check in stale)
            if failed:
                raise OutputError(f"{failed} of {len(stale)} stale figures cannot be redrawn")
        elif stale and format is Format.TABLE:
            note(f"{len(stale)} stale; nnlab figures --refresh redraws them")


def _redraw(database: store.Database, check: FigureCheck) -> bool:
    """Draws a figure again into its file and prints the result; False if that fails."""
    if check.request is None:
        return False
    try:
        figure, written = redraw_figure(database, check.path, check.request)
    except NnlabError as error:
        note(f"{check.path}: not redrawn: {error.message}")
    except Exception as error:  # noqa: BLE001  provenance may contain anything; others are redrawn
        note(f"{check.path}: not redrawn: its provenance cannot be used: {error}")
    else:
        for file in written:
            say(f"{file.path}: {file.description}")
        for line in figure.prepared.notes:
            note(line)
        return True
    return False
