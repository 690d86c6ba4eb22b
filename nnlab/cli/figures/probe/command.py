"""`nnlab probe`: inspects models before and after training."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from nnlab.cli import completion
from nnlab.cli.argument_options import SettingsCommand
from nnlab.cli.figures.page_options import FIGURE_FILES_HELP, with_page_options
from nnlab.cli.options import (
    DbOption,
    ForceOption,
    FormatOption,
    LandscapeDirections,
    LandscapeExamples,
    LandscapeGrid,
    given_settings,
    with_settings,
)
from nnlab.cli.output.formats import Format

app = typer.Typer(
    add_completion=False, rich_markup_mode="rich", no_args_is_help=True, help="Inspect models."
)

OutputOption = Annotated[
    list[Path] | None, typer.Option("--output", "-o", metavar="FILE", help=FIGURE_FILES_HELP)
]


@app.callback()
def probe() -> None:
    """Inspect models."""


@app.command(cls=SettingsCommand)
@with_page_options
@with_settings
def init(
    *,
    output: OutputOption = None,
    page: Mapping[str, Any],
    force: ForceOption = False,
    format: FormatOption = Format.TABLE,  # noqa: A002  the option is called --format
    **settings: Any,
) -> None:
    """Show the outputs of each layer before training, which reveal vanishing or exploding signals.

    By default a relu mlp with ten layers, with weights that are too small or too large, Xavier and
    MSRA. Options are those of train; lists give one row each. Nothing is trained or stored.

    [bold]Examples[/bold]

        nnlab probe init -o init.png

        nnlab probe init --init xavier,msra,lsuv --activation tanh --depth 20
    """
    # torch is imported only when a model is built.
    from nnlab.cli.figures.probe import run

    run.print_init_probe(
        given_settings(settings), settings["seed"], output or (), format, page=page, force=force
    )


@app.command()
@with_page_options
def sensitivity(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN...", help="runs, by number or name", autocompletion=completion.runs
        ),
    ],
    *,
    examples: LandscapeExamples = 512,
    grid: LandscapeGrid = 21,
    directions: LandscapeDirections = 5,
    output: OutputOption = None,
    page: Mapping[str, Any],
    force: ForceOption = False,
    format: FormatOption = Format.TABLE,  # noqa: A002  the option is called --format
    db: DbOption = None,
) -> None:
    """Measure the sensitivity of the loss to changes of the trained weights.

    Gradient norm, largest eigenvalue of the Hessian, and the increase of the loss along random
    directions scaled to the norm of the weights. The least sensitive run is listed first.

    [bold]Examples[/bold]

        nnlab probe sensitivity 1

        nnlab probe sensitivity 1 2 -o landscape.png
    """
    # torch is imported only when a model is built.
    from nnlab.cli.figures.probe import run

    run.print_sensitivity(
        runs,
        examples=examples,
        grid=grid,
        directions=directions,
        output=output or (),
        page=page,
        force=force,
        output_format=format,
        db=db,
    )
