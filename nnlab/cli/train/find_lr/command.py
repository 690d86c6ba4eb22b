"""`nnlab find-lr`: suggests a learning rate by a range test."""

from pathlib import Path
from typing import Annotated, Any

import typer

from nnlab.cli.argument_options import SettingsCommand
from nnlab.cli.options import ForceOption, FormatOption, given_settings, with_settings
from nnlab.cli.output.formats import Format

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@app.command("find-lr", cls=SettingsCommand)
@with_settings
def find_lr(
    *,
    low: Annotated[float, typer.Option("--low", help="smallest learning rate")] = 1e-6,
    high: Annotated[float, typer.Option("--high", help="largest learning rate")] = 10.0,
    steps: Annotated[
        int, typer.Option("--steps", metavar="N", min=16, max=100_000, help="steps of the test")
    ] = 200,
    seeds: Annotated[
        int, typer.Option("--seeds", metavar="N", min=1, max=100, help="median over seeds 0 to N-1")
    ] = 3,
    output: Annotated[
        list[Path] | None,
        typer.Option("--output", "-o", metavar="FILE", help=".pdf, .svg or .png; repeat for more"),
    ] = None,
    force: ForceOption = False,
    format: FormatOption = Format.TABLE,  # noqa: A002  the option is called --format
    **settings: Any,
) -> None:
    """Find a learning rate: the one at which the loss falls fastest while the rate grows.

    This is the range test of Smith (2017). Nothing is stored. Takes the settings of train.

    [bold]Examples[/bold]

        nnlab find-lr --opt sgd -o lr.pdf

        nnlab find-lr --data iris --model mlp --seeds 5 --format json
    """
    # Imported only here: the store takes time to import, and completion does not need it.
    from nnlab.cli.train.find_lr import run

    run.run_find_lr(
        given_settings(settings),
        low=low,
        high=high,
        steps=steps,
        seeds=range(seeds) if settings["seed"] is None else settings["seed"],
        output=output or (),
        force=force,
        output_format=format,
    )
