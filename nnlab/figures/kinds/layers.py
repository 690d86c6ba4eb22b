"""`nnlab plot activations` and `gradients`: what the probe saw in each layer. // What is inside the layers over epochs: a line a layer, from the first (dark) to the last."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from nnlab import store
from nnlab.errors import UsageError
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
from nnlab.figures.prepared_figure import PreparedFigure, numbers
from nnlab.figures.trials import load_trial_curves
from nnlab.stats.curve_band import mean_curve

_ACTIVATION_METRICS = ("activation_sd", "dead", "saturated", "zeros", "activation_mean")
_GRADIENT_METRICS = ("grad_norm", "update_ratio")
# Of each layer the epochs and the means over seeds.
_LayerMeans = dict[int, tuple[tuple[int, ...], tuple[float, ...]]]
_PANEL_HEIGHT = 1.9
_MAX_NAMED = 8
_COLORMAP = "viridis"
_DARKEST, _LIGHTEST = 0.0, 0.85  # of the colour ramp; its end is too pale for a line


@dataclass(frozen=True, slots=True)
class LayerCurves:
    """One statistic of one trial: of each layer, counted from 1, its means over the seeds."""

    title: str
    quantity: str
    curves: Mapping[int, tuple[Sequence[int], Sequence[float]]]


def prepare_activations(
    db: store.Database, words: Sequence[str], *, what: Sequence[str] = (), top: int = 2
) -> PreparedFigure:
    """What the layers put out: sd and dead or saturated units, a line a layer.

    Raises:
        UnknownName: a word is neither a study nor a run.
        UsageError: nothing was trained there, or no probe measured it.
    """
    chosen = tuple(what) or _ACTIVATION_METRICS[:3]
    return _layer_figure(db, words, chosen, top, "train with --probe light (the default) or full")


def prepare_gradients(
    db: store.Database, words: Sequence[str], *, what: Sequence[str] = (), top: int = 2
) -> PreparedFigure:
    """Gradient norms and sizes of updates, a line a layer of weights.

    Raises:
        UnknownName: a word is neither a study nor a run.
        UsageError: nothing was trained there, or no probe measured it.
    """
    return _layer_figure(
        db, words, tuple(what) or _GRADIENT_METRICS, top, "train with --probe full"
    )


def _layer_figure(
    db: store.Database, words: Sequence[str], what: Sequence[str], top: int, hint: str
) -> PreparedFigure:
    trials = load_trial_curves(db, words, top=top)
    panels = [
        (one.label, f"probe/{name}", curves)
        for one in trials.series
        for name in what
        if (curves := _layer_means(one, f"probe/{name}"))
    ]
    if not panels:
        raise UsageError(f"no {', '.join(what)} was measured of {trials.told}", hint=hint)

    def draw() -> Figure:
        return draw_layers([LayerCurves(*panel) for panel in panels])

    rows = [
        (title, quantity, layer, epoch, value)
        for title, quantity, curves in panels
        for layer, (epochs, values) in sorted(curves.items())
        for epoch, value in zip(epochs, values, strict=True)
    ]
    table = numbers(("trial", "metric", "layer", "epoch", "mean"), rows)
    return PreparedFigure(draw, table, trials.runs, trials.told, trials.notes)


def _layer_means(one: Series, quantity: str) -> _LayerMeans:
    measured = {m for history in one.histories for m in history.metrics}
    found: _LayerMeans = {}
    for metric in measured:
        head, _, layer = metric.rpartition("/")
        if head == quantity and layer.isdigit():
            band = mean_curve([c for h in one.histories if (c := h.get(metric))])
            found[int(layer)] = (band.epochs, band.mean)
    return found


def draw_layers(panels: Sequence[LayerCurves]) -> Figure:
    """Draws a panel for each statistic; values of many decades get a logarithmic axis."""
    with style_context():
        numbers = sorted({number for panel in panels for number in panel.curves})
        room = available_text_width(panel_grid(max(1, len(panels)))[1])
        once = list(dict.fromkeys(one.title for one in panels))
        short = dict(zip(once, short_labels(once), strict=True))

        def draw(axes: Sequence[Axes]) -> None:
            for ax, panel in zip(axes, panels, strict=False):
                _draw_panel(ax, panel, numbers)
                if len(once) > 1:
                    ax.set_title(
                        wrap_to_width(short[panel.title], 0.9 * room, current_paper().label_size, 1)
                    )

        figure = figure_with_legend(
            max(1, len(panels)), [_legend_entries(numbers)], draw, height=_PANEL_HEIGHT
        )
        freeze_layout(figure)
        return figure


def _layer_color(number: int, numbers: Sequence[int]) -> tuple[float, float, float, float]:
    share = numbers.index(number) / max(len(numbers) - 1, 1)
    if current_paper().style == "dark":
        share = 1 - share
    return colormaps[_COLORMAP](_DARKEST + (_LIGHTEST - _DARKEST) * share)


def _draw_panel(ax: Axes, panel: LayerCurves, numbers: Sequence[int]) -> None:
    values = [v for _, heights in panel.curves.values() for v in heights if math.isfinite(v)]
    positive = [value for value in values if value > 0]
    log = len(positive) == len(values)
    set_value_axis(ax, values, values[:1], log=log)
    epochs = [epoch for at, _ in panel.curves.values() for epoch in (at[0], at[-1])] or [1]
    set_epoch_axis(ax, min(epochs), max(epochs))
    for place, (number, (at, heights)) in enumerate(sorted(panel.curves.items())):
        apart = max(1, len(at) // 5)
        ax.plot(
            at,
            heights,
            color=_layer_color(number, numbers),
            linewidth=points(1.1),
            marker=marker(numbers.index(number)) if len(numbers) <= _MAX_NAMED else None,
            markersize=points(2.6),
            markevery=(place % apart, apart),
        )
    ax.set_xlabel("Epoch")
    ax.set_ylabel(wrap_axis_label(quantity_name(panel.quantity)))


def _legend_entries(numbers: Sequence[int]) -> list[LegendEntry]:
    """Every layer, of deep models some."""
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
