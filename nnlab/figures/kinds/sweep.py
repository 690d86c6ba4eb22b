"""`nnlab plot sweep` and `interaction`: a metric over the values of a setting, or of two."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nnlab import store
from nnlab.config.setting_differences import format_value
from nnlab.figures.axis_fields import (
    Reduction,
    choose_fields,
    mean_and_interval,
    ordered_values,
    values_by_cell,
)
from nnlab.figures.draw.axis_range import AxisRange, robust_axis_range
from nnlab.figures.draw.axis_scales import apply_axis_range, rotate_tick_labels, set_setting_axis
from nnlab.figures.draw.display_names import metric_name, setting_name
from nnlab.figures.draw.labels import letters_that_fit, short_labels, wrap_axis_label
from nnlab.figures.draw.layout import figure_with_legend, freeze_layout
from nnlab.figures.draw.paper import current_paper, points
from nnlab.figures.draw.series_style import (
    MAX_NAMED,
    SeriesStyle,
    curve_label,
    series_legend_entries,
    series_styles,
)
from nnlab.figures.draw.style import style_context
from nnlab.figures.prepared_figure import PreparedFigure, figure_table
from nnlab.figures.trials import common_loss, is_loss_metric, omission_notes, rank_for_figure
from nnlab.io.text import format_count
from nnlab.objective import limits_of

_PANEL_HEIGHT = 2.4


@dataclass(frozen=True, slots=True)
class SweepPoint:
    """The results at one value of the setting: the mean, its interval, the single values.

    `value` is a number, or the name of a category. The interval is None with too few values.
    """

    value: float | str
    mean: float
    interval: tuple[float, float] | None
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class SweepLine:
    """The points of one value of the second setting; the label is empty if there is only one."""

    label: str
    sweep_points: tuple[SweepPoint, ...]


def prepare_sweep(
    db: store.Database,
    words: Sequence[str],
    *,
    x: str | None = None,
    lines: str | None = None,
    by: str | None = None,
    over: Reduction = "best",
) -> PreparedFigure:
    """The figure of a metric at each value of setting `x`, with a line per value of `lines`.

    `over` says how trials that share a point are reduced: `best` or `mean`.

    Raises:
        UnknownName: a word is neither a study nor a run; no such metric or field.
        UsageError: no epoch is finished, or no settings differ.
    """
    return _sweep_figure(db, words, (x, lines) if lines else (x,), by, over)


def prepare_interaction(
    db: store.Database,
    words: Sequence[str],
    *,
    x: str | None = None,
    lines: str | None = None,
    by: str | None = None,
) -> PreparedFigure:
    """The figure of means over all other settings, at each pair of values of two settings.

    Parallel lines mean that the two settings do not interact.

    Raises:
        UnknownName: a word is neither a study nor a run; no such metric or field.
        UsageError: no epoch is finished, or no two settings differ.
    """
    return _sweep_figure(db, words, (x, lines), by, "mean")


def _sweep_figure(
    db: store.Database,
    words: Sequence[str],
    names: Sequence[str | None],
    by: str | None,
    over: Reduction,
) -> PreparedFigure:
    ranking = rank_for_figure(db, words, by=by, along=names)
    fields = choose_fields(ranking, names)
    cells = values_by_cell(ranking, fields, over)
    metric = ranking.objective.metric
    axis_values = ordered_values([key[0] for key in cells])
    groups = ordered_values([key[1] for key in cells]) if len(fields) > 1 else [""]
    rows = [
        (group, value, *mean_and_interval(cells[key], over, limits_of(metric)), cells[key])
        for group in groups
        for value in axis_values
        if (key := (value, group)[: len(fields)]) in cells
    ]

    def draw() -> Figure:
        lines = [
            SweepLine(
                f"{fields[-1]}={format_value(group)}" if group != "" else "",
                tuple(
                    SweepPoint(value, mean, bounds, values)
                    for line, value, mean, bounds, values in rows
                    if line == group
                ),
            )
            for group in groups
        ]
        name = metric_name(metric, common_loss(ranking))
        lower = ranking.objective.direction == "min"
        return draw_sweep(
            lines, setting_name(fields[0]), name, log_y=is_loss_metric(metric), lower=lower
        )

    table = figure_table(
        (fields[1] if len(fields) > 1 else "line", fields[0], "mean", "low", "high", "n"),
        [
            (line, value, mean, *(bounds or (None, None)), len(values))
            for line, value, mean, bounds, values in rows
        ],
    )
    runs = tuple(run for row in ranking.rows for run in row.runs)
    summary = f"{metric} over {' and '.join(fields)}, {format_count(len(runs), 'run')}"
    others = [name for name in ranking.fields if name not in fields]
    reduction = "the best of" if over == "best" else "means over"
    notes = (f"{reduction} {', '.join(others)} at each point",) if others else ()
    notes = (*ranking.left_out, *notes, *omission_notes(db, ranking))
    return PreparedFigure(draw, table, runs, summary, notes)


def draw_sweep(
    lines: Sequence[SweepLine], x: str, y: str, *, log_y: bool = False, lower: bool = True
) -> Figure:
    """A figure with lines over a setting, whose axis is logarithmic if the values span a decade.

    Categories are side by side, in the order of the points; dotted lines then only guide the eye.

    Args:
        lines: the lines; the first twelve are named in the legend.
        x: the label of the setting.
        y: the label of the metric.
        log_y: whether the value axis may be logarithmic, as for a loss.
        lower: whether lower values are better.
    """
    with style_context():
        entries = (
            series_legend_entries([line.label for line in lines], "value") if len(lines) > 1 else []
        )

        def draw(axes: Sequence[Axes]) -> None:
            _draw_lines(axes[0], lines, log_y=log_y, lower=lower)
            axes[0].set_xlabel(x)
            axes[0].set_ylabel(wrap_axis_label(y))

        figure = figure_with_legend(1, [entries], draw, height=_PANEL_HEIGHT)
        freeze_layout(figure)
        return figure


def _draw_lines(ax: Axes, lines: Sequence[SweepLine], *, log_y: bool, lower: bool) -> None:
    positions = _axis_positions(ax, lines)
    finite = [
        v for line in lines for point in line.sweep_points for v in point.values if math.isfinite(v)
    ]
    means = [d.mean for line in lines for d in line.sweep_points if math.isfinite(d.mean)]
    bounds = [
        b
        for line in lines
        for point in line.sweep_points
        for b in point.interval or ()
        if math.isfinite(b) and (b > 0 or not log_y)
    ]
    if finite:
        apply_axis_range(
            ax, _widen_to_intervals(_seed_range(finite, means, log_y=log_y, lower=lower), bounds)
        )
    else:
        ax.set_yticks([])
    for rank, (line, style) in enumerate(zip(lines, series_styles(lines), strict=True)):
        # Points of different lines in one category are shifted sideways, so that all are visible.
        offset = (rank - (len(lines) - 1) / 2) / max(len(lines), 1) * 0.12
        _draw_line(
            ax,
            line,
            style,
            rank,
            positions,
            offset if isinstance(_first_value(lines), str) else 0.0,
        )


def _seed_range(
    values: Sequence[float], means: Sequence[float], *, log_y: bool, lower: bool
) -> AxisRange:
    """The range of the seeds' values; means that diverged may lie outside."""
    return robust_axis_range(values, means, log=log_y, lower=lower, settled=means)


