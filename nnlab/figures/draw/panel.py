"""A panel with the curves of one quantity of all trials, with bands, best epochs and onsets."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes

from nnlab.figures.draw.axis_range import worst_after_transient
from nnlab.figures.draw.axis_scales import set_epoch_axis, set_value_axis
from nnlab.figures.draw.display_names import metric_name, quantity_name, quantity_of, split_of
from nnlab.figures.draw.downsample import downsample_band
from nnlab.figures.draw.labels import wrap_axis_label
from nnlab.figures.draw.paper import points
from nnlab.figures.draw.series import (
    Series,
    lower_is_better,
    median_onset,
    median_plateau_onset,
)
from nnlab.figures.draw.series_style import SeriesStyle, curve_label
from nnlab.figures.draw.style import DASHES, OVERFITTING_LINE, PLATEAU_LINE
from nnlab.records import Curve
from nnlab.stats.class_predictions import wilson
from nnlab.stats.curve_band import BandKind, CurveBand, mean_curve

_MARKERS_PER_CURVE = 6
MAX_TRIALS_WITH_TRAINING_BANDS = 2  # bands of more trials would overlap
BAND_ALPHA = 0.18
_CURVE_ZORDER = 3  # of the last trial; the first trial is on top


@dataclass(frozen=True, slots=True)
class CurveOptions:
    """How curves are drawn: see `nnlab.figures.kinds.curves.draw_curves`."""

    loss: str | None = None
    spread: BandKind | None = BandKind.INTERVAL
    log: bool | None = None


def draw_panel(
    ax: Axes,
    series: Sequence[Series],
    styles: Sequence[SeriesStyle],
    metrics: Sequence[str],
    options: CurveOptions,
) -> None:
    """Draws `metrics`, all of one quantity, of every trial; the first trial is on top."""
    all_bands = _mean_bands(series, metrics, options.spread, log_axis=options.log is True)
    bands = [(rank, metric, band) for rank, metric, band in all_bands if len(band)]
    for rank, metric, band in bands:
        if options.spread is None and styles[rank].index is not None:
            _draw_seeds(ax, _seed_curves(series[rank], metric), metric, styles[rank])
        _draw_band(
            ax,
            downsample_band(band),
            metric,
            styles[rank],
            _CURVE_ZORDER + 1 - rank / (len(series) + 1),
            shaded=options.spread is not None and is_band_shaded(metric, metrics, len(series)),
        )
        if (examples := validation_sample_size(series, metric)) is not None:
            _draw_sampling_error(ax, downsample_band(band), examples, styles[rank])
    # The axis shows the seeds if they are shaded or drawn as lines, else their mean. Long intervals
    # of a few seeds may extend beyond it.
    shown = [
        values
        for rank, metric, band in bands
        for values in (
            [curve.values for curve in _seed_curves(series[rank], metric)]
            if options.spread is None or is_band_shaded(metric, metrics, len(series))
            else [band.mean]
        )
    ]
    finite = [value for values in shown for value in values if math.isfinite(value)]
    starts = [next(filter(math.isfinite, band.mean), 0.0) for _, _, band in bands]
    quantity = quantity_of(metrics[0])
    log = quantity in ("loss", "lr") if options.log is None else options.log
    lower = lower_is_better(series, metrics[0])
    settled = [
        worst
        for values in shown
        if (worst := worst_after_transient(values, lower=lower)) is not None
    ]
    always = options.log is True
    set_value_axis(ax, finite, starts, log=log, always=always, lower=lower, settled=settled)
    epochs = [band.epochs[i] for _, _, band in bands for i in (0, -1)] or [1]
    set_epoch_axis(ax, min(epochs), max(epochs))
    for rank, metric, band in bands:
        _mark_best(ax, band, metric, series[rank], styles[rank])
        _mark_divergence(ax, metric, series[rank], styles[rank])
    for trial, style in zip(series, styles, strict=True):
        # Only in the panel of the loss: the finding is about the loss; accuracy may still improve.
        if quantity == "loss" and style.index is not None:
            for onset, line_style in (
                (median_onset(trial), OVERFITTING_LINE),
                (median_plateau_onset(trial), PLATEAU_LINE),
            ):
                if onset is not None:
                    ax.axvline(
                        onset,
                        color=style.color,
                        linewidth=points(0.8),
                        linestyle=line_style,
                        zorder=2,
                    )
    if not finite:
        show_empty_message(ax, "no finite value" if bands else "nothing measured")
    ax.set_xlabel("Epoch")
    loss = options.loss
    name = metric_name(metrics[0], loss) if len(metrics) == 1 else quantity_name(quantity, loss)
    ax.set_ylabel(wrap_axis_label(name))


def is_band_shaded(metric: str, metrics: Sequence[str], trials: int) -> bool:
    """Whether the band of a metric is shaded; with many trials only validation bands are."""
    is_only_split = split_of(metric) != "train" or all(
        split_of(other) == "train" for other in metrics
    )
    return is_only_split or trials <= MAX_TRIALS_WITH_TRAINING_BANDS


def show_empty_message(ax: Axes, reason: str) -> None:
    """Writes the reason into a panel without curves."""
    ax.grid(visible=False)
    ax.set_yticks([])
    ax.text(0.5, 0.5, reason, transform=ax.transAxes, ha="center", va="center")


def has_diverged(trial: Series, metrics: Sequence[str]) -> bool:
    """Whether a seed of the trial ended in NaN or infinity after finite values."""
    return any(_last_finite(curve) for metric in metrics for curve in _seed_curves(trial, metric))


def has_selectable_epochs(trial: Series, metrics: Sequence[str]) -> bool:
    """Whether one of the trial's validation curves has several epochs to choose from."""
    return any(
        len(curve) > 1
        for metric in metrics
        if split_of(metric) == "val"
        for curve in _seed_curves(trial, metric)
    )


