"""`nnlab plot compare A B`: the curves of two trials, and the difference of every seed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from nnlab import store
from nnlab.analysis.ranking import rank_each_group
from nnlab.analysis.records import Ranking, RankingRequest
from nnlab.analysis.scope import resolve_scope
from nnlab.analysis.trial_diff import describe_difference, scope_of_two_trials
from nnlab.errors import UsageError
from nnlab.figures.draw.display_names import metric_name
from nnlab.figures.draw.labels import short_labels, wrap_to_width
from nnlab.figures.draw.layout import figure_with_legend, freeze_layout
from nnlab.figures.draw.legend import LegendEntry, legend_marker
from nnlab.figures.draw.number_texts import with_powers_of_ten
from nnlab.figures.draw.panel import CurveOptions, draw_panel
from nnlab.figures.draw.paper import color, current_paper, inches, points
from nnlab.figures.draw.series import Series
from nnlab.figures.draw.series_style import series_legend_entries, series_styles
from nnlab.figures.draw.style import REFERENCE_DASHES, style_context
from nnlab.figures.kinds.curves import CURVE_COLUMNS
from nnlab.figures.prepared_figure import PreparedFigure, figure_table
from nnlab.figures.trials import trial_curves_of_ranking
from nnlab.records import Status
from nnlab.stats.comparison import BestComparison
from nnlab.stats.curve_band import BandKind, mean_curve
from nnlab.stats.rounding import describe_p, format_interval

_MAX_SEED_TICKS = 8


@dataclass(frozen=True, slots=True)
class SeedDifference:
    """By how much the better trial was better with a seed, in the unit of the metric.

    `diverged` says whether one of the two runs diverged; its value is the best one before.
    """

    seed: str
    difference: float
    diverged: bool = False


@dataclass(frozen=True, slots=True)
class MeanDifference:
    """The mean difference of two trials with its 95 % interval, NaN if there is none, and the test.

    `n` is the number of shared seeds, or the smaller number of seeds if none are shared.
    """

    mean: float
    low: float
    high: float
    p: float
    n: int
    paired: bool
    decided: bool

    @property
    def test(self) -> str:
        """The name of the test."""
        if math.isnan(self.low):  # a t test needs differences that differ
            return "exact sign-flip test" if self.paired else "exact permutation test"
        return "paired t test" if self.paired else "Welch's t test"

    @property
    def statements(self) -> tuple[str, ...]:
        """The difference with its interval, and the test, in words."""
        seeds = "shared seeds" if self.paired else "seeds each"
        has_interval = math.isfinite(self.low)
        bounds = format_interval(self.low, self.high)
        size = f"{self.mean:.3g}"
        if has_interval and "e" not in bounds:  # as many decimals as the bounds
            decimals = max(len(bound.partition(".")[2]) for bound in bounds.split(" to "))
            size = f"{self.mean:.{decimals}f}"
        interval = f" (95 % CI {bounds})" if has_interval else ""
        test = f"{describe_p(self.p)}, {self.test}, n = {self.n} {seeds}"
        if not self.decided:
            test = f"too few seeds to test, n = {self.n} {seeds}"
        return (f"{size}{interval}", test)


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
    metric, lower = ranking.objective.metric, ranking.objective.direction == "min"
    differences = _seed_differences(db, ranking)
    total = _mean_difference(ranking.rows[1].comparison)
    verdict = describe_difference(rankings)[-1].removeprefix("verdict: ")

    def draw() -> Figure:
        return draw_comparison(trials.series, metric, differences, total, trials.loss, lower=lower)

    rows: list[tuple[str | float | None, ...]] = []
    for trial in trials.series:
        band = mean_curve([c for h in trial.histories if (c := h.get(metric))], BandKind.INTERVAL)
        rows += [
            (trial.label, metric, epoch, band.mean[i], band.low[i], band.high[i], band.n[i])
            for i, epoch in enumerate(band.epochs)
        ]
    rows += [
        ("difference", f"seed {seed.seed}", None, seed.difference, None, None, 1)
        for seed in differences
    ]
    if total is not None:
        rows.append(("difference", "mean", None, total.mean, total.low, total.high, total.n))
    difference = (f"difference {'; '.join(total.statements)}",) if total else ()
    notes = (verdict, *difference, *_divergence_notes(ranking))
    return PreparedFigure(
        draw, figure_table(CURVE_COLUMNS, rows), trials.runs, trials.summary, notes
    )


def _seed_differences(db: store.Database, ranking: Ranking) -> tuple[SeedDifference, ...]:
    """The difference of every seed that both trials have."""
    sign = 1 if ranking.objective.direction == "max" else -1
    best, other = (dict(zip(row.seed_keys, row.values, strict=True)) for row in ranking.rows)
    ids = [run for row in ranking.rows for run in row.runs]
    diverged = {run.seed for run in store.runs(db, run_ids=ids) if run.status is Status.DIVERGED}
    return tuple(
        SeedDifference(str(seed), sign * (best[seed] - other[seed]), seed in diverged)
        for seed in sorted(best.keys() & other.keys())
    )


def _mean_difference(comparison: BestComparison | None) -> MeanDifference | None:
    if comparison is None or comparison.by_success:
        return None
    return MeanDifference(
        comparison.mean,
        comparison.low,
        comparison.high,
        comparison.adjusted,
        comparison.n,
        comparison.paired,
        comparison.has_enough_seeds,
    )


def _divergence_notes(ranking: Ranking) -> tuple[str, ...]:
    return tuple(
        f"#{row.rank}: {count} of {len(row.runs)} runs diverged"
        + (", the trials are not tested" if row.all_diverged else "")
        for row in ranking.rows
        if (count := row.statuses.get(Status.DIVERGED, 0))
    )


def draw_comparison(
    series: Sequence[Series],
    metric: str,
    differences: Sequence[SeedDifference],
    total: MeanDifference | None,
    loss: str | None = None,
    *,
    lower: bool = False,
) -> Figure:
    """A figure with the curves of two trials, and the difference of every shared seed.

    Args:
        series: two, the better one first.
        metric: the metric whose curves are drawn.
        differences: by how much the first trial was better, for each shared seed.
        total: the mean difference and its test; None below two seeds.
        loss: the name of the loss in the catalogue, for the axis label.
        lower: whether lower values of the metric are better.
    """
    with style_context():
        name = metric_name(metric, loss)
        gain = f"{'Reduction of' if lower else 'Gain in'} {name[:1].lower()}{name[1:]}"

        def draw(axes: Sequence[Axes]) -> None:
            draw_panel(axes[0], series, series_styles(series), [metric], CurveOptions(loss))
            _draw_differences(axes[1], differences, total)
            label_size = current_paper().label_size
            axes[1].set_ylabel(wrap_to_width(gain, inches(1.6), label_size, 2))

        blocks = [
            series_legend_entries([trial.label for trial in series], "trial"),
            _mark_entries(differences, total),
            [
                LegendEntry(Line2D([], [], linestyle=""), text)
                for text in _statements(short_labels([series[0].label])[0], differences, total)
            ],
        ]
        figure = figure_with_legend(2, blocks, draw)
        freeze_layout(figure)
        return figure


def _statements(
    best: str, differences: Sequence[SeedDifference], total: MeanDifference | None
) -> tuple[str, ...]:
    """The result in words, below the figure."""
    if total is None and differences and all(seed.diverged for seed in differences):
        return ("not tested: with every seed a run diverged",)
    if total is None:
        return ("not tested: two seeds of each are needed",)
    size, test = total.statements
    return (f"{best} better by {with_powers_of_ten(size)}", with_powers_of_ten(test))


def _mark_entries(
    differences: Sequence[SeedDifference], total: MeanDifference | None
) -> list[LegendEntry]:
    entries = []
    if differences:
        handle = legend_marker(marker="o", markerfacecolor="none")
        entries.append(LegendEntry(handle, "difference of a seed"))
    if any(seed.diverged for seed in differences):
        entries.append(LegendEntry(legend_marker(marker="x"), "a run diverged"))
    if total is not None:
        ink = current_paper().look.ink
        handle = Line2D([], [], color=ink, marker="D", markersize=points(3.6))
        name = "mean difference, 95 % CI" if math.isfinite(total.low) else "mean difference"
        entries.append(LegendEntry(handle, name))
    return entries


def _draw_differences(
    ax: Axes, differences: Sequence[SeedDifference], total: MeanDifference | None
) -> None:
    ink = current_paper().look.ink
    ax.axhline(0.0, color=ink, linewidth=points(0.7), linestyle=REFERENCE_DASHES, zorder=1)
    for position, seed in enumerate(differences):
        if math.isfinite(seed.difference):
            ax.vlines(
                position,
                min(0.0, seed.difference),
                max(0.0, seed.difference),
                color=current_paper().look.grey,
                linewidth=points(0.6),
            )
            ax.plot(
                position,
                seed.difference,
                marker="x" if seed.diverged else "o",
                markerfacecolor=current_paper().look.background,
                color=ink if seed.diverged else color(0),
            )
    shown = [0.0, *(s.difference for s in differences if math.isfinite(s.difference))]
    mean_position = len(differences) + (0.5 if differences else 0.0)
    if total is not None:
        if math.isfinite(total.low):
            ax.plot([mean_position] * 2, [total.low, total.high], color=ink, linewidth=points(1.4))
            shown += [total.low, total.high]
        ax.plot(mean_position, total.mean, marker="D", markersize=points(3.6), color=ink, zorder=4)
        shown.append(total.mean)
    margin = 0.08 * (max(shown) - min(shown)) or 1.0
    ax.set_ylim(min(shown) - margin, max(shown) + margin)
    ax.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10]))
    ax.set_xlim(-0.7, mean_position + 0.7)
    step = -(-len(differences) // _MAX_SEED_TICKS) or 1
    ticks: list[float] = list(range(0, len(differences), step))
    labels = [differences[int(tick)].seed for tick in ticks]
    ax.set_xticks(ticks, labels)
    ax.grid(visible=False, axis="x")
    ax.set_xlabel("Seed" if differences else "No shared seeds")
