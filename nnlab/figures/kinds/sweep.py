"""`nnlab plot sweep` and `interaction`: a metric over the values of a setting, or of two."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nnlab import store
from nnlab.figures.axis_fields import (
    choose_fields,
    line_label,
    ordered_values,
    point_coordinates,
    value_label,
)
from nnlab.figures.draw.axis_range import AxisRange, robust_axis_range
from nnlab.figures.draw.axis_scales import apply_axis_range, rotate_tick_labels
from nnlab.figures.draw.display_names import metric_name, setting_name
from nnlab.figures.draw.labels import letters_that_fit, short_labels, wrap_axis_label
from nnlab.figures.draw.layout import figure_with_legend, freeze_layout
from nnlab.figures.draw.legend import LegendEntry, legend_marker
from nnlab.figures.draw.paper import current_paper, points
from nnlab.figures.draw.reader_options import current_reader_options
from nnlab.figures.draw.series_style import series_legend_entries
from nnlab.figures.draw.style import style_context
from nnlab.figures.draw.sweep_points import (
    SweepLine,
    SweepPoint,
    SweepValue,
    draw_sweep_lines,
    is_connected,
)
from nnlab.figures.draw.tested_values import set_tested_values_axis
from nnlab.figures.point_results import (
    PointResults,
    Reduction,
    SampleUnit,
    diverged_runs,
    reduction_note,
    results_by_point,
)
from nnlab.figures.prepared_figure import PreparedFigure, figure_table
from nnlab.figures.trials import common_loss, is_loss_metric, omission_notes, rank_for_figure
from nnlab.io.text import format_count
from nnlab.objective import limits_of
from nnlab.stats.uncertainty import uncertainty_name

__all__ = ["SweepLine", "SweepPoint", "draw_sweep", "prepare_interaction", "prepare_sweep"]

_PANEL_HEIGHT = 2.4


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


@dataclass(frozen=True, slots=True)
class _SweepRow:
    """The results at one value of `x`, on the line of one value of the second field."""

    line: SweepValue
    x: SweepValue
    results: PointResults
    interval: tuple[float, float] | None


def _sweep_figure(
    db: store.Database,
    words: Sequence[str],
    names: Sequence[str | None],
    by: str | None,
    over: Reduction,
) -> PreparedFigure:
    ranking = rank_for_figure(db, words, by=by, along=names)
    fields = choose_fields(ranking, names)
    coordinates = point_coordinates(ranking.rows, fields)
    results = results_by_point(ranking, coordinates, over, diverged_runs(db, ranking))
    cells = results.points
    metric = ranking.objective.metric
    axis_values = ordered_values([key[0] for key in cells], fields[0])
    groups = ordered_values([key[1] for key in cells], fields[1]) if len(fields) > 1 else [""]
    rows = [
        _SweepRow(group, value, cells[key], cells[key].interval(limits_of(metric)))
        for group in groups
        for value in axis_values
        if (key := (value, group)[: len(fields)]) in cells
    ]
    others = [name for name in ranking.fields if name not in fields]

    def draw() -> Figure:
        lines = [
            SweepLine(
                line_label(fields[1], group) if len(fields) > 1 else "",
                tuple(_sweep_point(row, fields[0]) for row in rows if row.line == group),
            )
            for group in groups
        ]
        return draw_sweep(
            lines,
            setting_name(fields[0]),
            metric_name(metric, common_loss(ranking)),
            log_y=is_loss_metric(metric),
            lower=ranking.objective.direction == "min",
            unit=results.unit,
            of_best=over == "best" and bool(others),
        )

    table = figure_table(
        (
            *(fields[1] if len(fields) > 1 else "line", fields[0]),
            *("mean", "low", "high", "n", "diverged"),
        ),
        [
            (
                *(row.line, row.x, row.results.mean, *(row.interval or (None, None))),
                *(len(row.results.values), row.results.diverged),
            )
            for row in rows
        ],
    )
    runs = tuple(run for row in ranking.rows for run in row.runs)
    summary = f"{metric} over {' and '.join(fields)}, {format_count(len(runs), 'run')}"
    notes = (reduction_note(others, over, "at each point"),) if others else ()
    notes = (*ranking.left_out, *notes, *results.notes, *omission_notes(db, ranking))
    return PreparedFigure(draw, table, runs, summary, notes)


def _sweep_point(row: _SweepRow, field: str) -> SweepPoint:
    results = row.results
    mean = math.nan if results.mean is None else results.mean
    value = value_label(field, row.x) if isinstance(row.x, str) else row.x
    return SweepPoint(
        value, mean, row.interval, results.values, diverged=results.diverged, runs=results.runs
    )


def draw_sweep(
    lines: Sequence[SweepLine],
    x: str,
    y: str,
    *,
    log_y: bool = False,
    lower: bool = True,
    unit: SampleUnit = "seed",
    of_best: bool = False,
) -> Figure:
    """A figure with lines over a setting, whose axis is logarithmic if the values span a decade.

    Categories are side by side, in the order of the points; dotted lines then only guide the eye.

    Args:
        lines: the lines; the first twelve are named in the legend.
        x: the label of the setting.
        y: the label of the metric.
        log_y: whether the value axis may be logarithmic, as for a loss.
        lower: whether lower values are better.
        unit: what each single value is the result of.
        of_best: whether each point is that of the best of several trials.
    """
    with style_context():
        blocks = [_sample_entries(lines, unit, of_best=of_best)]
        if len(lines) > 1:
            blocks.append(series_legend_entries([line.label for line in lines], "value"))

        def draw(axes: Sequence[Axes]) -> None:
            positions = _set_setting_axis(axes[0], lines)
            _set_value_axis(axes[0], lines, log_y=log_y, lower=lower)
            draw_sweep_lines(axes[0], lines, positions, lower=lower)
            axes[0].set_xlabel(x)
            axes[0].set_ylabel(wrap_axis_label(y))

        figure = figure_with_legend(1, blocks, draw, height=_PANEL_HEIGHT)
        freeze_layout(figure)
        return figure


def _sample_entries(
    lines: Sequence[SweepLine], unit: SampleUnit, *, of_best: bool
) -> list[LegendEntry]:
    """The legend of the marks: mean, interval, single values, diverged runs."""
    all_points = [point for line in lines for point in line.sweep_points]
    counts = {len(point.finite_values) for point in all_points if point.finite_values}
    entries = []
    if max(counts, default=0) > 1:
        text = f"mean over {unit}s" if len(counts) > 1 else f"mean of {counts.copy().pop()} {unit}s"
        text = f"{text} (best trial)" if of_best else text
        entries.append(LegendEntry(legend_marker(marker="o"), text))
        interval = uncertainty_name(current_reader_options().uncertainty)
        if any(point.interval is not None for point in all_points):
            bar = legend_marker(marker="|", markersize=points(7), markeredgewidth=points(1.0))
            entries.append(LegendEntry(bar, interval))
        dot = legend_marker(marker="o", markersize=points(2), markeredgewidth=0, alpha=0.6)
        entries.append(LegendEntry(dot, f"one {unit}"))
    elif not is_connected(lines):
        entries.append(LegendEntry(legend_marker(marker="o"), "one trial"))
    if texts := [point.failed_text for point in all_points if point.failed_text]:
        cross = legend_marker(marker="x", markersize=points(3.6), markeredgewidth=points(1.2))
        entries.append(LegendEntry(cross, f"diverged ({texts[0]} runs)"))
    return entries


def _set_value_axis(ax: Axes, lines: Sequence[SweepLine], *, log_y: bool, lower: bool) -> None:
    all_points = [point for line in lines for point in line.sweep_points]
    finite = [value for point in all_points for value in point.finite_values]
    means = [point.mean for point in all_points if math.isfinite(point.mean)]
    if not finite:
        ax.set_yticks([])
        return
    # The range of the seeds; means that are outliers may lie outside.
    seeds = robust_axis_range(finite, means, log=log_y, lower=lower, settled=means)
    apply_axis_range(ax, _widen_to_intervals(seeds, all_points))


def _widen_to_intervals(axis_range: AxisRange, sweep_points: Sequence[SweepPoint]) -> AxisRange:
    """The range widened to show intervals, on each side by its length at most.

    Intervals of two values, which are very long, are shown as far as the range allows.
    """
    low, high = axis_range.low, axis_range.high
    if axis_range.log:
        lowest, highest = low * low / high, high * high / low
    else:
        lowest, highest = low - (high - low), high + (high - low)
    bounds = [
        min(max(bound, lowest), highest)
        for point in sweep_points
        for bound in point.interval or ()
        if len(point.values) > 2 and math.isfinite(bound) and low <= point.mean <= high
    ]
    return replace(axis_range, low=min([low, *bounds]), high=max([high, *bounds]))


def _set_setting_axis(ax: Axes, lines: Sequence[SweepLine]) -> dict[SweepValue, float]:
    """Prepares the axis of the setting; returns the position of each value."""
    values = list(dict.fromkeys(point.value for line in lines for point in line.sweep_points))
    numbers = [value for value in values if not isinstance(value, str)]
    if values and len(numbers) == len(values):
        set_tested_values_axis(ax, numbers)
        return {value: float(value) for value in numbers}
    labels = short_labels([str(value) for value in values], 18)
    ax.set_xticks(range(len(values)), labels)
    ax.set_xlim(-0.5, len(values) - 0.5)
    letters = letters_that_fit(0.85 * current_paper().width / max(len(values), 1))
    if any(len(label) > letters for label in labels):
        rotate_tick_labels(ax, 30)
    return {value: float(position) for position, value in enumerate(values)}
