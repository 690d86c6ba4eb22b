"""`nnlab plot heatmap`: a metric over two settings, as coloured cells with their numbers.

Other kinds use the drawing function for their own grids of numbers.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from nnlab import store
from nnlab.figures.axis_fields import (
    AxisValue,
    Reduction,
    choose_fields,
    mean_and_interval,
    ordered_values,
    values_by_cell,
)
from nnlab.figures.draw.axis_range import AxisRange, robust_axis_range
from nnlab.figures.draw.axis_scales import rotate_tick_labels, set_log_ticks
from nnlab.figures.draw.display_names import metric_name, setting_name
from nnlab.figures.draw.labels import letters_that_fit, short_labels, wrap_axis_label
from nnlab.figures.draw.layout import freeze_layout, new_figure
from nnlab.figures.draw.paper import current_paper, inches, points
from nnlab.figures.draw.style import style_context
from nnlab.figures.prepared_figure import PreparedFigure, figure_table
from nnlab.figures.trials import common_loss, is_loss_metric, omission_notes, rank_for_figure
from nnlab.io.text import format_count
from nnlab.objective import format_exact

_CELL_SIZE, _FRAME_HEIGHT = 0.26, 0.75  # inches
_MAX_LABELLED_COLUMNS = 20  # cells of more columns are too narrow for numbers
_COLORMAP = "cividis"  # perceptually uniform, also with red-green colour blindness


@dataclass(frozen=True, slots=True)
class HeatmapData:
    """Values [rows][columns], None where nothing was measured, and the text of each cell."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: tuple[tuple[float | None, ...], ...]
    cell_texts: tuple[tuple[str, ...], ...]


def prepare_heatmap(
    db: store.Database,
    words: Sequence[str],
    *,
    x: str | None = None,
    y: str | None = None,
    by: str | None = None,
    over: Reduction = "best",
) -> PreparedFigure:
    """The figure of means over seeds at each pair of values of two settings.

    `over` says how trials that share a cell are reduced: `best` or `mean`.

    Raises:
        UnknownName: a word is neither a study nor a run; no such metric or field.
        UsageError: no epoch is finished, or no two settings differ.
    """
    ranking = rank_for_figure(db, words, by=by, along=(x, y))
    fields = choose_fields(ranking, (x, y))
    means = {
        key: mean_and_interval(values)[0]
        for key, values in values_by_cell(ranking, fields, over).items()
    }
    columns = ordered_values([key[0] for key in means])
    rows = ordered_values([key[1] for key in means])
    values = tuple(tuple(means.get((column, row)) for column in columns) for row in rows)

    def draw() -> Figure:
        cell_texts = tuple(tuple(_cell_text(value) for value in row) for row in values)
        data = HeatmapData(
            tuple(map(_axis_label, rows)), tuple(map(_axis_label, columns)), values, cell_texts
        )
        return draw_heatmap(
            data,
            y=setting_name(fields[1]),
            x=setting_name(fields[0]),
            value=metric_name(ranking.objective.metric, common_loss(ranking)),
            lower=ranking.objective.direction == "min",
            log=is_loss_metric(ranking.objective.metric),
        )

    table = figure_table(
        (fields[1], fields[0], ranking.objective.metric),
        [(row, column, means.get((column, row))) for row in rows for column in columns],
    )
    runs = tuple(run for row in ranking.rows for run in row.runs)
    summary = (
        f"{ranking.objective.metric} over {' and '.join(fields)}, {format_count(len(runs), 'run')}"
    )
    others = [name for name in ranking.fields if name not in fields]
    reduction = "the best of" if over == "best" else "means over"
    notes = (f"{reduction} {', '.join(others)} in each cell",) if others else ()
    notes = (*ranking.left_out, *notes, *omission_notes(db, ranking))
    return PreparedFigure(draw, table, runs, summary, notes)


def _axis_label(value: AxisValue) -> str:
    return value if isinstance(value, str) else format_exact(value)


