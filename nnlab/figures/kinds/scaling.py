"""`nnlab plot scaling`: an error or a loss over a budget, with a fitted power law."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from nnlab import store
from nnlab.analysis.diverged_runs import diverged_run_ids
from nnlab.analysis.records import Ranking, RankingRow
from nnlab.errors import UnknownName, UsageError
from nnlab.figures.axis_fields import axis_value, ordered_values
from nnlab.figures.budget_axis import Budget, format_budget, load_budget
from nnlab.figures.draw.axis_scales import set_log_ticks
from nnlab.figures.draw.display_names import metric_name, trial_name
from nnlab.figures.draw.labels import (
    MAX_LABEL_LENGTH,
    letters_that_fit,
    short_labels,
    wrap_axis_label,
)
from nnlab.figures.draw.layout import figure_with_legend, freeze_layout
from nnlab.figures.draw.legend import LegendEntry, legend_marker
from nnlab.figures.draw.paper import current_paper, points
from nnlab.figures.draw.reader_options import current_reader_options, in_chosen_order
from nnlab.figures.draw.series_style import MAX_NAMED, SeriesStyle, curve_label, series_styles
from nnlab.figures.draw.style import style_context
from nnlab.figures.prepared_figure import PreparedFigure, figure_table
from nnlab.figures.trials import common_loss, omission_notes, rank_for_figure
from nnlab.io.text import format_count
from nnlab.objective import Objective, limits_of
from nnlab.records import Scalar
from nnlab.stats.power_law import MIN_BUDGETS, MIN_BUDGETS_FOR_LIMIT, PowerLaw, fit_power_law
from nnlab.stats.uncertainty import uncertainty_bounds, uncertainty_name

_PANEL_HEIGHT = 2.4
_MAX_BUDGET_TICKS = 7
# A logarithmic axis that spans less than this factor has the ticks of a linear axis.
_SHORT_AXIS = 8.0
_MAX_INTERVAL_FACTOR = 4.0  # longer intervals leave the axis
_LACK_OF_FIT_LEVEL = 0.05
_BAND_ALPHA = 0.18
Bounds = tuple[float, float]


@dataclass(frozen=True, slots=True)
class ScalingPoint:
    """The best trial at a budget: the errors or losses of its seeds, their mean and its bounds.

    The bounds are None below two seeds. `diverged` counts the seeds that diverged, whose values are
    left out; the mean is NaN if all did.
    """

    budget: float
    values: tuple[float, ...]
    mean: float
    bounds: Bounds | None
    diverged: int = 0


@dataclass(frozen=True, slots=True)
class ScalingLine:
    """The points of one value of a field, in the order of their budgets, and their power law.

    The label is empty if there is only one line. The fit is None if there are too few points.
    """

    label: str
    budgets: tuple[ScalingPoint, ...]
    fit: PowerLaw | None


def prepare_scaling(
    db: store.Database,
    words: Sequence[str],
    *,
    x: str = "train_size",
    lines: str | None = None,
    by: str | None = None,
) -> PreparedFigure:
    """The figure of the best results at each budget, with a power law for each value of `lines`.

    `x` is a numeric field of the settings, such as train_size, or a cost (seconds, epochs, steps,
    energy, params). Of a metric with an upper limit, such as the accuracy, the distance to the
    limit is fitted.

    Raises:
        UnknownName: a word is neither a study nor a run; no such metric, field or cost.
        UsageError: no epoch is finished, no budget is known, or the metric has no limit.
    """
    ranking = rank_for_figure(db, words, by=by, along=(x, lines))
    field = None if lines is None else _find_field(ranking, lines)
    budget = load_budget(db, ranking.rows, x)
    error = _ErrorScale.of(ranking.objective)
    scaling_lines, trials = _scaling_lines(db, ranking, budget, error, field)
    metric = metric_name(ranking.objective.metric, common_loss(ranking))

    def draw() -> Figure:
        return draw_scaling(
            scaling_lines,
            budget.label,
            error.name(metric),
            uncertainty=uncertainty_name(current_reader_options().uncertainty),
        )

    columns = (field or "line", budget.name, "number", "n", "value", "low", "high", "diverged")
    rows = [row for line in scaling_lines for row in _table_rows(line)]
    runs = tuple(run for row in trials for run in row.runs)
    summary = f"{error.name(metric)} over {budget.name}, {format_count(len(runs), 'run')}"
    notes = (
        *ranking.left_out,
        *_choice_notes(ranking, field, budget, len(trials)),
        *_point_notes(scaling_lines),
        *[note for line in scaling_lines for note in _fit_notes(line, budget.name)],
        *budget.notes,
        *omission_notes(db, ranking),
    )
    return PreparedFigure(draw, figure_table(columns, rows), runs, summary, notes)


@dataclass(frozen=True, slots=True)
class _ErrorScale:
    """How a metric becomes an error that a power law describes: limit - value, or the value."""

    limit: float | None

    @classmethod
    def of(cls, objective: Objective) -> "_ErrorScale":
        """The error of an objective.

        Raises:
            UsageError: higher values are better, and the metric has no upper limit.
        """
        if objective.direction == "min":
            return cls(None)
        high = limits_of(objective.metric)[1]
        if math.isinf(high):
            raise UsageError(
                f"a power law describes an error or a loss, and {objective.metric} has no upper"
                " limit from which its error could be measured",
                hint="--by val/loss",
            )
        return cls(high)

    def error(self, value: float) -> float:
        """The error of a value of the metric."""
        return value if self.limit is None else self.limit - value

    def name(self, metric: str) -> str:
        """The name of the error; `metric` is that of the metric."""
        if self.limit is None:
            return metric
        return f"{self.limit:g} − {metric[:1].lower()}{metric[1:]}"  # noqa: RUF001


def _find_field(ranking: Ranking, name: str) -> str:
    field = name.lstrip("-").replace("-", "_")
    fields = {key for row in ranking.rows for key in row.setting}
    if field not in fields:
        raise UnknownName("field", name, fields)
    return field


def _scaling_lines(
    db: store.Database, ranking: Ranking, budget: Budget, error: _ErrorScale, field: str | None
) -> tuple[list[ScalingLine], list[RankingRow]]:
    """The lines, and the trials that they show: the best one at each budget."""
    best: dict[float | str, dict[float, RankingRow]] = {}
    for row in ranking.rows:  # best first
        budgets = [budget.values[run] for run in row.runs if run in budget.values]
        if budgets:
            group = "" if field is None else axis_value(row, field)
            best.setdefault(group, {}).setdefault(math.fsum(budgets) / len(budgets), row)
    diverged = diverged_run_ids(db, ranking.rows)
    lines, trials = [], []
    for group in ordered_values(list(best), field or ""):
        rows = best[group]
        drawn = tuple(
            _scaling_point(size, rows[size], diverged, error, limits_of(ranking.objective.metric))
            for size in sorted(rows)
        )
        first = next(iter(rows.values()))
        label = "" if field is None else trial_name(first.setting, [field]) or "-"
        lines.append(ScalingLine(label, drawn, _fit(drawn)))
        trials += [rows[size] for size in sorted(rows)]
    return in_chosen_order(lines, lambda line: (line.label,)), trials


def _scaling_point(
    size: float, row: RankingRow, diverged: frozenset[int], error: _ErrorScale, limits: Bounds
) -> ScalingPoint:
    results = [
        value
        for run, value in zip(row.runs, row.values, strict=True)
        if run not in diverged and math.isfinite(value)
    ]
    values = tuple(error.error(value) for value in results)
    bounds = None
    if len(values) > 1:
        ends = uncertainty_bounds(results, current_reader_options().uncertainty, limits)
        low, high = sorted(map(error.error, ends))
        bounds = (low, high)
    mean = math.fsum(values) / len(values) if values else math.nan
    return ScalingPoint(size, values, mean, bounds, len(diverged.intersection(row.runs)))


def _fit(budgets: Sequence[ScalingPoint]) -> PowerLaw | None:
    usable = [(point.budget, point.values) for point in budgets if point.mean > 0]
    try:
        return fit_power_law(usable)
    except ValueError:
        return None


def _table_rows(line: ScalingLine) -> list[tuple[Scalar, ...]]:
    """The means, the fitted curve and its parameters, one number with its bounds in each row."""
    rows: list[tuple[Scalar, ...]] = [
        (
            *(line.label, point.budget, "mean", len(point.values), point.mean),
            *(*(point.bounds or (None, None)), point.diverged),
        )
        for point in line.budgets
    ]
    fit = line.fit
    if fit is None:
        return rows
    for budget, value, low, high in fit.curve:
        rows.append((line.label, budget, "fit", None, value, low, high, None))
    for name, value, bounds in (
        ("limit", fit.limit, fit.limit_bounds),
        ("scale", fit.scale, None),
        ("exponent", fit.exponent, fit.exponent_bounds),
    ):
        rows.append((line.label, None, name, None, value, *(bounds or (None, None)), None))
    return rows


def _choice_notes(
    ranking: Ranking, field: str | None, budget: Budget, drawn: int
) -> tuple[str, ...]:
    others = [name for name in ranking.fields if name not in (field, budget.name)]
    if drawn == len(ranking.rows) or not others:
        return ()
    return (f"the best trial over {', '.join(others)} at each value of {budget.name}",)


def _point_notes(lines: Sequence[ScalingLine]) -> list[str]:
    notes = []
    every = [(line, point) for line in lines for point in line.budgets]
    perfect = [_point_name(line, point) for line, point in every if point.mean <= 0]
    if perfect:
        notes.append(
            f"no error in any seed, at the lower edge and not part of the fit: {'; '.join(perfect)}"
        )
    diverged = [
        f"{_point_name(line, point)} ({format_count(point.diverged, 'seed')})"
        for line, point in every
        if point.diverged
    ]
    if diverged:
        notes.append(f"diverged seeds left out: {'; '.join(diverged)}")
    return notes


def _point_name(line: ScalingLine, point: ScalingPoint) -> str:
    return f"{line.label}, {point.budget:g}" if line.label else f"{point.budget:g}"


def _fit_notes(line: ScalingLine, budget: str) -> list[str]:
    fit, start = line.fit, f"{line.label}: " if line.label else ""
    if fit is None:
        return [f"{start}no power law, which needs at least {MIN_BUDGETS} budgets with an error"]
    limit = f"{fit.limit:.2g} + " if fit.has_limit else ""
    text = f"{start}fit {limit}{fit.scale:.3g} × {budget}^-{fit.exponent:.2f}"  # noqa: RUF001
    if fit.exponent_bounds is None:
        return [f"{text}; no intervals without further seeds"]
    text += f"; 95 % CI: {_exponent_text(fit)}"
    if fit.limit_bounds is not None:
        text += f", limit {_bounds_text(fit.limit_bounds)}"
    x, y, low, high = fit.doubled
    notes = [
        text,
        f"{start}extrapolated to {budget} {format_budget(x)}: {y:.2g}"
        f" (95 % CI {_bounds_text((low, high))})",
    ]
    if not fit.has_limit:
        notes.append(
            f"{start}the limit of an infinite budget is taken as 0, because estimating it needs"
            f" {MIN_BUDGETS_FOR_LIMIT} budgets"
        )
    if fit.lack_of_fit_p is not None and fit.lack_of_fit_p < _LACK_OF_FIT_LEVEL:
        notes.append(
            f"{start}the means deviate from the power law by more than their standard errors"
            f" (F test of lack of fit, p = {fit.lack_of_fit_p:.2g})"
        )
    return notes


def _bounds_text(bounds: Bounds) -> str:
    low, high = bounds
    if math.isinf(high):
        return f"at least {low:.2g}" if low > 0 else "undetermined"
    return f"{low:.2g} to {high:.2g}"


def draw_scaling(
    lines: Sequence[ScalingLine], x: str, y: str, *, uncertainty: str = "95 % CI"
) -> Figure:
    """A figure on logarithmic axes with means, their bounds, the fits and their 95 % bands.

    Args:
        lines: the lines; the first twelve are named in the legend.
        x: the label of the budget.
        y: the label of the error or loss.
        uncertainty: the name of the bounds of the means.
    """
    with style_context():
        styles = series_styles(lines)

        def draw(axes: Sequence[Axes]) -> None:
            ax = axes[0]
            _set_axes(ax, lines)
            for rank, (line, style) in enumerate(zip(lines, styles, strict=True)):
                _draw_fit(ax, line, style, rank)
                _draw_points(ax, line, style)
            ax.set_xlabel(x)
            ax.set_ylabel(wrap_axis_label(y))

        keys = _legend_keys(lines, uncertainty)
        figure = figure_with_legend(
            1, [keys, _line_entries(lines, styles)], draw, height=_PANEL_HEIGHT
        )
        freeze_layout(figure)
        return figure


def _set_axes(ax: Axes, lines: Sequence[ScalingLine]) -> None:
    budgets = sorted({point.budget for line in lines for point in line.budgets})
    ax.set_xscale("log")
    ax.set_yscale("log")
    margin = (budgets[-1] / budgets[0]) ** 0.05 if len(budgets) > 1 else 2.0
    ax.set_xlim(budgets[0] / margin, budgets[-1] * margin)
    if len(budgets) <= _MAX_BUDGET_TICKS:
        ax.set_xticks(budgets, [format_budget(budget) for budget in budgets])
        ax.xaxis.set_minor_locator(NullLocator())
    else:
        _set_ticks(ax.xaxis, budgets[0], budgets[-1])
    means = [point.mean for line in lines for point in line.budgets if point.mean > 0]
    if not means:
        ax.set_yticks([])
        return
    low, high = min(means), max(means)
    bounds = [
        bound for line in lines for point in line.budgets for bound in point.bounds or ()
        if low / _MAX_INTERVAL_FACTOR <= bound <= high * _MAX_INTERVAL_FACTOR
    ]  # fmt: skip
    low, high = min([low, *bounds]), max([high, *bounds])
    margin = (high / low) ** 0.06 if high > low else 1.2
    ax.set_ylim(low / margin, high * margin)
    _set_ticks(ax.yaxis, low / margin, high * margin)


def _set_ticks(axis: Axis, low: float, high: float) -> None:
    if high / low >= _SHORT_AXIS:
        set_log_ticks(axis, low, high)
        return
    axis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: format_budget(value)))
    axis.set_minor_locator(NullLocator())


def _draw_fit(ax: Axes, line: ScalingLine, style: SeriesStyle, rank: int) -> None:
    if line.fit is None:
        return
    xs, ys, lows, highs = zip(*line.fit.curve, strict=True)
    ax.plot(
        xs,
        ys,
        color=style.color,
        linewidth=points(1.2 if style.index is not None else 0.6),
        label=curve_label(rank),
        zorder=2.5,
    )
    if style.index is not None and all(map(math.isfinite, (*lows, *highs))):
        ax.fill_between(
            xs, lows, highs, color=style.color, alpha=_BAND_ALPHA, linewidth=0, zorder=1.8
        )


def _draw_points(ax: Axes, line: ScalingLine, style: SeriesStyle) -> None:
    low, high = ax.get_ylim()
    for point in line.budgets:
        if point.bounds is not None and style.index is not None and point.mean > 0:
            ends = [min(max(bound, low), high) for bound in point.bounds]
            ax.plot([point.budget] * 2, ends, color=style.color, linewidth=points(0.9), zorder=3)
        if point.mean > 0:
            y, symbol = point.mean, style.marker or "o"
        else:  # without errors at the lower edge, without results at the upper one
            y, symbol = (high, "x") if math.isnan(point.mean) else (low, "v")
        ax.plot(
            point.budget,
            y,
            linestyle="",
            marker=symbol,
            markersize=points(4.0),
            color=style.color,
            clip_on=False,
            zorder=4,
        )


def _line_entries(lines: Sequence[ScalingLine], styles: Sequence[SeriesStyle]) -> list[LegendEntry]:
    """An entry for each fit, with its exponent; lines beyond the twelfth share one."""
    named = lines[:MAX_NAMED]
    exponents = [_exponent_text(line.fit) for line in named]
    letters = letters_that_fit(0.85 * current_paper().width) - max(map(len, exponents), default=0)
    labels = short_labels(
        [line.label or "power law" for line in named], min(max(letters, 9), MAX_LABEL_LENGTH)
    )
    entries = [
        LegendEntry(
            Line2D([], [], color=style.color, marker=style.marker or "o", markersize=points(4.0)),
            f"{label}, {exponent}",
            curve_label(rank),
        )
        for rank, (style, label, exponent) in enumerate(
            zip(styles, labels, exponents, strict=False)
        )
    ]
    if others := len(lines) - len(named):
        handle = Line2D([], [], color=styles[-1].color, linewidth=points(0.6))
        entries.append(LegendEntry(handle, f"{others} other value{'s' if others > 1 else ''}"))
    return entries


def _exponent_text(fit: PowerLaw | None) -> str:
    if fit is None:
        return "no fit"
    text = f"exponent {fit.exponent:.2f}"
    if fit.exponent_bounds is None:
        return text
    low, high = fit.exponent_bounds
    if math.isinf(high):
        return f"{text} (at least {low:.2f})" if low > 0 else "exponent undetermined"
    return f"{text} ({low:.2f} to {high:.2f})"


def _legend_keys(lines: Sequence[ScalingLine], uncertainty: str) -> list[LegendEntry]:
    look = current_paper().look
    keys = []
    if any(point.bounds for line in lines for point in line.budgets):
        bar = Line2D(
            [], [], color=look.ink, marker="o", markersize=points(4.0), linewidth=points(0.9)
        )
        keys.append(LegendEntry(bar, f"mean, {uncertainty}"))
    if any(line.fit and line.fit.exponent_bounds for line in lines):
        band = Patch(facecolor=look.ink, alpha=_BAND_ALPHA, linewidth=0)
        keys.append(LegendEntry(band, "power law, 95 % CI"))
    every = [point for line in lines for point in line.budgets]
    if any(math.isnan(point.mean) for point in every):
        cross = legend_marker(marker="x", markersize=points(4.0))
        keys.append(LegendEntry(cross, "all seeds diverged"))
    if any(point.mean <= 0 for point in every):
        arrow = legend_marker(marker="v", markersize=points(4.0))
        keys.append(LegendEntry(arrow, "no error"))
    return keys
