"""Names written beside the ends of lines, in their colours, pushed apart where they touch."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Annotation

from nnlab.figures.draw.legend import LegendEntry
from nnlab.figures.draw.paper import current_paper

_LABEL_GAP = 0.4  # of the type's size, from the axis to a name
_LINE_SPACING = 1.25  # from name to name


def label_line_ends(figure: Figure, ax: Axes, entries: Sequence[LegendEntry]) -> None:
    """Writes each entry at the right of `ax`, level with the last point of its line."""
    ends = [(entry, end) for entry in entries if (end := _line_end_height(ax, entry)) is not None]
    ends.sort(key=lambda found: found[1])
    size = current_paper().size * figure.dpi / 72
    names = [_add_label(ax, entry, size) for entry, _ in ends]
    figure.draw_without_rendering()
    frame = ax.get_window_extent()
    wanted = [ax.transData.transform((0, height))[1] for _, height in ends]
    placed = spread_positions(wanted, size * _LINE_SPACING, frame.y0, frame.y1)
    for name, place in zip(names, placed, strict=True):
        name.xy = (1.0, (place - frame.y0) / frame.height)


def spread_positions(wanted: Sequence[float], least: float, low: float, high: float) -> list[float]:
    """Rising places as near as may be to those wanted, neighbours at least so far apart.

    Names that are too many for the room from `low` to `high` share it evenly.

    >>> apart([1.0, 1.1, 5.0], 1.0, 0.0, 10.0)
    [0.55, 1.55, 5.0]
    """
    if not wanted:
        return []
    least = min(least, (high - low) / max(len(wanted) - 1, 1))
    # Names that touch stand as one block around the middle of what they wanted.
    blocks: list[list[float]] = []
    for place in wanted:
        blocks.append([place])
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
    """Where a block begins: around the middle of what was wanted, inside the axis."""
    reach = (len(block) - 1) * least
    begin = sum(block) / len(block) - reach / 2
    return min(max(begin, low), max(high - reach, low))


def _line_end_height(ax: Axes, entry: LegendEntry) -> float | None:
    """The height of the last finite point of the entry's line."""
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
