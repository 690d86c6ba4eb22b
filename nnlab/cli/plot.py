"""`nnlab plot`: figures from the database."""

from pathlib import Path
from typing import Annotated

import typer

from nnlab.cli.options import Db, StudyOrRuns
from nnlab.cli.place import opened
from nnlab.cli.render import note, say
from nnlab.cli.scope import scope_of
from nnlab.errors import UsageError
from nnlab.report.figures import series_of
from nnlab.report.ranking import plural

app = typer.Typer(
    add_completion=False, rich_markup_mode="rich", no_args_is_help=True, help="Draw figures."
)


@app.callback()
def plot() -> None:
    """Draw figures."""


@app.command()
def curves(
    what: StudyOrRuns = None,
    *,
    output: Annotated[
        list[Path] | None,
        typer.Option("--output", "-o", metavar="FILE", help=".pdf, .svg or .png; repeat for more"),
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(
            "--metric",
            metavar="METRIC",
            help="loss, accuracy, val/loss, ...; repeat for more panels",
        ),
    ] = None,
    top: Annotated[
        int,
        typer.Option("--top", metavar="N", min=1, help="draw the N best trials"),
    ] = 6,
    db: Db = None,
) -> None:
    """Draw training and validation curves over epochs, a colour a trial, seeds as mean and range.

    The best epoch is marked, and the epoch from which a run overfits.

    [bold]Examples[/bold]

        nnlab plot curves -o curves.pdf

        nnlab plot curves depth --top 3 -o curves.pdf -o curves.png
    """
    from nnlab.plots.save import check_format

    if not output:
        raise UsageError("nnlab plot curves needs a file to draw to", hint="add -o curves.pdf")
    for path in output:
        check_format(path)
    with opened(db) as database:
        scope = scope_of(database, what)
        drawn = series_of(database, scope, top=top)
    from nnlab.plots.curves import curves as draw
    from nnlab.plots.save import save

    figure = draw(drawn.series, metrics=metric, loss=drawn.loss)
    for path in output:
        save(figure, path, drawn.provenance)
        say(f"{path}: {plural(len(drawn.series), 'trial')}, {plural(drawn.runs, 'run')}")
    if drawn.left_out:
        note(f"{plural(drawn.left_out, 'more trial')} not drawn; --top N draws more")
