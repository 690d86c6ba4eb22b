"""`nnlab plot curves`: learning curves of the best trials, with best epochs and onsets marked."""

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
from nnlab.figures.draw.metric_choice import choose_metrics, split_directions, with_directions
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
from nnlab.figures.prepared_figure import PreparedFigure, figure_table
from nnlab.figures.trials import load_trial_curves
from nnlab.records import History, Scalar
from nnlab.stats.curve_band import MIN_INTERVAL_SEEDS, BandKind, mean_curve

CURVE_COLUMNS = ("trial", "metric", "epoch", "mean", "low", "high", "seeds")
_SPLIT_NAMES: Mapping[str, str] = {"train": "training", "val": "validation", "test": "test"}
# The onsets that are marked in the panel of the loss: epoch, line style, text in the legend.
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
    """The figure of the `top` best trials; `seeds` is a kind of band, or `all` for a line per seed.

    Raises:
        UnknownName: a word is neither a study nor a run.
        UsageError: no epoch is finished.
    """
    trials = load_trial_curves(db, words, top=top)
    spread = None if seeds == "all" else BandKind(seeds)
    names, directions = split_directions(metric)
    series = with_directions(trials.series, directions)

    def draw() -> Figure:
        return draw_curves(series, metrics=names or None, loss=trials.loss, spread=spread, log=log)

    shown = choose_metrics(series, names or None)
    rows = _curve_rows(series, shown, spread or BandKind.RANGE, log_axis=log is True)
    notes = (*trials.notes, *_missing_curve_notes(series, shown))
    return PreparedFigure(
        draw, figure_table(CURVE_COLUMNS, rows), trials.runs, trials.summary, notes
    )


def _missing_curve_notes(series: Sequence[Series], shown: Sequence[str]) -> Iterator[str]:
    """A note for each trial that is in the legend but has none of the shown metrics."""
    for trial in series:
        if not any(metric in history.metrics for history in trial.histories for metric in shown):
            yield f"{trial.label} has no curve: it has no {' or '.join(shown)}"


def _curve_rows(
    series: Sequence[Series], shown: Sequence[str], spread: BandKind, *, log_axis: bool
) -> Iterator[tuple[Scalar, ...]]:
    for trial in series:
        for metric in shown:
            curves = [c for h in trial.histories if (c := h.get(metric))]
            band = mean_curve(curves, spread, log_axis=log_axis)
            for i, epoch in enumerate(band.epochs):
                yield trial.label, metric, epoch, band.mean[i], band.low[i], band.high[i], band.n[i]


def draw_curves(
    trials: History | Series | Sequence[Series],
    *,
    metrics: Sequence[str] | None = None,
    axes: Axes | Sequence[Axes] | None = None,
    loss: str | None = None,
    spread: BandKind | None = BandKind.INTERVAL,
    log: bool | None = None,
) -> Figure:
    """A figure with the curves of a run or of trials, and a panel for each quantity.

    Each trial has one colour; validation curves are solid and training curves dashed. Several
    seeds are drawn as their mean with a band, or each as a thin line. A ring marks the selected
    epoch, a dotted line the onset of overfitting, a dash-dotted line the onset of a validation
    plateau, a cross the epoch where a run diverged. Values that are not finite leave gaps. The
    first twelve trials are named in the legend, further ones are grey.

    Args:
        trials: one run, one trial, or trials with the most important first; an empty sequence gives
            empty panels.
        metrics: metrics such as `val/loss`, or quantities such as `loss`, which stands for its
            training and validation curves. Metrics of one quantity share a panel. By default loss,
            and accuracy, R² or the mean absolute error if measured.
        axes: Axes to draw into, one per panel; the caller then draws the legend. By default a new
            figure as wide as the paper.
        loss: the name of the loss in the catalogue, for the axis label with its unit.
        spread: what the band over several seeds shows; None draws a line per seed.
        log: whether the value axis is logarithmic; by default it is for losses that span more
            than one and a half decades. Values that are not positive keep it linear.

    Raises:
        ValueError: the number of `axes` differs from the number of panels.
    """
    series = as_series(trials)
    shown = choose_metrics(series, metrics)
    panels: dict[str, list[str]] = {}
    for metric in shown or ("val/loss",):
        panels.setdefault(quantity_of(metric), []).append(metric)
    options = CurveOptions(loss, spread, log)
    with style_context():
        if axes is None:
            return _figure_of_panels(series, panels, options)
        panel_axes = [axes] if isinstance(axes, Axes) else list(axes)
        if len(panel_axes) != len(panels):
            raise ValueError(f"{len(panels)} panels ({', '.join(panels)}), {len(panel_axes)} axes")
        _draw_panels(panel_axes, series, panels, options)
        return _figure_of(panel_axes[0])


