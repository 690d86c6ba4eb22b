"""`nnlab plot heatmap`: a metric over two settings. // Numbers in a grid of two choices, coloured and written into their cells."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from nnlab import store
from nnlab.analysis.ranking import format_count
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
from nnlab.figures.draw.labels import letters_that_fit, short_labels, wrap_axis_label
from nnlab.figures.draw.layout import freeze_layout, new_figure
from nnlab.figures.draw.paper import current_paper, inches, points
from nnlab.figures.draw.style import style_context
from nnlab.figures.prepared_figure import PreparedFigure, numbers
from nnlab.figures.trials import common_loss, is_loss_metric, omission_notes, rank_for_figure
from nnlab.objective import format_exact

_CELL_SIZE, _FRAME_HEIGHT = 0.26, 0.75  # inches
_MAX_LABELLED_COLUMNS = 20  # columns; more have no room for numbers
_COLORMAP = "cividis"  # even in lightness, and for readers who see no red


@dataclass(frozen=True, slots=True)
class HeatmapData:
    """Values [rows][columns], None where nothing was measured, and what is written into each."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: tuple[tuple[float | None, ...], ...]
    written: tuple[tuple[str, ...], ...]


def prepare_heatmap(
    db: store.Database,
    words: Sequence[str],
    *,
    x: str | None = None,
    y: str | None = None,
    by: str | None = None,
    over: Reduction = "best",
) -> PreparedFigure:
    """Means over seeds at each pair of values, the best or the mean over all other choices.

    Raises:
        UnknownName: a word is neither a study nor a run; no such metric or field.
        UsageError: nothing was trained there, or no two settings differ.
    """
    ranking = rank_for_figure(db, words, by=by, along=(x, y))
    fields = choose_fields(ranking, (x, y))
    found = {
        key: mean_and_interval(values)[0]
        for key, values in values_by_cell(ranking, fields, over).items()
    }
    columns = ordered_values([key[0] for key in found])
    rows = ordered_values([key[1] for key in found])
    values = tuple(tuple(found.get((at, of)) for at in columns) for of in rows)

    def draw() -> Figure:
        from nnlab.figures.draw.display_names import metric_name, setting_name

        written = tuple(tuple(_cell_text(value) for value in row) for row in values)
        of = HeatmapData(
            tuple(map(_axis_label, rows)), tuple(map(_axis_label, columns)), values, written
        )
        return draw_heatmap(
            of,
            y=setting_name(fields[1]),
            x=setting_name(fields[0]),
            value=metric_name(ranking.objective.metric, common_loss(ranking)),
            lower=ranking.objective.direction == "min",
            log=is_loss_metric(ranking.objective.metric),
        )

    table = numbers(
        (fields[1], fields[0], ranking.objective.metric),
        [(of, at, found.get((at, of))) for of in rows for at in columns],
    )
    runs = tuple(run for row in ranking.rows for run in row.runs)
    told = (
        f"{ranking.objective.metric} over {' and '.join(fields)}, {format_count(len(runs), 'run')}"
    )
    others = [name for name in ranking.fields if name not in fields]
    how = "the best of" if over == "best" else "means over"
    notes = (f"{how} {', '.join(others)} in each cell",) if others else ()
    notes = (*ranking.left_out, *notes, *omission_notes(db, ranking))
    return PreparedFigure(draw, table, runs, told, notes)


def _axis_label(value: AxisValue) -> str:
    return value if isinstance(value, str) else format_exact(value)


def _cell_text(value: float | None) -> str:
    """What is written into a cell: nothing where no trial has these values."""
    if value is None:
        return ""
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    return "–" if math.isnan(value) else f"{value:.3g}"  # noqa: RUF001  a dash: no result


