"""The layout of a figure: a grid of panels, and a legend that covers no curve."""

import warnings
from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from nnlab.errors import UsageError
from nnlab.figures.draw.axis_scales import write_powers_at_ticks
from nnlab.figures.draw.labels import text_inches, wrap_labels_beyond_figure, wrap_to_width
from nnlab.figures.draw.legend import (
    LegendEntry,
    columns_that_fit,
    draw_legend_below,
    draw_legend_inside,
    legend_pad,
    row_height,
    rows_needed,
    shorten_entry,
    text_renderer,
)
from nnlab.figures.draw.line_end_labels import label_line_ends, label_stack_height
from nnlab.figures.draw.panel_context import own_legend_blocks, stretched_height
from nnlab.figures.draw.paper import current_paper, inches
from nnlab.figures.draw.titles_and_limits import apply_titles_and_limits

PANEL_HEIGHT = 2.2
_DECORATION_HEIGHT = 0.6  # inches: the axis labels and ticks below a panel
_MAX_DIRECT_WIDTH = 0.36  # of a label at the end of a line, relative to the figure
_MAX_LABEL_LENGTH = 1.08  # of the label of an axis, relative to the axis
_MIN_PANEL_HEIGHT, _ASPECT = 1.6, 0.9  # inches; height over width, with the axis labels
_LAYOUT_DPI = 300  # as `savefig.dpi`
_MIN_PANEL_WIDTH = 1.75  # inches; enough for an axis with its labels


def new_figure(height: float, width: float | None = None) -> Figure:
    """An empty figure as wide as the paper; `height` in inches at the base font size."""
    figure = Figure(
        figsize=(
            current_paper().width if width is None else width,
            stretched_height(inches(height)),
        ),
        layout=layout_engine(),
    )
    FigureCanvasAgg(figure)  # measures text; saving picks its own canvas by format
    return figure


def layout_engine() -> ConstrainedLayoutEngine:
    """The layout of axes, titles and labels within a figure."""
    return ConstrainedLayoutEngine(
        w_pad=inches(0.06), h_pad=inches(3 / 72), wspace=0.05, hspace=0.05
    )


