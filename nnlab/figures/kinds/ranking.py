"""`nnlab plot ranking`: trials with their seeds, intervals and tiers. // Trials ranked: a row each, the mean of its seeds with an interval, and the seeds themselves."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from nnlab import store
from nnlab.analysis.ranking import format_count
from nnlab.figures.draw.axis_range import LOG_FROM_DECADES
from nnlab.figures.draw.axis_scales import set_log_ticks
from nnlab.figures.draw.labels import letters_that_fit, short_labels
from nnlab.figures.draw.layout import figure_with_legend, freeze_layout
from nnlab.figures.draw.legend import LegendEntry, legend_marker
from nnlab.figures.draw.paper import color, current_paper, points
from nnlab.figures.draw.style import REFERENCE_DASHES, style_context
from nnlab.figures.prepared_figure import PreparedFigure, numbers
from nnlab.figures.trials import common_loss, omission_notes, rank_for_figure, trial_title
from nnlab.stats import format_mean

_ROW_HEIGHT, _FRAME_HEIGHT = 0.2, 0.55  # inches
_OUTLIER_FACTOR = (
    3.0  # a row further from the best than this many times the rest's reach leaves view
)


@dataclass(frozen=True, slots=True)
class RankedRow:
    """A trial in a ranking: its seeds' values, their mean with its interval, and its tier.

    `tier` is 1 for the best and what does not differ significantly from it, 2 for what does, None
    where the seeds are too few to decide. The interval is None below two seeds.
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
    """The `top` best trials by their objective, or by another metric.

    Raises:
        UnknownName: a word is neither a study nor a run, or no run has that metric.
        UsageError: nothing was trained there.
    """
    found = rank_for_figure(db, words, by=by, top=top)
    objective = found.objective

    def draw() -> Figure:
        from nnlab.figures.draw.display_names import metric_name

        places = [
            RankedRow(
                trial_title(row, found),
                row.values,
                row.value.mean,
                row.value.sd,
                row.interval,
                row.tier,
            )
            for row in found.rows
        ]
        name = metric_name(objective.metric, common_loss(found))
        return draw_ranking(places, name, lower=objective.direction == "min")

    rows = [
        (
            row.rank,
            trial_title(row, found),
            row.value.n,
            row.value.mean,
            row.value.sd,
            *(row.interval or (None, None)),
            row.tier,
        )
        for row in found.rows
    ]
    columns = ("rank", "trial", "n", "mean", "sd", "low", "high", "tier")
    runs = tuple(run for row in found.rows for run in row.runs)
    told = f"{format_count(len(found.rows), 'trial')}, {format_count(len(runs), 'run')}"
    left = found.total - len(found.rows)
    notes = [f"{format_count(left, 'more trial')} not drawn; --top N draws more"] if left else []
    # A study's trials without the metric are in the ranking's own notes.
    notes += omission_notes(db, found) if found.scope.runs is not None else ()
    return PreparedFigure(draw, numbers(columns, rows), runs, told, (*notes, *found.notes))


def draw_ranking(places: Sequence[RankedRow], name: str, *, lower: bool) -> Figure:
    """Draws places, best on top: tier 1 in colour, tier 2 grey, those without a tier in ink.

    Where no place has a tier all are in colour.

    Args:
        places: best first.
        name: of the quantity, for the axis.
        lower: whether lower values are better.
    """
    with style_context():
        labels = short_labels(
            [one.label for one in places], letters_that_fit(0.34 * current_paper().width)
        )
        height = _ROW_HEIGHT * max(len(places), 1) + _FRAME_HEIGHT

        def draw(axes: Sequence[Axes]) -> None:
            _draw_rows(axes[0], places, labels)
            better = "lower is better" if lower else "higher is better"
            axes[0].set_xlabel(f"{name}, {better}")

        figure = figure_with_legend(1, [_legend_entries(places)], draw, height=height)
        freeze_layout(figure)
        return figure


