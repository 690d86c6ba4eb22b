"""`nnlab find-decay`: suggests a decay of the learning rate for a run without one."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from nnlab.cli import completion
from nnlab.cli.figures.page_options import FIGURE_FILES_HELP, with_page_options
from nnlab.cli.options import DbOption, ForceOption, FormatOption
from nnlab.cli.output.formats import Format

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@app.command("find-decay")
@with_page_options
def find_decay(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN",
            help="a run without decay, by number or name",
            autocompletion=completion.runs,
        ),
    ],
    *,
    try_them: Annotated[
        bool,
        typer.Option(
            "--try", help="train the proposals and the run's own setting, and compare them"
        ),
    ] = False,
    seeds: Annotated[
        int,
        typer.Option("--seeds", metavar="N", min=5, max=1000, help="seeds 0 to N-1 to try with"),
    ] = 5,
    output: Annotated[
        list[Path] | None,
        typer.Option("--output", "-o", metavar="FILE", help=FIGURE_FILES_HELP),
    ] = None,
    page: Mapping[str, Any],
    force: ForceOption = False,
    format: FormatOption = Format.TABLE,  # noqa: A002  the option is called --format
    db: DbOption = None,
) -> None:
    """Find where the training loss of a run stops falling, and suggest decays.

    Suggests steps at that epoch, and exp and inv that reach the same final rate.
    --try trains them and the run's own setting on the same seeds.

    [bold]Examples[/bold]

        nnlab find-decay 1

        nnlab find-decay 1 --try -o decay.png
    """
    # Imported only here: the store takes time to import, and completion does not need it.
    from nnlab.cli.train.find_decay.run import run_find_decay

    run_find_decay(
        run,
        try_them=try_them,
        seeds=seeds,
        output=output or (),
        page=page,
        force=force,
        output_format=format,
        db=db,
    )
