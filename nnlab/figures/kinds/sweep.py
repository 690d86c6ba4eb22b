"""`nnlab plot sweep` and `interaction`: a metric against a setting. // A metric against a setting: a line for each value of another one, seeds as intervals."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nnlab import store
from nnlab.analysis.ranking import format_count
from nnlab.config.space import format_value
from nnlab.figures.axis_fields import (
    Reduction,
    choose_fields,
    mean_and_interval,
    ordered_values,
    values_by_cell,
)
from nnlab.figures.draw.axis_range import AxisRange, robust_axis_range
from nnlab.figures.draw.axis_scales import apply_axis_range, rotate_tick_labels, set_setting_axis
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
from nnlab.figures.prepared_figure import PreparedFigure, numbers
from nnlab.figures.trials import common_loss, is_loss_metric, omission_notes, rank_for_figure
from nnlab.objective import limits_of

_PANEL_HEIGHT = 2.4


@dataclass(frozen=True, slots=True)
class SweepPoint:
    """What was measured at one value of the setting: the mean, its interval, the single values.

    `at` is a number, or the word of a category. The interval is None where there is none.
    """

    at: float | str
    mean: float
    interval: tuple[float, float] | None
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class SweepLine:
    """The dots of one value of the second setting, in order; "" where there is none."""

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
    """The objective, or another metric, at each value of a setting; a line a value of `lines`.

    Raises:
        UnknownName: a word is neither a study nor a run; no such metric or field.
        UsageError: nothing was trained there, or nothing differs.
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
    """Means over all other choices at each pair of values; parallel lines do not interact.

    Raises:
        UnknownName: a word is neither a study nor a run; no such metric or field.
        UsageError: nothing was trained there, or no two settings differ.
    """
    return _sweep_figure(db, words, (x, lines), by, "mean")


def _sweep_figure(
    db: store.Database,
    words: Sequence[str],
    asked: Sequence[str | None],
    by: str | None,
    over: Reduction,
) -> PreparedFigure:
    ranking = rank_for_figure(db, words, by=by, along=asked)
    fields = choose_fields(ranking, asked)
    found = values_by_cell(ranking, fields, over)
    metric = ranking.objective.metric
    places = ordered_values([key[0] for key in found])
    groups = ordered_values([key[1] for key in found]) if len(fields) > 1 else [""]
    rows = [
        (group, at, *mean_and_interval(found[key], over, limits_of(metric)), found[key])
        for group in groups
        for at in places
        if (key := (at, group)[: len(fields)]) in found
    ]

    def draw() -> Figure:
        from nnlab.figures.draw.display_names import metric_name, setting_name

        lines = [
            SweepLine(
                f"{fields[-1]}={format_value(group)}" if group != "" else "",
                tuple(
                    SweepPoint(at, mean, bounds, values)
                    for of, at, mean, bounds, values in rows
                    if of == group
                ),
            )
            for group in groups
        ]
        name = metric_name(metric, common_loss(ranking))
        lower = ranking.objective.direction == "min"
        return draw_sweep(
            lines, setting_name(fields[0]), name, log_y=is_loss_metric(metric), lower=lower
        )

    table = numbers(
        (fields[1] if len(fields) > 1 else "line", fields[0], "mean", "low", "high", "n"),
        [
            (of, at, mean, *(bounds or (None, None)), len(values))
            for of, at, mean, bounds, values in rows
        ],
    )
    runs = tuple(run for row in ranking.rows for run in row.runs)
    told = f"{metric} over {' and '.join(fields)}, {format_count(len(runs), 'run')}"
    others = [name for name in ranking.fields if name not in fields]
    how = "the best of" if over == "best" else "means over"
    notes = (f"{how} {', '.join(others)} at each point",) if others else ()
    notes = (*ranking.left_out, *notes, *omission_notes(db, ranking))
    return PreparedFigure(draw, table, runs, told, notes)


