"""`nnlab plot curves`: learning curves of the best trials."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from nnlab import store
from nnlab.figures.draw.metric_choice import choose_metrics
from nnlab.figures.draw.series import Series
from nnlab.figures.prepared_figure import PreparedFigure, numbers
from nnlab.figures.trials import load_trial_curves
from nnlab.records import Scalar
from nnlab.stats.curve_band import BandKind, mean_curve

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CURVE_COLUMNS = ("trial", "metric", "epoch", "mean", "low", "high", "seeds")


def curves(
    db: store.Database,
    words: Sequence[str],
    *,
    metric: Sequence[str] = (),
    top: int = 6,
    seeds: str = "interval",
    log: bool | None = None,
) -> PreparedFigure:
    """Curves of the `top` best trials; `seeds` is a spread, or `all` for a line a seed.

    Raises:
        UnknownName: a word is neither a study nor a run.
        UsageError: nothing was trained there.
    """
    trials = load_trial_curves(db, words, top=top)
    spread = None if seeds == "all" else BandKind(seeds)

    def draw() -> "Figure":
        from nnlab.figures.draw.curves import curves as drawn

        return drawn(
            trials.series, metrics=list(metric) or None, loss=trials.loss, spread=spread, log=log
        )

    shown = choose_metrics(trials.series, metric or None)
    rows = _curve_rows(trials.series, shown, spread or BandKind.RANGE, log_axis=log is True)
    notes = (*trials.notes, *_missing_curve_notes(trials.series, shown))
    return PreparedFigure(draw, numbers(CURVE_COLUMNS, rows), trials.runs, trials.told, notes)


def _missing_curve_notes(series: Sequence[Series], shown: Sequence[str]) -> Iterator[str]:
    """A note for each trial that is in the legend and has none of the metrics shown."""
    for one in series:
        if not any(metric in history.metrics for history in one.histories for metric in shown):
            yield f"{one.label} has no curve: it has no {' or '.join(shown)}"


def _curve_rows(
    series: Sequence[Series], shown: Sequence[str], spread: BandKind, *, log_axis: bool
) -> Iterator[tuple[Scalar, ...]]:
    for one in series:
        for metric in shown:
            curves = [c for h in one.histories if (c := h.get(metric))]
            band = mean_curve(curves, spread, log_axis=log_axis)
            for i, epoch in enumerate(band.epochs):
                yield one.label, metric, epoch, band.mean[i], band.low[i], band.high[i], band.n[i]
