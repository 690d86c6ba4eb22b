"""`nnlab remedy`: what mends a run, proved by training it."""

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
        typer.Argument(metavar="RUN", help="by number or name", autocompletion=completion.runs),
    ],
    *,
    seeds: Annotated[
        int, typer.Option("--seeds", metavar="N", min=5, max=1000, help="seeds 0 to N-1 of each")
    ] = 8,
    budget: Annotated[
        str | None,
        typer.Option(
            "--budget",
            metavar="RUNS|MINUTES",
            help="at most so many runs (40), or so long (10min); the first remedies go first",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="list the remedies and what they would cost")
    ] = False,
    format: FormatOption = Format.TABLE,  # noqa: A002  the option is called --format
    db: DbOption = None,
) -> None:
    """Find what mends a run: remedies for its findings, each trained beside it on the same seeds.

    [bold]Examples[/bold]

        nnlab remedy 12 --dry-run

        nnlab remedy 12 --seeds 10 --budget 60
    """
    from nnlab.cli.train.remedy.run import remedy

    remedy(run, seeds=seeds, budget=budget, dry_run=dry_run, how=format, db=db)