def validation_sample_size(series: Sequence[Series], metric: str) -> float | None:
    """The number of validation examples if the sampling error of the accuracy is drawn, else None.

    It is drawn for a single run only: several seeds have their own band, and the bands of several
    trials would overlap.
    """
    if metric != "val/accuracy" or len(series) != 1 or len(series[0].histories) != 1:
        return None
    history = series[0].histories[0]
    if not history.get("data/classes"):
        return None  # tags, tokens and pixels: an example has several of them
    curve = history.get("data/val")
    return curve.values[0] if curve and curve.values[0] > 0 else None


def _mean_bands(
    series: Sequence[Series], metrics: Sequence[str], spread: BandKind | None, *, log_axis: bool
) -> Iterator[tuple[int, str, CurveBand]]:
    for rank, trial in enumerate(series):
        for metric in metrics:
            curves = _seed_curves(trial, metric)
            yield rank, metric, mean_curve(curves, spread or BandKind.RANGE, log_axis=log_axis)


def _seed_curves(trial: Series, metric: str) -> list[Curve]:
    return [curve for history in trial.histories if (curve := history.get(metric))]


def _draw_band(
    ax: Axes, band: CurveBand, metric: str, style: SeriesStyle, zorder: float, *, shaded: bool
) -> None:
    is_named, is_training = style.index is not None, split_of(metric) == "train"
    width = points(0.6 if not is_named else 0.9 if is_training else 1.3)
    symbol = "" if is_training else style.marker
    step = max(1, len(band) // _MARKERS_PER_CURVE)
    ax.plot(
        band.epochs,
        band.mean,
        color=style.color,
        linewidth=width,
        linestyle=DASHES[split_of(metric) or "val"],
        marker=symbol or None,
        markersize=points(2.8),
        markevery=((style.index or 0) * max(1, step // 4) % step, step),
        alpha=1.0 if is_named else 0.55,
        zorder=zorder if is_named else 2.5,
        label=curve_label(style.index) if style.index is not None else None,
    )
    isolated = [i for i in range(len(band)) if _is_isolated(band.mean, i)]
    ax.plot(  # a point between two gaps belongs to no line segment, so it gets a marker
        [band.epochs[i] for i in isolated],
        [band.mean[i] for i in isolated],
        color=style.color,
        linestyle="",
        marker="_" if is_training else style.marker or "o",
        zorder=zorder,
    )
    if is_named and shaded and max(band.n) > 1:
        ax.fill_between(
            band.epochs,
            band.low,
            band.high,
            facecolor=style.color,
            alpha=BAND_ALPHA,
            zorder=2,
            linewidth=0,
        )
        for edge in (band.low, band.high):
            ax.plot(
                band.epochs, edge, color=style.color, alpha=0.45, linewidth=points(0.35), zorder=2.1
            )
        for i in isolated:
            ax.vlines(
                band.epochs[i], band.low[i], band.high[i], color=style.color, linewidth=points(0.8)
            )


def _draw_seeds(ax: Axes, curves: Sequence[Curve], metric: str, style: SeriesStyle) -> None:
    """Draws every seed as a thin line below the mean."""
    if len(curves) == 1:
        return
    for curve in curves:
        band = downsample_band(mean_curve([curve]))
        ax.plot(
            band.epochs,
            band.mean,
            color=style.color,
            linewidth=points(0.5),
            linestyle=DASHES[split_of(metric) or "val"],
            alpha=0.45,
            zorder=2.2,
        )


def _draw_sampling_error(ax: Axes, band: CurveBand, examples: float, style: SeriesStyle) -> None:
    """Shades the 68 % interval of an accuracy that was measured on `examples` examples."""
    bounds = [_one_sigma_interval(share, examples) for share in band.mean]
    ax.fill_between(
        band.epochs,
        [low for low, _ in bounds],
        [high for _, high in bounds],
        color=style.color,
        alpha=BAND_ALPHA,
        linewidth=0,
        zorder=2,
    )


def _one_sigma_interval(share: float, examples: float) -> tuple[float, float]:
    if not 0 <= share <= 1:
        return math.nan, math.nan
    return wilson(share, examples, z=1.0)


def _is_isolated(values: Sequence[float], i: int) -> bool:
    neighbours = [values[j] for j in (i - 1, i + 1) if 0 <= j < len(values)]
    return math.isfinite(values[i]) and not any(map(math.isfinite, neighbours))


def _mark_best(ax: Axes, band: CurveBand, metric: str, trial: Series, style: SeriesStyle) -> None:
    """Draws a ring on the mean validation curve at the selected epoch, or else at the best one."""
    if style.index is None or not has_selectable_epochs(trial, [metric]):
        return
    means = {epoch: v for epoch, v in zip(band.epochs, band.mean, strict=True) if math.isfinite(v)}
    if not means:
        return
    epoch = trial.selected
    lower = lower_is_better([trial], metric)
    if epoch is None and lower is not None:
        epoch = (min if lower else max)(means, key=means.__getitem__)
    if epoch is not None and epoch in means:
        _draw_marker(
            ax,
            epoch,
            means[epoch],
            style,
            marker="o",
            markersize=points(4.8),
            markerfacecolor="none",
        )


def _mark_divergence(ax: Axes, metric: str, trial: Series, style: SeriesStyle) -> None:
    """Draws a cross at the last finite point of every seed that diverged."""
    for curve in _seed_curves(trial, metric):
        if last := _last_finite(curve):
            _draw_marker(ax, *last, style, marker="x", markersize=points(4.5))


def _last_finite(curve: Curve) -> tuple[int, float] | None:
    """The last finite point of a curve that ends in NaN or infinity; None for other curves."""
    if math.isfinite(curve.values[-1]):
        return None
    points = [(epoch, value) for epoch, value in curve if math.isfinite(value)]
    return points[-1] if points else None


def _draw_marker(
    ax: Axes, epoch: int, value: float, style: SeriesStyle, **properties: object
) -> None:
    """Marks a point; points outside the axis are marked at its edge."""
    low, high = ax.get_ylim()
    ax.plot(
        [epoch],
        [min(max(value, low), high)],
        color=style.color,
        linestyle="",
        clip_on=False,
        zorder=6,
        **properties,  # type: ignore[arg-type]
    )
