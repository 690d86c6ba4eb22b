"""The data of a figure's lines, and whether its text is legible."""

import numpy as np
from matplotlib.lines import Line2D

from nnlab.testing.figure_text import assert_readable, drawn_texts

__all__ = ["assert_readable", "drawn_texts", "xs", "ys"]


def xs(line: Line2D) -> tuple[float, ...]:
    """The places of a line's points."""
    return tuple(float(value) for value in np.asarray(line.get_xdata()))


def ys(line: Line2D) -> tuple[float, ...]:
    """The heights of a line's points."""
    return tuple(float(value) for value in np.asarray(line.get_ydata()))