def _widen_to_intervals(axis_range: AxisRange, bounds: Sequence[float]) -> AxisRange:
    """The range widened by half to show intervals; longer ones, as with few seeds, are cut off."""
    if axis_range.log:
        margin = math.sqrt(axis_range.high / axis_range.low)
        lowest, highest = axis_range.low / margin, axis_range.high * margin
    else:
        margin = (axis_range.high - axis_range.low) / 2
        lowest, highest = axis_range.low - margin, axis_range.high + margin
    visible = [bound for bound in bounds if lowest <= bound <= highest]
    return replace(
        axis_range, low=min([axis_range.low, *visible]), high=max([axis_range.high, *visible])
    )


def _first_value(lines: Sequence[SweepLine]) -> float | str:
    return next((point.value for line in lines for point in line.sweep_points), 0.0)


def _axis_positions(ax: Axes, lines: Sequence[SweepLine]) -> dict[float | str, float]:
    """Prepares the axis of the setting; returns the position of each value."""
    values = list(dict.fromkeys(point.value for line in lines for point in line.sweep_points))
    numbers = [value for value in values if not isinstance(value, str)]
    if values and len(numbers) == len(values):
        set_setting_axis(ax.xaxis, numbers)
        return {value: float(value) for value in numbers}
    labels = short_labels([str(value) for value in values], 18)
    ax.set_xticks(range(len(values)), labels)
    ax.set_xlim(-0.5, len(values) - 0.5)
    letters = letters_that_fit(0.85 * current_paper().width / max(len(values), 1))
    if any(len(label) > letters for label in labels):
        rotate_tick_labels(ax, 30)
    return {value: float(position) for position, value in enumerate(values)}


def _draw_line(
    ax: Axes,
    line: SweepLine,
    style: SeriesStyle,
    rank: int,
    positions: dict[float | str, float],
    offset: float,
) -> None:
    xs = [positions[point.value] + offset for point in line.sweep_points]
    is_named = style.index is not None
    has_categories = any(isinstance(point.value, str) for point in line.sweep_points)
    low, high = ax.get_ylim()
    ax.plot(
        xs,
        # A line to a point far outside the axis would cross the figure as a meaningless vertical.
        [point.mean if low <= point.mean <= high else math.nan for point in line.sweep_points],
        color=style.color,
        marker=style.marker or "o",
        linewidth=points((0.6 if has_categories else 1.3) if is_named else 0.5),
        linestyle=":" if has_categories else "-",
        alpha=1.0 if is_named else 0.5,
        label=curve_label(rank),
        zorder=4 - rank / (MAX_NAMED + len(xs) + 1) if is_named else 2.5,
    )
    if not is_named:
        return
    for x, point in zip(xs, line.sweep_points, strict=True):
        if point.interval is not None and all(map(math.isfinite, point.interval)):
            bounds = [min(max(bound, low), high) for bound in point.interval]
            ax.plot([x, x], bounds, color=style.color, linewidth=points(0.9), zorder=3)
        if len(point.values) > 1:
            finite_values = [value for value in point.values if math.isfinite(value)]
            ax.plot(
                [x] * len(finite_values),
                finite_values,
                linestyle="",
                marker="_",
                markersize=points(4),
                color=style.color,
                alpha=0.45,
                zorder=2.6,
            )
        if not math.isfinite(point.mean):
            edge = low if point.mean == -math.inf else high
            ax.plot([x], [edge], marker="x", color=style.color, clip_on=False, zorder=5)
        elif not low <= point.mean <= high:
            is_above = point.mean > high
            edge, sign = (high, "^") if is_above else (low, "v")
            ax.plot([x], [edge], marker=sign, color=style.color, clip_on=False, zorder=5)
