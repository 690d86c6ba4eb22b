"""`nnlab plot seeds`: the values of all seeds, as strips of points or box plots."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import MaxNLocator

from nnlab import store
from nnlab.analysis.diverged_runs import diverged_run_ids
from nnlab.analysis.records import Ranking, RankingRow
from nnlab.figures.axis_fields import axis_value, choose_fields, ordered_values
from nnlab.figures.draw.axis_range import AxisRange, robust_axis_range
from nnlab.figures.draw.axis_scales import set_log_ticks
from nnlab.figures.draw.display_names import metric_name, setting_name, value_name
from nnlab.figures.draw.labels import letters_that_fit, short_labels
from nnlab.figures.draw.layout import figure_with_legend, freeze_layout
from nnlab.figures.draw.legend import LegendEntry, legend_marker
from nnlab.figures.draw.paper import color, current_paper, inches, points
from nnlab.figures.draw.reader_options import current_reader_options, in_chosen_order
from nnlab.figures.draw.style import style_context
from nnlab.figures.prepared_figure import PreparedFigure, figure_table
from nnlab.figures.trials import (
    common_loss,
    is_loss_metric,
    omission_notes,
    rank_for_figure,
    trial_title,
)
from nnlab.io.text import format_count
from nnlab.objective import limits_of
from nnlab.stats.tukey_box import MIN_BOX_VALUES, WHISKER_RANGE, TukeyBox, tukey_box
from nnlab.stats.uncertainty import uncertainty_bounds, uncertainty_name

Pooling = Literal["best", "all"]

_ROW_HEIGHT, _FRAME_HEIGHT = 0.27, 0.5  # inches
_POINT_SIZE, _CROSS_SIZE = 3.0, 4.6  # points
# In units of a row: the centre of the points, their reach, and the place of the interval.
_POINTS_AT, _REACH, _INTERVAL_AT, _BOX_HEIGHT = -0.1, 0.27, 0.31, 0.62


@dataclass(frozen=True, slots=True)
class SeedStrip:
    """A row of the figure: the results of its runs, and how many runs have none.

    `diverged` counts the runs that diverged, whose values are not drawn. `mean` has an interval
    if the runs are the seeds of one trial; it is NaN if no run has a result. `box` is None with
    fewer than five results.
    """

    label: str
    values: tuple[float, ...]
    diverged: int
    mean: float
    interval: tuple[float, float] | None
    box: TukeyBox | None


def prepare_seeds(
    db: store.Database,
    words: Sequence[str],
    *,
    x: str | None = None,
    by: str | None = None,
    top: int = 20,
    over: Pooling = "best",
    box: bool = False,
) -> PreparedFigure:
    """The figure of the values of all seeds of the `top` best trials, or at each value of a field.

    At a value of the field `x`, `over` takes the seeds of the best trial, or all runs.

    Raises:
        UnknownName: a word is neither a study nor a run; no such metric or field.
        UsageError: no epoch is finished.
    """
    ranking = rank_for_figure(db, words, by=by, top=top if x is None else None, along=(x,))
    field = None if x is None else choose_fields(ranking, (x,))[0]
    groups = (
        [(trial_title(row, ranking), [row]) for row in ranking.rows]
        if field is None
        else _rows_by_value(ranking, field, over)
    )
    diverged = diverged_run_ids(db, ranking.rows)
    strips = [_strip(label, rows, diverged, ranking) for label, rows in groups]
    objective = ranking.objective

    def draw() -> Figure:
        return draw_seeds(
            strips,
            metric_name(objective.metric, common_loss(ranking)),
            lower=objective.direction == "min",
            log_x=is_loss_metric(objective.metric),
            rows=None if field is None else setting_name(field),
            box=box,
            uncertainty=uncertainty_name(current_reader_options().uncertainty),
        )

    runs = tuple(run for _, rows in groups for row in rows for run in row.runs)
    summary = f"{format_count(len(strips), 'row')}, {format_count(len(runs), 'run')}"
    notes = (
        *ranking.left_out,
        *_pooling_notes(ranking, field, over),
        *_diverged_notes(strips),
        *_box_notes(strips, box=box),
        *omission_notes(db, ranking),
    )
    rows_of_table = [
        (strip.label, run, seed, value, run in diverged, *_summary(strip))
        for strip, (_, rows) in zip(strips, groups, strict=True)
        for row in rows
        for run, seed, value in zip(row.runs, row.seeds, row.values, strict=True)
    ]
    columns = (
        *(field or "trial", "run", "seed", "value", "diverged", "mean", "low", "high"),
        *("first quartile", "median", "third quartile", "low whisker", "high whisker"),
    )
    return PreparedFigure(draw, figure_table(columns, rows_of_table), runs, summary, notes)


def _rows_by_value(
    ranking: Ranking, field: str, over: Pooling
) -> list[tuple[str, list[RankingRow]]]:
    """The trials at each value of a field, the best one or all of them."""
    by_value: dict[float | str, list[RankingRow]] = {}
    for row in ranking.rows:  # best first
        by_value.setdefault(axis_value(row, field), []).append(row)
    groups = []
    for value in ordered_values(list(by_value), field):
        rows = by_value.get(value) or by_value[float(value)]
        label = value_name(field, rows[0].setting.get(field)) or "-"
        groups.append((label, rows[:1] if over == "best" else rows))
    return in_chosen_order(groups, lambda group: (group[0],))


def _strip(
    label: str, rows: Sequence[RankingRow], diverged: frozenset[int], ranking: Ranking
) -> SeedStrip:
    results = [
        (run, value) for row in rows for run, value in zip(row.runs, row.values, strict=True)
    ]
    values = [value for run, value in results if run not in diverged and math.isfinite(value)]
    interval = None
    if len(rows) == 1 and len(values) > 1:
        uncertainty = current_reader_options().uncertainty
        interval = uncertainty_bounds(values, uncertainty, limits_of(ranking.objective.metric))
    return SeedStrip(
        label,
        tuple(values),
        sum(run in diverged for run, _ in results),
        math.fsum(values) / len(values) if values else math.nan,
        interval,
        tukey_box(values) if len(values) >= MIN_BOX_VALUES else None,
    )


def _summary(strip: SeedStrip) -> tuple[float | None, ...]:
    box = strip.box
    quartiles = (
        (None,) * 5
        if box is None
        else (
            *(box.first_quartile, box.median, box.third_quartile),
            *(box.low_whisker, box.high_whisker),
        )
    )
    return (strip.mean, *(strip.interval or (None, None)), *quartiles)


def _pooling_notes(ranking: Ranking, field: str | None, over: Pooling) -> list[str]:
    others = [name for name in ranking.fields if name != field]
    if field is None:
        hidden = ranking.total - len(ranking.rows)
        more = f"{format_count(hidden, 'more trial')} not drawn; --top N draws more"
        return [more] if hidden else []
    if not others:
        return []
    chosen = "the best trial" if over == "best" else "all runs"
    return [f"{chosen} over {', '.join(others)} at each value of {field}"]


def _diverged_notes(strips: Sequence[SeedStrip]) -> list[str]:
    counts = [f"{strip.label} ({strip.diverged})" for strip in strips if strip.diverged]
    return [f"diverged, drawn as crosses at the edge: {'; '.join(counts)}"] if counts else []


def _box_notes(strips: Sequence[SeedStrip], *, box: bool) -> list[str]:
    if not box:
        return []
    few = [strip.label for strip in strips if strip.box is None]
    notes = [
        "boxes are quartiles and median; whiskers end at the furthest value within"
        f" {WHISKER_RANGE:g} interquartile ranges of the box (Tukey)"
    ]
    if few:
        notes.append(f"no box with fewer than {MIN_BOX_VALUES} results: {'; '.join(few)}")
    return notes


def draw_seeds(
    strips: Sequence[SeedStrip],
    name: str,
    *,
    lower: bool,
    log_x: bool = False,
    rows: str | None = None,
    box: bool = False,
    uncertainty: str = "95 % CI",
) -> Figure:
    """A figure with a row per strip and a point per run; diverged runs are counted at the edge.

    Args:
        strips: the rows, the first one on top.
        name: the quantity, for the axis label.
        lower: whether lower values are better.
        log_x: whether the value axis may be logarithmic, as for a loss.
        rows: the label of the rows; None if they are trials.
        box: whether to draw boxes instead of means with their interval.
        uncertainty: the name of the interval.
    """
    with style_context():
        height = _ROW_HEIGHT * max(len(strips), 1) + _FRAME_HEIGHT
        shown, worse_edge = _value_range(strips, lower=lower, log=log_x)

        def draw(axes: Sequence[Axes]) -> None:
            ax = axes[0]
            if shown is not None:
                _set_value_axis(ax, shown, worse_edge, lower=lower)
            else:
                ax.set_xlim(0, 1)
                ax.set_xticks([])
            for row, strip in enumerate(strips):
                _draw_strip(ax, row, strip, box=box)
                _draw_edge_counts(ax, row, strip, worse_edge, lower=lower)
            labels = short_labels(
                [strip.label for strip in strips], letters_that_fit(0.34 * current_paper().width)
            )
            ax.set_yticks(range(len(labels)), labels)
            ax.set_ylim(len(strips) - 0.5, -0.5)
            ax.grid(visible=False, axis="y")
            ax.set_xlabel(f"{name}, {'lower' if lower else 'higher'} is better")
            if rows is not None:
                ax.set_ylabel(rows)

        entries = _legend_entries(strips, uncertainty, worse_edge, lower=lower, box=box)
        figure = figure_with_legend(1, [entries], draw, height=height)
        freeze_layout(figure)
        return figure


def _value_range(
    strips: Sequence[SeedStrip], *, lower: bool, log: bool
) -> tuple[AxisRange | None, float]:
    """The range of the values, None without any, and the worse edge of the axis.

    Rows far from the others may lie beyond that edge, where diverged runs are counted too.
    """
    finite = [value for strip in strips for value in strip.values]
    if not finite:
        return None, 1.0 if lower else 0.0
    means = [strip.mean for strip in strips if strip.values]
    shown = robust_axis_range(finite, means, log=log, lower=lower, settled=means)
    low, high = shown.with_margin(0.04)
    edge = high if lower else low
    if shown.cut or any(strip.diverged for strip in strips):
        # The marks stand apart from the values.
        sign = 1 if lower else -1
        edge = (
            edge * (high / low) ** (0.1 * sign) if shown.log else edge + 0.1 * sign * (high - low)
        )
    return shown, edge


def _set_value_axis(ax: Axes, shown: AxisRange, edge: float, *, lower: bool) -> None:
    low, high = shown.with_margin(0.04)
    if shown.log:
        ax.set_xscale("log")
    ax.set_xlim(*((low, edge) if lower else (edge, high)))
    if shown.log:
        set_log_ticks(ax.xaxis, shown.low, shown.high)
    else:
        ax.xaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10]))


def _draw_strip(ax: Axes, row: int, strip: SeedStrip, *, box: bool) -> None:
    low, high = ax.get_xlim()
    inside = [value for value in strip.values if low <= value <= high]
    centre = row if box else row + _POINTS_AT
    ax.plot(
        inside,
        [centre + offset for offset in _swarm_offsets(ax, inside)],
        linestyle="",
        marker="o",
        markersize=points(_POINT_SIZE),
        markeredgewidth=0,
        color=color(0),
        alpha=0.85,
        zorder=3,
    )
    if box and strip.box is not None:
        _draw_box(ax, row, strip.box)
    elif not box and len(strip.values) > 1:
        _draw_mean(ax, row + _INTERVAL_AT, strip)


def _swarm_offsets(ax: Axes, values: Sequence[float]) -> list[float]:
    """The offset of each point across the row, so that points do not cover each other."""
    log = ax.get_xscale() == "log"
    low, high = ax.get_xlim()
    places = [math.log(v) for v in values] if log else list(values)
    length = math.log(high / low) if log else high - low
    # The labels take about a third of the width.
    diameter = 1.1 * points(_POINT_SIZE) / (72 * 0.62 * current_paper().width) * length
    ends: list[float] = []
    lanes = [0] * len(values)
    for index in sorted(range(len(values)), key=places.__getitem__):
        lane = next((k for k, end in enumerate(ends) if places[index] - end >= diameter), len(ends))
        ends[lane : lane + 1] = [places[index]]
        lanes[index] = lane
    step = 1.1 * points(_POINT_SIZE) / (72 * inches(_ROW_HEIGHT))
    step = min(step, 2 * _REACH / max(len(ends) - 1, 1))
    return [step * ((lane + 1) // 2) * (-1 if lane % 2 else 1) for lane in lanes]


def _draw_mean(ax: Axes, y: float, strip: SeedStrip) -> None:
    ink = current_paper().look.ink
    low, high = ax.get_xlim()
    if strip.interval is not None and all(map(math.isfinite, strip.interval)):
        bounds = [min(max(bound, low), high) for bound in strip.interval]
        ax.plot(bounds, [y, y], color=ink, linewidth=points(1.0), zorder=2.5)
    if low <= strip.mean <= high:
        ax.plot(strip.mean, y, marker="|", markersize=points(5), color=ink, zorder=3)


def _draw_box(ax: Axes, row: int, box: TukeyBox) -> None:
    ink = current_paper().look.ink
    width = points(0.8)
    bottom, top = row - _BOX_HEIGHT / 2, row + _BOX_HEIGHT / 2
    ax.add_patch(
        Rectangle(
            (box.first_quartile, bottom),
            box.third_quartile - box.first_quartile,
            _BOX_HEIGHT,
            facecolor="none",
            edgecolor=ink,
            linewidth=width,
            zorder=2,
        )
    )
    ax.plot([box.median] * 2, [bottom, top], color=ink, linewidth=points(1.6), zorder=2.1)
    for start, end in (
        (box.first_quartile, box.low_whisker),
        (box.third_quartile, box.high_whisker),
    ):
        ax.plot([start, end], [row, row], color=ink, linewidth=width, zorder=2)
        ax.plot([end, end], [row - 0.15, row + 0.15], color=ink, linewidth=width, zorder=2)


def _beyond_axis(strip: SeedStrip, edge: float, *, lower: bool) -> int:
    """The number of values beyond the worse edge of the axis."""
    return sum(value > edge if lower else value < edge for value in strip.values)


def _draw_edge_counts(ax: Axes, row: int, strip: SeedStrip, edge: float, *, lower: bool) -> None:
    """Marks at the worse edge, with the numbers of runs that diverged or lie beyond it."""
    marks = [
        (symbol, count)
        for symbol, count in (
            ("x", strip.diverged),
            (">" if lower else "<", _beyond_axis(strip, edge, lower=lower)),
        )
        if count
    ]
    for index, (symbol, count) in enumerate(marks):
        y = row + (0.5 * index - 0.25 if len(marks) > 1 else 0.0)
        ink = current_paper().look.ink
        size = points(_CROSS_SIZE)
        ax.plot(edge, y, marker=symbol, markersize=size, color=ink, clip_on=False, zorder=4)
        ax.annotate(
            str(count),
            (edge, y),
            xytext=(-points(4.5) if lower else points(4.5), 0),
            textcoords="offset points",
            ha="right" if lower else "left",
            va="center",
        )


def _legend_entries(
    strips: Sequence[SeedStrip], uncertainty: str, edge: float, *, lower: bool, box: bool
) -> list[LegendEntry]:
    ink = current_paper().look.ink
    point = Line2D([], [], linestyle="", marker="o", color=color(0), markersize=points(_POINT_SIZE))
    entries = [LegendEntry(point, "a run")]
    if box and any(strip.box for strip in strips):
        frame = Patch(facecolor="none", edgecolor=ink, linewidth=points(0.8))
        text = f"quartiles and median; whiskers within {WHISKER_RANGE:g} IQR"
        entries.append(LegendEntry(frame, text))
    if not box and any(len(strip.values) > 1 for strip in strips):
        mean = Line2D([], [], color=ink, marker="|", markersize=points(5), linewidth=points(1.0))
        has_interval = any(strip.interval for strip in strips)
        entries.append(LegendEntry(mean, f"mean, {uncertainty}" if has_interval else "mean"))
    if any(strip.diverged for strip in strips):
        cross = legend_marker(marker="x", markersize=points(_CROSS_SIZE))
        entries.append(LegendEntry(cross, "diverged runs, their number"))
    if any(_beyond_axis(strip, edge, lower=lower) for strip in strips):
        arrow = legend_marker(marker=">" if lower else "<", markersize=points(_CROSS_SIZE))
        entries.append(LegendEntry(arrow, "runs beyond the axis, their number"))
    return entries
