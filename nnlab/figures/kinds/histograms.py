"""`nnlab plot histograms`: the distribution of each layer's weights or gradients over epochs."""

import math
import re
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from nnlab import store
from nnlab.errors import UsageError
from nnlab.figures.draw.animation import evenly_spaced
from nnlab.figures.draw.axis_scales import set_epoch_axis
from nnlab.figures.draw.labels import short_labels, wrap_to_width
from nnlab.figures.draw.layout import (
    available_text_width,
    figure_with_legend,
    freeze_layout,
    panel_grid,
)
from nnlab.figures.draw.legend import LegendEntry
from nnlab.figures.draw.paper import color, current_paper, points
from nnlab.figures.draw.series import Series
from nnlab.figures.draw.style import style_context
from nnlab.figures.draw.symmetric_log import linear_threshold, set_symmetric_log_axis
from nnlab.figures.prepared_figure import PreparedFigure, figure_table
from nnlab.figures.trials import load_trial_curves
from nnlab.io.text import format_count
from nnlab.stats.curve_band import mean_curve

# What is drawn, and its name in `probe/<name>_quantile_25/2`.
QUANTITIES: Final = {"weights": "weight", "gradients": "grad"}
_PANEL_HEIGHT = 1.7  # inches
# How much of the colour a band has; the rest is background. From the widest band to the narrowest.
_BAND_SHARES: Final = (0.14, 0.28, 0.48, 0.75)
_BAND_SHARES_ON_DARK: Final = (0.24, 0.4, 0.6, 0.85)
# Panels share an axis if their central 98 % differ in width by at most this factor.
_MAX_SHARED_RATIO = 5.0
_HALF_EPOCH = 0.4  # half the width of a single epoch


@dataclass(frozen=True, slots=True)
class LayerQuantiles:
    """The quantiles of one layer of one trial: means over seeds [percentage][epoch].

    Epoch 0 is the untrained model. `percentages` are ascending and symmetric around 50.
    """

    trial: str
    layer: int
    epochs: tuple[int, ...]
    percentages: tuple[int, ...]
    quantiles: tuple[tuple[float, ...], ...]

    def at(self, percentage: int) -> tuple[float, ...]:
        """The quantile of every epoch."""
        return self.quantiles[self.percentages.index(percentage)]


def prepare_histograms(
    db: store.Database, words: Sequence[str], *, what: str = "weights", top: int = 1
) -> PreparedFigure:
    """The figure of the quantiles of each layer's weights or gradients, with a panel per layer.

    Args:
        db: the database.
        words: names of studies, or runs by number or name.
        what: `weights` or `gradients`.
        top: the maximal number of trials.

    Raises:
        UnknownName: a word is neither a study nor a run.
        UsageError: no epoch is finished, or no quantiles were stored.
    """
    if what not in QUANTITIES:
        raise UsageError(f"--what {what}: use weights or gradients")
    trials = load_trial_curves(db, words, top=top)
    layers = [layer for trial in trials.series for layer in layer_quantiles_of(trial, what)]
    if not layers:
        raise _not_measured_error(trials.series, what, trials.summary)
    rows = [
        (layer.trial, layer.layer, epoch, percentage, value)
        for layer in layers
        for percentage, values in zip(layer.percentages, layer.quantiles, strict=True)
        for epoch, value in zip(layer.epochs, values, strict=True)
    ]
    table = figure_table(("trial", "layer", "epoch", "percentage", what.removesuffix("s")), rows)
    return PreparedFigure(
        lambda: draw_histograms(layers, what),
        table,
        trials.runs,
        trials.summary,
        (*trials.notes, *_seed_notes(trials.series, what)),
        frames=lambda: draw_histogram_frames(layers, what),
    )


def layer_quantiles_of(trial: Series, what: str) -> list[LayerQuantiles]:
    """The stored quantiles of a trial's layers, as means over its seeds; empty if none are."""
    pattern = re.compile(rf"probe/{QUANTITIES[what]}_quantile_(\d+)/(\d+)")
    measured = {metric for history in trial.histories for metric in history.metrics}
    pairs = {
        (int(match[2]), int(match[1]))
        for metric in measured
        if (match := pattern.fullmatch(metric))
    }
    result = []
    for layer in sorted({layer for layer, _ in pairs}):
        percentages = tuple(sorted(p for number, p in pairs if number == layer))
        curves = [_mean_quantile(trial, what, p, layer) for p in percentages]
        epochs = tuple(sorted(set.intersection(*(set(curve) for curve in curves))))
        quantiles = tuple(tuple(curve[epoch] for epoch in epochs) for curve in curves)
        result.append(LayerQuantiles(trial.label, layer, epochs, percentages, quantiles))
    return result


def _mean_quantile(trial: Series, what: str, percentage: int, layer: int) -> dict[int, float]:
    """The mean over seeds of a quantile by epoch; NaN where no seed has a finite value."""
    name = f"{QUANTITIES[what]}_quantile_{percentage}/{layer}"
    band = mean_curve([c for h in trial.histories if (c := h.get(f"probe/{name}"))])
    means = dict(zip(band.epochs, band.mean, strict=True))
    start = mean_curve([c for h in trial.histories if (c := h.get(f"probe/start_{name}"))])
    return {0: start.mean[0], **means} if len(start) else means


