"""`nnlab remedy`: tests by training which remedies help a run."""

from typing import Annotated

import typer

from nnlab.cli import completion
from nnlab.cli.options import DbOption, FormatOption
from nnlab.cli.output.formats import Format

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@app.command()
def remedy(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN", help="a run, by number or name", autocompletion=completion.runs
        ),
    ],
    *,
    seeds: Annotated[
        int,
        typer.Option(
            "--seeds", metavar="N", min=5, max=1000, help="seeds 0 to N-1 for each remedy"
        ),
    ] = 8,
    budget: Annotated[
        str | None,
        typer.Option(
            "--budget",
            metavar="RUNS|TIME",
            help="limit: a number of runs (40) or a time (10min); the first remedies are trained"
            " first",
        ),
    ] = None,
    flags: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="QUANTITY=FLAG",
            show_default=False,
            help="the flag of a script that sets lr, weight_decay, dropout, batch_size, epochs,"
            " warmup, label_smoothing or clip, if it has an unusual name; may be repeated",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="list the remedies and their cost, train nothing")
    ] = False,
    format: FormatOption = Format.TABLE,  # noqa: A002  the option is called --format
    db: DbOption = None,
) -> None:
    """Find what helps a run: train remedies for its findings and a control on the same seeds.

    For a run of a script (nnlab run), remedies change its flags for the learning rate, weight
    decay, dropout, batch size, epochs, warmup, label smoothing and gradient clipping.

    [bold]Examples[/bold]

        nnlab remedy 12 --dry-run

        nnlab remedy 12 --seeds 10 --budget 60

        nnlab remedy 40 --map dropout=--drop-rate
    """
    # Imported only here: the store takes time to import, and completion does not need it.
    from nnlab.cli.train.remedy.run import run_remedy

    run_remedy(
        run,
        seeds=seeds,
        budget=budget,
        flags=flags or (),
        only_print=dry_run,
        output_format=format,
        db=db,
    )
