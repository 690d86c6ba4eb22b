"""`nnlab plot parallel`: trials as lines over parallel axes, one axis per setting."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Annotation

from nnlab import store
from nnlab.analysis.records import Ranking
from nnlab.errors import UsageError
from nnlab.figures.axis_fields import axis_value, ordered_values, value_label
from nnlab.figures.draw.axis_range import AxisRange, robust_axis_range
from nnlab.figures.draw.axis_scales import rotate_tick_labels, set_log_ticks
from nnlab.figures.draw.display_names import metric_name, setting_name
from nnlab.figures.draw.labels import short_labels, text_inches, wrap_to_width
from nnlab.figures.draw.layout import figure_with_legend, freeze_layout
from nnlab.figures.draw.legend import LegendEntry, legend_marker, text_renderer
from nnlab.figures.draw.paper import current_paper, inches, points
from nnlab.figures.draw.parallel_axes import (
    AxisHeights,
    ParallelAxis,
    outcome_heights,
    setting_heights,
)
from nnlab.figures.draw.result_colors import color_scale, result_colormap
from nnlab.figures.draw.style import style_context
from nnlab.figures.point_results import diverged_runs, divergence_notes, trial_results
from nnlab.figures.prepared_figure import PreparedFigure, figure_table
from nnlab.figures.trials import common_loss, is_loss_metric, omission_notes, rank_for_figure
from nnlab.io.text import format_count

__all__ = ["ParallelAxis", "draw_parallel", "prepare_parallel"]

_PANEL_HEIGHT = 2.6
_DIVERGED_HEIGHT = 0.1  # of the end of diverged trials, beyond the axis
_LABEL_POINTS = 6.0
_BAND_POINTS = 3.0


def prepare_parallel(
    db: store.Database, words: Sequence[str], *, by: str | None = None, top: int | None = None
) -> PreparedFigure:
    """The figure of all trials, or of the `top` best, by their objective or another metric.

    Raises:
        UnknownName: a word is neither a study nor a run, or no run has that metric.
        UsageError: no epoch is finished, or no settings differ.
    """
    ranking = rank_for_figure(db, words, by=by, top=top)
    if not ranking.fields:
        raise UsageError(
            "no settings differ between trials", hint="nnlab plot curves draws one trial"
        )
    fields = ranking.fields
    metric = ranking.objective.metric
    diverged = diverged_runs(db, ranking)
    results = [trial_results(row, diverged) for row in ranking.rows]

    def draw() -> Figure:
        return draw_parallel(
            [_setting_axis(ranking, name) for name in fields],
            [math.nan if result.mean is None else result.mean for result in results],
            metric_name(metric, common_loss(ranking)),
            lower=ranking.objective.direction == "min",
            log=is_loss_metric(metric),
            diverged=[result.diverged > 0 for result in results],
        )

    table = figure_table(
        (*fields, metric, "n", "diverged"),
        [
            (
                *(row.labelled_setting.get(name) for name in fields),
                *(result.mean, len(result.values), result.diverged),
            )
            for row, result in zip(ranking.rows, results, strict=True)
        ],
    )
    runs = tuple(run for row in ranking.rows for run in row.runs)
    summary = (
        f"{format_count(len(ranking.rows), 'trial')} over {format_count(len(fields), 'choice')}"
    )
    lost = divergence_notes(ranking, ranking.rows, diverged)
    return PreparedFigure(
        draw, table, runs, summary, (*ranking.left_out, *lost, *omission_notes(db, ranking))
    )


def _setting_axis(ranking: Ranking, field: str) -> ParallelAxis:
    values = [
        None if row.labelled_setting.get(field) is None else axis_value(row, field)
        for row in ranking.rows
    ]
    order = ordered_values([value for value in values if value is not None], field)
    if not any(isinstance(value, str) for value in order):
        return ParallelAxis(setting_name(field), tuple(values))
    labels = [None if value is None else value_label(field, value) for value in values]
    # The first value stands on top.
    categories = dict.fromkeys(value_label(field, value) for value in reversed(order))
    return ParallelAxis(setting_name(field), tuple(labels), tuple(categories))


def draw_parallel(
    axes: Sequence[ParallelAxis],
    outcome: Sequence[float],
    name: str,
    *,
    lower: bool,
    log: bool = False,
    diverged: Sequence[bool] = (),
) -> Figure:
    """A figure with a line per trial, darker for better results; the best is thick and on top.

    Trials with equal values stand side by side, so that no line hides another.

    Args:
        axes: one per setting, with trials in the same order as `outcome`.
        outcome: the result of each trial; not finite if it diverged, which is drawn as a grey
            dotted line to a cross beyond the axis.
        name: the label of the result.
        lower: whether lower results are better.
        log: whether the axis of the result may be logarithmic, as for a loss.
        diverged: whether some runs of a trial diverged; its line ends with a cross.
    """
    with style_context():
        finite = [value for value in outcome if math.isfinite(value)]
        axis_range = (
            robust_axis_range(finite, finite, log=log, lower=lower, settled=finite)
            if finite
            else AxisRange(0.0, 1.0, log=False)
        )
        worst = math.inf if lower else -math.inf
        # From the bottom of each band; a diverged trial is at the end of worse results.
        order = sorted(
            range(len(outcome)),
            key=lambda trial: outcome[trial] if math.isfinite(outcome[trial]) else worst,
        )
        heights = [setting_heights(axis, order) for axis in axes]
        results = outcome_heights(outcome, axis_range)
        names = [*(axis.name for axis in axes), name]

        def draw(panels: Sequence[Axes]) -> None:
            ax = panels[0]
            _draw_trials(ax, [*heights, results], outcome, axis_range, diverged, lower=lower)
            _label_axes(ax, names, [*heights, results])
            if len(finite) < len(outcome):
                # Names and the frame of the figure stay clear of the ends of diverged trials.
                ax.set_ylim(
                    -0.04 if lower else -1.6 * _DIVERGED_HEIGHT,
                    1 + 1.6 * _DIVERGED_HEIGHT if lower else 1.04,
                )
            _add_colorbar(ax, axis_range, name, lower=lower)

        legend = _trial_entries(outcome, axis_range, diverged)
        figure = figure_with_legend(1, [legend], draw, height=_PANEL_HEIGHT)
        freeze_layout(figure)
        _hide_overlapping_labels(figure)
        return figure


def _draw_trials(
    ax: Axes,
    axes: Sequence[AxisHeights],
    outcome: Sequence[float],
    axis_range: AxisRange,
    diverged: Sequence[bool],
    *,
    lower: bool,
) -> None:
    scale, colormap = color_scale(axis_range, lower=lower), result_colormap(lower=lower)
    beyond = 1 + _DIVERGED_HEIGHT if lower else -_DIVERGED_HEIGHT
    sign = 1 if lower else -1
    worst_to_best = sorted(
        range(len(outcome)),
        key=lambda i: -sign * outcome[i] if math.isfinite(outcome[i]) else -math.inf,
    )
    # A trial with diverged runs is not the best one, because its mean is that of its better runs.
    complete = [
        i for i in worst_to_best if math.isfinite(outcome[i]) and not (diverged and diverged[i])
    ]
    best = complete[-1] if complete else None
    for order, trial in enumerate(worst_to_best):
        is_finite = math.isfinite(outcome[trial])
        end = axes[-1].heights[trial] if is_finite else beyond
        heights = [*(axis.heights[trial] for axis in axes[:-1]), end]
        is_best = trial == best
        color = colormap(float(scale(outcome[trial]))) if is_finite else current_paper().look.grey
        zorder = 4.0 if is_best else 3 + order / (len(worst_to_best) + 1)
        ax.plot(
            range(len(heights)),
            [math.nan if height is None else height for height in heights],
            color=color,
            linewidth=points(2.2 if is_best else 0.8),
            linestyle="-" if is_finite else ":",
            alpha=1.0 if is_best else 0.8,
            zorder=zorder,
        )
        if marker := _end_marker(trial, outcome, axis_range, diverged):
            ax.plot(
                [len(heights) - 1],
                [math.nan if end is None else end],
                linestyle="",
                marker=marker,
                color=color,
                markersize=points(3.6),
                markeredgewidth=points(1.1),
                clip_on=False,
                zorder=zorder + 1,
            )


def _end_marker(
    trial: int, outcome: Sequence[float], axis_range: AxisRange, diverged: Sequence[bool]
) -> str:
    """The marker at the end of a line: a cross if runs diverged, an arrow if it leaves the axis."""
    value = outcome[trial]
    if not math.isfinite(value) or (diverged and diverged[trial]):
        return "x"
    return "^" if value > axis_range.high else "v" if value < axis_range.low else ""


def _trial_entries(
    outcome: Sequence[float], axis_range: AxisRange, diverged: Sequence[bool]
) -> list[LegendEntry]:
    """The legend of the best trial, of diverged ones, and of those that leave the axis."""
    look = current_paper().look
    entries = []
    if sum(map(math.isfinite, outcome)) > 1:
        best = Line2D([], [], color=look.text, linewidth=points(2.2))
        entries.append(LegendEntry(best, "best trial"))
    cross = {"marker": "x", "markersize": points(3.6), "markeredgewidth": points(1.1)}
    if lost := sum(not math.isfinite(value) for value in outcome):
        dotted = Line2D([], [], color=look.grey, linestyle=":", linewidth=points(0.8), **cross)  # type: ignore[arg-type]
        entries.append(LegendEntry(dotted, f"diverged ({format_count(lost, 'trial')})"))
    partly = sum(
        flag and math.isfinite(value) for flag, value in zip(diverged, outcome, strict=False)
    )
    if partly:
        line = Line2D([], [], color=look.ink, linewidth=points(0.8), **cross)  # type: ignore[arg-type]
        entries.append(LegendEntry(line, f"some runs diverged ({format_count(partly, 'trial')})"))
    beyond = [
        value
        for value in outcome
        if math.isfinite(value) and not axis_range.low <= value <= axis_range.high
    ]
    if beyond:
        arrow = legend_marker(
            marker="^" if beyond[0] > axis_range.high else "v", markersize=points(3.6)
        )
        entries.append(
            LegendEntry(arrow, f"beyond the axis ({format_count(len(beyond), 'trial')})")
        )
    return entries


def _label_axes(ax: Axes, names: Sequence[str], axes: Sequence[AxisHeights]) -> None:
    look = current_paper().look
    spacing = 0.7 * current_paper().width / (len(names) - 0.4)
    ax.set_xlim(-0.25, len(names) - 0.65)
    ax.set_ylim(-0.04, 1.04)
    ax.set_yticks([])
    size = current_paper().size
    labels = [wrap_to_width(name, 0.95 * spacing, size, 3) for name in names]
    if any(label.replace("\n", " ") != name for label, name in zip(labels, names, strict=True)):
        labels = short_labels(names, 24)  # wrapped words would be shortened
        rotate_tick_labels(ax, 30)
    ax.set_xticks(range(len(names)), labels)
    ax.grid(visible=False)
    for spine in ax.spines.values():
        spine.set_visible(False)
    ax.tick_params(length=0, pad=points(8))
    for index, axis in enumerate(axes):
        ax.plot([index, index], [0, 1], color=look.ink, linewidth=points(0.6), zorder=1)
        for low, high in axis.bands:
            ax.plot(
                [index, index],
                [low, high],
                color=look.grey,
                linewidth=points(_BAND_POINTS),
                solid_capstyle="butt",
                zorder=1.5,
            )
        _draw_tick_labels(ax, index, axis.ticks, spacing)


def _is_number(text: str) -> bool:
    return text[:1].isdigit() or text[:1] in "-−"  # noqa: RUF001  a minus sign


def _draw_tick_labels(
    ax: Axes, index: int, labels: Sequence[tuple[float, str]], spacing: float
) -> None:
    """Writes the tick labels of an axis to the left of it; neighbours are `spacing` inches away."""
    available_width = 0.62 * spacing
    size = points(_LABEL_POINTS)
    for height, text in sorted(labels):
        # Words may be shortened; a shortened number would be wrong, so it is left out.
        label = text if _is_number(text) else wrap_to_width(text, available_width, size, 2)
        if max(text_inches(line, size) for line in label.split("\n")) > available_width:
            continue
        ax.annotate(
            label,
            (index, height),
            xytext=(points(-3.5), 0),
            textcoords="offset points",
            ha="right",
            va="center",
            fontsize=size,
            zorder=6,
            bbox={
                "facecolor": current_paper().look.background,
                "edgecolor": "none",
                "alpha": 0.75,
                "pad": points(0.5),
            },
        )


def _hide_overlapping_labels(figure: Figure) -> None:
    """Hides tick labels that overlap the one below them; the layout must be final."""
    renderer = text_renderer(figure)
    last: dict[float, float] = {}  # the top of the last label of each axis, in pixels
    for label in [text for text in figure.axes[0].texts if isinstance(text, Annotation)]:
        box = label.get_window_extent(renderer)
        index = float(label.xy[0])
        if box.y0 < last.get(index, -math.inf):
            label.set_visible(False)
        else:
            last[index] = box.y1


def _add_colorbar(ax: Axes, axis_range: AxisRange, name: str, *, lower: bool) -> None:
    scale = color_scale(axis_range, lower=lower)
    bar = ax.figure.colorbar(
        ScalarMappable(scale, result_colormap(lower=lower)),
        ax=ax,
        pad=0.03,
        aspect=30,
        extend="neither" if not axis_range.cut else "max" if lower else "min",
    )
    if isinstance(scale, LogNorm):
        set_log_ticks(bar.ax.yaxis, axis_range.low, axis_range.high)
    bar.outline.set_visible(False)
    bar.solids.set_rasterized(False)  # type: ignore[union-attr]
    height = inches(0.75 * _PANEL_HEIGHT)
    bar.set_label(wrap_to_width(name, height, current_paper().label_size, 2))