def _seed_notes(series: Sequence[Series], what: str) -> list[str]:
    """Notes on means over seeds, and on diverged seeds, which have no finite quantiles."""
    prefix = f"probe/{QUANTITIES[what]}_quantile_"
    seeds = max(len(trial.histories) for trial in series)
    diverged = sum(
        any(
            not math.isfinite(history[m].values[-1])
            for m in history.metrics
            if m.startswith(prefix)
        )
        for trial in series
        for history in trial.histories
    )
    notes = [f"the quantiles are means over {seeds} seeds"] if seeds > 1 else []
    if diverged:
        count = format_count(diverged, "run")
        notes.append(f"{count} diverged: {what} that are not finite are not drawn")
    return notes


def _not_measured_error(series: Sequence[Series], what: str, summary: str) -> UsageError:
    has_full_probe = any(
        metric.startswith("probe/grad_norm/")
        for trial in series
        for history in trial.histories
        for metric in history.metrics
    )
    if has_full_probe:
        reason = "trained by an earlier version of nnlab, whose --probe full stored no quantiles"
        return UsageError(
            f"no quantiles of the {what} in {summary}: {reason}",
            hint="train again with --probe full; nnlab plot gradients draws the gradient norms",
        )
    return UsageError(
        f"no quantiles of the {what} in {summary}", hint="train with --probe full to store them"
    )


def draw_histograms(layers: Sequence[LayerQuantiles], what: str = "weights") -> Figure:
    """A figure with a panel per layer: nested bands of quantiles, and the median, over epochs."""
    with style_context():

        def draw(axes: Sequence[Axes]) -> None:
            groups = [layers] if _have_similar_widths(layers) else [[layer] for layer in layers]
            limits = {id(layer): group for group in groups for layer in group}
            titles = _panel_titles(layers)
            columns = panel_grid(len(layers))[1]
            for index, (ax, layer) in enumerate(zip(axes, layers, strict=True)):
                _draw_bands(ax, layer)
                _set_scale(ax, limits[id(layer)], is_gradient=what == "gradients")
                ax.set_title(titles[index])
                ax.set_xlabel("Epoch")
                if index % columns == 0:
                    ax.set_ylabel(what.removesuffix("s").capitalize())

        figure = figure_with_legend(
            len(layers), [_legend_entries(layers[0].percentages)], draw, height=_PANEL_HEIGHT
        )
        freeze_layout(figure)
        return figure


def draw_histogram_frames(
    layers: Sequence[LayerQuantiles], what: str = "weights"
) -> Iterator[Figure]:
    """The frames of an animation: per epoch a figure of the histogram of each layer.

    A histogram has a bar between two neighbouring quantiles. Its height is the density relative to
    that of its highest bar.
    """
    epochs = sorted({epoch for layer in layers for epoch in layer.epochs})
    for epoch in evenly_spaced(epochs):
        with style_context():

            def draw(axes: Sequence[Axes], epoch: int = epoch) -> None:
                for index, (ax, layer) in enumerate(zip(axes, layers, strict=True)):
                    _draw_bars(ax, layer, epoch, is_gradient=what == "gradients")
                    ax.set_title(_panel_titles(layers)[index])
                    ax.set_xlabel(what.removesuffix("s").capitalize())

            figure = figure_with_legend(
                len(layers),
                [[LegendEntry(Line2D([], [], linestyle=""), f"epoch {epoch} of {epochs[-1]}")]],
                draw,
                height=_PANEL_HEIGHT,
            )
            freeze_layout(figure)
        yield figure


def _panel_titles(layers: Sequence[LayerQuantiles]) -> list[str]:
    """The layer of each panel, with its trial if there are several."""
    trials = list(dict.fromkeys(layer.trial for layer in layers))
    if len(trials) == 1:
        return [f"Layer {layer.layer}" for layer in layers]
    short = dict(zip(trials, short_labels(trials), strict=True))
    width = 0.9 * available_text_width(panel_grid(len(layers))[1])
    size = current_paper().label_size
    return [
        wrap_to_width(f"{short[layer.trial]}, layer {layer.layer}", width, size) for layer in layers
    ]


def _bands(percentages: Sequence[int]) -> list[tuple[int, int]]:
    """The pairs of percentages of the bands, widest first."""
    lower = [percentage for percentage in percentages if percentage < 50]
    return [(p, 100 - p) for p in lower if 100 - p in percentages]


def _band_colors(count: int) -> list[tuple[float, float, float]]:
    """Opaque colours, because EPS has no transparency: weaker for wider bands."""
    ink, paper = np.array(to_rgb(color(0))), np.array(to_rgb(current_paper().look.background))
    steps = _BAND_SHARES_ON_DARK if current_paper().look.is_dark else _BAND_SHARES
    shares = np.interp(np.linspace(0, 1, count), np.linspace(0, 1, len(steps)), steps)
    mixed = [share * ink + (1 - share) * paper for share in shares]
    return [(float(red), float(green), float(blue)) for red, green, blue in mixed]


