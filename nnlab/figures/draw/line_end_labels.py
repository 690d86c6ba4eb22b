"""Labels at the ends of lines, as an alternative to a legend (`--legend direct`)."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Annotation
from matplotlib.transforms import ScaledTranslation

from nnlab.figures.draw.legend import LegendEntry
from nnlab.figures.draw.paper import current_paper, points

_POINTS_PER_INCH = 72

# In units of the font size. With leaders there is more space between the axis and the labels.
_LABEL_GAP, _LEADER_GAP, _LINE_SPACING = 0.7, 1.9, 1.25
_MAX_SHIFT_WITHOUT_LEADER = 0.3
_REACHES_END = 0.03  # of the width of the axis: a line that ends before has no leader


def label_line_ends(figure: Figure, ax: Axes, entries: Sequence[LegendEntry]) -> None:
    """Writes each entry to the right of `ax`, at the height of the last point of its line.

    Labels that had to move are connected with the ends of their lines. An entry without a line in
    `ax` is written below the others.
    """
    ends = {entry: end for entry in entries if (end := _line_end(ax, entry)) is not None}
    labelled = sorted(ends, key=lambda entry: ends[entry][1])
    size = current_paper().size * figure.dpi / _POINTS_PER_INCH
    panel = ax.get_window_extent()
    heights = [ax.transAxes.inverted().transform(_pixels(ax, ends[e]))[1] for e in labelled]
    without_line = [entry for entry in entries if entry not in ends]
    names = [*(f"{entry.label}: no curve" for entry in without_line)]
    labels = [
        _add_label(ax, entry, text)
        for entry, text in zip(
            [*without_line, *labelled], [*names, *(e.label for e in labelled)], strict=True
        )
    ]
    figure.draw_without_rendering()
    panel = ax.get_window_extent()
    preferred = [*([0.0] * len(without_line)), *heights]
    spacing = size * _LINE_SPACING / panel.height
    positions = spread_positions(preferred, spacing, 0.0, 1.0)
    shifts = [abs(a - b) for a, b in zip(positions, preferred, strict=True)]
    with_leaders = max(shifts, default=0.0) * panel.height > _MAX_SHIFT_WITHOUT_LEADER * size
    for label, position in zip(labels, positions, strict=True):
        label.xy = (1.0, position)
        if with_leaders:
            label.set_position((_LEADER_GAP * current_paper().size, 0))
    if with_leaders:
        for entry, position in zip(labelled, positions[len(without_line) :], strict=True):
            _add_leader(ax, entry, ends[entry], position, size)


def label_stack_height(count: int) -> float:
    """The height of `count` labels below each other, in inches at the base font size."""
    return count * _LINE_SPACING * current_paper().size / current_paper().scale / _POINTS_PER_INCH


def _add_leader(
    ax: Axes, entry: LegendEntry, end: tuple[float, float], position: float, size: float
) -> None:
    """Connects the end of a line at the edge of the axis with its label."""
    right = sorted(ax.get_xlim())[1]
    width = abs(ax.get_xlim()[1] - ax.get_xlim()[0])
    if right - end[0] > _REACHES_END * width or not isinstance(entry.handle, Line2D):
        return
    height = float(ax.transAxes.inverted().transform(_pixels(ax, end))[1])
    ax.annotate(
        "",
        xy=(1.0, height),
        xycoords="axes fraction",
        xytext=(1.0, position),
        textcoords=ax.transAxes
        + ScaledTranslation(
            (_LEADER_GAP - 0.2) * size / ax.figure.dpi, 0, ax.figure.dpi_scale_trans
        ),
        annotation_clip=False,
        arrowprops={
            "arrowstyle": "-",
            "color": entry.handle.get_color(),
            "linewidth": points(0.6),
            "shrinkA": 0.0,
            "shrinkB": points(3.0),
        },
    )


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


def _line_end(ax: Axes, entry: LegendEntry) -> tuple[float, float] | None:
    """The last finite point of the entry's line, moved to the edge of the axis if it is outside.

    None if the line has no finite point.
    """
    for line in reversed(ax.lines):
        if line.get_label() == entry.line:
            data = zip(
                *(np.asarray(values, dtype=float) for values in line.get_data()), strict=True
            )
            finite = [(float(x), float(y)) for x, y in data if math.isfinite(y)]
            if finite:
                low, high = sorted(ax.get_ylim())
                return finite[-1][0], min(max(finite[-1][1], low), high)
    return None


def _pixels(ax: Axes, point: tuple[float, float]) -> tuple[float, float]:
    x, y = ax.transData.transform(point)
    return float(x), float(y)


def _add_label(ax: Axes, entry: LegendEntry, text: str) -> Annotation:
    handle = entry.handle
    return ax.annotate(
        text,
        (1.0, 0.5),
        xycoords="axes fraction",
        xytext=(_LABEL_GAP * current_paper().size, 0),
        textcoords="offset points",
        va="center",
        color=str(handle.get_color()) if isinstance(handle, Line2D) else current_paper().look.text,
        annotation_clip=False,
    )