def draw_heatmap(
    of: HeatmapData,
    *,
    y: str,
    x: str,
    value: str,
    lower: bool = False,
    limits: bool = False,
    log: bool = False,
) -> Figure:
    """Draws cells, lighter where they are better, with a scale beside them.

    A value far worse than the others has the colour of the end of the scale: it does not decide
    what the others look like.

    Args:
        of: the values.
        y: name of the rows.
        x: name of the columns.
        value: name of what is coloured.
        lower: whether lower values are better.
        limits: colour from 0 to 1, as shares are.
        log: allow logarithmic colours where values span decades, as of a loss.
    """
    with style_context():
        rows, columns = len(of.rows), len(of.columns)
        side = min(
            _CELL_SIZE * 1.6,
            max(_CELL_SIZE, 0.62 * current_paper().width / inches(max(columns, 1))),
        )
        figure = new_figure(_FRAME_HEIGHT + side * max(rows, 3))
        ax = figure.subplots()
        known = [v for row in of.values for v in row if v is not None and math.isfinite(v)]
        view = _color_range(known, lower=lower, limits=limits, log=log)
        low, high = (
            view.low,
            view.high if view.high > view.low else view.low + (abs(view.low) or 1.0),
        )
        scale = (LogNorm if view.log else Normalize)(low, high, clip=True)
        ramp = colormaps[f"{_COLORMAP}_r" if lower else _COLORMAP]
        for row, values in enumerate(of.values):
            for column, number in enumerate(values):
                _draw_cell(ax, row, column, number, ramp, scale)
        if columns <= _MAX_LABELLED_COLUMNS:
            _write_values(ax, of, ramp, scale)
        _label_axes(ax, of)
        ax.set_xlabel(x)
        ax.set_ylabel(wrap_axis_label(y))
        _add_colorbar(figure, ax, ramp, scale, value, beyond=_colorbar_extend(view, known))
        freeze_layout(figure)
        return figure


def _color_range(known: Sequence[float], *, lower: bool, limits: bool, log: bool) -> AxisRange:
    """The values that the colours span."""
    if limits or not known:
        return AxisRange(0.0, 1.0, log=False)
    return robust_axis_range(known, known, log=log, lower=lower, settled=known)


def _colorbar_extend(view: AxisRange, known: Sequence[float]) -> Literal["neither", "min", "max"]:
    """On which side of the scale a cell lies beyond it."""
    if not view.cut:
        return "neither"
    return "max" if max(known) > view.high else "min"


def _draw_cell(
    ax: Axes, row: int, column: int, number: float | None, ramp: Colormap, scale: Normalize
) -> None:
    known = number is not None and math.isfinite(number)
    shade = ramp(scale(number)) if number is not None and known else current_paper().look.ground
    ax.add_patch(
        Rectangle(
            (column - 0.5, row - 0.5),
            1,
            1,
            facecolor=shade,
            edgecolor=current_paper().look.grey if not known else shade,
            hatch=None if known else "////",
            linewidth=0.0,
        )
    )


def _write_values(ax: Axes, of: HeatmapData, ramp: Colormap, scale: Normalize) -> None:
    longest = max((len(text) for row in of.written for text in row), default=1)
    room = 0.66 * current_paper().width / max(len(of.columns), 1)
    size = min(points(7), 72 * room / (0.62 * longest + 0.6))
    if size < points(3.5):
        return
    for row, texts in enumerate(of.written):
        for column, text in enumerate(texts):
            number = of.values[row][column]
            ax.text(
                column,
                row,
                text,
                ha="center",
                va="center",
                fontsize=size,
                color=_contrasting_text_color(number, ramp, scale),
            )


def _contrasting_text_color(number: float | None, ramp: Colormap, scale: Normalize) -> str:
    """Black or white, whichever is read on the colour of a number."""
    if number is None or not math.isfinite(number):
        return current_paper().look.text
    red, green, blue, _ = ramp(scale(number))
    return "#000000" if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.45 else "#FFFFFF"


def _label_axes(ax: Axes, of: HeatmapData) -> None:
    columns = short_labels(of.columns, 14)
    ax.set_xticks(range(len(of.columns)), columns)
    ax.set_yticks(
        range(len(of.rows)),
        short_labels(of.rows, max(8, int(letters_that_fit(0.25 * current_paper().width)))),
    )
    room = letters_that_fit(0.66 * current_paper().width / max(len(of.columns), 1))
    if any(len(label) + 1 > room for label in columns):
        rotate_tick_labels(ax, 45)
    ax.set_xlim(-0.5, len(of.columns) - 0.5)
    ax.set_ylim(len(of.rows) - 0.5, -0.5)
    ax.grid(visible=False)
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)


def _add_colorbar(
    figure: Figure,
    ax: Axes,
    ramp: Colormap,
    scale: Normalize,
    name: str,
    *,
    beyond: Literal["neither", "min", "max"],
) -> None:
    from matplotlib.cm import ScalarMappable

    mappable = ScalarMappable(scale, ramp)
    bar = figure.colorbar(mappable, ax=ax, pad=0.02, aspect=25, extend=beyond)
    if isinstance(scale, LogNorm):
        set_log_ticks(bar.ax.yaxis, scale.vmin or 1.0, scale.vmax or 1.0)
    bar.outline.set_visible(False)
    bar.solids.set_rasterized(False)  # type: ignore[union-attr]
    bar.set_label(wrap_axis_label(name))
