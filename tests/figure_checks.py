"""The data of a figure's lines, and whether its text is legible."""

import re

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from nnlab.testing.figure_text import assert_readable, drawn_texts

__all__ = ["assert_plain_text", "assert_readable", "drawn_texts", "xs", "ys"]


# Markup that was not interpreted, rounding noise, and values that are not numbers.
_FAULTS = re.compile(r"[$\\]|\de-1\d|\b(nan|inf|None)\b|0000000\d|99999999")


def assert_plain_text(figure: Figure) -> None:
    """No drawn text contains markup, rounding noise or the name of a missing value."""
    faults = [text for text, _, _ in drawn_texts(figure) if _FAULTS.search(text)]
    assert not faults, faults


def xs(line: Line2D) -> tuple[float, ...]:
    """The places of a line's points."""
    return tuple(float(value) for value in np.asarray(line.get_xdata()))


def ys(line: Line2D) -> tuple[float, ...]:
    """The heights of a line's points."""
    return tuple(float(value) for value in np.asarray(line.get_ydata()))
