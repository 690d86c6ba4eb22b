"""`nnlab plot ranking`: trials in order, with their seeds, means, intervals and tiers."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from nnlab import store
from nnlab.figures.draw.axis_range import LOG_FROM_DECADES
from nnlab.figures.draw.axis_scales import set_log_ticks
from nnlab.figures.draw.display_names import metric_name
from nnlab.figures.draw.labels import letters_that_fit, short_labels
from nnlab.figures.draw.layout import figure_with_legend, freeze_layout
from nnlab.figures.draw.legend import LegendEntry, legend_marker
from nnlab.figures.draw.paper import color, current_paper, points
from nnlab.figures.draw.style import REFERENCE_DASHES, style_context
from nnlab.figures.prepared_figure import PreparedFigure, figure_table
from nnlab.figures.trials import common_loss, omission_notes, rank_for_figure, trial_title
from nnlab.io.text import format_count
from nnlab.stats import format_mean

_ROW_HEIGHT, _FRAME_HEIGHT = 0.2, 0.55  # inches
_OUTLIER_FACTOR = (
    3.0  # a row further from the best than this many times the rest's reach leaves view
)


@dataclass(frozen=True, slots=True)
class RankedRow:
    """A trial in a ranking: the values of its seeds, their mean with its interval, and its tier.

    `tier` is 1 for the best trial and those not significantly different from it, 2 for those that
    are significantly worse, None with too few seeds to test. The interval is None below two seeds.
    """

    label: str
    values: tuple[float, ...]
    mean: float
    sd: float
    interval: tuple[float, float] | None
    tier: int | None


def prepare_ranking(
    db: store.Database, words: Sequence[str], *, by: str | None = None, top: int = 20
) -> PreparedFigure:
    """The figure of the `top` best trials by their objective, or by another metric.

    Raises:
        UnknownName: a word is neither a study nor a run, or no run has that metric.
        UsageError: no epoch is finished.
    """
    ranking = rank_for_figure(db, words, by=by, top=top)
    objective = ranking.objective

    def draw() -> Figure:
        rows = [
            RankedRow(
                trial_title(row, ranking),
                row.values,
                row.value.mean,
                row.value.sd,
                row.interval,
                row.tier,
            )
            for row in ranking.rows
        ]
        name = metric_name(objective.metric, common_loss(ranking))
        return draw_ranking(rows, name, lower=objective.direction == "min")

    rows = [
        (
            row.rank,
            trial_title(row, ranking),
            row.value.n,
            row.value.mean,
            row.value.sd,
            *(row.interval or (None, None)),
            row.tier,
        )
        for row in ranking.rows
    ]
    columns = ("rank", "trial", "n", "mean", "sd", "low", "high", "tier")
    runs = tuple(run for row in ranking.rows for run in row.runs)
    summary = f"{format_count(len(ranking.rows), 'trial')}, {format_count(len(runs), 'run')}"
    hidden = ranking.total - len(ranking.rows)
    notes = (
        [f"{format_count(hidden, 'more trial')} not drawn; --top N draws more"] if hidden else []
    )
    # For a study, the notes of the ranking already name trials without the metric.
    notes += omission_notes(db, ranking) if ranking.scope.runs is not None else ()
    return PreparedFigure(
        draw, figure_table(columns, rows), runs, summary, (*notes, *ranking.notes)
    )


def draw_ranking(rows: Sequence[RankedRow], name: str, *, lower: bool) -> Figure:
    """A figure with a row per trial, best on top: tier 1 coloured, tier 2 grey, untested dark.

    If no trial has a tier, all are coloured.

    Args:
        rows: the trials, best first.
        name: the quantity, for the axis label.
        lower: whether lower values are better.
    """
    with style_context():
        labels = short_labels(
            [row.label for row in rows], letters_that_fit(0.34 * current_paper().width)
        )
        height = _ROW_HEIGHT * max(len(rows), 1) + _FRAME_HEIGHT

        def draw(axes: Sequence[Axes]) -> None:
            _draw_rows(axes[0], rows, labels)
            better = "lower is better" if lower else "higher is better"
            axes[0].set_xlabel(f"{name}, {better}")

        figure = figure_with_legend(1, [_legend_entries(rows)], draw, height=height)
        freeze_layout(figure)
        return figure


def _draw_rows(ax: Axes, rows: Sequence[RankedRow], labels: Sequence[str]) -> None:
    _set_value_axis(ax, rows)
    left, right = ax.get_xlim()
    colors = _tier_colors(rows)
    for row, trial in enumerate(rows):
        tier_color = colors[trial.tier]
        finite = [value for value in trial.values if math.isfinite(value)]
        ax.plot(finite, [row] * len(finite), linestyle="", marker="|", color=tier_color, alpha=0.5)
        if trial.interval is not None and all(map(math.isfinite, trial.interval)):
            low, high = (min(max(bound, left), right) for bound in trial.interval)
            ax.plot([low, high], [row, row], color=tier_color, linewidth=points(1.4))
        if math.isfinite(trial.mean):
            ax.plot(trial.mean, row, marker="o", markersize=points(3.6), color=tier_color, zorder=4)
    if rows and math.isfinite(rows[0].mean):
        ax.axvline(
            rows[0].mean,
            color=current_paper().look.grey,
            linewidth=points(0.7),
            linestyle=REFERENCE_DASHES,
        )
    ax.set_yticks(range(len(labels)), labels)
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.grid(visible=False, axis="y")
    right_axis = ax.secondary_yaxis("right")
    right_axis.set_yticks(range(len(rows)), [_value_text(trial) for trial in rows])
    right_axis.tick_params(length=0)
    right_axis.spines["right"].set_visible(False)


def _tier_colors(rows: Sequence[RankedRow]) -> Mapping[int | None, str]:
    """The colour of each tier; None stands for trials without a tier."""
    look = current_paper().look
    has_tiers = any(row.tier for row in rows)
    return {1: color(0), 2: look.grey, None: look.ink if has_tiers else color(0)}


def _value_text(row: RankedRow) -> str:
    return format_mean(row.mean, row.sd) if math.isfinite(row.mean) else "diverged"


def _set_value_axis(ax: Axes, rows: Sequence[RankedRow]) -> None:
    """Sets limits and scale of the value axis; long intervals and exploded runs may leave it."""
    values = sorted(v for row in rows for v in row.values if math.isfinite(v))
    if not values:
        ax.set_xticks([])
        return
    low, high = _range_without_outliers(values, rows[0].mean)
    bounds = [
        bound for row in rows if row.interval for bound in row.interval if math.isfinite(bound)
    ]
    span = high - low
    low = max(min([low, *bounds]), low - span / 2)
    high = min(max([high, *bounds]), high + span / 2)
    is_positive = values[0] > 0 and low > 0
    if is_positive and math.log10(high / low) > LOG_FROM_DECADES:
        margin = (high / low) ** 0.03
        ax.set_xscale("log")
        ax.set_xlim(low / margin, high * margin)
        set_log_ticks(ax.xaxis, low, high)
        return
    margin = 0.03 * (high - low) or 0.05 * abs(high) or 0.05
    ax.set_xlim(low - margin, high + margin)


def _range_without_outliers(values: Sequence[float], best: float) -> tuple[float, float]:
    """The range of the sorted values, without those very far from the best."""
    if not math.isfinite(best):
        return values[0], values[-1]
    distances = sorted(abs(value - best) for value in values)
    farthest = distances[-1]
    typical = distances[int(0.75 * (len(distances) - 1))]
    if typical > 0 and farthest > 10 * _OUTLIER_FACTOR * typical:
        inside = [value for value in values if abs(value - best) <= _OUTLIER_FACTOR * typical]
        return inside[0], inside[-1]
    return values[0], values[-1]


def _legend_entries(rows: Sequence[RankedRow]) -> list[LegendEntry]:
    has_several_seeds = any(len(row.values) > 1 for row in rows)
    entries = []
    if has_several_seeds:
        entries.append(LegendEntry(legend_marker(marker="|"), "a seed"))
    if any(row.interval for row in rows):
        entries.append(
            LegendEntry(
                Line2D([], [], color=current_paper().look.ink, marker="o", markersize=points(3.6)),
                "mean, 95 % interval",
            )
        )
    tiers = {row.tier for row in rows}
    if tiers - {None} and len(tiers) > 1:
        names = {
            1: "not significantly different from the best",
            2: "significantly worse",
            None: "too few seeds to rank",
        }
        colors = _tier_colors(rows)
        entries += [
            LegendEntry(Line2D([], [], color=colors[tier]), name)
            for tier, name in names.items()
            if tier in tiers
        ]
    return entries
