"""`nnlab find-decay`: the training loss of a run, and the epoch from which it no longer falls."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from nnlab.figures.draw.axis_scales import set_epoch_axis, set_value_axis
from nnlab.figures.draw.layout import new_figure
from nnlab.figures.draw.paper import color, points
from nnlab.figures.draw.style import style_context
from nnlab.figures.draw.vertical_line import draw_vertical_line

_PANEL_HEIGHT = 2.4


def draw_decay_points(losses: Sequence[float], stalled: int | None) -> Figure:
    """A figure of the loss of each epoch; a vertical line is at epoch `stalled`, if given."""
    with style_context():
        figure = new_figure(_PANEL_HEIGHT)
        ax = figure.subplots()
        epochs = range(1, len(losses) + 1)
        ax.plot(epochs, losses, color=color(0), marker="o", markersize=points(2.0))
        set_epoch_axis(ax, 1, len(losses))
        set_value_axis(ax, losses, losses[:1], log=True)
        if stalled is not None:
            draw_vertical_line(ax, stalled, f"plateau from epoch {stalled}")
        ax.set_xlabel("Epoch")
        ax.set_ylabel("Training loss")
        return figure
