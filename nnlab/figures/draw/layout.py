"""A figure's frame: panels in as many columns as fit, and a legend that covers no curve."""

from collections.abc import Callable, Sequence

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from nnlab.figures.draw.legend import (
    LegendEntry,
    columns_that_fit,
    draw_legend_below,
    draw_legend_inside,
    legend_pad,
    row_height,
    rows_needed,
)
from nnlab.figures.draw.line_end_labels import label_line_ends
from nnlab.figures.draw.paper import current_paper, inches

PANEL_HEIGHT = 2.2
_MIN_PANEL_WIDTH = 1.75  # inches, the least that holds an axis with its names


def new_figure(height: float, width: float | None = None) -> Figure:
    """An empty figure as wide as the paper, `height` in inches at its usual type."""
    figure = Figure(
        figsize=(current_paper().width if width is None else width, inches(height)),
        layout=ConstrainedLayoutEngine(w_pad=inches(0.06), wspace=0.05, hspace=0.05),
    )
    FigureCanvasAgg(figure)  # measures text; saving picks its own canvas by format
    return figure


def panel_grid(count: int, least: float = _MIN_PANEL_WIDTH) -> tuple[int, int]:
    """Rows and columns of `count` panels, each at least so many inches wide; rows are even."""
    most = max(1, int(current_paper().width / inches(least)))
    rows = -(-count // min(most, count))
    return rows, -(-count // rows)


def figure_with_legend(
    count: int,
    blocks: Sequence[Sequence[LegendEntry]],
    draw: Callable[[Sequence[Axes]], None],
    *,
    height: float = PANEL_HEIGHT,
    least: float = _MIN_PANEL_WIDTH,
) -> Figure:
    """A figure of `count` panels that `draw` fills, with `blocks` of a legend where it belongs.

    The paper says where: below the panels; for entries that name a line at its end, or in the last
    panel where they cover least; or nowhere.

    Args:
        count: of panels.
        blocks: parts of the legend, each begins a row of its own.
        draw: gets the axes, row by row.
        height: of a panel, inches at the usual type.
        least: width of a panel, inches at the usual type.
    """
    figure = new_figure(height)
    rows, columns = panel_grid(count, least)
    mode = current_paper().legend
    inside = [entry for block in blocks for entry in block if entry.line]
    if mode in ("direct", "best"):
        below = [[entry for entry in block if not entry.line] for block in blocks]
    else:
        below = [list(block) for block in blocks] if mode == "outside" else []
    fitted = [(block, columns_that_fit(figure, block)) for block in below if block]
    taken = [rows_needed(block, wide) for block, wide in fitted]
    beneath = sum(taken) * row_height() + len(taken) * legend_pad()
    panels = rows * inches(height)
    figure.set_size_inches(figure.get_figwidth(), panels + beneath)
    parts = figure.subfigures(2, 1, height_ratios=[panels, max(beneath, 0.01)], squeeze=False)
    top, bottom = parts[:, 0]
    grid = list(top.subplots(rows, columns, squeeze=False).flat)
    axes = grid[:count]
    for spare in grid[count:]:
        spare.remove()
    draw(axes)
    used = 0.0
    for (block, wide), high in zip(fitted, taken, strict=True):
        draw_legend_below(bottom, 1 - used / beneath, block, wide)
        used += high * row_height() + legend_pad()
    if mode == "best" and inside:
        draw_legend_inside(axes[-1], inside)
    if mode == "direct":
        label_line_ends(figure, axes[min(columns, count) - 1], inside)
    return figure


def available_text_width(columns: int = 1) -> float:
    """Inches that a text above or below one of so many panels side by side may take."""
    return current_paper().width / columns - inches(0.55)


def freeze_layout(figure: Figure) -> None:
    """Lays the figure out once and for all, so that every format gets the same layout."""
    figure.draw_without_rendering()
    figure.draw_without_rendering()  # ticks that the first layout changed are measured once more
    figure.set_layout_engine("none")
