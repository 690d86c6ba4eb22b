"""`nnlab plot compare A B`: the curves of two trials, and the difference of every seed."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nnlab import store
from nnlab.analysis.ranking import rank_each_group
from nnlab.analysis.records import RankingRequest
from nnlab.analysis.scope import resolve_scope
from nnlab.analysis.trial_diff import describe_difference, scope_of_two_trials
from nnlab.errors import UsageError
from nnlab.figures.draw.labels import wrap_to_width
from nnlab.figures.draw.layout import (
    available_text_width,
    figure_with_legend,
    freeze_layout,
    panel_grid,
)
from nnlab.figures.draw.panel import CurveOptions, draw_panel
from nnlab.figures.draw.paper import color, current_paper, points
from nnlab.figures.draw.series import Series
from nnlab.figures.draw.series_style import series_legend_entries, series_styles
from nnlab.figures.draw.style import REFERENCE_DASHES, style_context
from nnlab.figures.kinds.curves import CURVE_COLUMNS
from nnlab.figures.prepared_figure import PreparedFigure, figure_table
from nnlab.figures.trials import trial_curves_of_ranking
from nnlab.stats.curve_band import BandKind, mean_curve
from nnlab.stats.intervals import confidence_interval


def prepare_comparison(
    db: store.Database, words: Sequence[str], *, by: str | None = None
) -> PreparedFigure:
    """The figure that compares two trials, named by a run of each or by a study that has two.

    Raises:
        UnknownName: a word is neither a study nor a run, or no run has that metric.
        UsageError: there are not exactly two comparable trials.
    """
    scope = resolve_scope(db, words)
    rankings = rank_each_group(db, scope_of_two_trials(db, scope) or scope, RankingRequest(by=by))
    ranking = rankings[0]
    if len(rankings) > 1:
        headings = "; ".join(ranking.heading for ranking in rankings)
        raise UsageError(
            f"the trials of {scope.title} are not comparable: {headings}",
            hint="nnlab plot curves draws them without a comparison",
        )
    if len(ranking.rows) != 2:
        raise UsageError(
            f"compare draws two trials; {scope.title} has {ranking.total}",
            hint="name a run of each: nnlab plot compare 3 7",
        )
    trials = trial_curves_of_ranking(db, ranking)
    metric, sign = ranking.objective.metric, 1 if ranking.objective.direction == "max" else -1
    best, other = (dict(zip(row.seeds, row.values, strict=True)) for row in ranking.rows)
    shared = sorted(best.keys() & other.keys())
    differences = [(str(seed), sign * (best[seed] - other[seed])) for seed in shared]
    values = [value for _, value in differences]
    interval = confidence_interval(values) if len(values) > 1 else None
    verdict = describe_difference(rankings)[-1].removeprefix("verdict: ")

    def draw() -> Figure:
        title = verdict.replace("#1", trials.series[0].label)
        return draw_comparison(trials.series, metric, differences, interval, title, trials.loss)

    rows: list[tuple[str | float | None, ...]] = []
    for trial in trials.series:
        band = mean_curve([c for h in trial.histories if (c := h.get(metric))], BandKind.INTERVAL)
        rows += [
            (trial.label, metric, epoch, band.mean[i], band.low[i], band.high[i], band.n[i])
            for i, epoch in enumerate(band.epochs)
        ]
    rows += [
        ("difference", f"seed {seed}", None, difference, None, None, 1)
        for seed, difference in differences
    ]
    return PreparedFigure(
        draw, figure_table(CURVE_COLUMNS, rows), trials.runs, trials.summary, (verdict,)
    )


def draw_comparison(
    series: Sequence[Series],
    metric: str,
    differences: Sequence[tuple[str, float]],
    interval: tuple[float, float] | None,
    verdict: str,
    loss: str | None = None,
) -> Figure:
    """A figure with the curves of two trials, and the difference of every shared seed.

    Args:
        series: two, the better one first.
        metric: the metric whose curves are drawn.
        differences: each shared seed, and by how much the first trial was better with it.
        interval: the confidence interval of the mean difference; None below two seeds.
        verdict: the title of the panel of differences.
        loss: the name of the loss in the catalogue, for the axis label.
    """
    with style_context():

        def draw(axes: Sequence[Axes]) -> None:
            draw_panel(axes[0], series, series_styles(series), [metric], CurveOptions(loss))
            _draw_differences(axes[1], differences, interval)
            available_width = available_text_width(panel_grid(2)[1])
            axes[1].set_title(
                wrap_to_width(verdict, available_width, current_paper().label_size, 3)
            )
            axes[1].set_xlabel(
                wrap_to_width(axes[1].get_xlabel(), available_width, current_paper().label_size)
            )
            axes[1].set_ylabel("Better by")

        figure = figure_with_legend(
            2, [series_legend_entries([trial.label for trial in series], "trial")], draw
        )
        freeze_layout(figure)
        return figure


def _draw_differences(
    ax: Axes, differences: Sequence[tuple[str, float]], interval: tuple[float, float] | None
) -> None:
    values = [value for _, value in differences]
    ax.axhline(
        0.0, color=current_paper().look.ink, linewidth=points(0.7), linestyle=REFERENCE_DASHES
    )
    ax.plot(range(len(values)), values, linestyle="", marker="o", color=color(0))
    finite = [value for value in values if math.isfinite(value)]
    if interval is not None and all(map(math.isfinite, interval)) and finite:
        mean = sum(finite) / len(finite)
        position = len(values)
        ax.plot([position, position], interval, color=color(1), linewidth=points(1.4))
        ax.plot([position], [mean], marker="D", markersize=points(4), color=color(1))
        finite += interval
    seeds = [name for name, _ in differences]
    step = max(1, -(-len(seeds) // 10))
    ticks = list(range(0, len(seeds), step))
    labels = [seeds[i] for i in ticks]
    if interval is not None:
        while ticks and len(seeds) - ticks[-1] < step + (step > 1):
            ticks.pop()
            labels.pop()
        ticks.append(len(seeds))
        labels.append("mean")
    ax.set_xticks(ticks, labels)
    ax.set_xlim(-0.6, len(seeds) + 0.6)
    low, high = min([0.0, *finite]), max([0.0, *finite])
    margin = 0.08 * (high - low) or 1.0
    ax.set_ylim(low - margin, high + margin)
    ax.set_xlabel("Seed" + ("" if interval is None else "; mean with its 95 % interval"))
