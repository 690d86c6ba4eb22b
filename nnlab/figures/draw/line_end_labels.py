"""Labels at the ends of lines, as an alternative to a legend (`--legend direct`)."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Annotation

from nnlab.figures.draw.legend import LegendEntry
from nnlab.figures.draw.paper import current_paper

# In units of the font size.
_LABEL_GAP = 0.4
_LINE_SPACING = 1.25


def label_line_ends(figure: Figure, ax: Axes, entries: Sequence[LegendEntry]) -> None:
    """Writes each entry to the right of `ax`, at the height of the last point of its line."""
    ends = [(entry, end) for entry in entries if (end := _line_end_height(ax, entry)) is not None]
    ends.sort(key=lambda pair: pair[1])
    size = current_paper().size * figure.dpi / 72
    labels = [_add_label(ax, entry, size) for entry, _ in ends]
    figure.draw_without_rendering()
    panel = ax.get_window_extent()
    heights = [ax.transData.transform((0, value))[1] for _, value in ends]
    positions = spread_positions(heights, size * _LINE_SPACING, panel.y0, panel.y1)
    for label, position in zip(labels, positions, strict=True):
        label.xy = (1.0, (position - panel.y0) / panel.height)


def spread_positions(
    preferred: Sequence[float], least: float, low: float, high: float
) -> list[float]:
    """Increasing positions near the preferred ones, with neighbours at least `least` apart.

    If there is not enough space from `low` to `high`, the positions share it evenly.

    >>> spread_positions([1.0, 1.1, 5.0], 1.0, 0.0, 10.0)
    [0.55, 1.55, 5.0]
    """
    if not preferred:
        return []
    least = min(least, (high - low) / max(len(preferred) - 1, 1))
    # Labels that would overlap form a block, centred on the mean of their preferred positions.
    blocks: list[list[float]] = []
    for position in preferred:
        blocks.append([position])
        while len(blocks) > 1 and _block_start(blocks[-1], least, low, high) < (
            _block_start(blocks[-2], least, low, high) + len(blocks[-2]) * least
        ):
            last = blocks.pop()
            blocks[-1] += last
    return [
        _block_start(block, least, low, high) + i * least
        for block in blocks
        for i, _ in enumerate(block)
    ]


def _block_start(block: Sequence[float], least: float, low: float, high: float) -> float:
    """The first position of a block that is centred on its preferred positions, inside the axis."""
    length = (len(block) - 1) * least
    start = sum(block) / len(block) - length / 2
    return min(max(start, low), max(high - length, low))


def _line_end_height(ax: Axes, entry: LegendEntry) -> float | None:
    """The last finite value of the entry's line, clipped to the axis; None if there is none."""
    for line in reversed(ax.lines):
        if line.get_label() == entry.line:
            heights = [y for y in np.asarray(line.get_ydata(), dtype=float) if math.isfinite(y)]
            if heights:
                low, high = sorted(ax.get_ylim())
                return float(min(max(heights[-1], low), high))
    return None


def _add_label(ax: Axes, entry: LegendEntry, size: float) -> Annotation:
    handle = entry.handle
    return ax.annotate(
        entry.label,
        (1.0, 0.5),
        xycoords="axes fraction",
        xytext=(_LABEL_GAP * size, 0),
        textcoords="offset pixels",
        va="center",
        color=str(handle.get_color()) if isinstance(handle, Line2D) else current_paper().look.text,
        annotation_clip=False,
    )