def _figure_of(ax: Axes) -> Figure:
    """The figure that contains the axes.

    Raises:
        ValueError: the axes were removed from their figure.
    """
    figure = ax.get_figure(root=True)
    if figure is None:
        raise ValueError("these axes belong to no figure")
    return figure


def _draw_panels(
    panel_axes: Sequence[Axes],
    series: Sequence[Series],
    panels: Mapping[str, Sequence[str]],
    options: CurveOptions,
) -> None:
    for ax, group in zip(panel_axes, panels.values(), strict=True):
        draw_panel(ax, series, series_styles(series), group, options)


def _figure_of_panels(
    series: Sequence[Series], panels: Mapping[str, Sequence[str]], options: CurveOptions
) -> Figure:
    keys = _key_entries(
        series, [metric for group in panels.values() for metric in group], options.spread
    )
    panel_axes: list[Axes] = []

    def draw(axes: Sequence[Axes]) -> None:
        panel_axes.extend(axes)
        _draw_panels(axes, series, panels, options)

    figure = figure_with_legend(
        len(panels), [keys, series_legend_entries([trial.label for trial in series], "trial")], draw
    )
    named = zip(series[:MAX_NAMED], series_styles(series), strict=False)
    onsets = [
        (onset, onset_text(trial), style.color)
        for trial, style in named
        if (onset := median_onset(trial) or median_plateau_onset(trial)) is not None
    ]
    if "loss" in panels:
        label_onsets(figure, panel_axes[list(panels).index("loss")], onsets)
    freeze_layout(figure)
    return figure


def _key_entries(
    series: Sequence[Series], metrics: Sequence[str], spread: BandKind | None
) -> list[LegendEntry]:
    """Legend entries for the line styles, the band and the marks that the figure contains."""
    ink = current_paper().look.ink
    handles: list[tuple[Artist, str]] = []
    splits = list(dict.fromkeys(split for m in metrics if (split := split_of(m))))
    if len(splits) > 1:
        handles += [
            (Line2D([], [], color=ink, linestyle=DASHES[split]), _SPLIT_NAMES[split])
            for split in splits
        ]
    if band := describe_band([len(trial.histories) for trial in series[:MAX_NAMED]], spread):
        some = len(splits) > 1 and len(series) > MAX_TRIALS_WITH_TRAINING_BANDS
        name = f"{band} (validation)" if some else band
        handles.append((Patch(color=ink, alpha=BAND_ALPHA, linewidth=0), name))
    for metric in metrics:
        if (examples := validation_sample_size(series, metric)) is not None:
            interval = f"68 % interval of {examples:.0f} examples"
            handles.append((Patch(color=ink, alpha=BAND_ALPHA, linewidth=0), interval))
    if any(has_selectable_epochs(trial, metrics) for trial in series):
        ring = legend_marker(marker="o", markerfacecolor="none", markersize=points(4.8))
        handles.append((ring, "best epoch"))
    shown = "loss" in map(quantity_of, metrics)
    for onset, dashes, text in _ONSETS:
        if shown and any(onset(trial) is not None for trial in series[:MAX_NAMED]):
            line = Line2D([], [], color=ink, linewidth=points(0.8), linestyle=dashes)
            handles.append((line, text))
    if any(has_diverged(trial, metrics) for trial in series):
        handles.append((legend_marker(marker="x", markersize=points(4.5)), "diverged"))
    return [LegendEntry(handle, label) for handle, label in handles]


def describe_band(seeds: Sequence[int], spread: BandKind | None) -> str:
    """The legend text of the bands of trials with these numbers of seeds; empty if none is drawn.

    >>> describe_band([6, 6], BandKind.INTERVAL), describe_band([3], BandKind.SD)
    ('95 % interval, 6 seeds', 'range of 3 seeds')
    >>> describe_band([3, 5], BandKind.INTERVAL)
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