def panel_grid(count: int, least: float = _MIN_PANEL_WIDTH) -> tuple[int, int]:
    """The rows and columns of a grid of `count` panels that are at least `least` inches wide."""
    max_columns = max(1, int(current_paper().width / inches(least)))
    rows = -(-count // min(max_columns, count))
    return rows, -(-count // rows)


def figure_with_legend(
    count: int,
    blocks: Sequence[Sequence[LegendEntry]],
    draw: Callable[[Sequence[Axes]], None],
    *,
    height: float = PANEL_HEIGHT,
    least: float = _MIN_PANEL_WIDTH,
    columns: int | None = None,
) -> Figure:
    """A figure of `count` panels that `draw` fills, with a legend.

    The paper decides where the legend is: below the panels, at the ends of the lines, in the last
    panel, or nowhere. Entries without a line are always below the panels.

    Args:
        count: the number of panels.
        blocks: parts of the legend; each begins a new row.
        draw: draws the panels; it is called with the axes, row by row.
        height: the height of a panel in inches at the base font size.
        least: the minimal width of a panel in inches at the base font size.
        columns: the number of panels side by side; by default as many as fit.
    """
    figure = new_figure(height)
    mode = current_paper().legend
    columns = columns or panel_grid(count, least)[1]
    rows = -(-count // columns)
    width = current_paper().width * (_MAX_DIRECT_WIDTH if mode == "direct" else 1.0)
    blocks = [[shorten_entry(entry, width) for entry in block] for block in blocks]
    line_entries = [entry for block in blocks for entry in block if entry.line]
    if mode in ("direct", "best"):
        below = [[entry for entry in block if not entry.line] for block in blocks]
    else:
        below = [list(block) for block in blocks] if mode == "outside" else []
    below = own_legend_blocks(below)
    columns_of_blocks = [(block, columns_that_fit(figure, block)) for block in below if block]
    rows_of_blocks = [
        rows_needed(block, block_columns) for block, block_columns in columns_of_blocks
    ]
    if mode == "direct":
        height = max(height, _DECORATION_HEIGHT + label_stack_height(len(line_entries)))
    legend_height = sum(rows_of_blocks) * row_height() + len(rows_of_blocks) * legend_pad()
    panel_height = stretched_height(rows * inches(height))
    figure.set_size_inches(figure.get_figwidth(), panel_height + legend_height)
    parts = figure.subfigures(
        2, 1, height_ratios=[panel_height, max(legend_height, 0.01)], squeeze=False
    )
    top, bottom = parts[:, 0]
    grid = list(top.subplots(rows, columns, squeeze=False).flat)
    axes = grid[:count]
    for spare in grid[count:]:
        spare.remove()
    draw(axes)
    apply_titles_and_limits(figure)
    _hide_marks_outside(axes)
    _fit_axis_labels(figure, axes)
    height_used = 0.0
    for (block, block_columns), block_rows in zip(columns_of_blocks, rows_of_blocks, strict=True):
        draw_legend_below(bottom, 1 - height_used / legend_height, block, block_columns)
        height_used += block_rows * row_height() + legend_pad()
    if mode == "best" and line_entries:
        draw_legend_inside(axes[-1], line_entries)
    if mode == "direct":
        label_line_ends(figure, axes[min(columns, count) - 1], line_entries)
    return figure


def _hide_marks_outside(axes: Sequence[Axes]) -> None:
    """Hides marks at the edge, which are not clipped, where the author's limits exclude them.

    Of a line along the edge, such as the ticks of tested values, each mark is hidden by itself.
    """
    for ax in axes:
        (left, right), (low, high) = sorted(ax.get_xlim()), sorted(ax.get_ylim())
        for line in ax.lines:
            x, y = map(np.atleast_1d, line.get_data())
            if line.get_clip_on():
                continue
            if line.get_transform() == ax.transData:
                if not np.any((left <= x) & (x <= right) & (low <= y) & (y <= high)):
                    line.set_visible(False)
            elif line.get_transform() == ax.get_xaxis_transform():
                line.set_xdata(np.where((left <= x) & (x <= right), x, np.nan))


def _fit_axis_labels(figure: Figure, axes: Sequence[Axes]) -> None:
    """Wraps the labels of value axes that are longer than their axis, if possible before a unit."""
    compute_layout(figure)
    renderer = text_renderer(figure)
    size = current_paper().label_size
    for ax in axes:
        height = ax.get_window_extent(renderer).height * _MAX_LABEL_LENGTH
        if ax.yaxis.label.get_window_extent(renderer).height <= height:
            continue
        available = height / figure.dpi
        text = " ".join(ax.get_ylabel().split())
        before_unit = text.replace(" (", "\n(", 1)
        fits = max(text_inches(line, size) for line in before_unit.split("\n")) <= available
        ax.set_ylabel(before_unit if fits else wrap_to_width(text, available, size))


def panel_columns(count: int, group: int, least: float = _MIN_PANEL_WIDTH) -> int:
    """The columns of a grid whose panels belong to rows of `group` panels, if such a row fits."""
    most = max(1, int(current_paper().width / inches(least)))
    return min(group, count) if group <= most else panel_grid(count, least)[1]


def panel_height(count: int, least: float = _MIN_PANEL_WIDTH) -> float:
    """The height of a panel in a grid, in inches at the base font size: lower in narrow columns."""
    _, columns = panel_grid(count, least)
    width = current_paper().width / columns / inches(1.0)
    return min(PANEL_HEIGHT, max(_MIN_PANEL_HEIGHT, _ASPECT * width))


def share_axis_labels(axes: Sequence[Axes], columns: int) -> None:
    """Keeps the labels of panels with equal axes only in the first column and the last row."""
    for index, ax in enumerate(axes):
        if index % columns:
            ax.set_ylabel("")
            ax.tick_params(axis="y", labelleft=False)
        if index + columns < len(axes):
            ax.set_xlabel("")


def available_text_width(columns: int = 1) -> float:
    """The width in inches for a text above or below one of `columns` panels side by side."""
    return current_paper().width / columns - inches(0.55)


class CollapsedLayout(UsageError):
    """The labels of a figure need more space than the figure has."""

    def __init__(self, width: float) -> None:
        super().__init__(
            f"a width of {width:.2g} inches is too narrow for the labels",
            hint="use a larger --width, --columns 2, a --layout with fewer columns, or shorter"
            " names with --rename",
        )


def freeze_layout(figure: Figure) -> None:
    """Computes the layout now and keeps it, so that every format gets the same layout.

    The titles and limits that the author chose are set before. Text is measured at the resolution
    of files: at 100 dots per inch small text is measured up to 8 % too narrow, and is then clipped.

    Raises:
        CollapsedLayout: the texts beside the panels leave no room for them.
    """
    apply_titles_and_limits(figure)
    dpi = figure.dpi
    figure.set_dpi(_LAYOUT_DPI)
    compute_layout(figure)
    write_powers_at_ticks(figure)
    wrap_labels_beyond_figure(figure)
    fits = compute_layout(figure)  # measures ticks that the first layout changed
    if wrap_labels_beyond_figure(figure):
        fits = compute_layout(figure)
    figure.set_layout_engine("none")
    figure.set_dpi(dpi)
    if not fits:
        raise CollapsedLayout(figure.get_figwidth())


def compute_layout(figure: Figure) -> bool:
    """Draws the figure without an output; returns whether its panels have room."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        figure.draw_without_rendering()
    collapsed = False
    for warning in caught:
        if "collapsed to zero" in str(warning.message):
            collapsed = True
        else:
            warnings.warn_explicit(
                warning.message, warning.category, warning.filename, warning.lineno
            )
    return not collapsed


def figure_of(ax: Axes) -> Figure:
    """The figure that contains the axes.

    Raises:
        ValueError: the axes were removed from their figure.
    """
    figure = ax.get_figure(root=True)
    if figure is None:
        raise ValueError("these axes belong to no figure")
    return figure
