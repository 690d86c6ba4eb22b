"""`nnlab probe`: what happens inside a model, before training and after."""

from pathlib import Path
from typing import Annotated, Any

import typer

from nnlab.cli import completion
from nnlab.cli.options import (
    DbOption,
    ForceOption,
    Format,
    FormatOption,
    given_settings,
    with_settings,
)

app = typer.Typer(
    add_completion=False, rich_markup_mode="rich", no_args_is_help=True, help="Look inside models."
)

OutputOption = Annotated[
    list[Path] | None,
    typer.Option("--output", "-o", metavar="FILE", help=".pdf, .svg or .png; repeat for more"),
]


@app.callback()
def probe() -> None:
    """Look inside models."""


@app.command()
@with_settings
def init(
    *,
    output: OutputOption = None,
    force: ForceOption = False,
    format: FormatOption = Format.TABLE,  # noqa: A002  the option is called --format
    **settings: Any,
) -> None:
    """Show what each layer puts out before training: too small shrinks, too large explodes.

    By default a relu mlp of ten layers, from weights too small, too large, Xavier and MSRA.
    Options are those of train; lists make a row each. Nothing is trained or stored.

    [bold]Examples[/bold]

        nnlab probe init -o init.png

        nnlab probe init --init xavier,msra,lsuv --activation tanh --depth 20
    """
    from nnlab.cli.figures.probe import run

    run.print_init_probe(
        given_settings(settings), settings["seed"], output or (), format, force=force
    )


@app.command()
def sensitivity(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN...", help="runs, by number or name", autocompletion=completion.runs
        ),
    ],
    *,
    examples: Annotated[
        int, typer.Option("--examples", metavar="N", min=2, help="training examples to measure on")
    ] = 512,
    grid: Annotated[
        int,
        typer.Option("--grid", metavar="N", min=3, max=201, help="steps along a direction, odd"),
    ] = 21,
    directions: Annotated[
        int, typer.Option("--directions", metavar="N", min=2, max=100, help="random directions")
    ] = 5,
    output: OutputOption = None,
    force: ForceOption = False,
    format: FormatOption = Format.TABLE,  # noqa: A002  the option is called --format
    db: DbOption = None,
) -> None:
    """Measure how much the loss moves when the weights of trained runs move.

    Gradient norm, top eigenvalue of the Hessian, and the rise of the loss along random
    directions as long as the weights. The least sensitive run comes first.

    [bold]Examples[/bold]

        nnlab probe sensitivity 1

        nnlab probe sensitivity 1 2 -o landscape.png
    """
    from nnlab.cli.figures.probe import run

    run.print_sensitivity(
        runs,
        examples=examples,
        grid=grid,
        directions=directions,
        output=output or (),
        force=force,
        how=format,
        db=db,
    )
