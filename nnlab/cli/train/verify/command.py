"""`nnlab verify`: executes stored runs again and compares the results."""

from enum import StrEnum
from typing import Annotated

import typer

from nnlab.cli import completion
from nnlab.cli.options import DbOption

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


class VerifyFormat(StrEnum):
    """How results are printed."""

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
            help="only the first N epochs of each run \\[default: all]",
        ),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(
            "--steps",
            metavar="N",
            min=1,
            show_default=False,
            help="of a script, the first N logged steps \\[default: 50, and 20 after a resume]",
        ),
    ] = None,
    time_limit: Annotated[
        str,
        typer.Option(
            "--time-limit", metavar="TIME", help="of a script, the longest time of each execution"
        ),
    ] = "2min",
    tolerance: Annotated[
        float | None,
        typer.Option(
            "--tolerance",
            metavar="R",
            min=0.0,
            show_default=False,
            help="allowed relative difference of losses \\[default: identical bits]",
        ),
    ] = None,
    format: Annotated[  # noqa: A002  the option is called --format
        VerifyFormat, typer.Option("--format", help="how to print")
    ] = VerifyFormat.TEXT,
    db: DbOption = None,
) -> None:
    """Execute runs again from their stored setting, and print the first value that differs.

    Nothing is stored. Exit code 0 means that every epoch, the test and the weights are identical
    bit for bit; 1 that something differs, with the changes of the environment since then.

    The first steps of a script are executed twice, each in a copy of its working folder. What both
    log is compared, also with what is stored, and for a run that was resumed, what was logged
    before and after the resume.

    [bold]Examples[/bold]

        nnlab verify 12

        nnlab verify depth --epochs 3

        nnlab verify 12 --tolerance 1e-3 --format json

        nnlab verify 40 --steps 200 --time-limit 10min
    """
    # Imported only here: the store takes time to import, and completion does not need it.
    from nnlab.cli.train.verify import run

    all_hold = run.run_verify(
        names,
        run.VerifyOptions(epochs=epochs, steps=steps, time_limit=time_limit, tolerance=tolerance),
        as_json=format is VerifyFormat.JSON,
        db=db,
    )
    if not all_hold:
        raise typer.Exit(1)