def draw_sweep(
    lines: Sequence[SweepLine], x: str, y: str, *, log_y: bool = False, lower: bool = True
) -> Figure:
    """Draws lines over a setting; its axis is logarithmic where the values span a decade.

    Categories stand side by side, in the order that they come in; lines then only lead the eye.

    Args:
        lines: the first twelve are named.
        x: name of the setting, for the axis.
        y: name of the metric.
        log_y: allow a logarithmic axis where the metric spans decades, as of a loss.
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
    places = _axis_positions(ax, lines)
    seen = [
        v for line in lines for dot in line.sweep_points for v in dot.values if math.isfinite(v)
    ]
    means = [d.mean for line in lines for d in line.sweep_points if math.isfinite(d.mean)]
    bounds = [
        b
        for line in lines
        for dot in line.sweep_points
        for b in dot.interval or ()
        if math.isfinite(b) and (b > 0 or not log_y)
    ]
    if seen:
        apply_axis_range(
            ax, _widen_to_intervals(_seed_range(seen, means, log_y=log_y, lower=lower), bounds)
        )
    else:
        ax.set_yticks([])
    for rank, (line, look) in enumerate(zip(lines, series_styles(lines), strict=True)):
        # Lines that share a place stand a little apart.
        aside = (rank - (len(lines) - 1) / 2) / max(len(lines), 1) * 0.12
        _draw_line(
            ax, line, look, rank, places, aside if isinstance(_first_value(lines), str) else 0.0
        )


def _seed_range(
    seen: Sequence[float], means: Sequence[float], *, log_y: bool, lower: bool
) -> AxisRange:
    """The view of the seeds; points that diverged may leave it."""
    return robust_axis_range(seen, means, log=log_y, lower=lower, settled=means)


def _widen_to_intervals(view: AxisRange, bounds: Sequence[float]) -> AxisRange:
    """The view widened to the intervals near it: those of a few seeds may be far longer."""
    if view.log:
        room = math.sqrt(view.high / view.low)
        least, most = view.low / room, view.high * room
    else:
        room = (view.high - view.low) / 2
        least, most = view.low - room, view.high + room
    near = [bound for bound in bounds if least <= bound <= most]
    return replace(view, low=min([view.low, *near]), high=max([view.high, *near]))


def _first_value(lines: Sequence[SweepLine]) -> float | str:
    return next((dot.at for line in lines for dot in line.sweep_points), 0.0)


def _axis_positions(ax: Axes, lines: Sequence[SweepLine]) -> dict[float | str, float]:
    """Where each value of the setting stands on the axis."""
    values = list(dict.fromkeys(dot.at for line in lines for dot in line.sweep_points))
    numbers = [value for value in values if not isinstance(value, str)]
    if values and len(numbers) == len(values):
        set_setting_axis(ax.xaxis, numbers)
        return {value: float(value) for value in numbers}
    words = short_labels([str(value) for value in values], 18)
    ax.set_xticks(range(len(values)), words)
    ax.set_xlim(-0.5, len(values) - 0.5)
    room = letters_that_fit(0.85 * current_paper().width / max(len(values), 1))
    if any(len(word) > room for word in words):
        rotate_tick_labels(ax, 30)
    return {value: float(place) for place, value in enumerate(values)}


def _draw_line(
    ax: Axes,
    line: SweepLine,
    look: SeriesStyle,
    rank: int,
    places: dict[float | str, float],
    aside: float,
) -> None:
    xs = [places[dot.at] + aside for dot in line.sweep_points]
    is_named = look.index is not None
    categories = any(isinstance(dot.at, str) for dot in line.sweep_points)
    low, high = ax.get_ylim()
    ax.plot(
        xs,
        # A line to a point far out of view would cross the figure as a meaningless vertical.
        [dot.mean if low <= dot.mean <= high else math.nan for dot in line.sweep_points],
        color=look.color,
        marker=look.marker or "o",
        linewidth=points((0.6 if categories else 1.3) if is_named else 0.5),
        linestyle=":" if categories else "-",
        alpha=1.0 if is_named else 0.5,
        label=curve_label(rank),
        zorder=4 - rank / (MAX_NAMED + len(xs) + 1) if is_named else 2.5,
    )
    if not is_named:
        return
    for x, dot in zip(xs, line.sweep_points, strict=True):
        if dot.interval is not None and all(map(math.isfinite, dot.interval)):
            bounds = [min(max(bound, low), high) for bound in dot.interval]
            ax.plot([x, x], bounds, color=look.color, linewidth=points(0.9), zorder=3)
        if len(dot.values) > 1:
            several = [value for value in dot.values if math.isfinite(value)]
            ax.plot(
                [x] * len(several),
                several,
                linestyle="",
                marker="_",
                markersize=points(4),
                color=look.color,
                alpha=0.45,
                zorder=2.6,
            )
        if not math.isfinite(dot.mean):
            edge = low if dot.mean == -math.inf else high
            ax.plot([x], [edge], marker="x", color=look.color, clip_on=False, zorder=5)
        elif not low <= dot.mean <= high:
            up = dot.mean > high
            edge, sign = (high, "^") if up else (low, "v")
            ax.plot([x], [edge], marker=sign, color=look.color, clip_on=False, zorder=5)
