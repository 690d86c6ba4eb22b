"""`nnlab plot time`: a metric over seconds, epochs or steps, and the cost of reaching a target."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from nnlab import store
from nnlab.analysis.external_costs import external_costs
from nnlab.analysis.records import RankingRow
from nnlab.engine.batches import steps_per_epoch
from nnlab.errors import UnknownName, UsageError
from nnlab.figures.draw.axis_exits import exit_text, find_exit, has_diverged
from nnlab.figures.draw.axis_range import AxisRange, robust_axis_range, worst_after_transient
from nnlab.figures.draw.axis_scales import apply_axis_range
from nnlab.figures.draw.curve_keys import band_handle, default_band, describe_band
from nnlab.figures.draw.curve_marks import cross_handle, draw_cross, draw_ring, ring_handle
from nnlab.figures.draw.display_names import metric_name, quantity_of
from nnlab.figures.draw.edge_labels import EdgeLabel, label_bottom, label_top
from nnlab.figures.draw.labels import wrap_axis_label
from nnlab.figures.draw.layout import figure_with_legend, freeze_layout
from nnlab.figures.draw.legend import LegendEntry
from nnlab.figures.draw.metric_choice import split_directions, with_directions
from nnlab.figures.draw.panel import BAND_ALPHA
from nnlab.figures.draw.panel_curves import collect_panel
from nnlab.figures.draw.paper import current_paper, points
from nnlab.figures.draw.series import Series, lower_is_better
from nnlab.figures.draw.series_style import (
    MAX_NAMED,
    SeriesStyle,
    curve_label,
    series_legend_entries,
    series_styles,
)
from nnlab.figures.draw.style import REFERENCE_DASHES, style_context
from nnlab.figures.prepared_figure import PreparedFigure, figure_table
from nnlab.figures.trial_notes import divergence_notes, scale_notes
from nnlab.figures.trials import is_loss_metric, load_trial_curves
from nnlab.objective import is_layer_quantile, unknown_direction_message
from nnlab.records import History, Setting
from nnlab.settings import builtin_fields, is_builtin_setting
from nnlab.stats import format_duration
from nnlab.stats.curve_band import CurveBand

CostUnit = Literal["seconds", "epochs", "steps"]
_COST_LABELS = {"seconds": "Training time (s)", "epochs": "Epochs", "steps": "Steps"}
_MAX_POINTS = 600
_MARKER_SIZE, _HOLLOW_SIZE = 2.8, 3.6  # points
_INCOMPLETE_DASHES = (0, (1.2, 1.0))


@dataclass(frozen=True, slots=True)
class CostCurve:
    """A trial: the mean over its seeds at each epoch, and the cost up to that epoch.

    `reached` is the cost at which the target was first reached; None if it never was. `complete`
    says for each epoch whether it was measured with all `seeds`, and for the last one also whether
    it is the last that was requested; empty if all are. `diverged` counts the seeds that diverged.
    """

    label: str
    cost: tuple[float, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    reached: float | None
    complete: tuple[bool, ...] = ()
    seeds: int = 1
    diverged: int = 0

    def is_complete(self, index: int) -> bool:
        """Whether the mean at an index is over all seeds, and the line does not end early there."""
        return not self.complete or self.complete[index]


def prepare_cost_curves(
    db: store.Database,
    words: Sequence[str],
    *,
    metric: str | None = None,
    x: CostUnit = "seconds",
    target: float | None = None,
    top: int = 6,
) -> PreparedFigure:
    """The figure of a metric of the `top` best trials over the cost of training.

    The metric is the objective's by default. Seconds count training and evaluation but no loading,
    and are the mean over seeds at each epoch. A target is drawn if one is given.

    Raises:
        UnknownName: a word is neither a study nor a run, or no run has that metric.
        UsageError: no epoch is finished, the number of steps is unknown, or it is unknown on
            which side of the target the better values are.
    """
    trials = load_trial_curves(db, words, top=top)
    (name,), directions = split_directions([metric or str(trials.ranking.objective)])
    measured = {
        m for trial in trials.series for history in trial.histories for m in history.metrics
    }
    if name not in measured:
        raise UnknownName("metric", name, [m for m in measured if not is_layer_quantile(m)])
    series = with_directions(trials.series, directions)
    lower = lower_is_better(series, name)
    if lower is None and target is not None:
        raise UsageError(
            f"--target: {unknown_direction_message(name)}", hint=f"--metric {name}:max"
        )
    rows_of_trials = trials.ranking.rows
    spread = default_band()
    panel = collect_panel(series, [name], spread)
    bands = {curve.rank: curve.band for curve in panel.curves}
    curves = [
        _cost_curve(
            trial,
            bands[rank],
            row.setting,
            _costs_of_runs(db, trial, row, bands[rank], name, x),
            target,
            lower=lower is not False,
        )
        for rank, (trial, row) in enumerate(zip(series, rows_of_trials, strict=True))
        if rank in bands
    ]
    band_text = describe_band([trial.seeds for trial in curves], spread)

    def draw() -> Figure:
        label = metric_name(name, trials.loss)
        return draw_cost_curves(
            curves,
            _COST_LABELS[x],
            label,
            log_y=is_loss_metric(name),
            target=target,
            lower=lower,
            axis_range=panel.axis_range,
            band=band_text,
        )

    rows = [
        (trial.label, cost, mean, low, high, trial.is_complete(i))
        for trial in curves
        for i, (cost, mean, low, high) in enumerate(
            zip(trial.cost, trial.mean, trial.low, trial.high, strict=True)
        )
    ]
    notes = [
        *trials.notes,
        *scale_notes({quantity_of(name): panel}, trials.loss),
        *divergence_notes(series),
    ]
    if target is not None:
        reached = [
            f"{trial.label}: {'never' if trial.reached is None else _cost_text(trial.reached, x)}"
            for trial in curves
        ]
        notes.append(f"{name} reached {target:g} after: {'; '.join(reached)}")
    table = figure_table(("trial", x, "mean", "low", "high", "complete"), rows)
    return PreparedFigure(draw, table, trials.runs, trials.summary, tuple(notes))


def _cost_text(cost: float, x: CostUnit) -> str:
    return format_duration(cost) if x == "seconds" else f"{cost:.4g} {x}"


def _cost_curve(
    trial: Series,
    band: CurveBand,
    setting: Setting,
    costs: Sequence[Mapping[int, float]],
    target: float | None,
    *,
    lower: bool,
) -> CostCurve:
    last = max(band.epochs)
    mean_costs = [
        _mean_or_nan([cost[epoch] for cost in costs if epoch in cost]) for epoch in band.epochs
    ]
    requested = builtin_fields(setting).get("epochs")
    ends_early = isinstance(requested, int) and last < requested
    return CostCurve(
        trial.label,
        tuple(mean_costs),
        band.mean,
        band.low,
        band.high,
        _cost_at_target(mean_costs, band.mean, target, lower=lower),
        tuple(
            n == len(trial.histories) and not (ends_early and epoch == last)
            for n, epoch in zip(band.n, band.epochs, strict=True)
        ),
        len(trial.histories),
        sum(map(has_diverged, trial.histories)),
    )


def _costs_of_runs(
    db: store.Database, trial: Series, row: RankingRow, band: CurveBand, metric: str, x: CostUnit
) -> list[Mapping[int, float]]:
    """The cost of each run that has the metric, up to each of its epochs or steps."""
    last = max(band.epochs)
    measured = [
        (run, history)
        for run, history in zip(row.runs, trial.histories, strict=True)
        if history.get(metric)
    ]
    if is_builtin_setting(row.setting):
        return [_cumulative_costs(history, row.setting, x, last) for _, history in measured]
    return [external_costs(db, run, history[metric], trial.axis, x) for run, history in measured]


def _cumulative_costs(
    history: History, setting: Setting, x: CostUnit, epochs: int
) -> dict[int, float]:
    """The cost up to the end of each epoch."""
    if x == "epochs":
        return {epoch: float(epoch) for epoch in range(1, epochs + 1)}
    if x == "steps":
        size = history.get("data/train")
        if size is None:
            raise UsageError(
                "runs trained with --probe none do not record their steps per epoch",
                hint="--x epochs",
            )
        batch_size = setting.get("batch_size")  # None: full-batch training, one step per epoch
        steps = steps_per_epoch(
            int(size.values[0]), batch_size if isinstance(batch_size, int) else None
        )
        return {epoch: float(epoch * steps) for epoch in range(1, epochs + 1)}
    total, costs = 0.0, {}
    for epoch, seconds in history.get("time/epoch") or ():
        total += seconds
        costs[epoch] = total
    return costs


def _mean_or_nan(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else math.nan


def _cost_at_target(
    costs: Sequence[float], means: Sequence[float], target: float | None, *, lower: bool
) -> float | None:
    """The cost at which the mean first reached the target; None if it never did."""
    if target is None:
        return None
    is_reached = (value <= target if lower else value >= target for value in means)
    return next((cost for cost, reached in zip(costs, is_reached, strict=True) if reached), None)


def draw_cost_curves(
    trials: Sequence[CostCurve],
    x: str,
    y: str,
    *,
    log_y: bool,
    target: float | None = None,
    lower: bool | None = True,
    axis_range: AxisRange | None = None,
    band: str = "",
) -> Figure:
    """A figure with a line per trial.

    A target is a horizontal line, with a ring where it is reached. Markers are hollow, and the line
    is dashed, where not all seeds were measured and where a trial ended before its last epoch. A
    cross marks the end of a trial that diverged.

    Args:
        trials: the lines, best first.
        x: the label of the cost.
        y: the label of the metric.
        log_y: whether the value axis may be logarithmic, as for a loss.
        target: the value to reach, if any.
        lower: whether lower values are better; only worse values may lie outside the axis, and
            none if this is unknown (None).
        axis_range: the range of the value axis; by default that of the means and bands.
        band: the name of the bands in the legend; no entry if empty.
    """
    with style_context():
        shown = axis_range or _range_of(trials, log=log_y, lower=lower)
        if target is not None and shown is not None and not (shown.log and target <= 0):
            shown = replace(shown, low=min(shown.low, target), high=max(shown.high, target))
        panel_axes: list[Axes] = []

        def draw(axes: Sequence[Axes]) -> None:
            panel_axes.extend(axes)
            if shown is None:
                axes[0].set_yticks([])
            else:
                apply_axis_range(axes[0], shown)
            _draw_curves(axes[0], trials, target)
            axes[0].set_xlabel(x)
            axes[0].set_ylabel(wrap_axis_label(y))

        entries = (
            series_legend_entries([trial.label for trial in trials], "trial")
            if len(trials) > 1
            else []
        )
        figure = figure_with_legend(1, [_key_entries(trials, target, band, shown), entries], draw)
        figure.draw_without_rendering()  # the labels depend on the width of the panel
        _label_exits(figure, panel_axes[0], trials)
        freeze_layout(figure)
        return figure


def _range_of(trials: Sequence[CostCurve], *, log: bool, lower: bool | None) -> AxisRange | None:
    values = [v for t in trials for line in (t.mean, t.low, t.high) for v in line]
    finite = list(filter(math.isfinite, values))
    if not finite:
        return None
    starts = [next(filter(math.isfinite, trial.mean), 0.0) for trial in trials]
    settled = (worst_after_transient(trial.mean, lower=lower) for trial in trials)
    return robust_axis_range(
        finite,
        starts,
        log=log,
        lower=lower,
        settled=[value for value in settled if value is not None],
    )


def _key_entries(
    trials: Sequence[CostCurve], target: float | None, band: str, shown: AxisRange | None
) -> list[LegendEntry]:
    """Entries for the band, the target and the marks that the figure contains."""
    ink, background = current_paper().look.ink, current_paper().look.background
    named = trials[:MAX_NAMED]
    keys = []
    if band:
        keys.append(LegendEntry(band_handle(ink), band))
    if target is not None:
        target_line = Line2D([], [], color=ink, linewidth=points(0.8), linestyle=REFERENCE_DASHES)
        keys.append(LegendEntry(target_line, f"target {target:g}"))
        if any(trial.reached is not None for trial in named):
            keys.append(LegendEntry(ring_handle(), "reached"))
    if any(_incomplete_points(trial, shown) for trial in named):
        hollow = Line2D(
            [],
            [],
            color=ink,
            linestyle=_INCOMPLETE_DASHES,
            marker="s",
            markersize=points(_HOLLOW_SIZE),
            markerfacecolor=background,
        )
        keys.append(LegendEntry(hollow, "ended early, or not all seeds"))
    if any(_diverged_at(trial, shown) is not None for trial in named):
        keys.append(LegendEntry(cross_handle(), "diverged"))
    return keys


def _incomplete_points(trial: CostCurve, shown: AxisRange | None) -> list[int]:
    """The points that are drawn hollow: incomplete, inside the axis, and not marked by a cross."""
    low, high = shown.with_margin() if shown is not None else (-math.inf, math.inf)
    return [
        i
        for i, mean in enumerate(trial.mean)
        if not trial.is_complete(i) and low <= mean <= high and i != _diverged_at(trial, shown)
    ]


def _diverged_at(trial: CostCurve, shown: AxisRange | None) -> int | None:
    """The last finite point of a trial that ended because a seed diverged, if it is in the axis."""
    low, high = shown.with_margin() if shown is not None else (-math.inf, math.inf)
    finite = [i for i, mean in enumerate(trial.mean) if math.isfinite(mean)]
    if not trial.diverged or not finite or trial.is_complete(finite[-1]):
        return None
    return finite[-1] if low <= trial.mean[finite[-1]] <= high else None


def _label_exits(figure: Figure, ax: Axes, trials: Sequence[CostCurve]) -> None:
    """Marks the lines that leave the axis with an arrow and a word."""
    low, high = ax.get_ylim()
    top: list[EdgeLabel] = []
    bottom: list[EdgeLabel] = []
    for trial, style in zip(trials, series_styles(trials), strict=True):
        line = zip(trial.cost, trial.mean, strict=True)
        end = find_exit(line, low, high, log=ax.get_yscale() == "log")
        if end is not None and style.index is not None:
            text = exit_text(end, trial.diverged, trial.seeds)
            label = EdgeLabel(end.x, text, style.color, arrow=True, marker=style.marker)
            (top if end.upward else bottom).append(label)
    label_bottom(figure, ax, bottom)
    label_top(figure, ax, top)


def _draw_curves(ax: Axes, trials: Sequence[CostCurve], target: float | None) -> None:
    longest = max((trial.cost[-1] for trial in trials if trial.cost), default=1.0)
    ax.set_xlim(-0.02 * longest, 1.02 * longest)
    for rank, (trial, style) in enumerate(zip(trials, series_styles(trials), strict=True)):
        _draw_curve(ax, trial, style, rank, len(trials))
        if trial.reached is not None and target is not None and style.index is not None:
            draw_ring(ax, trial.reached, target, style.color)
    if target is not None:
        ink = current_paper().look.ink
        ax.axhline(target, color=ink, linewidth=points(0.8), linestyle=REFERENCE_DASHES, zorder=1.5)


def _draw_curve(ax: Axes, trial: CostCurve, style: SeriesStyle, rank: int, count: int) -> None:
    step = max(1, -(-len(trial.cost) // _MAX_POINTS))
    indices = [*range(0, len(trial.cost), step)]
    costs = [trial.cost[i] for i in indices]
    means = [trial.mean[i] for i in indices]
    complete = [trial.is_complete(i) for i in indices]
    is_named = style.index is not None
    zorder = 4 - rank / (count + 1) if is_named else 2.5
    full_end = complete.index(False) if False in complete else len(indices)
    # The dashed part begins at the last complete point. A line that only ends early is solid.
    dashed_from = full_end if full_end < len(indices) - 1 else len(indices)
    ax.plot(
        costs,
        [mean if i < max(dashed_from, 1) else math.nan for i, mean in enumerate(means)],
        color=style.color,
        linewidth=points(1.3 if is_named else 0.6),
        alpha=1.0 if is_named else 0.55,
        zorder=zorder,
    )
    start = max(dashed_from - 1, 0)
    ax.plot(
        costs[start:],
        means[start:] if dashed_from < len(indices) else [math.nan] * len(costs[start:]),
        color=style.color,
        linewidth=points(1.3 if is_named else 0.6),
        linestyle=_INCOMPLETE_DASHES,
        alpha=1.0 if is_named else 0.55,
        zorder=zorder,
    )
    # The whole line without ink: labels at line ends and the terminal refer to it.
    ax.plot(costs, means, linestyle="", color=style.color, label=curve_label(rank))
    if is_named:
        _draw_markers(ax, costs, means, complete, style, zorder, diverged=trial.diverged > 0)
        ax.fill_between(
            costs,
            [trial.low[i] for i in indices],
            [trial.high[i] for i in indices],
            color=style.color,
            alpha=BAND_ALPHA,
            linewidth=0,
            zorder=2,
        )


def _draw_markers(
    ax: Axes,
    costs: Sequence[float],
    means: Sequence[float],
    complete: Sequence[bool],
    style: SeriesStyle,
    zorder: float,
    *,
    diverged: bool,
) -> None:
    """Draws about six markers per line and one at its end, hollow where it is incomplete."""
    finite = [i for i, mean in enumerate(means) if math.isfinite(mean)]
    if not finite:
        return
    spacing = max(1, len(costs) // 6)
    last = finite[-1]
    marked = {i for i in finite if i % spacing == (style.index or 0) % spacing} | {last}
    if diverged and not complete[last]:
        draw_cross(ax, costs[last], means[last], style.color)
        marked -= {last}
    for is_complete, face in ((True, style.color), (False, current_paper().look.background)):
        chosen = sorted(i for i in marked if complete[i] is is_complete)
        ax.plot(
            [costs[i] for i in chosen],
            [means[i] for i in chosen],
            color=style.color,
            linestyle="",
            marker=style.marker or "o",
            markersize=points(_MARKER_SIZE if is_complete else _HOLLOW_SIZE),
            markerfacecolor=face,
            zorder=zorder + 0.01 + (not is_complete),
            clip_on=True,
        )
