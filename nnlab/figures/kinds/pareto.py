"""`nnlab plot pareto`: a metric against a cost, and the trials that no other trial dominates."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator
from matplotlib.transforms import Bbox

from nnlab import store
from nnlab.analysis.diverged_runs import diverged_run_ids
from nnlab.analysis.records import Ranking, RankingRow
from nnlab.errors import UsageError
from nnlab.figures.budget_axis import Budget, format_budget, load_budget
from nnlab.figures.draw.axis_range import robust_axis_range
from nnlab.figures.draw.axis_scales import apply_axis_range, set_log_ticks
from nnlab.figures.draw.display_names import metric_name
from nnlab.figures.draw.labels import letters_that_fit, short_labels, wrap_axis_label
from nnlab.figures.draw.layout import figure_with_legend, freeze_layout
from nnlab.figures.draw.legend import LegendEntry, legend_marker
from nnlab.figures.draw.paper import color, current_paper, points
from nnlab.figures.draw.point_labels import PointLabel, box_of_segment, label_points, pixel_of
from nnlab.figures.draw.reader_options import current_reader_options
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
from nnlab.stats.pareto import front_probabilities, pareto_front
from nnlab.stats.uncertainty import Uncertainty, uncertainty_bounds, uncertainty_name

_PANEL_HEIGHT = 2.6
# Costs are usually spaced by factors.
_LOG_FROM_DECADES = 1.0
_CROSS_SIZE = 4.6  # points
_MAX_KEYS = 12  # numbered trials in the legend
Bounds = tuple[float, float]


@dataclass(frozen=True, slots=True)
class ParetoPoint:
    """A trial: its mean cost and value over the seeds, with their bounds (None below two seeds).

    `front_probability` is the share of bootstrap resamples of the seeds in which it lies on the
    front. A trial with a `diverged` seed has no result, so it is neither on the front nor compared.
    """

    label: str
    cost: float
    value: float
    cost_bounds: Bounds | None
    value_bounds: Bounds | None
    n: int
    on_front: bool = False
    front_probability: float = 0.0
    diverged: int = 0


def prepare_pareto(
    db: store.Database, words: Sequence[str], *, x: str = "seconds", by: str | None = None
) -> PreparedFigure:
    """The figure of the objective, or another metric, of all trials against their cost.

    `x` is a cost (seconds, epochs, steps, energy, params) or a numeric field of the settings.

    Raises:
        UnknownName: a word is neither a study nor a run; no such metric, cost or field.
        UsageError: no epoch is finished, or the cost of no run is known.
    """
    ranking = rank_for_figure(db, words, by=by)
    budget = load_budget(db, ranking.rows, x)
    points_of_trials = pareto_points(db, ranking, budget)
    objective = ranking.objective
    if not points_of_trials:
        raise UsageError(f"nothing to draw: no trial has a finite {objective.metric}")
    lower = objective.direction == "min"

    def draw() -> Figure:
        name = metric_name(objective.metric, common_loss(ranking))
        return draw_pareto(
            points_of_trials,
            budget.label,
            name,
            lower=lower,
            log_y=is_loss_metric(objective.metric),
            uncertainty=uncertainty_name(current_reader_options().uncertainty),
        )

    columns = (
        *("trial", "n", budget.name, "cost low", "cost high", "value", "low", "high"),
        *("on front", "probability", "diverged"),
    )
    rows = [
        (
            point.label,
            point.n,
            point.cost,
            *(point.cost_bounds or (None, None)),
            point.value,
            *(point.value_bounds or (None, None)),
            point.on_front,
            point.front_probability,
            point.diverged,
        )
        for point in points_of_trials
    ]
    runs = tuple(run for row in ranking.rows for run in row.runs)
    front = sum(point.on_front for point in points_of_trials)
    summary = f"{front} of {format_count(len(points_of_trials), 'trial')} on the Pareto front"
    notes = (
        *ranking.left_out,
        *_front_notes(points_of_trials),
        *budget.notes,
        *omission_notes(db, ranking),
    )
    return PreparedFigure(draw, figure_table(columns, rows), runs, summary, notes)


def pareto_points(db: store.Database, ranking: Ranking, budget: Budget) -> tuple[ParetoPoint, ...]:
    """The trials with a known cost and value, best first, with those on the front marked."""
    uncertainty = current_reader_options().uncertainty
    diverged = diverged_run_ids(db, ranking.rows)
    limits = limits_of(ranking.objective.metric)
    sign = 1.0 if ranking.objective.direction == "min" else -1.0
    trials, samples = [], []
    for row in ranking.rows:
        pairs = _cost_and_value(row, budget)
        if not pairs:
            continue
        costs, values = [cost for cost, _ in pairs], [value for _, value in pairs]
        trials.append(
            ParetoPoint(
                trial_title(row, ranking),
                math.fsum(costs) / len(costs),
                math.fsum(values) / len(values),
                _bounds(costs, uncertainty, (0.0, math.inf)),
                _bounds(values, uncertainty, limits),
                len(pairs),
                diverged=len(diverged.intersection(row.runs)),
            )
        )
        samples.append((costs, [sign * value for value in values]))
    compared = [i for i, trial in enumerate(trials) if not trial.diverged]
    front = pareto_front(
        [trials[i].cost for i in compared], [sign * trials[i].value for i in compared]
    )
    on_front = {compared[i] for i in front}
    shares = front_probabilities(
        [samples[i][0] for i in compared], [samples[i][1] for i in compared]
    )
    probability = dict(zip(compared, shares, strict=True))
    return tuple(
        replace(trial, on_front=i in on_front, front_probability=probability.get(i, 0.0))
        for i, trial in enumerate(trials)
    )


def _cost_and_value(row: RankingRow, budget: Budget) -> list[tuple[float, float]]:
    return [
        (budget.values[run], value)
        for run, value in zip(row.runs, row.values, strict=True)
        if run in budget.values and math.isfinite(value)
    ]


def _bounds(
    values: Sequence[float], uncertainty: Uncertainty, limits: tuple[float, float]
) -> Bounds | None:
    if len(values) < 2 or min(values) == max(values):
        return None
    low, high = uncertainty_bounds(values, uncertainty, limits)
    return (low, high) if math.isfinite(low) and math.isfinite(high) else None


def _front_notes(trials: Sequence[ParetoPoint]) -> list[str]:
    notes = []
    several = any(trial.n > 1 for trial in trials)
    unsure = [t for t in trials if t.on_front and t.front_probability < 0.95 and several]
    if unsure:
        names = "; ".join(f"{t.label} ({t.front_probability:.0%})" for t in unsure)
        notes.append(f"on the front in fewer than 95% of the bootstrap samples of seeds: {names}")
    diverged = [f"{t.label} ({t.diverged})" for t in trials if t.diverged]
    if diverged:
        notes.append(f"not on the front because seeds diverged: {'; '.join(diverged)}")
    return notes


def draw_pareto(
    trials: Sequence[ParetoPoint],
    x: str,
    y: str,
    *,
    lower: bool,
    log_y: bool = False,
    uncertainty: str = "95 % CI",
) -> Figure:
    """A figure with a point per trial, and the Pareto front as a coloured staircase.

    The trials on the front are named beside their points; those without space for a name have a
    number, which the legend explains.

    Args:
        trials: the trials, in any order.
        x: the label of the cost, of which less is better.
        y: the label of the metric.
        lower: whether lower values of the metric are better.
        log_y: whether the value axis may be logarithmic, as for a loss.
        uncertainty: the name of the error bars.
    """
    with style_context():
        front, names = _front_with_names(trials)
        numbered: list[int] = []
        while True:
            figure, missing = _draw(
                trials, front, names, numbered, (x, y, uncertainty), lower=lower, log_y=log_y
            )
            if not missing or numbered:
                return figure
            numbered = missing


def _front_with_names(trials: Sequence[ParetoPoint]) -> tuple[list[ParetoPoint], list[str]]:
    """The distinct points of the front, cheapest first; equal trials share a point and a name."""
    groups: dict[tuple[float, float], list[ParetoPoint]] = {}
    for trial in sorted((t for t in trials if t.on_front), key=lambda trial: trial.cost):
        groups.setdefault((trial.cost, trial.value), []).append(trial)
    names = [
        f"{members[0].label}{f' and {len(members) - 1} equal' if len(members) > 1 else ''}"
        for members in groups.values()
    ]
    return [members[0] for members in groups.values()], names


def _draw(
    trials: Sequence[ParetoPoint],
    front: Sequence[ParetoPoint],
    names: Sequence[str],
    numbered: Sequence[int],
    texts: tuple[str, str, str],
    *,
    lower: bool,
    log_y: bool,
) -> tuple[Figure, list[int]]:
    """The figure, and the indices of the trials of the front whose name has no space."""
    x, y, uncertainty = texts

    def draw(axes: Sequence[Axes]) -> None:
        ax = axes[0]
        _set_axes(ax, trials, lower=lower, log_y=log_y)
        for trial in trials:
            _draw_trial(ax, trial)
        _draw_front(ax, front)
        ax.set_xlabel(x)
        ax.set_ylabel(wrap_axis_label(y))

    width = current_paper().width
    full_names = short_labels(names, letters_that_fit(0.8 * width))
    short_names = short_labels(names, letters_that_fit(0.45 * width))
    keys = [
        LegendEntry(Line2D([], [], linestyle=""), f"{number}  {full_names[index]}")
        for number, index in enumerate(numbered[:_MAX_KEYS], start=1)
    ]
    figure = figure_with_legend(
        1, [_legend_entries(trials, uncertainty), keys], draw, height=_PANEL_HEIGHT
    )
    freeze_layout(figure)
    ax = figure.axes[0]
    number_of = {index: str(number) for number, index in enumerate(numbered, start=1)}
    labels = [
        PointLabel(trial.cost, trial.value, number_of.get(index, short_names[index]))
        for index, trial in enumerate(front)
    ]
    return figure, label_points(figure, ax, labels, _obstacles(ax, trials, front))


def _set_axes(ax: Axes, trials: Sequence[ParetoPoint], *, lower: bool, log_y: bool) -> None:
    results = [t.value for t in trials if not t.diverged] or [t.value for t in trials]
    bounds = [b for t in trials if t.on_front for b in t.value_bounds or () if b > 0 or not log_y]
    axis_range = robust_axis_range(results, results, log=log_y, lower=lower, settled=results)
    axis_range = replace(
        axis_range, low=min([axis_range.low, *bounds]), high=max([axis_range.high, *bounds])
    )
    apply_axis_range(ax, axis_range)
    _widen_for_labels(ax, lower=lower)
    costs = [t.cost for t in trials]
    shown = [*costs, *(bound for t in trials if t.on_front for bound in t.cost_bounds or ())]
    low, high = min(shown), max(shown)
    if low > 0 and math.log10(max(costs) / min(costs)) >= _LOG_FROM_DECADES:
        ax.set_xscale("log")
        margin = (high / low) ** 0.06
        ax.set_xlim(low / margin, high * margin)
        set_log_ticks(ax.xaxis, low / margin, high * margin)
    else:
        margin = 0.06 * (high - low) or 0.05 * abs(high) or 1.0
        ax.set_xlim(low - margin, high + margin)
        ax.xaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10]))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda cost, _: format_budget(cost)))


def _widen_for_labels(ax: Axes, *, lower: bool) -> None:
    """Adds space on the better side of the front, where its labels are."""
    low, high = ax.get_ylim()
    if ax.get_yscale() == "log":
        factor = (high / low) ** 0.15
        ax.set_ylim(low / factor if lower else low, high if lower else high * factor)
    else:
        space = 0.15 * (high - low)
        ax.set_ylim(low - space if lower else low, high if lower else high + space)


def _draw_trial(ax: Axes, trial: ParetoPoint) -> None:
    look = current_paper().look
    shade = color(0) if trial.on_front else look.grey
    low, high = ax.get_ylim()
    if not low <= trial.value <= high or trial.diverged:
        # Beyond the axis, or without a result: at the worse edge.
        edge = min(max(trial.value, low), high)
        symbol = "x" if trial.diverged else "^" if trial.value > high else "v"
        ax.plot(
            trial.cost,
            edge,
            marker=symbol,
            markersize=points(_CROSS_SIZE),
            color=look.ink if trial.diverged else look.grey,
            zorder=3,
            clip_on=False,
        )
        return
    zorder = 4 if trial.on_front else 2.5
    width = points(0.9 if trial.on_front else 0.5)
    alpha = 1.0 if trial.on_front else 0.6
    if trial.value_bounds is not None:
        ax.plot(
            [trial.cost] * 2,
            trial.value_bounds,
            color=shade,
            linewidth=width,
            alpha=alpha,
            zorder=zorder - 0.3,
        )
    if trial.cost_bounds is not None:
        ax.plot(
            trial.cost_bounds,
            [trial.value] * 2,
            color=shade,
            linewidth=width,
            alpha=alpha,
            zorder=zorder - 0.3,
        )
    ax.plot(
        trial.cost,
        trial.value,
        marker="o",
        markersize=points(4.4 if trial.on_front else 3.2),
        color=shade,
        markeredgecolor=look.background,
        markeredgewidth=points(0.4),
        zorder=zorder,
    )


def _draw_front(ax: Axes, front: Sequence[ParetoPoint]) -> None:
    """Draws the best value that is reached at each cost."""
    if not front:
        return
    costs = [trial.cost for trial in front]
    values = [trial.value for trial in front]
    ax.plot(
        [*costs, ax.get_xlim()[1]],
        [*values, values[-1]],
        drawstyle="steps-post",
        color=color(0),
        linewidth=points(1.1),
        zorder=2.2,
    )


def _legend_entries(trials: Sequence[ParetoPoint], uncertainty: str) -> list[LegendEntry]:
    look = current_paper().look
    entries = [
        LegendEntry(
            Line2D([], [], color=color(0), marker="o", markersize=points(4.4)), "Pareto front"
        )
    ]
    if any(not t.on_front and not t.diverged for t in trials):
        marker = Line2D([], [], color=look.grey, marker="o", linestyle="", markersize=points(3.2))
        entries.append(LegendEntry(marker, "dominated trial"))
    if any(t.diverged for t in trials):
        cross = legend_marker(marker="x", markersize=points(_CROSS_SIZE))
        entries.append(LegendEntry(cross, "trial with diverged seeds"))
    if any(t.value_bounds or t.cost_bounds for t in trials):
        bar = legend_marker(marker="+", markersize=points(6))
        entries.append(LegendEntry(bar, f"mean, {uncertainty}"))
    return entries


def _obstacles(ax: Axes, trials: Sequence[ParetoPoint], front: Sequence[ParetoPoint]) -> list[Bbox]:
    """The boxes in pixels of the points, error bars and steps that labels may not cover."""
    pixel = ax.figure.dpi / 72

    def segment(start: tuple[float, float], end: tuple[float, float], width: float) -> Bbox:
        return box_of_segment(pixel_of(ax, *start), pixel_of(ax, *end), points(width) * pixel)

    boxes = []
    for trial in trials:
        centre = (trial.cost, trial.value)
        boxes.append(segment(centre, centre, 4.4))
        if trial.cost_bounds is not None:
            low, high = trial.cost_bounds
            boxes.append(segment((low, trial.value), (high, trial.value), 0.9))
        if trial.value_bounds is not None:
            low, high = trial.value_bounds
            boxes.append(segment((trial.cost, low), (trial.cost, high), 0.9))
    corners = [(trial.cost, trial.value) for trial in front]
    if corners:
        corners.append((ax.get_xlim()[1], corners[-1][1]))
    for (x0, y0), (x1, y1) in itertools.pairwise(corners):
        boxes.append(segment((x0, y0), (x1, y0), 1.1))
        boxes.append(segment((x1, y0), (x1, y1), 1.1))
    return boxes