def _draw_bands(ax: Axes, layer: LayerQuantiles) -> None:
    single = len(layer.epochs) == 1
    at = [0, 0] if single else range(len(layer.epochs))
    epochs = (
        [layer.epochs[0] - _HALF_EPOCH, layer.epochs[0] + _HALF_EPOCH] if single else layer.epochs
    )
    pairs = _bands(layer.percentages)
    for (low, high), band_color in zip(pairs, _band_colors(len(pairs)), strict=True):
        ax.fill_between(
            epochs,
            [layer.at(low)[i] for i in at],
            [layer.at(high)[i] for i in at],
            facecolor=band_color,
            linewidth=0,
        )
    ax.plot(
        epochs,
        [layer.at(50)[i] for i in at],
        color=current_paper().look.text,
        linewidth=points(0.9),
    )
    set_epoch_axis(ax, layer.epochs[0], layer.epochs[-1])


def _set_scale(ax: Axes, layers: Sequence[LayerQuantiles], *, is_gradient: bool) -> None:
    """Sets an axis that shows all values of the layers; symmetric-logarithmic where needed."""
    values = _finite(layers, layers[0].percentages)
    if not values:
        return
    low, high = min(values), max(values)
    threshold = _linear_threshold(layers) if is_gradient else None
    if threshold is not None:
        set_symmetric_log_axis(ax.yaxis, low, high, threshold)
        return
    margin = 0.05 * (high - low) or 0.05 * abs(high) or 0.05
    ax.set_ylim(low - margin, high + margin)
    ax.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10]))


def _linear_threshold(layers: Sequence[LayerQuantiles]) -> float | None:
    """Up to which gradient a symmetric-logarithmic axis is linear; None for a linear axis."""
    percentages = layers[0].percentages
    return linear_threshold(_finite(layers, percentages), _finite(layers, percentages[2:-2]))


def _have_similar_widths(layers: Sequence[LayerQuantiles]) -> bool:
    """Whether one axis shows all layers: their largest values differ by a small factor."""
    sizes = [max(map(abs, _finite([layer], layer.percentages)), default=0.0) for layer in layers]
    return min(sizes) > 0 and max(sizes) <= _MAX_SHARED_RATIO * min(sizes)


def _finite(layers: Sequence[LayerQuantiles], percentages: Sequence[int]) -> list[float]:
    """The finite quantiles of the layers at some percentages."""
    return [
        value
        for layer in layers
        for percentage in percentages
        for value in layer.at(percentage)
        if math.isfinite(value)
    ]


def _draw_bars(ax: Axes, layer: LayerQuantiles, epoch: int, *, is_gradient: bool) -> None:
    """Draws the histogram of one epoch; the axis is that of all epochs."""
    ax.set_xlim(*_frame_limits(layer, is_gradient=is_gradient))
    ax.xaxis.set_major_locator(MaxNLocator(nbins=3, steps=[1, 2, 5, 10]))
    ax.set_ylim(0, 1.05)
    ax.set_yticks([])
    ax.grid(visible=False)
    if epoch not in layer.epochs:
        return
    index = layer.epochs.index(epoch)
    edges = np.array([values[index] for values in layer.quantiles])
    if not np.isfinite(edges).all():
        ax.text(0.5, 0.5, "not finite", transform=ax.transAxes, ha="center", va="center")
        return
    left, right = ax.get_xlim()
    # Many equal values, such as gradients of 0, have no width.
    density = np.diff(layer.percentages) / np.maximum(np.diff(edges), 1e-3 * (right - left))
    ax.stairs(density / density.max(), edges, fill=True, color=color(0), linewidth=0)


def _frame_limits(layer: LayerQuantiles, *, is_gradient: bool) -> tuple[float, float]:
    """The limits of the axis of a layer's histograms: the central 98 % of its values.

    Gradients are often large in a few epochs, so theirs are the medians over epochs.
    """
    low, high = (_finite([layer], [layer.percentages[i]]) or [0.0] for i in (1, -2))
    ends = (
        (statistics.median(low), statistics.median(high)) if is_gradient else (min(low), max(high))
    )
    margin = 0.15 * (ends[1] - ends[0]) or 0.1
    return ends[0] - margin, ends[1] + margin


def _legend_entries(percentages: Sequence[int]) -> list[LegendEntry]:
    pairs = _bands(percentages)
    entries = [
        LegendEntry(
            Patch(facecolor=band_color, linewidth=0),
            "minimum to maximum" if low == 0 else f"{low} to {high} %",
        )
        for (low, high), band_color in zip(pairs, _band_colors(len(pairs)), strict=True)
    ]
    median = Line2D([], [], color=current_paper().look.text, linewidth=points(0.9))
    return [*entries, LegendEntry(median, "median")]
