"""A labelled vertical line; for the figures of `find-lr` and `find-decay`."""

from matplotlib.axes import Axes

from nnlab.figures.draw.paper import color, points
from nnlab.figures.draw.style import REFERENCE_DASHES
from nnlab.figures.draw.tested_values import axis_shares

# Nearer to an end of the axis, a centred text would leave the panel.
_CENTRED_FROM, _CENTRED_TO = 0.25, 0.75


def draw_vertical_line(ax: Axes, x: float, text: str) -> None:
    """Draws a dashed vertical line at `x`, with its text above the panel, where no curve is.

    The limits of the axis must be set before.
    """
    ax.axvline(x, color=color(1), linewidth=points(1.0), linestyle=REFERENCE_DASHES)
    (share,) = axis_shares(ax.xaxis, [x], ax.get_xlim())
    side = "left" if share < _CENTRED_FROM else "right" if share > _CENTRED_TO else "center"
    ax.annotate(
        text,
        (x, 1.0),
        xycoords=ax.get_xaxis_transform(),
        xytext=(0, points(2)),
        textcoords="offset points",
        color=color(1),
        ha=side,
        va="bottom",
    )
