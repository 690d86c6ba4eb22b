"""`nnlab train`: its options. What they lead to is in `nnlab.cli.training`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from nnlab.cli.options import Db, StudyOption, given, with_settings


class Engine(StrEnum):
    """What trains the runs."""

    AUTO = "auto"
    SOLO = "solo"
    STACKED = "stacked"


app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@app.command()
@with_settings
def train(
    *,
    study: StudyOption = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE.toml", help="settings in a file, as `lr = 0.1`"),
    ] = None,
    seeds: Annotated[
        int | None, typer.Option("--seeds", metavar="N", help="train with seeds 0 to N-1")
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="a name to find the runs by")] = None,
    tag: Annotated[list[str] | None, typer.Option("--tag", help="a tag; repeat for more")] = None,
    again: Annotated[
        bool, typer.Option("--again", help="train once more what is already there")
    ] = False,
    keep_models: Annotated[
        bool,
        typer.Option("--keep-models/--no-keep-models", help="keep the weights of the best epoch"),
    ] = True,
    engine: Annotated[
        Engine,
        typer.Option(
            "--engine",
            help="train runs alone, many as one program, or whichever is faster (docs/queue.md)",
        ),
    ] = Engine.AUTO,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="show what would be trained, change nothing")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="print only the result")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="print a line for every epoch")
    ] = False,
    notify: Annotated[
        str | None,
        typer.Option(
            "--notify",
            metavar="CMD",
            help="a shell command to run when a run fails and at the end (docs/queue.md)",
        ),
    ] = None,
    db: Db = None,
    **settings: Any,
) -> None:
    """Train one setting or a grid; every epoch lands in the database.

    Lists (--opt sgd,adam) and ranges (--lr 1e-4..1e-1) are multiplied out.
    What is trained is not trained twice; what was interrupted goes on.

    [bold]Examples[/bold]

        nnlab train --opt adam --decay exp

        nnlab train --opt sgd,adam --lr 1e-3..1e-1 --seeds 3

        nnlab train --study depth
    """
    # The store and what stands on it are imported now, not when a shell asks for completions.
    from nnlab.cli import training
    from nnlab.cli.plan import Typed

    typed = Typed(
        settings=given(settings),
        study=study,
        name=name,
        tags=tuple(tag or ()),
        seed=settings["seed"],
        seeds=seeds,
    )
    training.train(
        typed,
        config,
        db=db,
        again=again,
        dry_run=dry_run,
        show=training.Show(quiet=quiet, verbose=verbose),
        how=training.How(keep_models=keep_models, engine=engine.value),
        notify=notify,
    )
