"""Commands of `nnlab plot` for layers, weights and predictions of models."""

from typing import Annotated, Any

import typer

from nnlab.cli import completion
from nnlab.cli.argument_options import SettingsCommand
from nnlab.cli.figures.plot.figure_command import figure_command
from nnlab.cli.figures.plot.options import (
    FigureOptions,
    QuantityOption,
    SplitOption,
    TopOption,
    app,
    drop_unset,
)
from nnlab.cli.options import (
    HighestRateOption,
    LandscapeDirections,
    LandscapeExamples,
    LandscapeGrid,
    LowestRateOption,
    RangeTestSeedsOption,
    RangeTestStepsOption,
    StudyOrRunsArgument,
    given_settings,
    with_settings,
)
from nnlab.errors import UsageError


@app.command()
@figure_command("activations")
def activations(
    runs: StudyOrRunsArgument = None, *, what: QuantityOption = None, top: TopOption = 2
) -> FigureOptions:
    """Draw the outputs of each layer over epochs: sd, dead and saturated units.

    [bold]Example[/bold]

        nnlab plot activations 12 -o activations.pdf
    """
    return runs or (), drop_unset(what=what, top=top)


@app.command()
@figure_command("gradients")
def gradients(
    runs: StudyOrRunsArgument = None, *, what: QuantityOption = None, top: TopOption = 2
) -> FigureOptions:
    """Draw gradient norms and update sizes of each layer over epochs (train with --probe full).

    [bold]Example[/bold]

        nnlab plot gradients 12 -o gradients.pdf
    """
    return runs or (), drop_unset(what=what, top=top)


@app.command(cls=SettingsCommand)
@figure_command("init")
@with_settings
def init(**settings: Any) -> FigureOptions:
    """Draw the outputs of each layer before training; options are those of train.

    By default a relu mlp with ten layers, with weights that are too small or too large, Xavier and
    MSRA.

    [bold]Example[/bold]

        nnlab plot init --init xavier,msra,lsuv --activation tanh -o init.pdf
    """
    seed = settings["seed"]
    if seed is not None and not str(seed).isdecimal():
        raise UsageError(f"--seed {seed}: this figure needs a single seed")
    return (), drop_unset(
        settings=given_settings(settings), seed=None if seed is None else int(seed)
    )


@app.command("find-lr", cls=SettingsCommand)
@figure_command("find-lr")
@with_settings
def find_lr(
    *,
    low: LowestRateOption = 1e-6,
    high: HighestRateOption = 10.0,
    steps: RangeTestStepsOption = 200,
    seeds: RangeTestSeedsOption = 3,
    **settings: Any,
) -> FigureOptions:
    """Draw learning rate range tests and the suggested rate; options are those of train.

    [bold]Example[/bold]

        nnlab plot find-lr --opt sgd -o lr.pdf
    """
    return (), drop_unset(
        settings=given_settings(settings),
        low=low,
        high=high,
        steps=steps,
        seeds=seeds,
        seed=settings["seed"],
    )


@app.command("find-decay")
@figure_command("find-decay")
def find_decay(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN",
            help="a run without decay, by number or name",
            autocompletion=completion.runs,
        ),
    ],
) -> FigureOptions:
    """Draw the training loss of a run, and the epoch from which it no longer falls.

    [bold]Example[/bold]

        nnlab plot find-decay 1 -o plateau.pdf
    """
    return (run,), {}


@app.command()
@figure_command("landscape")
def landscape(
    what: StudyOrRunsArgument = None,
    *,
    examples: LandscapeExamples = 512,
    grid: LandscapeGrid = 21,
    directions: LandscapeDirections = 5,
    top: TopOption = 2,
    over_epochs: Annotated[
        bool,
        typer.Option(
            "--over-epochs",
            help="show several epochs of one run, which is trained again; implied by .gif and .mp4",
        ),
    ] = False,
) -> FigureOptions:
    """Draw the loss around trained weights, along random directions and in a plane.

    [bold]Examples[/bold]

        nnlab plot landscape 3 7 -o landscape.pdf

        nnlab plot landscape 3 -o landscape.gif
    """
    return what or (), drop_unset(
        examples=examples, grid=grid, directions=directions, top=top, over_epochs=over_epochs
    )


@app.command()
@figure_command("interpolation")
def interpolation(
    what: StudyOrRunsArgument = None,
    *,
    points: Annotated[
        int,
        typer.Option(
            "--points",
            metavar="N",
            min=3,
            max=1000,
            help="positions on the line at which the metrics are measured",
        ),
    ] = 25,
    top: TopOption = 2,
) -> FigureOptions:
    """Draw loss and accuracy on the line between the weights of two runs, also after matching.

    Matching permutes the hidden units of the second network so that its weights are close to those
    of the first, which does not change what it computes. A study gives two seeds of each of its
    best trials.

    [bold]Example[/bold]

        nnlab plot interpolation 3 7 -o line.pdf
    """
    return what or (), drop_unset(points=points, top=top)


@app.command()
@figure_command("confusion")
def confusion(
    what: StudyOrRunsArgument = None,
    *,
    split: SplitOption = "val",
    percent: Annotated[
        bool,
        typer.Option(
            "--percent/--counts", help="percentages of the true class, or numbers of examples"
        ),
    ] = False,
) -> FigureOptions:
    """Draw the confusion matrix of a run with its selected weights.

    [bold]Examples[/bold]

        nnlab plot confusion 12 -o confusion.pdf

        nnlab plot confusion 12 --percent -o confusion.pdf
    """
    return what or (), drop_unset(split=split, percent=percent)


@app.command()
@figure_command("calibration")
def calibration(
    what: StudyOrRunsArgument = None,
    *,
    split: SplitOption = "val",
    bins: Annotated[
        int, typer.Option("--bins", metavar="N", min=2, max=100, help="number of confidence bins")
    ] = 15,
    top: TopOption = 2,
) -> FigureOptions:
    """Draw a reliability diagram: accuracy against predicted confidence.

    [bold]Example[/bold]

        nnlab plot calibration 12 -o calibration.pdf
    """
    return what or (), drop_unset(split=split, bins=bins, top=top)


@app.command()
@figure_command("examples")
def examples(
    what: StudyOrRunsArgument = None,
    *,
    split: SplitOption = "val",
    count: Annotated[
        int, typer.Option("--count", metavar="N", min=1, max=200, help="number of examples")
    ] = 24,
) -> FigureOptions:
    """Draw the examples with the largest losses of a run.

    [bold]Example[/bold]

        nnlab plot examples 12 -o worst.pdf
    """
    return what or (), drop_unset(split=split, count=count)
