"""Commands of `nnlab plot` for curves over epochs."""

from pathlib import Path
from typing import Annotated, Any

import typer

from nnlab.cli.argument_options import SettingsCommand
from nnlab.cli.figures.plot.figure_command import figure_command
from nnlab.cli.figures.plot.options import (
    ByOption,
    CostAxis,
    FigureOptions,
    MetricOption,
    SeedDisplay,
    StepsOption,
    TopOption,
    app,
    drop_unset,
)
from nnlab.cli.options import StudyOrRunsArgument, given_settings, with_settings
from nnlab.errors import UsageError


@app.command()
@figure_command("curves")
def curves(
    what: StudyOrRunsArgument = None,
    *,
    metric: MetricOption = None,
    top: TopOption = 6,
    seeds: Annotated[
        SeedDisplay | None,
        typer.Option(
            "--seeds",
            help="show several seeds as a band, or all seeds as thin lines"
            " \\[default: the band of --uncertainty]",
        ),
    ] = None,
    log: Annotated[
        bool | None,
        typer.Option(
            "--log/--linear",
            show_default=False,
            help="scale of the axis \\[default: log over decades]",
        ),
    ] = None,
) -> FigureOptions:
    """Draw training and validation curves, one colour per trial, seeds as mean and band.

    The best epoch and the onset of overfitting are marked.

    [bold]Examples[/bold]

        nnlab plot curves

        nnlab plot curves -o curves.pdf

        nnlab plot curves depth --top 3 -o curves.pdf -o curves.png --venue icml
    """
    return what or (), drop_unset(metric=metric, top=top, seeds=seeds and str(seeds), log=log)


@app.command()
@figure_command("gap")
def gap(
    what: StudyOrRunsArgument = None,
    *,
    metric: Annotated[
        str, typer.Option("--metric", metavar="NAME", help="loss or accuracy")
    ] = "loss",
    top: TopOption = 4,
) -> FigureOptions:
    """Draw training against validation with the gap shaded, darker after the onset of overfitting.

    [bold]Example[/bold]

        nnlab plot gap depth -o gap.pdf
    """
    return what or (), drop_unset(metric=metric, top=top)


@app.command("lr", cls=SettingsCommand)
@figure_command("lr")
@with_settings
def learning_rate(
    what: StudyOrRunsArgument = None,
    *,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config", metavar="FILE.toml", help="settings in a file, for example `lr = 0.1`"
        ),
    ] = None,
    steps: StepsOption = 100,
    **settings: Any,
) -> FigureOptions:
    """Draw the learning rate over epochs, of trained trials or of settings.

    Options are those of train; lists give several lines.

    [bold]Examples[/bold]

        nnlab plot lr --decay exp,inv,step,cosine -o lr.pdf

        nnlab plot lr --decay wsd --warmup 2 --lr 0.01,0.1 -o lr.png

        nnlab plot lr depth
    """
    from nnlab.study.request import TrainRequest, merge_config_file

    request = merge_config_file(config, TrainRequest(settings=given_settings(settings)))
    if what and request.settings:
        raise UsageError("give runs or settings, not both")
    if what:
        return what, {"steps": steps}
    return (), {"settings": dict(request.settings), "steps": steps}


@app.command("time")
@figure_command("time")
def time(
    what: StudyOrRunsArgument = None,
    *,
    metric: Annotated[
        str | None,
        typer.Option(
            "--metric", metavar="METRIC", help="metric \\[default: the study's objective]"
        ),
    ] = None,
    x: Annotated[
        CostAxis, typer.Option("--x", help="cost on the horizontal axis")
    ] = CostAxis.SECONDS,
    target: Annotated[
        float | None,
        typer.Option("--target", metavar="VALUE", help="mark the cost of reaching this value"),
    ] = None,
    top: TopOption = 6,
) -> FigureOptions:
    """Draw a metric against its cost in seconds, epochs or steps.

    [bold]Example[/bold]

        nnlab plot time depth --target 0.2 -o time.pdf
    """
    return what or (), drop_unset(metric=metric, x=str(x), target=target, top=top)


@app.command()
@figure_command("compare")
def compare(what: StudyOrRunsArgument = None, *, by: ByOption = None) -> FigureOptions:
    """Draw two trials side by side: their curves, and their difference for every seed.

    [bold]Example[/bold]

        nnlab plot compare 3 7 -o compare.pdf
    """
    return what or (), drop_unset(by=by)
