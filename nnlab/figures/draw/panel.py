"""One panel: the curves of one quantity of all trials, and the marks on them."""

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
from nnlab.figures.draw.series import Series, median_onset, median_plateau_onset
from nnlab.figures.draw.series_style import SeriesStyle, curve_label
from nnlab.figures.draw.style import DASHES, OVERFITTING_LINE, PLATEAU_LINE
from nnlab.records import Curve, direction_of
from nnlab.stats.class_predictions import wilson
from nnlab.stats.curve_band import BandKind, CurveBand, mean_curve

_MARKERS_PER_CURVE = 6
MAX_TRIALS_WITH_TRAINING_BANDS = 2  # trials; more bands lie over each other
BAND_ALPHA = 0.18  # opacity of a band
_CURVE_ZORDER = 3  # zorder of the last trial; the first lies on top


@dataclass(frozen=True, slots=True)
class CurveOptions:
    """How curves are drawn: see `nnlab.figures.draw.curves.curves`."""

    loss: str | None = None
    spread: BandKind | None = BandKind.INTERVAL
    log: bool | None = None


def draw_panel(
    ax: Axes,
    series: Sequence[Series],
    looks: Sequence[SeriesStyle],
    metrics: Sequence[str],
    drawing: CurveOptions,
) -> None:
    """Draws `metrics`, all of one quantity, of every trial; the first trials lie on top."""
    all_bands = _mean_bands(series, metrics, drawing.spread, log_axis=drawing.log is True)
    bands = [(rank, metric, band) for rank, metric, band in all_bands if len(band)]
    for rank, metric, band in bands:
        if drawing.spread is None and looks[rank].index is not None:
            _draw_seeds(ax, _seed_curves(series[rank], metric), metric, looks[rank])
        _draw_band(
            ax,
            downsample_band(band),
            metric,
            looks[rank],
            _CURVE_ZORDER + 1 - rank / (len(series) + 1),
            shaded=drawing.spread is not None and is_band_shaded(metric, metrics, len(series)),
        )
        if (examples := validation_sample_size(series, metric)) is not None:
            _draw_sampling_error(ax, downsample_band(band), examples, looks[rank])
    # The view is that of what is drawn: seeds where they are shaded or thin lines, else their mean.
    # An interval of a few seeds that disagree may leave it.
    shown = [
        values
        for rank, metric, band in bands
        for values in (
            [curve.values for curve in _seed_curves(series[rank], metric)]
            if drawing.spread is None or is_band_shaded(metric, metrics, len(series))
            else [band.mean]
        )
    ]
    finite = [value for values in shown for value in values if math.isfinite(value)]
    starts = [next(filter(math.isfinite, band.mean), 0.0) for _, _, band in bands]
    quantity = quantity_of(metrics[0])
    log = quantity in ("loss", "lr") if drawing.log is None else drawing.log
    lower = direction_of(metrics[0]) == "min"
    settled = [
        worst
        for values in shown
        if (worst := worst_after_transient(values, lower=lower)) is not None
    ]
    always = drawing.log is True
    set_value_axis(ax, finite, starts, log=log, always=always, lower=lower, settled=settled)
    epochs = [band.epochs[i] for _, _, band in bands for i in (0, -1)] or [1]
    set_epoch_axis(ax, min(epochs), max(epochs))
    for rank, metric, band in bands:
        _mark_best(ax, band, metric, series[rank], looks[rank])
        _mark_divergence(ax, metric, series[rank], looks[rank])
    for one, look in zip(series, looks, strict=True):
        # Only beside the loss: the finding is about it, and accuracy may well still improve.
        if quantity == "loss" and look.index is not None:
            for onset, style in (
                (median_onset(one), OVERFITTING_LINE),
                (median_plateau_onset(one), PLATEAU_LINE),
            ):
                if onset is not None:
                    ax.axvline(
                        onset, color=look.color, linewidth=points(0.8), linestyle=style, zorder=2
                    )
    if not finite:
        show_empty_message(ax, "no finite value" if bands else "nothing measured")
    ax.set_xlabel("Epoch")
    loss = drawing.loss
    name = metric_name(metrics[0], loss) if len(metrics) == 1 else quantity_name(quantity, loss)
    ax.set_ylabel(wrap_axis_label(name))


def is_band_shaded(metric: str, metrics: Sequence[str], trials: int) -> bool:
    """Whether the seeds of a metric are shaded: of many trials only those of validation."""
    alone = split_of(metric) != "train" or all(split_of(other) == "train" for other in metrics)
    return alone or trials <= MAX_TRIALS_WITH_TRAINING_BANDS


def show_empty_message(ax: Axes, why: str) -> None:
    """Says in an empty panel why it is."""
    ax.grid(visible=False)
    ax.set_yticks([])
    ax.text(0.5, 0.5, why, transform=ax.transAxes, ha="center", va="center")


def has_diverged(one: Series, metrics: Sequence[str]) -> bool:
    """True when a seed of the trial ended in NaN or infinity after it had finite values."""
    return any(_last_finite(curve) for metric in metrics for curve in _seed_curves(one, metric))


def has_selectable_epochs(one: Series, metrics: Sequence[str]) -> bool:
    """True when one of its validation curves has epochs to choose from."""
    return any(
        len(curve) > 1
        for metric in metrics
        if split_of(metric) == "val"
        for curve in _seed_curves(one, metric)
    )


def validation_sample_size(series: Sequence[Series], metric: str) -> float | None:
    """How many examples validate, where the sampling error of an accuracy can be drawn.

    Of one run alone: over several seeds their range is drawn, and for several trials there is no
    room.
    """
    if metric != "val/accuracy" or len(series) != 1 or len(series[0].histories) != 1:
        return None
    curve = series[0].histories[0].get("data/val")
    return curve.values[0] if curve and curve.values[0] > 0 else None


