"""`nnlab plot time`: a metric against seconds, epochs or steps, and the time to a target. // A metric against what it cost: seconds, epochs or steps, and when a target was reached."""

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
from nnlab.figures.draw.labels import wrap_axis_label
from nnlab.figures.draw.layout import figure_with_legend, freeze_layout
from nnlab.figures.draw.legend import LegendEntry, legend_marker
from nnlab.figures.draw.paper import current_paper, points
from nnlab.figures.draw.series import Series
from nnlab.figures.draw.series_style import curve_label, series_legend_entries, series_styles
from nnlab.figures.draw.style import REFERENCE_DASHES, style_context
from nnlab.figures.prepared_figure import PreparedFigure, numbers
from nnlab.figures.trials import is_loss_metric, load_trial_curves
from nnlab.records import History, Setting, direction_of
from nnlab.stats import format_duration
from nnlab.stats.curve_band import BandKind, mean_curve

CostUnit = Literal["seconds", "epochs", "steps"]
_COST_LABELS = {"seconds": "Training time (s)", "epochs": "Epochs", "steps": "Steps"}
_MAX_POINTS = 600


@dataclass(frozen=True, slots=True)
class CostCurve:
    """A trial: the mean over its seeds at each epoch, and what it had cost until then.

    `reached` is the cost at which the target was first met, None where it never was.
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
    """A metric (the objective's) of the `top` best trials against what it cost.

    Seconds are those of training and evaluating, without loading; of several seeds their mean at
    each epoch. Without a target none is drawn.

    Raises:
        UnknownName: a word is neither a study nor a run, or no run has that metric.
        UsageError: nothing was trained there, or its steps are not known.
    """
    trials = load_trial_curves(db, words, top=top)
    name = metric or trials.ranking.objective.metric
    measured = {m for one in trials.series for history in one.histories for m in history.metrics}
    if name not in measured:
        raise UnknownName("metric", name, measured)
    settings = [row.setting for row in trials.ranking.rows]

    def paced() -> "list[CostCurve]":
        return [
            _cost_curve(one, setting, name, x, target)
            for one, setting in zip(trials.series, settings, strict=True)
        ]

    def draw() -> Figure:
        from nnlab.figures.draw.display_names import metric_name

        label = metric_name(name, trials.loss)
        lower = direction_of(name) == "min"
        return draw_cost_curves(
            paced(), _COST_LABELS[x], label, log_y=is_loss_metric(name), target=target, lower=lower
        )

    found = paced()
    rows = [
        (one.label, cost, mean, low, high)
        for one in found
        for cost, mean, low, high in zip(one.cost, one.mean, one.low, one.high, strict=True)
    ]
    notes = list(trials.notes)
    if target is not None:
        told = [
            f"{one.label}: {'never' if one.reached is None else _cost_text(one.reached, x)}"
            for one in found
        ]
        notes.append(f"{name} reached {target:g} after: {'; '.join(told)}")
    table = numbers(("trial", x, "mean", "low", "high"), rows)
    return PreparedFigure(draw, table, trials.runs, trials.told, tuple(notes))


def _cost_text(cost: float, x: CostUnit) -> str:
    return format_duration(cost) if x == "seconds" else f"{cost:.4g} {x}"


def _cost_curve(
    one: Series, setting: Setting, metric: str, x: CostUnit, target: float | None
) -> "CostCurve":
    found = [(history, c) for history in one.histories if (c := history.get(metric))]
    band = mean_curve([curve for _, curve in found], BandKind.INTERVAL)
    costs = [_cumulative_costs(history, setting, x, len(band)) for history, _ in found]
    at = {
        epoch: _mean_or_nan([cost[epoch] for cost in costs if epoch in cost])
        for epoch in band.epochs
    }
    return CostCurve(
        one.label,
        tuple(at[epoch] for epoch in band.epochs),
        band.mean,
        band.low,
        band.high,
        _cost_at_target([at[e] for e in band.epochs], band.mean, metric, target),
    )


def _cumulative_costs(
    history: History, setting: Setting, x: CostUnit, epochs: int
) -> dict[int, float]:
    """What each epoch had cost when it ended."""
    if x == "epochs":
        return {epoch: float(epoch) for epoch in range(1, epochs + 1)}
    if x == "steps":
        size = history.get("data/train")
        if size is None:
            raise UsageError(
                "how many steps an epoch had is not known of runs trained with --probe none",
                hint="--x epochs",
            )
        batch_size = setting.get("batch_size")  # None where all examples make a step
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
    costs: Sequence[float], means: Sequence[float], metric: str, target: float | None
) -> float | None:
    """The cost at which the mean first met the target."""
    if target is None:
        return None
    lower = direction_of(metric) == "min"
    met = (value <= target if lower else value >= target for value in means)
    return next((cost for cost, good in zip(costs, met, strict=True) if good), None)


def draw_cost_curves(
    trials: Sequence[CostCurve],
    x: str,
    y: str,
    *,
    log_y: bool,
    target: float | None = None,
    lower: bool = True,
) -> Figure:
    """Draws trials, a line each; a target is a line across, its first crossing a dot.

    `lower` says whether lower values are better: only worse ones may leave the view.
    """
    with style_context():
        keys = []
        if target is not None:
            ink = current_paper().look.ink
            across = Line2D([], [], color=ink, linewidth=points(0.8), linestyle=REFERENCE_DASHES)
            keys.append(LegendEntry(across, f"target {target:g}"))
            if any(one.reached is not None for one in trials):
                keys.append(
                    LegendEntry(legend_marker(marker="o", markersize=points(4.5)), "reached")
                )

        def draw(axes: Sequence[Axes]) -> None:
            _draw_curves(axes[0], trials, target, log_y=log_y, lower=lower)
            axes[0].set_xlabel(x)
            axes[0].set_ylabel(wrap_axis_label(y))

        entries = (
            series_legend_entries([one.label for one in trials], "trial") if len(trials) > 1 else []
        )
        figure = figure_with_legend(1, [keys, entries], draw)
        freeze_layout(figure)
        return figure


def _draw_curves(
    ax: Axes, trials: Sequence[CostCurve], target: float | None, *, log_y: bool, lower: bool
) -> None:
    finite = [v for one in trials for v in one.mean if math.isfinite(v)]
    starts = [next(filter(math.isfinite, one.mean), 0.0) for one in trials]
    settled = [
        worst
        for one in trials
        if (worst := worst_after_transient(one.mean, lower=lower)) is not None
    ]
    shown = [*finite, *([] if target is None else [target])]
    set_value_axis(ax, shown, starts, log=log_y, lower=lower, settled=settled)
    longest = max((one.cost[-1] for one in trials if one.cost), default=1.0)
    ax.set_xlim(-0.02 * longest, 1.02 * longest)
    for rank, (one, look) in enumerate(zip(trials, series_styles(trials), strict=True)):
        step = max(1, -(-len(one.cost) // _MAX_POINTS))
        every = slice(None, None, step)
        drawn = len(one.cost[every])
        apart = max(1, drawn // 6)
        is_named = look.index is not None
        ax.plot(
            one.cost[every],
            one.mean[every],
            color=look.color,
            linewidth=points(1.3 if is_named else 0.6),
            alpha=1.0 if is_named else 0.55,
            marker=look.marker or None,
            markersize=points(2.8),
            markevery=(rank % apart, apart),
            label=curve_label(rank),
            zorder=4 - rank / (len(trials) + 1) if is_named else 2.5,
        )
        if is_named:
            ax.fill_between(
                one.cost[every],
                one.low[every],
                one.high[every],
                color=look.color,
                alpha=0.15,
                linewidth=0,
                zorder=2,
            )
        if one.reached is not None and target is not None and is_named:
            ax.plot(
                [one.reached],
                [target],
                marker="o",
                markersize=points(4.5),
                color=look.color,
                zorder=6,
                clip_on=False,
            )
    if target is not None:
        ink = current_paper().look.ink
        ax.axhline(target, color=ink, linewidth=points(0.8), linestyle=REFERENCE_DASHES, zorder=1.5)
