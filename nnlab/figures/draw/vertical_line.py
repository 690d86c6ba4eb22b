"""A place on the x axis that is pointed out."""

from matplotlib.axes import Axes

from nnlab.figures.draw.paper import color, points
from nnlab.figures.draw.style import REFERENCE_DASHES


def draw_vertical_line(ax: Axes, place: float, text: str) -> None:
    """A dashed line across at a place of x, and what it is beside its top."""
    ax.axvline(place, color=color(1), linewidth=points(1.0), linestyle=REFERENCE_DASHES)
    ax.text(place, 0.98, f" {text}", transform=ax.get_xaxis_transform(), color=color(1), va="top")
