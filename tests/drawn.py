"""What a figure's lines were drawn from."""

import numpy as np
from matplotlib.lines import Line2D


def xs(line: Line2D) -> tuple[float, ...]:
    """The places of a line's points."""
    return tuple(float(value) for value in np.asarray(line.get_xdata()))


def ys(line: Line2D) -> tuple[float, ...]:
    """The heights of a line's points."""
    return tuple(float(value) for value in np.asarray(line.get_ydata()))
