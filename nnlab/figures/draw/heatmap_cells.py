"""Heatmaps: coloured cells with their numbers, framed, crossed out, and with a colour bar."""

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from nnlab.figures.draw.axis_range import AxisRange, robust_axis_range
from nnlab.figures.draw.axis_scales import rotate_tick_labels, set_log_ticks
from nnlab.figures.draw.labels import letters_that_fit, short_labels, text_inches, wrap_to_width
from nnlab.figures.draw.layout import figure_with_legend, freeze_layout
from nnlab.figures.draw.legend import LegendEntry, legend_marker
from nnlab.figures.draw.paper import current_paper, inches, points
from nnlab.figures.draw.result_colors import (
    color_scale,
    contrasting_ink,
    result_colormap,
    share_colormap,
)
from nnlab.figures.draw.style import style_context

_CELL_SIZE, _FRAME_HEIGHT = 0.26, 0.75  # inches
_GRID_SHARE = 0.66  # of the width of the paper, for the cells
_ROW_LABEL_SHARE = 0.25  # of the width of the paper
_LINE_HEIGHT = 1.25  # of a line of text in a cell, in font sizes
_MAX_LABELLED_COLUMNS = 20  # cells of more columns are too narrow for numbers
_MIN_VALUES_FOR_OUTLIERS, _FAR_OUT = 8, 3.0
_LOST, _NO_TRIAL_HATCH = " diverged", "////"
_TEXT_SHARE = 0.8  # of the width of a cell, for its text
_MIN_TEXT_POINTS, _TEXT_POINTS = 3.5, 7.0