def _mean_bands(
    series: Sequence[Series], metrics: Sequence[str], spread: BandKind | None, *, log_axis: bool
) -> Iterator[tuple[int, str, CurveBand]]:
    for rank, one in enumerate(series):
        for metric in metrics:
            curves = _seed_curves(one, metric)
            yield rank, metric, mean_curve(curves, spread or BandKind.RANGE, log_axis=log_axis)


def _seed_curves(one: Series, metric: str) -> list[Curve]:
    return [curve for history in one.histories if (curve := history.get(metric))]


def _draw_band(
    ax: Axes, band: CurveBand, metric: str, look: SeriesStyle, height: float, *, shaded: bool
) -> None:
    named, training = look.index is not None, split_of(metric) == "train"
    width = points(0.6 if not named else 0.9 if training else 1.3)
    sign = "" if training else look.marker
    step = max(1, len(band) // _MARKERS_PER_CURVE)
    ax.plot(
        band.epochs,
        band.mean,
        color=look.color,
        linewidth=width,
        linestyle=DASHES[split_of(metric) or "val"],
        marker=sign or None,
        markersize=points(2.8),
        markevery=((look.index or 0) * max(1, step // 4) % step, step),
        alpha=1.0 if named else 0.55,
        zorder=height if named else 2.5,
        label=curve_label(look.index) if look.index is not None else None,
    )
    alone = [i for i in range(len(band)) if _is_isolated(band.mean, i)]
    ax.plot(  # a line needs two neighbours: a single point between gaps would not be seen
        [band.epochs[i] for i in alone],
        [band.mean[i] for i in alone],
        color=look.color,
        linestyle="",
        marker="_" if training else look.marker or "o",
        zorder=height,
    )
    if named and shaded and max(band.n) > 1:
        ax.fill_between(
            band.epochs,
            band.low,
            band.high,
            facecolor=look.color,
            alpha=BAND_ALPHA,
            zorder=2,
            linewidth=0,
        )
        for edge in (band.low, band.high):
            ax.plot(
                band.epochs, edge, color=look.color, alpha=0.45, linewidth=points(0.35), zorder=2.1
            )
        for i in alone:
            ax.vlines(
                band.epochs[i], band.low[i], band.high[i], color=look.color, linewidth=points(0.8)
            )


def _draw_seeds(ax: Axes, curves: Sequence[Curve], metric: str, look: SeriesStyle) -> None:
    """Every seed as a thin line, under the mean of them all."""
    if len(curves) == 1:
        return
    for curve in curves:
        band = downsample_band(mean_curve([curve]))
        ax.plot(
            band.epochs,
            band.mean,
            color=look.color,
            linewidth=points(0.5),
            linestyle=DASHES[split_of(metric) or "val"],
            alpha=0.45,
            zorder=2.2,
        )


def _draw_sampling_error(ax: Axes, band: CurveBand, examples: float, look: SeriesStyle) -> None:
    """The 68 % interval of an accuracy that was measured on so few examples."""
    bounds = [_one_sigma_interval(share, examples) for share in band.mean]
    ax.fill_between(
        band.epochs,
        [low for low, _ in bounds],
        [high for _, high in bounds],
        color=look.color,
        alpha=BAND_ALPHA,
        linewidth=0,
        zorder=2,
    )


def _one_sigma_interval(share: float, examples: float) -> tuple[float, float]:
    if not 0 <= share <= 1:
        return math.nan, math.nan
    return wilson(share, examples, z=1.0)


def _is_isolated(values: Sequence[float], i: int) -> bool:
    near = [values[j] for j in (i - 1, i + 1) if 0 <= j < len(values)]
    return math.isfinite(values[i]) and not any(map(math.isfinite, near))


def _mark_best(ax: Axes, band: CurveBand, metric: str, one: Series, look: SeriesStyle) -> None:
    """A ring on the mean validation curve, at the selected epoch or else at its best."""
    if look.index is None or not has_selectable_epochs(one, [metric]):
        return
    at = {epoch: v for epoch, v in zip(band.epochs, band.mean, strict=True) if math.isfinite(v)}
    if not at:
        return
    best = min if direction_of(metric) == "min" else max
    epoch = best(at, key=at.__getitem__) if one.selected is None else one.selected
    if epoch in at:
        _draw_marker(
            ax, epoch, at[epoch], look, marker="o", markersize=points(4.8), markerfacecolor="none"
        )


def _mark_divergence(ax: Axes, metric: str, one: Series, look: SeriesStyle) -> None:
    """A cross at the last finite point of every seed that ended without one."""
    for curve in _seed_curves(one, metric):
        if last := _last_finite(curve):
            _draw_marker(ax, *last, look, marker="x", markersize=points(4.5))


def _last_finite(curve: Curve) -> tuple[int, float] | None:
    """The last finite point of a curve that ends in NaN or infinity; else None."""
    if math.isfinite(curve.values[-1]):
        return None
    points = [(epoch, value) for epoch, value in curve if math.isfinite(value)]
    return points[-1] if points else None


def _draw_marker(
    ax: Axes, epoch: int, value: float, look: SeriesStyle, **properties: object
) -> None:
    """Marks a point; one above or below the view is marked at its edge."""
    low, high = ax.get_ylim()
    ax.plot(
        [epoch],
        [min(max(value, low), high)],
        color=look.color,
        linestyle="",
        clip_on=False,
        zorder=6,
        **properties,  # type: ignore[arg-type]
    )
