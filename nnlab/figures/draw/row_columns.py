"""Columns of text beside the rows of a figure, with headings; used by figures with a row per trial.

The y axis of the panel has one unit per row. Positions across are in points from the panel, so
that columns keep their distances at every width of the page.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import (
    Affine2D,
    ScaledTranslation,
    Transform,
    blended_transform_factory,
)

from nnlab.figures.draw.labels import short_labels, text_inches, wrap_to_width
from nnlab.figures.draw.paper import current_paper, points
from nnlab.figures.draw.reader_options import current_reader_options

_POINTS_PER_INCH = 72
_GAP, _BRACKET_WIDTH = 7.0, 3.0  # points
_TICK_PAD = 6.0  # points between the panel and the names of its rows
_MARGINS = 14.0  # points of both sides of the figure
_MAX_LETTERS = 200  # of a name before it is wrapped
_MAX_TICKS, _WIDEST_TICK = 6, "0.975 "
_TICK_DISTANCE = 1.15  # between the centres of two ticks, in widths of a label
_LINE_SPACING = 1.15
MIN_PANEL_SHARE = 0.28  # of the width of the page, else columns are shortened
LABEL_SHARE = 0.34  # of the width of the page, for the names of the rows


@dataclass(frozen=True, slots=True)
class TextColumn:
    """A column to the right of the panel: its heading, and a text per row."""

    heading: str
    texts: tuple[str, ...]
    align: Literal["left", "right"] = "right"

    @property
    def width(self) -> float:
        """The width of the widest text in points."""
        size = current_paper().size
        return _POINTS_PER_INCH * max(text_inches(t, size) for t in (self.heading, *self.texts))


def wrap_row_labels(labels: Sequence[str], share: float = LABEL_SHARE) -> list[str]:
    """The names of rows in at most two lines; only longer ones are shortened.

    Args:
        labels: the names, which may be equal.
        share: the fraction of the page's width for them.
    """
    width, size = share * current_paper().width, current_paper().size
    return [wrap_to_width(label, width, size) for label in short_labels(labels, _MAX_LETTERS)]


def row_lines(labels: Sequence[str]) -> int:
    """The largest number of lines of a label."""
    return max((label.count("\n") + 1 for label in labels), default=1)


def label_rows(ax: Axes, labels: Sequence[str], heading: str = "") -> None:
    """Writes the names of the rows to the left of the panel, the first row on top."""
    ax.set_yticks(range(len(labels)), labels)
    for label in ax.get_yticklabels():
        label.set_linespacing(_LINE_SPACING)
    ax.set_ylim(len(labels) - 0.5, -0.5)
    ax.grid(visible=False, axis="y")
    if heading:
        _write_heading(ax, heading, 0.0, -points(_TICK_PAD), "right")


def panel_width(labels: Sequence[str], columns: Sequence[TextColumn]) -> float:
    """The width in inches that the names of the rows and columns of text leave for the panel."""
    size = current_paper().size
    names = max(
        (text_inches(line, size) for name in labels for line in name.split("\n")), default=0
    )
    texts = sum(column.width + points(_GAP) for column in columns)
    beside = texts + points(_TICK_PAD + _MARGINS)
    return current_paper().width - names - beside / _POINTS_PER_INCH


def limit_ticks(ax: Axes, width: float) -> None:
    """Sets as many ticks as fit on a linear value axis of `width` inches."""
    count = int(width / text_inches(_WIDEST_TICK, current_paper().size))
    if ax.get_xscale() == "linear" and len(ax.get_xticks()):
        nbins = max(1, min(_MAX_TICKS, count - 1))
        ax.xaxis.set_major_locator(MaxNLocator(nbins=nbins, steps=[1, 2, 2.5, 5, 10]))
        _thin_out_ticks(ax, width)


def _thin_out_ticks(ax: Axes, width: float) -> None:
    """Leaves out ticks whose labels would overlap: the locator has two ticks even for one bin."""
    low, high = ax.get_xlim()
    ticks = [tick for tick in ax.get_xticks() if low <= tick <= high]
    labels = ax.xaxis.get_major_formatter().format_ticks(ticks)
    widest = max((text_inches(label, current_paper().size) for label in labels), default=0.0)
    if len(ticks) < 2 or widest * _TICK_DISTANCE <= width * (ticks[1] - ticks[0]) / (high - low):
        return
    ax.set_xticks(ticks[::2], labels[::2])


def write_columns(ax: Axes, columns: Sequence[TextColumn]) -> float:
    """Writes columns to the right of the panel; returns where they end, in points from it."""
    end = 0.0
    for column in columns:
        start = end + points(_GAP)
        end = start + column.width
        offset = end if column.align == "right" else start
        if column.heading:
            _write_heading(ax, column.heading, 1.0, offset, column.align)
        for row, text in enumerate(column.texts):
            ax.annotate(
                text,
                (1.0, row),
                xycoords=("axes fraction", "data"),
                xytext=(offset, 0),
                textcoords="offset points",
                ha=column.align,
                va="center_baseline",
                annotation_clip=False,
                fontsize=current_paper().size,
            )
    return end


def _write_heading(
    ax: Axes, text: str, side: float, offset: float, align: Literal["left", "right"]
) -> None:
    ax.annotate(
        text,
        (side, 1.0),
        xycoords="axes fraction",
        xytext=(offset, points(3.5)),
        textcoords="offset points",
        ha=align,
        va="bottom",
        annotation_clip=False,
        fontsize=current_paper().size,
        fontweight="bold",
    )


def set_chosen_limits(ax: Axes) -> None:
    """Sets the limits that the author chose, because arrows at the edge depend on them."""
    ends = current_reader_options().xlim or (None, None)
    is_positive = all(end is None or end > 0 for end in ends)
    if is_positive or ax.get_xscale() != "log":
        ax.set_xlim(*ends)


def draw_edge_arrow(ax: Axes, row: int, text: str, color: str, *, right: bool) -> None:
    """Draws an arrow at an end of the axis, with the value of a row that lies beyond it."""
    edge, inwards = (1.0, -1) if right else (0.0, 1)
    ax.plot(
        edge,
        row,
        marker=">" if right else "<",
        markersize=points(3.6),
        color=color,
        transform=ax.get_yaxis_transform(),
        clip_on=False,
        zorder=4,
    )
    ax.annotate(
        text,
        (edge, row),
        xycoords=("axes fraction", "data"),
        xytext=(inwards * points(5), 0),
        textcoords="offset points",
        ha="right" if right else "left",
        va="center_baseline",
        fontsize=current_paper().size,
    )


def draw_brackets(
    ax: Axes, groups: Sequence[str | None], colors: Sequence[str], start: float, heading: str
) -> None:
    """Draws a bracket with its name beside each sequence of rows of one group.

    Args:
        ax: the panel.
        groups: the group of each row; rows with None have no bracket.
        colors: the colour of each row's bracket.
        start: the distance from the panel in points, as `write_columns` returns it.
        heading: the heading above the brackets.
    """
    left = start + points(_GAP)
    first = 0
    for row in range(1, len(groups) + 1):
        if row < len(groups) and groups[row] == groups[first]:
            continue
        name = groups[first]
        if name is not None:
            _draw_bracket(ax, first, row - 1, left, colors[first])
            ax.annotate(
                name,
                (1.0, (first + row - 1) / 2),
                xycoords=("axes fraction", "data"),
                xytext=(left + points(_BRACKET_WIDTH + 3), 0),
                textcoords="offset points",
                ha="left",
                va="center_baseline",
                annotation_clip=False,
                fontsize=current_paper().size,
            )
        first = row
    if any(groups):
        _write_heading(ax, heading, 1.0, left, "left")


def _draw_bracket(ax: Axes, first: int, last: int, left: float, color: str) -> None:
    top, bottom = first - 0.32, last + 0.32
    width = points(_BRACKET_WIDTH)
    line = Line2D(
        [0.0, width, width, 0.0],
        [top, top, bottom, bottom],
        color=color,
        linewidth=points(0.9),
        clip_on=False,
        transform=_points_beside(ax, left),
    )
    ax.add_artist(line)


def _points_beside(ax: Axes, left: float) -> Transform:
    """A transform of points from `left` points beside the panel, and of rows."""
    figure = ax.get_figure(root=True)
    scale = figure.dpi_scale_trans  # type: ignore[union-attr]
    edge = ScaledTranslation(1.0, 0.0, ax.transAxes)  # type: ignore[arg-type]
    in_points = Affine2D().scale(1 / _POINTS_PER_INCH).translate(left / _POINTS_PER_INCH, 0)
    across = in_points + scale + edge
    return blended_transform_factory(across, ax.transData)
