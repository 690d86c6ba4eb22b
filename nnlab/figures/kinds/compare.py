"""`nnlab plot compare A B`: two trials, and whether they differ."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nnlab import store
from nnlab.analysis.ranking import rank_each_group
from nnlab.analysis.scope import resolve_scope
from nnlab.analysis.trial_diff import describe_difference, scope_of_two_trials
from nnlab.errors import UsageError
from nnlab.figures.kinds.curves import CURVE_COLUMNS
from nnlab.figures.prepared_figure import PreparedFigure, numbers
from nnlab.figures.trials import trial_curves_of_ranking
from nnlab.stats.curve_band import BandKind, mean_curve
from nnlab.stats.intervals import confidence_interval

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def compare(db: store.Database, words: Sequence[str], *, by: str | None = None) -> PreparedFigure:
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

    def draw() -> "Figure":
        from nnlab.figures.draw.compare import draw_comparison

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