def _cell_text(value: float | None) -> str:
    """The text of a cell; empty where no trial has these values."""
    if value is None:
        return ""
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    return "–" if math.isnan(value) else f"{value:.3g}"  # noqa: RUF001  a dash: no result


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
    """A grid of coloured cells, lighter where values are better, with a colour bar.

    Values far worse than the others get the colour of the end of the scale, so that they do not
    flatten the differences between the others.

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
        rows, columns = len(data.rows), len(data.columns)
        cell_height = min(
            _CELL_SIZE * 1.6,
            max(_CELL_SIZE, 0.62 * current_paper().width / inches(max(columns, 1))),
        )
        figure = new_figure(_FRAME_HEIGHT + cell_height * max(rows, 3))
        ax = figure.subplots()
        finite = [v for row in data.values for v in row if v is not None and math.isfinite(v)]
        axis_range = _color_range(finite, lower=lower, limits=limits, log=log)
        low, high = (
            axis_range.low,
            axis_range.high
            if axis_range.high > axis_range.low
            else axis_range.low + (abs(axis_range.low) or 1.0),
        )
        scale = (LogNorm if axis_range.log else Normalize)(low, high, clip=True)
        colormap = colormaps[f"{_COLORMAP}_r" if lower else _COLORMAP]
        for row, values in enumerate(data.values):
            for column, number in enumerate(values):
                _draw_cell(ax, row, column, number, colormap, scale)
        if columns <= _MAX_LABELLED_COLUMNS:
            _write_values(ax, data, colormap, scale)
        _label_axes(ax, data)
        ax.set_xlabel(x)
        ax.set_ylabel(wrap_axis_label(y))
        _add_colorbar(
            figure, ax, colormap, scale, value, extend=_colorbar_extend(axis_range, finite)
        )
        freeze_layout(figure)
        return figure


def _color_range(finite: Sequence[float], *, lower: bool, limits: bool, log: bool) -> AxisRange:
    """The range of values that the colours represent."""
    if limits or not finite:
        return AxisRange(0.0, 1.0, log=False)
    return robust_axis_range(finite, finite, log=log, lower=lower, settled=finite)


def _colorbar_extend(
    axis_range: AxisRange, finite: Sequence[float]
) -> Literal["neither", "min", "max"]:
    """On which side of the colour bar values lie beyond the scale."""
    if not axis_range.cut:
        return "neither"
    return "max" if max(finite) > axis_range.high else "min"


def _draw_cell(
    ax: Axes, row: int, column: int, number: float | None, colormap: Colormap, scale: Normalize
) -> None:
    is_finite = number is not None and math.isfinite(number)
    shade = (
        colormap(scale(number))
        if number is not None and is_finite
        else current_paper().look.background
    )
    ax.add_patch(
        Rectangle(
            (column - 0.5, row - 0.5),
            1,
            1,
            facecolor=shade,
            edgecolor=current_paper().look.grey if not is_finite else shade,
            hatch=None if is_finite else "////",
            linewidth=0.0,
        )
    )


def _write_values(ax: Axes, data: HeatmapData, colormap: Colormap, scale: Normalize) -> None:
    longest = max((len(text) for row in data.cell_texts for text in row), default=1)
    cell_width = 0.66 * current_paper().width / max(len(data.columns), 1)
    size = min(points(7), 72 * cell_width / (0.62 * longest + 0.6))
    if size < points(3.5):
        return
    for row, texts in enumerate(data.cell_texts):
        for column, text in enumerate(texts):
            number = data.values[row][column]
            ax.text(
                column,
                row,
                text,
                ha="center",
                va="center",
                fontsize=size,
                color=_contrasting_text_color(number, colormap, scale),
            )


def _contrasting_text_color(number: float | None, colormap: Colormap, scale: Normalize) -> str:
    """Black or white, whichever has more contrast with the colour of the number's cell."""
    if number is None or not math.isfinite(number):
        return current_paper().look.text
    red, green, blue, _ = colormap(scale(number))
    return "#000000" if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.45 else "#FFFFFF"


def _label_axes(ax: Axes, data: HeatmapData) -> None:
    columns = short_labels(data.columns, 14)
    ax.set_xticks(range(len(data.columns)), columns)
    ax.set_yticks(
        range(len(data.rows)),
        short_labels(data.rows, max(8, int(letters_that_fit(0.25 * current_paper().width)))),
    )
    letters = letters_that_fit(0.66 * current_paper().width / max(len(data.columns), 1))
    if any(len(label) + 1 > letters for label in columns):
        rotate_tick_labels(ax, 45)
    ax.set_xlim(-0.5, len(data.columns) - 0.5)
    ax.set_ylim(len(data.rows) - 0.5, -0.5)
    ax.grid(visible=False)
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)


def _add_colorbar(
    figure: Figure,
    ax: Axes,
    colormap: Colormap,
    scale: Normalize,
    name: str,
    *,
    extend: Literal["neither", "min", "max"],
) -> None:
    mappable = ScalarMappable(scale, colormap)
    bar = figure.colorbar(mappable, ax=ax, pad=0.02, aspect=25, extend=extend)
    if isinstance(scale, LogNorm):
        set_log_ticks(bar.ax.yaxis, scale.vmin or 1.0, scale.vmax or 1.0)
    bar.outline.set_visible(False)
    bar.solids.set_rasterized(False)  # type: ignore[union-attr]
    bar.set_label(wrap_axis_label(name))
