"""`nnlab figures`: the figures that were made, stale or fresh."""

from pathlib import Path
from typing import Annotated

import typer

from nnlab.cli.options import Db, Format, FormatOption
from nnlab.cli.place import opened
from nnlab.cli.render import Column, note, render, say

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

COLUMNS = (
    Column("file", "file"),
    Column("state", "state"),
    Column("why", "why", wrap=True),
    Column("command", "made by"),
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
        bool, typer.Option("--refresh", help="draw again what is stale, in its place")
    ] = False,
    format: FormatOption = Format.TABLE,  # noqa: A002  the option is called --format
    db: Db = None,
) -> None:
    """List the figures made by nnlab plot, and whether they show what the database holds.

    Every figure says in its own file how it was made, so files may be renamed and moved.

    [bold]Examples[/bold]

        nnlab figures

        nnlab figures paper/ --refresh
    """
    from nnlab.report.figures.made import State, checked, figure_files

    with opened(db) as database:
        found = [
            one for path in figure_files(places or [Path()]) if (one := checked(database, path))
        ]
    rows = [
        {"file": str(one.path), "state": str(one.state), "why": one.why, "command": one.command}
        for one in found
    ]
    if found or format is not Format.TABLE:
        render(rows, COLUMNS if format is not Format.TABLE else COLUMNS[:3], format)
    else:
        say("no figure made by nnlab plot is here", style="dim")
    stale = [one for one in found if one.state is State.STALE]
    if refresh:
        from nnlab.cli.drawing import draw

        for one in stale:
            asked = one.asked
            assert asked is not None
            draw(
                asked.kind,
                asked.words,
                dict(asked.options),
                dict(asked.page),
                output=[one.path],
                data=one.path.with_suffix(".csv").is_file(),
                show=False,
                db=db,
            )
    elif stale and format is Format.TABLE:
        note(f"{len(stale)} stale; nnlab figures --refresh draws them again")
