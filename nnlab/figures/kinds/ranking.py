"""`nnlab plot ranking`: trials in order, with their seeds, means, intervals and tiers."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from nnlab import store
from nnlab.analysis.records import Ranking, RankingRow
from nnlab.analysis.significance import describe_test
from nnlab.figures.draw.axis_scales import set_log_ticks
from nnlab.figures.draw.display_names import metric_name
from nnlab.figures.draw.labels import wrap_to_width
from nnlab.figures.draw.layout import available_text_width, figure_with_legend, freeze_layout
from nnlab.figures.draw.leading_group import RowValues, leading_range
from nnlab.figures.draw.legend import LegendEntry, legend_marker
from nnlab.figures.draw.number_texts import number_texts, value_part
from nnlab.figures.draw.paper import color, current_paper, points
from nnlab.figures.draw.reader_options import current_reader_options
from nnlab.figures.draw.row_columns import (
    MIN_PANEL_SHARE,
    TextColumn,
    draw_brackets,
    draw_edge_arrow,
    label_rows,
    limit_ticks,
    panel_width,
    row_lines,
    set_chosen_limits,
    wrap_row_labels,
    write_columns,
)
from nnlab.figures.draw.style import REFERENCE_DASHES, style_context
from nnlab.figures.prepared_figure import PreparedFigure, figure_table
from nnlab.figures.trials import common_loss, omission_notes, rank_for_figure, trial_title
from nnlab.io.text import format_count
from nnlab.objective import limits_of
from nnlab.records import Run, Status
from nnlab.stats.comparison import PairedTest
from nnlab.stats.uncertainty import Uncertainty, uncertainty_bounds, uncertainty_name

_ROW_HEIGHT, _DENSE_ROW_HEIGHT, _FRAME_HEIGHT = 0.2, 0.15, 0.68  # inches
_DENSE_FROM = 25  # rows; more rows stand closer together, so that they fit on a page
_TIER = "tier"
_RANK_PREFIX = re.compile(r"^#(\d+)(?=: )")
_MARGIN = 0.03  # of the length of the axis
_MARKERS: Mapping[int | None, str] = {1: "o", 2: "s", None: "D"}


@dataclass(frozen=True, slots=True)
class RankedRow:
    """A trial in a ranking: the values of its seeds, their mean with its interval, and its tier.

    `tier` is 1 for the best trial and those not significantly different from it, 2 for those that
    are significantly worse, None with too few seeds to test. The interval is None below two seeds.
    `diverged` says of each value whether its run diverged; such a value is the best one before.
    `rank` is 1 for the best trial; by default the rows are drawn in the order of their ranks.
    `working` is the number of seeds that work, None if none collapsed.
    """

    label: str
    values: tuple[float, ...]
    mean: float
    sd: float
    interval: tuple[float, float] | None
    tier: int | None
    diverged: tuple[bool, ...] = ()
    rank: int = 0
    working: int | None = None

    @property
    def all_diverged(self) -> bool:
        """Whether every run diverged, so that the trial has no result."""
        return bool(self.diverged) and all(self.diverged)

    @property
    def bounds(self) -> tuple[float, float] | None:
        """The interval if it is finite and the trial has a result."""
        finite = self.interval is not None and all(map(math.isfinite, self.interval))
        return self.interval if finite and not self.all_diverged else None


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
    runs = {
        run.id: run
        for run in store.runs(db, run_ids=[run for row in ranking.rows for run in row.runs])
    }
    rows = [_ranked_row(row, ranking, runs) for row in ranking.rows]
    hidden = ranking.total - len(rows)

    def draw() -> Figure:
        return draw_ranking(
            rows,
            metric_name(objective.metric, common_loss(ranking)),
            lower=objective.direction == "min",
            test=_test_name(ranking),
            total=ranking.total,
            resolution=ranking.resolutions.get(objective.metric),
        )

    table_rows = [
        (
            row.rank,
            drawn.label,
            row.value.n,
            row.value.mean,
            row.value.sd,
            *(drawn.interval or (None, None)),
            row.tier,
            sum(drawn.diverged),
        )
        for row, drawn in zip(ranking.rows, rows, strict=True)
    ]
    columns = ("rank", "trial", "n", "mean", "sd", "low", "high", "tier", "diverged")
    summary = f"{format_count(len(rows), 'trial')}, {format_count(len(runs), 'run')}"
    notes = (
        [f"{format_count(hidden, 'more trial')} not drawn; --top N draws more"] if hidden else []
    )
    # For a study, the notes of the ranking already name trials without the metric.
    notes += omission_notes(db, ranking) if ranking.scope.runs is not None else ()
    return PreparedFigure(
        draw,
        figure_table(columns, table_rows),
        tuple(run for row in ranking.rows for run in row.runs),
        summary,
        (*notes, *(_named_by_title(note, ranking) for note in ranking.notes)),
    )


def _named_by_title(note: str, ranking: Ranking) -> str:
    """A note on a row with the name of its trial, because the figure does not show ranks."""
    titles = {str(row.rank): trial_title(row, ranking) for row in ranking.rows}
    return _RANK_PREFIX.sub(lambda match: titles.get(match[1], match[0]), note)


def _test_name(ranking: Ranking) -> str:
    """The test behind the tiers; its correction also counts trials that are not selected."""
    if current_reader_options().select:
        return f"{describe_test(PairedTest.T, 2, ranking.rows)}, corrected for all trials"
    return describe_test(PairedTest.T, ranking.total, ranking.rows)


def _ranked_row(row: RankingRow, ranking: Ranking, runs: Mapping[int, Run]) -> RankedRow:
    uncertainty = current_reader_options().uncertainty
    bounds = uncertainty_bounds(
        row.working_values, uncertainty, limits_of(ranking.objective.metric)
    )
    return RankedRow(
        trial_title(row, ranking),
        row.values,
        row.value.mean,
        row.value.sd,
        None if math.isnan(bounds[0]) or row.all_diverged else bounds,
        row.tier,
        tuple(runs[run].status is Status.DIVERGED for run in row.runs),
        row.rank,
        row.working_seeds[0] if row.collapsed else None,
    )


def draw_ranking(
    rows: Sequence[RankedRow],
    name: str,
    *,
    lower: bool,
    test: str = "",
    total: int | None = None,
    resolution: float | None = None,
) -> Figure:
    """A figure with a row per trial, best on top, and a bracket beside the trials of each tier.

    The axis shows the leading trials (`leading_range`). A trial beyond it is an arrow at its edge
    with the mean, a diverged run is a cross.

    Args:
        rows: the trials, best first.
        name: the quantity, for the axis label.
        lower: whether lower values are better.
        test: the test behind the tiers, for the legend.
        total: the number of trials of the ranking, if not all are drawn.
        resolution: the smallest difference of two values, which determines the decimals.
    """
    with style_context():
        labels = wrap_row_labels([row.label for row in rows])
        row_height = _DENSE_ROW_HEIGHT if len(rows) >= _DENSE_FROM else _ROW_HEIGHT
        row_height += 0.11 * (row_lines(labels) - 1)
        height = row_height * max(len(rows), 1) + _FRAME_HEIGHT
        is_cut = total is not None and total > len(rows)
        heading = f"Best {len(rows)} of {total} trials" if is_cut else "Trial"

        def draw(axes: Sequence[Axes]) -> None:
            means = _mean_texts(rows, resolution)
            _draw_rows(axes[0], rows, means, lower=lower)
            label_rows(axes[0], labels, heading)
            _write_columns(axes[0], rows, means, labels)
            better = "lower is better" if lower else "higher is better"
            axes[0].set_xlabel(
                wrap_to_width(
                    f"{name}, {better}",
                    0.6 * available_text_width(),
                    current_paper().label_size,
                    3,
                )
            )

        figure = figure_with_legend(1, _legend_entries(rows, test), draw, height=height)
        freeze_layout(figure)
        return figure


def _draw_rows(ax: Axes, rows: Sequence[RankedRow], means: Sequence[str], *, lower: bool) -> None:
    _set_value_axis(ax, rows, lower=lower)
    set_chosen_limits(ax)
    colors = _tier_colors(rows)
    for position, row in enumerate(rows):
        row_color = colors[row.tier]
        _draw_seeds(ax, position, row, row_color, lower=lower)
        if row.all_diverged or not math.isfinite(row.mean):
            continue
        if _is_beyond(ax, row.mean, lower=lower):
            draw_edge_arrow(ax, position, value_part(means[position]), row_color, right=lower)
            continue
        if row.bounds is not None:
            ax.plot(row.bounds, [position] * 2, color=row_color, linewidth=points(1.4))
        ax.plot(
            row.mean,
            position,
            marker=_tier_marker(rows, row.tier),
            markersize=points(3.6),
            color=row_color,
            zorder=4,
        )
    best = min(rows, key=lambda row: row.rank, default=None)
    if best is not None and math.isfinite(best.mean) and not best.all_diverged:
        ax.axvline(
            best.mean,
            color=current_paper().look.grey,
            linewidth=points(0.7),
            linestyle=REFERENCE_DASHES,
            zorder=1,
        )


def _draw_seeds(ax: Axes, position: int, row: RankedRow, row_color: str, *, lower: bool) -> None:
    """Draws a tick per seed, and a cross per diverged run, at the edge if it has no value there."""
    diverged = row.diverged or (False,) * len(row.values)
    ticks = [v for v, bad in zip(row.values, diverged, strict=True) if math.isfinite(v) and not bad]
    ax.plot(ticks, [position] * len(ticks), "|", color=row_color, alpha=0.5)
    edge = ax.get_xlim()[1 if lower else 0]
    crosses = [
        v if math.isfinite(v) and not _is_beyond(ax, v, lower=lower) else edge
        for v, bad in zip(row.values, diverged, strict=True)
        if bad or not math.isfinite(v)
    ]
    if not crosses:
        return  # the layout would make room for an empty line that is not clipped
    ax.plot(
        crosses,
        [position] * len(crosses),
        "x",
        color=current_paper().look.ink,
        markersize=points(3.4),
        markeredgewidth=points(0.8),
        clip_on=False,
        zorder=5,
    )


def _is_beyond(ax: Axes, value: float, *, lower: bool) -> bool:
    """Whether a value lies beyond the worse end of the axis."""
    low, high = ax.get_xlim()
    return value > high if lower else value < low


def _write_columns(
    ax: Axes, rows: Sequence[RankedRow], means: tuple[str, ...], labels: Sequence[str]
) -> None:
    """Writes the means, the numbers of seeds and the tiers to the right of the panel.

    On narrow pages the means have no ±, because the intervals are drawn.
    """
    has_spread = any(map(math.isfinite, _spreads(rows)))
    uncertainty = uncertainty_name(current_reader_options().uncertainty)
    counts = TextColumn("n", tuple(map(_count_text, rows)), "left")
    tiers = [None if row.tier is None else str(row.tier) for row in rows]
    others = [counts] if has_spread or any(any(row.diverged) for row in rows) else []
    brackets = [TextColumn(_TIER, ())] if any(tiers) else []
    column = TextColumn(f"mean ± {uncertainty}" if has_spread else "value", means)
    if panel_width(labels, [column, *others, *brackets]) < MIN_PANEL_SHARE * current_paper().width:
        column = TextColumn("mean", tuple(map(value_part, means)))
    end = write_columns(ax, [column, *others])
    colors = _tier_colors(rows)
    draw_brackets(ax, tiers, [colors[row.tier] for row in rows], end, _TIER)
    limit_ticks(ax, panel_width(labels, [column, *others, *brackets]))


def _mean_texts(rows: Sequence[RankedRow], resolution: float | None) -> tuple[str, ...]:
    """The means with equal decimals; a dash for trials without a result."""
    means = [math.nan if row.all_diverged else row.mean for row in rows]
    return number_texts(means, _spreads(rows), resolution=resolution)


def _spreads(rows: Sequence[RankedRow]) -> list[float]:
    """The number after ± of each row; NaN if there is none."""
    uncertainty = current_reader_options().uncertainty
    return [_spread(row, uncertainty) for row in rows]


def _spread(row: RankedRow, uncertainty: Uncertainty) -> float:
    if row.bounds is None:
        return math.nan
    if uncertainty is Uncertainty.CI:
        return (row.bounds[1] - row.bounds[0]) / 2
    n = sum(map(math.isfinite, row.values))
    return row.sd if uncertainty is Uncertainty.SD else row.sd / math.sqrt(n)


def _count_text(row: RankedRow) -> str:
    """The number of seeds, and how many of them diverged, or work where others collapse."""
    diverged = sum(row.diverged)
    if diverged:
        return f"{diverged}/{len(row.values)} diverged"
    if row.working is not None:
        return f"{row.working}/{len(row.values)} work"
    return str(len(row.values))


def _tier_colors(rows: Sequence[RankedRow]) -> Mapping[int | None, str]:
    """The colour of each tier; None stands for trials without a tier."""
    look = current_paper().look
    has_tiers = any(row.tier for row in rows)
    return {1: color(0), 2: look.grey, None: look.ink if has_tiers else color(0)}


def _tier_marker(rows: Sequence[RankedRow], tier: int | None) -> str:
    """The marker of a tier; a circle if no trial has a tier."""
    return _MARKERS[tier] if any(row.tier for row in rows) else _MARKERS[1]


def _set_value_axis(ax: Axes, rows: Sequence[RankedRow], *, lower: bool) -> None:
    """Sets the limits, scale and ticks of the value axis."""
    shown = leading_range(
        [
            RowValues(tuple(v for v in row.values if math.isfinite(v)), row.mean, row.bounds)
            for row in sorted(rows, key=lambda row: row.rank)
        ],
        lower=lower,
    )
    if shown is None:
        ax.set_xticks([])
        return
    if shown.log:
        ax.set_xscale("log")
        margin = (shown.high / shown.low) ** _MARGIN
        ax.set_xlim(shown.low / margin, shown.high * margin)
        set_log_ticks(ax.xaxis, shown.low, shown.high)
        return
    margin = _MARGIN * (shown.high - shown.low) or 0.05 * abs(shown.high) or 0.05
    ax.set_xlim(shown.low - margin, shown.high + margin)


def _legend_entries(rows: Sequence[RankedRow], test: str) -> list[list[LegendEntry]]:
    """The legend: what the marks mean, and in a second part what the tiers mean."""
    colors = _tier_colors(rows)
    marks = []
    if any(len(row.values) > 1 for row in rows):
        marks.append(LegendEntry(legend_marker(marker="|"), "seed"))
    if any(row.bounds for row in rows):
        handle = Line2D([], [], color=current_paper().look.ink, marker="o", markersize=points(3.6))
        name = uncertainty_name(current_reader_options().uncertainty)
        marks.append(LegendEntry(handle, f"mean, {name}"))
    if any(any(row.diverged) or not all(map(math.isfinite, row.values)) for row in rows):
        marks.append(LegendEntry(legend_marker(marker="x", markersize=points(3.4)), "diverged run"))
    # The crosses of trials without a result have no tier.
    tiers = {row.tier for row in rows if not row.all_diverged}
    if not tiers - {None}:
        return [marks]
    names = {
        1: "tier 1: not significantly different from the best",
        2: "tier 2: significantly worse than the best",
        None: "too few seeds to test",
    }
    entries = [
        LegendEntry(
            Line2D(
                [], [], color=colors[tier], marker=_tier_marker(rows, tier), markersize=points(3.6)
            ),
            text,
        )
        for tier, text in names.items()
        if tier in tiers
    ]
    if test:
        entries.append(LegendEntry(Line2D([], [], linestyle=""), f"tiers: {test}"))
    return [marks, entries]
