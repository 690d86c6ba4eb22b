"""`nnlab plot activations` and `gradients`: what the probe measured in each layer over epochs."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from nnlab import store
from nnlab.errors import UsageError
from nnlab.figures.draw.animation import reveal_epochs
from nnlab.figures.draw.axis_scales import set_epoch_axis, set_value_axis
from nnlab.figures.draw.display_names import quantity_name
from nnlab.figures.draw.labels import short_labels, wrap_axis_label, wrap_to_width
from nnlab.figures.draw.layout import (
    available_text_width,
    figure_with_legend,
    freeze_layout,
    panel_grid,
)
from nnlab.figures.draw.legend import LegendEntry
from nnlab.figures.draw.paper import current_paper, points
from nnlab.figures.draw.series import Series
from nnlab.figures.draw.style import marker, style_context
from nnlab.figures.prepared_figure import PreparedFigure, figure_table
from nnlab.figures.trials import load_trial_curves
from nnlab.stats.curve_band import mean_curve

_ACTIVATION_METRICS = ("activation_sd", "dead", "saturated", "zeros", "activation_mean")
_GRADIENT_METRICS = ("grad_norm", "update_ratio")
# By layer, counted from 1: the epochs, and the means over seeds.
_LayerMeans = dict[int, tuple[tuple[int, ...], tuple[float, ...]]]
_PANEL_HEIGHT = 1.9
_MAX_NAMED = 8
_COLORMAP = "viridis"
# The part of the colormap that is used: its end is too pale for a line on white, its beginning too
# dark for one on a dark background.
_DARKEST, _LIGHTEST = 0.0, 0.85
_DARKEST_ON_DARK, _LIGHTEST_ON_DARK = 0.35, 1.0


@dataclass(frozen=True, slots=True)
class LayerCurves:
    """One statistic of one trial: epochs and means over seeds, by layer (counted from 1)."""

    title: str
    quantity: str
    curves: Mapping[int, tuple[Sequence[int], Sequence[float]]]


def prepare_activations(
    db: store.Database, words: Sequence[str], *, what: Sequence[str] = (), top: int = 2
) -> PreparedFigure:
    """The figure of the layers' outputs: sd, dead units, saturated units, with a line per layer.

    `what` names other statistics of the probe.

    Raises:
        UnknownName: a word is neither a study nor a run.
        UsageError: no epoch is finished, or no probe measured these statistics.
    """
    statistics = tuple(what) or _ACTIVATION_METRICS[:3]
    return _layer_figure(
        db, words, statistics, top, "train with --probe light (the default) or full"
    )


def prepare_gradients(
    db: store.Database, words: Sequence[str], *, what: Sequence[str] = (), top: int = 2
) -> PreparedFigure:
    """The figure of gradient norms and relative sizes of updates, with a line per weight layer.

    `what` names other statistics of the probe.

    Raises:
        UnknownName: a word is neither a study nor a run.
        UsageError: no epoch is finished, or no probe measured these statistics.
    """
    return _layer_figure(
        db, words, tuple(what) or _GRADIENT_METRICS, top, "train with --probe full"
    )


def _layer_figure(
    db: store.Database, words: Sequence[str], what: Sequence[str], top: int, hint: str
) -> PreparedFigure:
    trials = load_trial_curves(db, words, top=top)
    panels = [
        (trial.label, f"probe/{name}", curves)
        for trial in trials.series
        for name in what
        if (curves := _layer_means(trial, f"probe/{name}"))
    ]
    if not panels:
        raise UsageError(f"{', '.join(what)} not measured in {trials.summary}", hint=hint)

    def draw() -> Figure:
        return draw_layers([LayerCurves(*panel) for panel in panels])

    rows = [
        (title, quantity, layer, epoch, value)
        for title, quantity, curves in panels
        for layer, (epochs, values) in sorted(curves.items())
        for epoch, value in zip(epochs, values, strict=True)
    ]
    table = figure_table(("trial", "metric", "layer", "epoch", "mean"), rows)
    epochs = sorted({epoch for _, _, curves in panels for e, _ in curves.values() for epoch in e})

    def frames() -> Iterator[Figure]:
        return reveal_epochs(draw(), epochs)

    return PreparedFigure(draw, table, trials.runs, trials.summary, trials.notes, frames)


def _layer_means(trial: Series, quantity: str) -> _LayerMeans:
    measured = {m for history in trial.histories for m in history.metrics}
    means: _LayerMeans = {}
    for metric in measured:
        head, _, layer = metric.rpartition("/")
        if head == quantity and layer.isdigit():
            band = mean_curve([c for h in trial.histories if (c := h.get(metric))])
            means[int(layer)] = (band.epochs, band.mean)
    return means


def draw_layers(panels: Sequence[LayerCurves]) -> Figure:
    """A figure with a panel per statistic; values that span decades get a logarithmic axis."""
    with style_context():
        numbers = sorted({number for panel in panels for number in panel.curves})
        available_width = available_text_width(panel_grid(max(1, len(panels)))[1])
        titles = list(dict.fromkeys(panel.title for panel in panels))
        short_titles = dict(zip(titles, short_labels(titles), strict=True))

        def draw(axes: Sequence[Axes]) -> None:
            for ax, panel in zip(axes, panels, strict=False):
                _draw_panel(ax, panel, numbers)
                if len(titles) > 1:
                    ax.set_title(
                        wrap_to_width(
                            short_titles[panel.title],
                            0.9 * available_width,
                            current_paper().label_size,
                            1,
                        )
                    )

        figure = figure_with_legend(
            max(1, len(panels)), [_legend_entries(numbers)], draw, height=_PANEL_HEIGHT
        )
        freeze_layout(figure)
        return figure


def _layer_color(number: int, numbers: Sequence[int]) -> tuple[float, float, float, float]:
    position = numbers.index(number) / max(len(numbers) - 1, 1)
    if current_paper().look.is_dark:
        return colormaps[_COLORMAP](
            _LIGHTEST_ON_DARK + (_DARKEST_ON_DARK - _LIGHTEST_ON_DARK) * position
        )
    return colormaps[_COLORMAP](_DARKEST + (_LIGHTEST - _DARKEST) * position)


def _draw_panel(ax: Axes, panel: LayerCurves, numbers: Sequence[int]) -> None:
    values = [v for _, heights in panel.curves.values() for v in heights if math.isfinite(v)]
    positive = [value for value in values if value > 0]
    log = len(positive) == len(values)
    set_value_axis(ax, values, values[:1], log=log)
    limits = [epoch for epochs, _ in panel.curves.values() for epoch in (epochs[0], epochs[-1])]
    limits = limits or [1]
    set_epoch_axis(ax, min(limits), max(limits))
    for index, (number, (epochs, heights)) in enumerate(sorted(panel.curves.items())):
        spacing = max(1, len(epochs) // 5)
        ax.plot(
            epochs,
            heights,
            color=_layer_color(number, numbers),
            linewidth=points(1.1),
            marker=marker(numbers.index(number)) if len(numbers) <= _MAX_NAMED else None,
            markersize=points(2.6),
            markevery=(index % spacing, spacing),
        )
    ax.set_xlabel("Epoch")
    ax.set_ylabel(wrap_axis_label(quantity_name(panel.quantity)))


def _legend_entries(numbers: Sequence[int]) -> list[LegendEntry]:
    """An entry for each layer; models with many layers get some, evenly spaced."""
    if len(numbers) <= _MAX_NAMED:
        shown = list(numbers)
    else:
        step = (len(numbers) - 1) / (_MAX_NAMED - 1)
        shown = [numbers[round(i * step)] for i in range(_MAX_NAMED)]
    return [
        LegendEntry(
            Line2D(
                [],
                [],
                color=_layer_color(number, numbers),
                marker=marker(numbers.index(number)) if len(numbers) <= _MAX_NAMED else None,
            ),
            f"layer {number}",
        )
        for number in shown
    ]
