"""`nnlab figures`: the figures that were made, stale or fresh."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nnlab.cli.open_database import open_db
from nnlab.cli.options import DbOption, Format, FormatOption
from nnlab.cli.output.render import TableColumn, note, render, say
from nnlab.engine import user_code
from nnlab.errors import NnlabError, OutputError
from nnlab.io.file_origin import has_known_hash, read_figure_provenance

if TYPE_CHECKING:
    from nnlab.figures.check import FigureCheck

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

COLUMNS = (
    TableColumn("file", "file"),
    TableColumn("state", "state"),
    TableColumn("why", "why", wrap=True),
    TableColumn("command", "made by"),
)


@app.command()
def figures(
    places: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FOLDER|FILE...",
            show_default=False,
            help="where to look \\[default: this folder and below]",
        ),
    ] = None,
    *,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="draw_figure again what is stale, in its place")
    ] = False,
    format: FormatOption = Format.TABLE,  # noqa: A002  the option is called --format
    db: DbOption = None,
) -> None:
    """List the figures made by nnlab plot, and whether they show what the database holds.

    Every figure says in its own file how it was made, so files may be renamed and moved.

    [bold]Examples[/bold]

        nnlab figures

        nnlab figures paper/ --refresh
    """
    from nnlab.figures.check import FigureState, check_listed_figure, find_figure_files

    with open_db(db) as database:
        # A link is followed where the user names it, not where it lies in a folder.
        found = [
            one
            for path in find_figure_files(places or [Path()])
            if (one := check_listed_figure(database, path, follow_links=path in (places or ())))
        ]
    rows = [
        {"file": str(one.path), "state": str(one.state), "why": one.reason, "command": one.command}
        for one in found
    ]
    if found or format is not Format.TABLE:
        render(rows, COLUMNS if format is not Format.TABLE else COLUMNS[:3], format)
    else:
        say("no figure made by nnlab plot is here", style="dim")
    stale = [one for one in found if one.state is FigureState.STALE]
    if refresh:
        failed = sum(not _redraw(one, db) for one in stale)
        if failed:
            raise OutputError(f"{failed} of {len(stale)} stale figures cannot be drawn again")
    elif stale and format is Format.TABLE:
        note(f"{len(stale)} stale; nnlab figures --refresh draws them again")


def _redraw(figure: "FigureCheck", db: str | None) -> bool:
    """Draws a figure again in its place; says whether that was possible.

    The CSV file beside it is written again only if it holds the numbers of the figure as it was:
    any other file of that name is the user's.
    """
    from nnlab.cli.figures.plot.draw import data_file_of, draw_figure

    asked = figure.request
    assert asked is not None
    try:
        shown = (read_figure_provenance(figure.path) or {}).get("data")
        with user_code.forbid_execution("it is not known whether the code may be trusted"):
            draw_figure(
                asked.kind,
                asked.words,
                dict(asked.options),
                dict(asked.page),
                output=[figure.path],
                data=has_known_hash(data_file_of(figure.path), [shown]),
                force=False,
                show=False,
                db=db,
            )
    except NnlabError as error:
        note(f"{figure.path}: not drawn again: {error.message}")
    except Exception as error:  # noqa: BLE001  one file's own words must not keep the others stale
        note(f"{figure.path}: not drawn again: what it says of itself fails: {error}")
    else:
        return True
    return False
