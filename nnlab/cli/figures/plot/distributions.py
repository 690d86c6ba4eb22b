"""Commands of `nnlab plot` for distributions: of weights and gradients, of scores over tasks."""

from enum import StrEnum
from typing import Annotated

import typer

from nnlab.analysis.aggregate_scores import Normalisation
from nnlab.cli.figures.plot.figure_command import figure_command
from nnlab.cli.figures.plot.options import (
    AcrossOption,
    ByOption,
    FigureOptions,
    TopOption,
    app,
    drop_unset,
)
from nnlab.cli.options import StudyOrRunsArgument


class LayerTensor(StrEnum):
    """The tensors whose distribution is drawn."""

    WEIGHTS = "weights"
    GRADIENTS = "gradients"


@app.command()
@figure_command("histograms")
def histograms(
    runs: StudyOrRunsArgument = None,
    *,
    what: Annotated[
        LayerTensor, typer.Option("--what", help="the weights, or the gradients of the loss")
    ] = LayerTensor.WEIGHTS,
    top: TopOption = 1,
) -> FigureOptions:
    """Draw the distribution of each layer's weights over epochs (train with --probe full).

    Bands contain the central 50, 90, 98 and 100 % of the values. A .gif or .mp4 file shows a
    histogram for each epoch.

    [bold]Examples[/bold]

        nnlab plot histograms 12 -o weights.pdf

        nnlab plot histograms 12 --what gradients -o gradients.gif
    """
    return runs or (), drop_unset(what=str(what), top=top)


@app.command()
@figure_command("aggregates")
def aggregates(
    what: StudyOrRunsArgument = None,
    *,
    across: AcrossOption,
    by: ByOption = None,
    normalise: Annotated[
        Normalisation | None,
        typer.Option(
            "--normalise",
            show_default=False,
            help="scores as they are, or scaled for each data set \\[default: none for fractions"
            " such as accuracy, min-max for other metrics]",
        ),
    ] = None,
) -> FigureOptions:
    """Draw IQM, median, mean, optimality gap and probability of improvement over data sets.

    Intervals are 95 % stratified bootstrap intervals (Agarwal et al. 2021).

    [bold]Example[/bold]

        nnlab plot aggregates small large --across opt -o aggregates.pdf
    """
    return what or (), drop_unset(
        across=across, by=by, normalise=None if normalise is None else str(normalise)
    )
