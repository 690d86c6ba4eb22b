"""`nnlab verify`: trains again what is stored, and says what differs."""

from enum import StrEnum
from typing import Annotated

import typer

from nnlab.cli import completion
from nnlab.cli.options import DbOption

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


class VerifyFormat(StrEnum):
    """How verdicts are printed."""

    TEXT = "text"
    JSON = "json"


@app.command()
def verify(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN|STUDY...",
            help="runs by number or name, or all runs of a study",
            autocompletion=completion.studies_and_runs,
        ),
    ],
    *,
    epochs: Annotated[
        int | None,
        typer.Option(
            "--epochs",
            metavar="N",
            min=1,
            show_default=False,
            help="only the first N of each run [dim]\\[default: all][/dim]",
        ),
    ] = None,
    tolerance: Annotated[
        float | None,
        typer.Option(
            "--tolerance",
            metavar="R",
            min=0.0,
            show_default=False,
            help="let losses differ by R, relative [dim]\\[default: no bit may differ][/dim]",
        ),
    ] = None,
    format: Annotated[  # noqa: A002  the option is called --format
        VerifyFormat, typer.Option("--format", help="how to print")
    ] = VerifyFormat.TEXT,
    db: DbOption = None,
) -> None:
    """Train runs again from their stored setting, and say which number differs first.

    Nothing is stored. Exit code 0 says that every epoch, the test and the weights are the same
    to the last bit; 1 that something is not, with what has changed in the environment since.

    [bold]Examples[/bold]

        nnlab verify 12

        nnlab verify depth --epochs 3

        nnlab verify 12 --tolerance 1e-3 --format json
    """
    from nnlab.cli.train.verify import run

    holds = run.verify(
        names, epochs=epochs, tolerance=tolerance, as_json=format is VerifyFormat.JSON, db=db
    )
    if not holds:
        raise typer.Exit(1)
