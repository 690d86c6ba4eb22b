"""`nnlab find-lr`: suggests a learning rate by a range test."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from nnlab.cli.argument_options import SettingsCommand
from nnlab.cli.figures.page_options import FIGURE_FILES_HELP, with_page_options
from nnlab.cli.options import (
    ForceOption,
    FormatOption,
    HighestRateOption,
    LowestRateOption,
    RangeTestSeedsOption,
    RangeTestStepsOption,
    given_settings,
    with_settings,
)
from nnlab.cli.output.formats import Format

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@app.command("find-lr", cls=SettingsCommand)
@with_page_options
@with_settings
def find_lr(
    *,
    low: LowestRateOption = 1e-6,
    high: HighestRateOption = 10.0,
    steps: RangeTestStepsOption = 200,
    seeds: RangeTestSeedsOption = 3,
    output: Annotated[
        list[Path] | None,
        typer.Option("--output", "-o", metavar="FILE", help=FIGURE_FILES_HELP),
    ] = None,
    page: Mapping[str, Any],
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
        seeds=seeds,
        seed=settings["seed"],
        output=output or (),
        page=page,
        force=force,
        output_format=format,
    )
