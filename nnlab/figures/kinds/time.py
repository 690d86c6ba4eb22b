"""`nnlab plot time`: a metric over seconds, epochs or steps, and the cost of reaching a target."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from nnlab import store
from nnlab.engine.batches import steps_per_epoch
from nnlab.errors import UnknownName, UsageError
from nnlab.figures.draw.axis_range import worst_after_transient
from nnlab.figures.draw.axis_scales import set_value_axis
from nnlab.figures.draw.display_names import metric_name
from nnlab.figures.draw.labels import wrap_axis_label
from nnlab.figures.draw.layout import figure_with_legend, freeze_layout
from nnlab.figures.draw.legend import LegendEntry, legend_marker
from nnlab.figures.draw.metric_choice import split_directions, with_directions
from nnlab.figures.draw.paper import current_paper, points
from nnlab.figures.draw.series import Series, lower_is_better
from nnlab.figures.draw.series_style import curve_label, series_legend_entries, series_styles
from nnlab.figures.draw.style import REFERENCE_DASHES, style_context
from nnlab.figures.prepared_figure import PreparedFigure, figure_table
from nnlab.figures.trials import is_loss_metric, load_trial_curves
from nnlab.objective import unknown_direction_message
from nnlab.records import History, Setting
from nnlab.stats import format_duration
from nnlab.stats.curve_band import BandKind, mean_curve

CostUnit = Literal["seconds", "epochs", "steps"]
_COST_LABELS = {"seconds": "Training time (s)", "epochs": "Epochs", "steps": "Steps"}
_MAX_POINTS = 600


@dataclass(frozen=True, slots=True)
class CostCurve:
    """A trial: the mean over its seeds at each epoch, and the cost up to that epoch.

    `reached` is the cost at which the target was first reached; None if it never was.
    """

    label: str
    cost: tuple[float, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    reached: float | None


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
        raise UnknownName("metric", name, measured)
    lower = lower_is_better(with_directions(trials.series, directions), name)
    if lower is None and target is not None:
        raise UsageError(
            f"--target: {unknown_direction_message(name)}", hint=f"--metric {name}:max"
        )
    settings = [row.setting for row in trials.ranking.rows]
    curves = [
        _cost_curve(trial, setting, name, x, target, lower=lower is not False)
        for trial, setting in zip(trials.series, settings, strict=True)
    ]

    def draw() -> Figure:
        label = metric_name(name, trials.loss)
        return draw_cost_curves(
            curves, _COST_LABELS[x], label, log_y=is_loss_metric(name), target=target, lower=lower
        )

    rows = [
        (trial.label, cost, mean, low, high)
        for trial in curves
        for cost, mean, low, high in zip(trial.cost, trial.mean, trial.low, trial.high, strict=True)
    ]
    notes = list(trials.notes)
    if target is not None:
        reached = [
            f"{trial.label}: {'never' if trial.reached is None else _cost_text(trial.reached, x)}"
            for trial in curves
        ]
        notes.append(f"{name} reached {target:g} after: {'; '.join(reached)}")
    table = figure_table(("trial", x, "mean", "low", "high"), rows)
    return PreparedFigure(draw, table, trials.runs, trials.summary, tuple(notes))


def _cost_text(cost: float, x: CostUnit) -> str:
    return format_duration(cost) if x == "seconds" else f"{cost:.4g} {x}"


def _cost_curve(
    trial: Series,
    setting: Setting,
    metric: str,
    x: CostUnit,
    target: float | None,
    *,
    lower: bool,
) -> "CostCurve":
    measured = [(history, curve) for history in trial.histories if (curve := history.get(metric))]
    band = mean_curve([curve for _, curve in measured], BandKind.INTERVAL)
    costs = [_cumulative_costs(history, setting, x, len(band)) for history, _ in measured]
    mean_costs = {
        epoch: _mean_or_nan([cost[epoch] for cost in costs if epoch in cost])
        for epoch in band.epochs
    }
    return CostCurve(
        trial.label,
        tuple(mean_costs[epoch] for epoch in band.epochs),
        band.mean,
        band.low,
        band.high,
        _cost_at_target(
            [mean_costs[epoch] for epoch in band.epochs], band.mean, target, lower=lower
        ),
    )


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
) -> Figure:
    """A figure with a line per trial; a target is a horizontal line with a dot where it is reached.

    Args:
        trials: the lines, best first.
        x: the label of the cost.
        y: the label of the metric.
        log_y: whether the value axis may be logarithmic, as for a loss.
        target: the value to reach, if any.
        lower: whether lower values are better; only worse values may lie outside the axis, and
            none if this is unknown (None).
    """
    with style_context():
        keys = []
        if target is not None:
            ink = current_paper().look.ink
            target_line = Line2D(
                [], [], color=ink, linewidth=points(0.8), linestyle=REFERENCE_DASHES
            )
            keys.append(LegendEntry(target_line, f"target {target:g}"))
            if any(trial.reached is not None for trial in trials):
                keys.append(
                    LegendEntry(legend_marker(marker="o", markersize=points(4.5)), "reached")
                )

        def draw(axes: Sequence[Axes]) -> None:
            _draw_curves(axes[0], trials, target, log_y=log_y, lower=lower)
            axes[0].set_xlabel(x)
            axes[0].set_ylabel(wrap_axis_label(y))

        entries = (
            series_legend_entries([trial.label for trial in trials], "trial")
            if len(trials) > 1
            else []
        )
        figure = figure_with_legend(1, [keys, entries], draw)
        freeze_layout(figure)
        return figure


def _draw_curves(
    ax: Axes,
    trials: Sequence[CostCurve],
    target: float | None,
    *,
    log_y: bool,
    lower: bool | None,
) -> None:
    finite = [v for trial in trials for v in trial.mean if math.isfinite(v)]
    starts = [next(filter(math.isfinite, trial.mean), 0.0) for trial in trials]
    settled = [
        worst
        for trial in trials
        if (worst := worst_after_transient(trial.mean, lower=lower)) is not None
    ]
    shown = [*finite, *([] if target is None else [target])]
    set_value_axis(ax, shown, starts, log=log_y, lower=lower, settled=settled)
    longest = max((trial.cost[-1] for trial in trials if trial.cost), default=1.0)
    ax.set_xlim(-0.02 * longest, 1.02 * longest)
    for rank, (trial, style) in enumerate(zip(trials, series_styles(trials), strict=True)):
        step = max(1, -(-len(trial.cost) // _MAX_POINTS))
        shown_points = slice(None, None, step)
        count = len(trial.cost[shown_points])
        spacing = max(1, count // 6)
        is_named = style.index is not None
        ax.plot(
            trial.cost[shown_points],
            trial.mean[shown_points],
            color=style.color,
            linewidth=points(1.3 if is_named else 0.6),
            alpha=1.0 if is_named else 0.55,
            marker=style.marker or None,
            markersize=points(2.8),
            markevery=(rank % spacing, spacing),
            label=curve_label(rank),
            zorder=4 - rank / (len(trials) + 1) if is_named else 2.5,
        )
        if is_named:
            ax.fill_between(
                trial.cost[shown_points],
                trial.low[shown_points],
                trial.high[shown_points],
                color=style.color,
                alpha=0.15,
                linewidth=0,
                zorder=2,
            )
        if trial.reached is not None and target is not None and is_named:
            ax.plot(
                [trial.reached],
                [target],
                marker="o",
                markersize=points(4.5),
                color=style.color,
                zorder=6,
                clip_on=False,
            )
    if target is not None:
        ink = current_paper().look.ink
        ax.axhline(target, color=ink, linewidth=points(0.8), linestyle=REFERENCE_DASHES, zorder=1.5)