def _draw_rows(ax: Axes, places: Sequence[RankedRow], labels: Sequence[str]) -> None:
    _set_value_axis(ax, places)
    left, right = ax.get_xlim()
    tones = _tier_colors(places)
    for row, one in enumerate(places):
        tone = tones[one.tier]
        seen = [value for value in one.values if math.isfinite(value)]
        ax.plot(seen, [row] * len(seen), linestyle="", marker="|", color=tone, alpha=0.5)
        if one.interval is not None and all(map(math.isfinite, one.interval)):
            low, high = (min(max(bound, left), right) for bound in one.interval)
            ax.plot([low, high], [row, row], color=tone, linewidth=points(1.4))
        if math.isfinite(one.mean):
            ax.plot(one.mean, row, marker="o", markersize=points(3.6), color=tone, zorder=4)
    if places and math.isfinite(places[0].mean):
        ax.axvline(
            places[0].mean,
            color=current_paper().look.grey,
            linewidth=points(0.7),
            linestyle=REFERENCE_DASHES,
        )
    ax.set_yticks(range(len(labels)), labels)
    ax.set_ylim(len(places) - 0.5, -0.5)
    ax.grid(visible=False, axis="y")
    beside = ax.secondary_yaxis("right")
    beside.set_yticks(range(len(places)), [_value_text(one) for one in places])
    beside.tick_params(length=0)
    beside.spines["right"].set_visible(False)


def _tier_colors(places: Sequence[RankedRow]) -> Mapping[int | None, str]:
    """The colour of each tier."""
    look = current_paper().look
    tiered = any(one.tier for one in places)
    return {1: color(0), 2: look.grey, None: look.ink if tiered else color(0)}


def _value_text(one: RankedRow) -> str:
    return format_mean(one.mean, one.sd) if math.isfinite(one.mean) else "diverged"


def _set_value_axis(ax: Axes, places: Sequence[RankedRow]) -> None:
    """The axis over the seeds' values; intervals and runs that exploded may leave it."""
    values = sorted(v for one in places for v in one.values if math.isfinite(v))
    if not values:
        ax.set_xticks([])
        return
    low, high = _range_without_outliers(values, places[0].mean)
    bounds = [b for one in places if one.interval for b in one.interval if math.isfinite(b)]
    reach = high - low
    low = max(min([low, *bounds]), low - reach / 2)
    high = min(max([high, *bounds]), high + reach / 2)
    positive = values[0] > 0 and low > 0
    if positive and math.log10(high / low) > LOG_FROM_DECADES:
        room = (high / low) ** 0.03
        ax.set_xscale("log")
        ax.set_xlim(low / room, high * room)
        set_log_ticks(ax.xaxis, low, high)
        return
    room = 0.03 * (high - low) or 0.05 * abs(high) or 0.05
    ax.set_xlim(low - room, high + room)


def _range_without_outliers(values: Sequence[float], best: float) -> tuple[float, float]:
    """The reach of values, the farthest from the best left out where they would press the rest."""
    if not math.isfinite(best):
        return values[0], values[-1]
    far = sorted(abs(value - best) for value in values)
    most = far[-1]
    usual = far[int(0.75 * (len(far) - 1))]
    if usual > 0 and most > 10 * _OUTLIER_FACTOR * usual:
        inside = [value for value in values if abs(value - best) <= _OUTLIER_FACTOR * usual]
        return inside[0], inside[-1]
    return values[0], values[-1]


def _legend_entries(places: Sequence[RankedRow]) -> list[LegendEntry]:
    several = any(len(one.values) > 1 for one in places)
    entries = []
    if several:
        entries.append(LegendEntry(legend_marker(marker="|"), "a seed"))
    if any(one.interval for one in places):
        entries.append(
            LegendEntry(
                Line2D([], [], color=current_paper().look.ink, marker="o", markersize=points(3.6)),
                "mean, 95 % interval",
            )
        )
    tiers = {one.tier for one in places}
    if tiers - {None} and len(tiers) > 1:
        names = {
            1: "not significantly different from the best",
            2: "significantly worse",
            None: "too few seeds to rank",
        }
        tones = _tier_colors(places)
        entries += [
            LegendEntry(Line2D([], [], color=tones[tier]), name)
            for tier, name in names.items()
            if tier in tiers
        ]
    return entries
