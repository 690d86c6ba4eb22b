"""`nnlab plot curves`: learning curves of the best trials. // The learning curves of trials: loss and accuracy over epochs, with what was found in them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from nnlab import store
from nnlab.figures.draw.display_names import quantity_of, split_of
from nnlab.figures.draw.layout import figure_with_legend, freeze_layout
from nnlab.figures.draw.legend import LegendEntry, legend_marker
from nnlab.figures.draw.metric_choice import choose_metrics
from nnlab.figures.draw.onset_labels import label_onsets
from nnlab.figures.draw.panel import (
    BAND_ALPHA,
    MAX_TRIALS_WITH_TRAINING_BANDS,
    CurveOptions,
    draw_panel,
    has_diverged,
    has_selectable_epochs,
    validation_sample_size,
)
from nnlab.figures.draw.paper import current_paper, points
from nnlab.figures.draw.series import (
    Series,
    as_series,
    median_onset,
    median_plateau_onset,
    onset_text,
)
from nnlab.figures.draw.series_style import (
    MAX_NAMED,
    series_legend_entries,
    series_styles,
)
from nnlab.figures.draw.style import DASHES, OVERFITTING_LINE, PLATEAU_LINE, style_context
from nnlab.figures.prepared_figure import PreparedFigure, numbers
from nnlab.figures.trials import load_trial_curves
from nnlab.records import History, Scalar
from nnlab.stats.curve_band import MIN_INTERVAL_SEEDS, BandKind, mean_curve

CURVE_COLUMNS = ("trial", "metric", "epoch", "mean", "low", "high", "seeds")
_SPLIT_NAMES: Mapping[str, str] = {"train": "training", "val": "validation", "test": "test"}
# What is marked beside the loss, its line, and its name in the legend.
_ONSETS: tuple[tuple[Callable[[Series], int | None], Literal[":", "-."], str], ...] = (
    (median_onset, OVERFITTING_LINE, "overfitting starts"),
    (median_plateau_onset, PLATEAU_LINE, "validation plateau starts"),
)


def prepare_curves(
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

    def draw() -> Figure:
        return draw_curves(
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


def draw_curves(
    what: History | Series | Sequence[Series],
    *,
    metrics: Sequence[str] | None = None,
    axes: Axes | Sequence[Axes] | None = None,
    loss: str | None = None,
    spread: BandKind | None = BandKind.INTERVAL,
    log: bool | None = None,
) -> Figure:
    """Draws the curves of a run, or of trials, most important first, a panel for each quantity.

    Validation is solid and training dashed, in one colour a trial. Several seeds are drawn as
    their mean with a band, or each with a thin line. A ring marks the selected epoch, a
    dotted line the onset of overfitting, a dash-dotted one that of a validation plateau, a cross
    where a run diverged; values that are not finite leave gaps. The first twelve trials are
    named, further ones are grey.

    Args:
        what: one run, one trial, or trials; none draw empty panels.
        metrics: the metrics to draw, such as `val/loss`, or quantities, such as `loss` for its
            training and validation; those of one quantity share a panel.
            By default loss, and accuracy, R² or the mean absolute error where measured.
        axes: where to draw, one a panel, to compose a figure of one's own; the legend then is
            the caller's. By default a new figure, as wide as the paper.
        loss: the name of the loss in the catalogue, for the axis label and its unit.
        spread: what the band of several seeds shows; None draws every seed.
        log: a logarithmic axis; by default for losses that span more than one and a half
            decades. Values that are not positive keep it linear.

    Raises:
        ValueError: `axes` are fewer or more than the panels.
    """
    series = as_series(what)
    chosen = choose_metrics(series, metrics)
    panels: dict[str, list[str]] = {}
    for metric in chosen or ("val/loss",):
        panels.setdefault(quantity_of(metric), []).append(metric)
    drawing = CurveOptions(loss, spread, log)
    with style_context():
        if axes is None:
            return _figure_of_panels(series, panels, drawing)
        places = [axes] if isinstance(axes, Axes) else list(axes)
        if len(places) != len(panels):
            raise ValueError(f"{len(panels)} panels ({', '.join(panels)}), {len(places)} axes")
        _draw_panels(places, series, panels, drawing)
        figure = places[0].get_figure(root=True)
        assert figure is not None
        return figure


def _draw_panels(
    places: Sequence[Axes],
    series: Sequence[Series],
    panels: Mapping[str, Sequence[str]],
    drawing: CurveOptions,
) -> None:
    for ax, group in zip(places, panels.values(), strict=True):
        draw_panel(ax, series, series_styles(series), group, drawing)


def _figure_of_panels(
    series: Sequence[Series], panels: Mapping[str, Sequence[str]], drawing: CurveOptions
) -> Figure:
    keys = _key_entries(
        series, [metric for group in panels.values() for metric in group], drawing.spread
    )
    shown: list[Axes] = []

    def draw(places: Sequence[Axes]) -> None:
        shown.extend(places)
        _draw_panels(places, series, panels, drawing)

    figure = figure_with_legend(
        len(panels), [keys, series_legend_entries([one.label for one in series], "trial")], draw
    )
    several = zip(series[:MAX_NAMED], series_styles(series), strict=False)
    onsets = [
        (onset, onset_text(one), look.color)
        for one, look in several
        if (onset := median_onset(one) or median_plateau_onset(one)) is not None
    ]
    if "loss" in panels:
        label_onsets(figure, shown[list(panels).index("loss")], onsets)
    freeze_layout(figure)
    return figure


def _key_entries(
    series: Sequence[Series], metrics: Sequence[str], spread: BandKind | None
) -> list[LegendEntry]:
    """What the dashes, the band and the marks mean, as far as they are drawn."""
    ink = current_paper().look.ink
    handles: list[tuple[Artist, str]] = []
    splits = list(dict.fromkeys(split for m in metrics if (split := split_of(m))))
    if len(splits) > 1:
        handles += [
            (Line2D([], [], color=ink, linestyle=DASHES[split]), _SPLIT_NAMES[split])
            for split in splits
        ]
    if band := describe_band([len(one.histories) for one in series[:MAX_NAMED]], spread):
        some = len(splits) > 1 and len(series) > MAX_TRIALS_WITH_TRAINING_BANDS
        name = f"{band} (validation)" if some else band
        handles.append((Patch(color=ink, alpha=BAND_ALPHA, linewidth=0), name))
    for metric in metrics:
        if (examples := validation_sample_size(series, metric)) is not None:
            interval = f"68 % interval of {examples:.0f} examples"
            handles.append((Patch(color=ink, alpha=BAND_ALPHA, linewidth=0), interval))
    if any(has_selectable_epochs(one, metrics) for one in series):
        ring = legend_marker(marker="o", markerfacecolor="none", markersize=points(4.8))
        handles.append((ring, "best epoch"))
    shown = "loss" in map(quantity_of, metrics)
    for onset, dashes, text in _ONSETS:
        if shown and any(onset(one) is not None for one in series[:MAX_NAMED]):
            line = Line2D([], [], color=ink, linewidth=points(0.8), linestyle=dashes)
            handles.append((line, text))
    if any(has_diverged(one, metrics) for one in series):
        handles.append((legend_marker(marker="x", markersize=points(4.5)), "diverged"))
    return [LegendEntry(handle, label) for handle, label in handles]


def describe_band(seeds: Sequence[int], spread: BandKind | None) -> str:
    """What a band shows of trials with so many seeds; nothing where none is drawn.

    >>> band_name([6, 6], Spread.INTERVAL), band_name([3], Spread.SD)
    ('95 % interval, 6 seeds', 'range of 3 seeds')
    >>> band_name([3, 5], Spread.INTERVAL)
    '95 % interval (range below 5 seeds), 3 to 5 seeds'
    """
    several = sorted({n for n in seeds if n > 1})
    if not several or spread is None:
        return ""
    count = f"{several[0]} seeds" if len(several) == 1 else f"{several[0]} to {several[-1]} seeds"
    if spread is BandKind.RANGE or several[-1] < MIN_INTERVAL_SEEDS:
        return f"range of {count}"
    name = "95 % interval" if spread is BandKind.INTERVAL else "±1 sd"
    few = f" (range below {MIN_INTERVAL_SEEDS} seeds)" if several[0] < MIN_INTERVAL_SEEDS else ""
    return f"{name}{few}, {count}"
