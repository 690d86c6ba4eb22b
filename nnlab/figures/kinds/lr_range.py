"""`nnlab find-lr`: the loss of a learning rate range test, and the suggested learning rate."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from nnlab.figures.draw.axis_scales import set_value_axis
from nnlab.figures.draw.layout import new_figure
from nnlab.figures.draw.paper import color, current_paper, points
from nnlab.figures.draw.style import style_context
from nnlab.figures.draw.vertical_line import draw_vertical_line

_PANEL_HEIGHT = 2.6


def draw_lr_range(
    tests: Sequence[tuple[Sequence[float], Sequence[float], Sequence[float]]], suggested: float
) -> Figure:
    """A figure of range tests: (learning rates, losses, smoothed losses) of each seed.

    Raw losses are grey, smoothed losses coloured; a vertical line is at the suggested rate.
    """
    with style_context():
        figure = new_figure(_PANEL_HEIGHT)
        ax = figure.subplots()
        for number, (lrs, losses, smoothed) in enumerate(tests):
            ax.plot(lrs, losses, color=current_paper().look.grey, linewidth=points(0.5), alpha=0.6)
            ax.plot(
                lrs,
                smoothed,
                color=color(0),
                linewidth=points(1.3),
                zorder=3,
                alpha=1 - 0.1 * number,
            )
        ax.set_xscale("log")
        values = [loss for _, _, smoothed in tests for loss in smoothed]
        set_value_axis(ax, values, [test[2][0] for test in tests], log=True)
        draw_vertical_line(ax, suggested, f"lr {suggested:g}")
        ax.set_xlabel("Learning rate")
        ax.set_ylabel("Training loss, smoothed")
        return figure
