"""A labelled vertical line; for the figures of `find-lr` and `find-decay`."""

from matplotlib.axes import Axes

from nnlab.figures.draw.paper import color, points
from nnlab.figures.draw.style import REFERENCE_DASHES


def draw_vertical_line(ax: Axes, x: float, text: str) -> None:
    """Draws a dashed vertical line at `x`, with its text beside the top."""
    ax.axvline(x, color=color(1), linewidth=points(1.0), linestyle=REFERENCE_DASHES)
    ax.text(x, 0.98, f" {text}", transform=ax.get_xaxis_transform(), color=color(1), va="top")
