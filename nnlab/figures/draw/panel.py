"""A panel with the curves of one quantity of all trials, with bands, best epochs and onsets."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes

from nnlab.figures.draw.axis_scales import apply_axis_range, set_epoch_axis
from nnlab.figures.draw.curve_marks import draw_onsets, mark_best, mark_divergence
from nnlab.figures.draw.display_names import metric_name, quantity_name, quantity_of, split_of
from nnlab.figures.draw.downsample import downsample_band
from nnlab.figures.draw.labels import wrap_axis_label
from nnlab.figures.draw.panel_curves import PanelCurve, PanelCurves, collect_panel, seed_curves
from nnlab.figures.draw.paper import points
from nnlab.figures.draw.series import Series, axis_label
from nnlab.figures.draw.series_style import SeriesStyle, curve_label
from nnlab.figures.draw.style import DASHES
from nnlab.records import Curve
from nnlab.stats.class_predictions import wilson
from nnlab.stats.curve_band import BandKind, CurveBand, mean_curve

_MARKERS_PER_CURVE = 6
MAX_TRIALS_WITH_TRAINING_LINES = 4  # training curves of more trials are thin and light
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
) -> PanelCurves:
    """Draws `metrics`, all of one quantity, of every trial; the first trial is on top.

    Returns the curves that were drawn, for `label_panel`.
    """
    panel = collect_panel(series, metrics, options.spread, options.log)
    for curve in panel.curves:
        style = styles[curve.rank]
        if options.spread is None and style.index is not None:
            _draw_seeds(ax, seed_curves(series[curve.rank], curve.metric), panel, style)
        _draw_band(ax, curve, style, len(series))
        if (examples := validation_sample_size(series, curve.metric)) is not None:
            _draw_sampling_error(ax, downsample_band(curve.band), examples, style)
    if panel.axis_range is None:
        ax.set_yticks([])
    else:
        apply_axis_range(ax, panel.axis_range)
    epochs = [curve.band.epochs[i] for curve in panel.curves for i in (0, -1)] or [1]
    set_epoch_axis(ax, min(epochs), max(epochs))
    for curve in panel.curves:
        mark_best(ax, curve, panel, series[curve.rank], styles[curve.rank])
        mark_divergence(ax, curve, panel, series[curve.rank], styles[curve.rank])
    quantity = quantity_of(metrics[0])
    if quantity == "loss":
        draw_onsets(ax, series, styles)
    if panel.axis_range is None:
        show_empty_message(ax, "no finite value" if panel.curves else "nothing measured")
    ax.set_xlabel(axis_label(series))
    loss = options.loss
    name = metric_name(metrics[0], loss) if len(metrics) == 1 else quantity_name(quantity, loss)
    ax.set_ylabel(wrap_axis_label(name))
    return panel


def show_empty_message(ax: Axes, reason: str) -> None:
    """Writes the reason into a panel without curves."""
    ax.grid(visible=False)
    ax.set_yticks([])
    ax.text(0.5, 0.5, reason, transform=ax.transAxes, ha="center", va="center")


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


def _draw_band(ax: Axes, curve: PanelCurve, style: SeriesStyle, trials: int) -> None:
    band, zorder = downsample_band(curve.band), _CURVE_ZORDER + 1 - curve.rank / (trials + 1)
    is_named, is_training = style.index is not None, split_of(curve.metric) == "train"
    is_thin = is_training and trials > MAX_TRIALS_WITH_TRAINING_LINES
    width = points(0.6 if not is_named or is_thin else 0.9 if is_training else 1.3)
    symbol = "" if is_training else style.marker
    step = max(1, len(band) // _MARKERS_PER_CURVE)
    ax.plot(
        band.epochs,
        band.mean,
        color=style.color,
        linewidth=width,
        linestyle=DASHES[split_of(curve.metric) or "val"],
        marker=symbol or None,
        markersize=points(2.8),
        markevery=((style.index or 0) * max(1, step // 4) % step, step),
        alpha=1.0 if is_named and not is_thin else 0.55,
        zorder=2.4 if is_thin else zorder if is_named else 2.5,
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
    if is_named and curve.shaded and max(band.n) > 1:
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


def _draw_seeds(ax: Axes, curves: Sequence[Curve], panel: PanelCurves, style: SeriesStyle) -> None:
    """Draws every seed as a thin line below the mean."""
    if len(curves) == 1:
        return
    for curve in curves:
        band = downsample_band(mean_curve([curve], log_axis=panel.is_log))
        ax.plot(
            band.epochs,
            band.mean,
            color=style.color,
            linewidth=points(0.5),
            linestyle=DASHES[split_of(curve.metric) or "val"],
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