@dataclass(frozen=True, slots=True)
class HeatmapData:
    """Values [rows][columns], None where nothing was measured, and the text of each cell.

    `best` has the row and column of each cell to frame. `diverged` has a text such as `3/10` for
    each cell with diverged runs, and an empty one for the others; these cells are crossed out and
    have no colour. `best_label` is the legend of the frames.
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: tuple[tuple[float | None, ...], ...]
    cell_texts: tuple[tuple[str, ...], ...]
    best: tuple[tuple[int, int], ...] = ()
    diverged: tuple[tuple[str, ...], ...] = ()
    best_label: str = "best"

    @property
    def cells(self) -> list[tuple[int, int]]:
        """The row and column of each cell."""
        return [(i, j) for i, _ in enumerate(self.rows) for j, _ in enumerate(self.columns)]

    def colored_value(self, row: int, column: int) -> float | None:
        """The value that gives a cell its colour; None if it has no colour."""
        value = self.values[row][column]
        is_colored = value is not None and math.isfinite(value) and not self.lost(row, column)
        return value if is_colored else None

    def lost(self, row: int, column: int) -> str:
        """How many runs of a cell diverged; empty if none did."""
        return self.diverged[row][column] if self.diverged else ""

    def is_crossed(self, row: int, column: int) -> bool:
        """Whether runs of a cell diverged; its value alone would be too good."""
        value = self.values[row][column]
        return bool(self.lost(row, column)) or (value is not None and not math.isfinite(value))


def draw_heatmap(
    data: HeatmapData,
    *,
    y: str,
    x: str,
    value: str,
    lower: bool = False,
    limits: bool = False,
    log: bool = False,
) -> Figure:
    """A grid of coloured cells, darker where values are better, with a colour bar.

    Values far worse than the others get the colour of the end of the scale, so that they do not
    flatten the differences between the others. On a dark background, better cells are lighter.

    Args:
        data: the values and the labels.
        y: the label of the rows.
        x: the label of the columns.
        value: the label of the colour bar.
        lower: whether lower values are better.
        limits: whether the scale runs from 0 to 1, as for shares.
        log: whether the scale may be logarithmic if the values span decades, as for a loss.
    """
    with style_context():
        colored = [v for cell in data.cells if (v := data.colored_value(*cell)) is not None]
        axis_range = _color_range(colored, lower=lower, limits=limits, log=log)
        scale = color_scale(axis_range, lower=lower)
        colormap = share_colormap() if limits else result_colormap(lower=lower)

        def draw(axes: Sequence[Axes]) -> None:
            ax = axes[0]
            for cell in data.cells:
                # Cells of shares near 0 have the colour of the background.
                _draw_cell(ax, data, cell, colormap, scale, outlined=limits)
            for cell in data.best:
                _draw_frame(ax, *cell)
            _label_axes(ax, data)
            ax.set_xlabel(x)
            ax.set_ylabel(_wrap_to_height(y, inches(rows_height)))
            label = _wrap_to_height(value, inches(rows_height))
            _add_colorbar(ax, colormap, scale, label, _colorbar_extend(axis_range, colored))

        rows_height = _cell_height(data) * max(len(data.rows), 3)
        height = _FRAME_HEIGHT + rows_height
        figure = figure_with_legend(1, [_mark_entries(data)], draw, height=height)
        freeze_layout(figure)
        if len(data.columns) <= _MAX_LABELLED_COLUMNS:
            # After the layout, which decides the size of the cells.
            _write_texts(figure.axes[0], data, colormap, scale)
        return figure


def _cell_width(data: HeatmapData) -> float:
    """The width of a cell in inches, about."""
    return _GRID_SHARE * current_paper().width / max(len(data.columns), 1)


def _cell_height(data: HeatmapData) -> float:
    """The height of a cell in inches at the base font size, for its lines of text."""
    width = _cell_width(data) / inches(1)
    most_lines = max(len(_cell_lines(data, *cell)) for cell in data.cells) if data.cells else 1
    needed = (most_lines * _LINE_HEIGHT + 0.5) * _TEXT_POINTS / 72
    return max(min(_CELL_SIZE * 1.6, max(_CELL_SIZE, width)), needed if most_lines > 1 else 0.0)


def _color_range(values: Sequence[float], *, lower: bool, limits: bool, log: bool) -> AxisRange:
    """The range of values that the colours represent."""
    if limits or not values:
        return AxisRange(0.0, 1.0, log=False)
    fence = _outlier_fence(values, lower=lower)
    typical = [value for value in values if (value <= fence if lower else value >= fence)]
    axis_range = robust_axis_range(typical, typical, log=log, lower=lower, settled=typical)
    if len(typical) == len(values):
        return axis_range
    if log and min(values) > 0:
        whole = robust_axis_range(values, values, log=log, lower=lower, settled=values)
        if whole.log:  # a logarithmic scale has room for outliers
            return whole
    return replace(axis_range, cut=True)


def _outlier_fence(values: Sequence[float], *, lower: bool) -> float:
    """The worst value of the colour scale: three interquartile ranges from the nearer quartile.

    Values beyond it are far outliers (Tukey 1977). There is no limit for fewer than eight values,
    or if more than a quarter of them lie beyond it.
    """
    no_limit = math.inf if lower else -math.inf
    if len(values) < _MIN_VALUES_FOR_OUTLIERS:
        return no_limit
    first, _, third = statistics.quantiles(values, n=4, method="inclusive")
    reach = _FAR_OUT * (third - first)
    fence = third + reach if lower else first - reach
    outliers = sum(value > fence if lower else value < fence for value in values)
    return fence if 0 < outliers <= len(values) / 4 else no_limit


def _colorbar_extend(
    axis_range: AxisRange, values: Sequence[float]
) -> Literal["neither", "min", "max"]:
    """On which side of the colour bar values lie beyond the scale."""
    if not axis_range.cut:
        return "neither"
    return "max" if max(values) > axis_range.high else "min"


def _cell_color(
    data: HeatmapData, cell: tuple[int, int], colormap: Colormap, scale: Normalize
) -> tuple[float, float, float, float] | None:
    value = data.colored_value(*cell)
    return None if value is None else colormap(float(scale(value)))


def _draw_cell(
    ax: Axes,
    data: HeatmapData,
    cell: tuple[int, int],
    colormap: Colormap,
    scale: Normalize,
    *,
    outlined: bool,
) -> None:
    """Draws a cell in its colour; one without a value is hatched, one that diverged crossed."""
    look, (row, column) = current_paper().look, cell
    color = _cell_color(data, cell, colormap, scale)
    crossed = data.is_crossed(row, column)
    ax.add_patch(
        Rectangle(
            (column - 0.5, row - 0.5),
            1,
            1,
            facecolor=look.background if color is None else color,
            edgecolor=look.grey if color is None or outlined else color,
            hatch=_NO_TRIAL_HATCH if color is None and not crossed else None,
            linewidth=points(0.5) if crossed else points(0.15) if outlined else 0.0,
        )
    )
    if crossed:
        for start, end in ((-0.5, 0.5), (0.5, -0.5)):
            ax.plot(
                [column - 0.5, column + 0.5],
                [row + start, row + end],
                color=look.grey,
                linewidth=points(0.6),
                zorder=1.5,
            )


def _draw_frame(ax: Axes, row: int, column: int) -> None:
    """Draws a frame inside a cell: dark with a light core, so that it is visible on any colour."""
    look = current_paper().look
    for color, width in ((look.text, 2.6), (look.background, 1.0)):
        ax.add_patch(
            Rectangle(
                (column - 0.46, row - 0.44),
                0.92,
                0.88,
                fill=False,
                edgecolor=color,
                linewidth=points(width),
                joinstyle="miter",
                zorder=2.5,
            )
        )


def _cell_lines(data: HeatmapData, row: int, column: int) -> list[str]:
    """The lines of text in a cell."""
    text = data.cell_texts[row][column]
    lost = data.lost(row, column)
    return [*(text.split("\n") if text else ()), *([f"{lost}{_LOST}"] if lost else ())]


def _write_texts(ax: Axes, data: HeatmapData, colormap: Colormap, scale: Normalize) -> None:
    """Writes the lines of each cell, all in the largest size that fits; none if it is too small."""
    look = current_paper().look
    lines = {cell: texts for cell in data.cells if (texts := _cell_lines(data, *cell))}
    box = ax.get_window_extent()
    width = _TEXT_SHARE * box.width / ax.figure.dpi / max(len(data.columns), 1)
    height = box.height / ax.figure.dpi / max(len(data.rows), 1)
    size = _largest_size(lines.values(), width, height)
    if size < _TEXT_POINTS:
        # The legend says that these runs diverged.
        lines = {cell: [_shortened(text) for text in texts] for cell, texts in lines.items()}
        size = _largest_size(lines.values(), width, height)
    if size < _MIN_TEXT_POINTS:
        return
    for cell, texts in lines.items():
        color = _cell_color(data, cell, colormap, scale)
        for index, text in enumerate(texts):
            # Each line is a text of its own, because TeX would set longer texts left-aligned.
            ax.annotate(
                text,
                (cell[1], cell[0]),
                xytext=(0, ((len(texts) - 1) / 2 - index) * _LINE_HEIGHT * points(size)),
                textcoords="offset points",
                ha="center",
                va="center",
                fontsize=points(size),
                color=look.text if color is None else contrasting_ink(color),
                # The cross is not behind the text.
                bbox={"facecolor": look.background, "edgecolor": "none", "pad": points(1.6)}
                if data.is_crossed(*cell)
                else None,
                zorder=3 + index / (len(texts) + 1),
            )


def _shortened(text: str) -> str:
    return f"× {text.removesuffix(_LOST)}" if text.endswith(_LOST) else text  # noqa: RUF001  a cross


def _largest_size(cells: Iterable[Sequence[str]], width: float, height: float) -> float:
    """The largest size of the text of all cells, at the base font size."""
    sizes = [_TEXT_POINTS]
    for texts in cells:
        widest = max(text_inches(text, points(_TEXT_POINTS)) for text in texts)
        tall = points(_TEXT_POINTS) / 72 * _LINE_HEIGHT * (len(texts) + 0.3)
        sizes.append(_TEXT_POINTS * min(width / max(widest, 1e-9), height / tall))
    return min(sizes)


def _mark_entries(data: HeatmapData) -> list[LegendEntry]:
    """The legend of framed, crossed and hatched cells."""
    look = current_paper().look
    entries = []
    if data.best:
        frame = legend_marker(
            marker="s",
            markersize=points(5),
            markerfacecolor="none",
            markeredgecolor=look.text,
            markeredgewidth=points(1.4),
        )
        entries.append(LegendEntry(frame, data.best_label))
    if example := next((lost for cell in data.cells if (lost := data.lost(*cell))), ""):
        cross = legend_marker(
            marker="x",
            markersize=points(4),
            markeredgecolor=look.grey,
            markeredgewidth=points(1),
        )
        entries.append(LegendEntry(cross, f"diverged ({example} runs)"))
    if any(data.colored_value(*cell) is None and not data.is_crossed(*cell) for cell in data.cells):
        hatched = Patch(
            facecolor=look.background, edgecolor=look.grey, hatch=_NO_TRIAL_HATCH, linewidth=0
        )
        entries.append(LegendEntry(hatched, "no trial"))
    return entries


def _label_axes(ax: Axes, data: HeatmapData) -> None:
    count = max(len(data.columns), 1)
    stride = max(1, math.ceil(_LINE_HEIGHT * current_paper().size / 72 / _cell_width(data)))
    columns = short_labels(data.columns, 14)[::stride]
    ax.set_xticks(range(0, len(data.columns), stride), columns)
    width, size = _ROW_LABEL_SHARE * current_paper().width, current_paper().size
    lines = max(1, int(72 * inches(_cell_height(data)) / (1.4 * size)))
    rows = [wrap_to_width(label, width, size, min(lines, 2)) for label in short_labels(data.rows)]
    ax.set_yticks(range(len(data.rows)), rows)
    letters = letters_that_fit(_GRID_SHARE * current_paper().width / count)
    if any(len(label) + 1 > letters for label in columns):
        rotate_tick_labels(ax, 45)
    ax.set_xlim(-0.5, len(data.columns) - 0.5)
    ax.set_ylim(len(data.rows) - 0.5, -0.5)
    ax.grid(visible=False)
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)


def _add_colorbar(
    ax: Axes,
    colormap: Colormap,
    scale: Normalize,
    name: str,
    extend: Literal["neither", "min", "max"],
) -> None:
    bar = ax.figure.colorbar(
        ScalarMappable(scale, colormap), ax=ax, pad=0.02, aspect=25, extend=extend
    )
    if isinstance(scale, LogNorm):
        set_log_ticks(bar.ax.yaxis, scale.vmin or 1.0, scale.vmax or 1.0)
    bar.outline.set_visible(False)
    bar.solids.set_rasterized(False)  # type: ignore[union-attr]
    bar.set_label(name)


def _wrap_to_height(name: str, height: float) -> str:
    """The lines of a label along the colour bar, each at most about `height` inches long."""
    size = current_paper().label_size
    return "\n".join(wrap_to_width(line, height, size, 3) for line in name.split("\n"))
