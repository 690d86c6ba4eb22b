"""`nnlab plot compare A B`: two trials, and whether they differ. // Two trials side by side: their curves, and the difference of every seed."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nnlab import store
from nnlab.analysis.ranking import rank_each_group
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
from nnlab.figures.prepared_figure import PreparedFigure, numbers
from nnlab.figures.trials import trial_curves_of_ranking
from nnlab.stats.curve_band import BandKind, mean_curve
from nnlab.stats.intervals import confidence_interval


def prepare_comparison(
    db: store.Database, words: Sequence[str], *, by: str | None = None
) -> PreparedFigure:
    """Two trials, named by a run of each or by a study that has two.

    Raises:
        UnknownName: a word is neither a study nor a run, or no run has that metric.
        UsageError: not two trials.
    """
    scope = resolve_scope(db, words)
    rankings = rank_each_group(db, scope_of_two_trials(db, scope) or scope, by=by)
    ranking = rankings[0]
    if len(rankings) > 1:
        names = "; ".join(one.heading for one in rankings)
        raise UsageError(
            f"the trials of {scope.title} are not comparable: {names}",
            hint="nnlab plot curves draws them without a comparison",
        )
    if len(ranking.rows) != 2:
        raise UsageError(
            f"two trials are compared, and {scope.title} has {ranking.total}",
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
        told = verdict.replace("#1", trials.series[0].label)
        return draw_comparison(trials.series, metric, differences, interval, told, trials.loss)

    rows: list[tuple[str | float | None, ...]] = []
    for one in trials.series:
        band = mean_curve([c for h in one.histories if (c := h.get(metric))], BandKind.INTERVAL)
        rows += [
            (one.label, metric, epoch, band.mean[i], band.low[i], band.high[i], band.n[i])
            for i, epoch in enumerate(band.epochs)
        ]
    rows += [("difference", f"seed {seed}", None, v, None, None, 1) for seed, v in differences]
    return PreparedFigure(draw, numbers(CURVE_COLUMNS, rows), trials.runs, trials.told, (verdict,))


def draw_comparison(
    series: Sequence[Series],
    metric: str,
    differences: Sequence[tuple[str, float]],
    interval: tuple[float, float] | None,
    verdict: str,
    loss: str | None = None,
) -> Figure:
    """Draws two trials.

    Args:
        series: two, the better one first.
        metric: whose curves are drawn.
        differences: of each shared seed its name, and how much better the first trial was.
        interval: of their mean.
        verdict: a line above the differences.
        loss: the name of the loss in the catalogue, if known.
    """
    with style_context():

        def draw(axes: Sequence[Axes]) -> None:
            draw_panel(axes[0], series, series_styles(series), [metric], CurveOptions(loss))
            _draw_differences(axes[1], differences, interval)
            room = available_text_width(panel_grid(2)[1])
            axes[1].set_title(wrap_to_width(verdict, room, current_paper().label_size, 3))
            axes[1].set_xlabel(
                wrap_to_width(axes[1].get_xlabel(), room, current_paper().label_size)
            )
            axes[1].set_ylabel("Better by")

        figure = figure_with_legend(
            2, [series_legend_entries([one.label for one in series], "trial")], draw
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
        place = len(values)
        ax.plot([place, place], interval, color=color(1), linewidth=points(1.4))
        ax.plot([place], [mean], marker="D", markersize=points(4), color=color(1))
        finite += interval
    names = [name for name, _ in differences]
    step = max(1, -(-len(names) // 10))
    ticks = list(range(0, len(names), step))
    labels = [names[i] for i in ticks]
    if interval is not None:
        while ticks and len(names) - ticks[-1] < step + (step > 1):
            ticks.pop()
            labels.pop()
        ticks.append(len(names))
        labels.append("mean")
    ax.set_xticks(ticks, labels)
    ax.set_xlim(-0.6, len(names) + 0.6)
    low, high = min([0.0, *finite]), max([0.0, *finite])
    room = 0.08 * (high - low) or 1.0
    ax.set_ylim(low - room, high + room)
    ax.set_xlabel("Seed" + ("" if interval is None else "; mean with its 95 % interval"))
