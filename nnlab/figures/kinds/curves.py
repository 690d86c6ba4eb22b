"""`nnlab plot curves`: learning curves of the best trials, with best epochs and onsets marked."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nnlab import store
from nnlab.errors import UnknownName
from nnlab.figures.draw.curve_keys import curve_key_entries, default_band, trial_entries
from nnlab.figures.draw.curve_marks import label_panel
from nnlab.figures.draw.display_names import quantity_of, split_of
from nnlab.figures.draw.layout import figure_of, figure_with_legend, freeze_layout, panel_height
from nnlab.figures.draw.metric_choice import choose_metrics, split_directions, with_directions
from nnlab.figures.draw.panel import CurveOptions, draw_panel
from nnlab.figures.draw.panel_curves import PanelCurves, collect_panel, seed_curves
from nnlab.figures.draw.series import Series, as_series
from nnlab.figures.draw.series_style import series_styles
from nnlab.figures.draw.style import style_context
from nnlab.figures.prepared_figure import PreparedFigure, figure_table
from nnlab.figures.trial_notes import divergence_notes, onset_notes, scale_notes
from nnlab.figures.trials import load_trial_curves
from nnlab.records import History, Scalar
from nnlab.stats.curve_band import BandKind, mean_curve

# `mean` is the arithmetic mean. On a logarithmic axis the geometric mean is drawn, and the bounds
# are those of the logarithms.
CURVE_COLUMNS = ("trial", "metric", "epoch", "mean", "low", "high", "seeds")


def prepare_curves(
    db: store.Database,
    words: Sequence[str],
    *,
    metric: Sequence[str] = (),
    top: int = 6,
    seeds: str | None = None,
    log: bool | None = None,
) -> PreparedFigure:
    """The figure of the `top` best trials; `seeds` is a kind of band, or `all` for a line per seed.

    Raises:
        UnknownName: a word is neither a study nor a run, or no trial has any of the metrics.
        UsageError: no epoch is finished.
    """
    trials = load_trial_curves(db, words, top=top)
    spread = None if seeds == "all" else BandKind(seeds or default_band())
    names, directions = split_directions(metric)
    series = with_directions(trials.series, directions)
    if not names and not choose_metrics(series):
        # Such as the reward of reinforcement learning.
        names = [trials.ranking.objective.metric]

    def draw() -> Figure:
        return draw_curves(series, metrics=names or None, loss=trials.loss, spread=spread, log=log)

    shown = choose_metrics(series, names or None)
    _check_measured(series, names, shown)
    panels = {
        quantity: collect_panel(series, metrics, spread, log)
        for quantity, metrics in metrics_by_quantity(shown).items()
    }
    rows = curve_rows(series, shown, panels.values())
    notes = (
        *trials.notes,
        *_missing_curve_notes(series, shown),
        *scale_notes(panels, trials.loss, log),
        *divergence_notes(series),
        *onset_notes(series),
    )
    return PreparedFigure(
        draw,
        figure_table((*CURVE_COLUMNS, "geometric_mean"), rows),
        trials.runs,
        trials.summary,
        notes,
    )


def _check_measured(series: Sequence[Series], names: Sequence[str], shown: Sequence[str]) -> None:
    """Refuses metrics that no trial has, which would give empty axes.

    Raises:
        UnknownName: no trial has any of the metrics.
    """
    measured = {name for trial in series for run in trial.histories for name in run.metrics}
    if names and measured.isdisjoint(shown):
        splits = sorted(name for name in measured if split_of(name))
        quantities = dict.fromkeys(map(quantity_of, splits))
        raise UnknownName("metric", ", ".join(names), [*quantities, *splits])


def _missing_curve_notes(series: Sequence[Series], shown: Sequence[str]) -> Iterator[str]:
    """A note for each trial that is in the legend but has none of the shown metrics."""
    for trial in series:
        if not any(metric in history.metrics for history in trial.histories for metric in shown):
            yield f"{trial.label} has no curve: it has no {' or '.join(shown)}"


def curve_rows(
    series: Sequence[Series], shown: Sequence[str], panels: Iterable[PanelCurves]
) -> Iterator[tuple[Scalar, ...]]:
    """The rows of the table with `CURVE_COLUMNS`, by trial, in the order of the metrics `shown`."""
    drawn = {
        (curve.rank, curve.metric): (curve.band, panel.is_log)
        for panel in panels
        for curve in panel.curves
    }
    for rank, trial in enumerate(series):
        for metric in shown:
            if (rank, metric) not in drawn:
                continue
            band, is_log = drawn[rank, metric]
            means = mean_curve(seed_curves(trial, metric)).mean if is_log else band.mean
            for i, epoch in enumerate(band.epochs):
                geometric = band.mean[i] if is_log else None
                bounds = (band.low[i], band.high[i])
                yield trial.label, metric, epoch, means[i], *bounds, band.n[i], geometric


def metrics_by_quantity(metrics: Sequence[str]) -> dict[str, list[str]]:
    """The metrics of each panel: those of one quantity share a panel."""
    panels: dict[str, list[str]] = {}
    for metric in metrics:
        panels.setdefault(quantity_of(metric), []).append(metric)
    return panels


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
    panels = metrics_by_quantity(shown or ("val/loss",))
    options = CurveOptions(loss, spread, log)
    with style_context():
        if axes is None:
            return _figure_of_panels(series, panels, options)
        panel_axes = [axes] if isinstance(axes, Axes) else list(axes)
        if len(panel_axes) != len(panels):
            raise ValueError(f"{len(panels)} panels ({', '.join(panels)}), {len(panel_axes)} axes")
        drawn = _draw_panels(panel_axes, series, panels, options)
        _label_panels(panel_axes, series, panels, drawn)
        return figure_of(panel_axes[0])


def _draw_panels(
    panel_axes: Sequence[Axes],
    series: Sequence[Series],
    panels: Mapping[str, Sequence[str]],
    options: CurveOptions,
) -> list[PanelCurves]:
    return [
        draw_panel(ax, series, series_styles(series), metrics, options)
        for ax, metrics in zip(panel_axes, panels.values(), strict=True)
    ]


def _label_panels(
    panel_axes: Sequence[Axes],
    series: Sequence[Series],
    quantities: Iterable[str],
    drawn: Sequence[PanelCurves],
) -> None:
    for ax, quantity, panel in zip(panel_axes, quantities, drawn, strict=True):
        label_panel(ax, series, series_styles(series), panel, onsets=quantity == "loss")


def _figure_of_panels(
    series: Sequence[Series], panels: Mapping[str, Sequence[str]], options: CurveOptions
) -> Figure:
    panel_axes: list[Axes] = []
    drawn: list[PanelCurves] = []

    def draw(axes: Sequence[Axes]) -> None:
        panel_axes.extend(axes)
        drawn.extend(_draw_panels(axes, series, panels, options))

    figure = figure_with_legend(
        len(panels),
        [curve_key_entries(series, panels, options), trial_entries(series)],
        draw,
        height=panel_height(len(panels)),
    )
    figure.draw_without_rendering()  # the labels above the panels depend on their width
    _label_panels(panel_axes, series, panels, drawn)
    freeze_layout(figure)
    return figure
