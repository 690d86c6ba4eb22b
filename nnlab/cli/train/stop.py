"""`nnlab stop`: ends runs after their epoch, from any terminal."""

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
    """Stop runs after their epoch, from any terminal and on any machine.

    What is trained saves a checkpoint and is interrupted; what waits is held back.
    The same `nnlab train` command goes on later.

    [bold]Examples[/bold]

        nnlab stop 12

        nnlab stop depth
    """
    with open_db(db, write=True) as database:
        chosen = select_runs(database, names)
        found = store.request_stop(database, [run.id for run in chosen.runs])
    for runs, told in (
        (found.running, "trained now: to end after the epoch, with a checkpoint"),
        (found.held, "waiting: held back, nobody takes them up"),
        (found.over, "over already"),
    ):
        if runs:
            say(f"{format_count(len(runs), 'run')} {told}")
    if found.running or found.held:
        say("the same `nnlab train` command goes on where they stopped", style="dim")
    else:
        say("nothing to stop", style="dim")
