"""The training loss of a run, and the epoch from which it no longer falls."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from nnlab.figures.draw.frame import new_figure
from nnlab.figures.draw.marks import mark_place
from nnlab.figures.draw.paper import color, points
from nnlab.figures.draw.scales import epoch_axis, value_axis
from nnlab.figures.draw.style import style

_HEIGHT = 2.4


def decay_points(losses: Sequence[float], stalled: int | None) -> Figure:
    """Draws a loss for each epoch; `stalled` is marked where there is one."""
    with style():
        figure = new_figure(_HEIGHT)
        ax = figure.subplots()
        epochs = range(1, len(losses) + 1)
        ax.plot(epochs, losses, color=color(0), marker="o", markersize=points(2.0))
        epoch_axis(ax, 1, len(losses))
        value_axis(ax, losses, losses[:1], log=True)
        if stalled is not None:
            mark_place(ax, stalled, f"falls no more from epoch {stalled}")
        ax.set_xlabel("Epoch")
        ax.set_ylabel("Training loss")
        return figure
