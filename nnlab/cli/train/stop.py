"""`nnlab stop`: stops runs after their current epoch, from any terminal."""

from typing import Annotated

import typer

from nnlab import store
from nnlab.analysis.selection import select_runs
from nnlab.cli import completion
from nnlab.cli.open_database import open_db
from nnlab.cli.options import DbOption
from nnlab.cli.output.render import say
from nnlab.io.text import format_count

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@app.command()
def stop(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN|STUDY...",
            help="runs by number or name, or all runs of a study",
            autocompletion=completion.studies_and_runs,
        ),
    ],
    *,
    db: DbOption = None,
) -> None:
    """Stop runs after their current epoch, from any terminal and on any machine.

    Runs in training save a checkpoint and are interrupted; waiting runs are held back.
    The same `nnlab train` command continues them later.

    [bold]Examples[/bold]

        nnlab stop 12

        nnlab stop depth
    """
    with open_db(db, write=True) as database:
        selection = select_runs(database, names)
        result = store.request_stop(database, [run.id for run in selection.runs])
    for runs, state in (
        (
            result.ending,
            "in training: stopped after the epoch, with a checkpoint; scripts get SIGTERM",
        ),
        (result.waiting, "waiting: held back, no worker trains them"),
        (result.already_ended, "ended already"),
    ):
        if runs:
            say(f"{format_count(len(runs), 'run')} {state}")
    if result.ending or result.waiting:
        say("the same `nnlab train` or `nnlab run` command goes on where they stopped", style="dim")
    else:
        say("nothing to stop", style="dim")
