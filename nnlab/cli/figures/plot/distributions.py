"""Commands of `nnlab plot` for distributions: of weights and gradients, of scores over tasks."""

from enum import StrEnum
from typing import Annotated

import typer

from nnlab.cli.figures.plot.figure_command import figure_command
from nnlab.cli.figures.plot.options import FigureOptions, TopOption, app, drop_unset
from nnlab.cli.options import StudyOrRunsArgument


class LayerTensor(StrEnum):
    """The tensors whose distribution is drawn."""

    WEIGHTS = "weights"
    GRADIENTS = "gradients"


class ScoreNormalisation(StrEnum):
    """How scores of different data sets are made comparable."""

    NONE = "none"
    MIN_MAX = "min-max"


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
