"""`nnlab plot activations` and `gradients`: what the probe measured in each layer over epochs."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from nnlab import store
from nnlab.errors import UsageError
from nnlab.figures.draw.animation import reveal_epochs
from nnlab.figures.draw.axis_exits import exit_text, find_exit
from nnlab.figures.draw.axis_range import (
    LOG_FROM_DECADES,
    AxisRange,
    robust_axis_range,
    worst_after_transient,
)
from nnlab.figures.draw.axis_scales import apply_axis_range, set_epoch_axis
from nnlab.figures.draw.display_names import quantity_name
from nnlab.figures.draw.edge_labels import EdgeLabel, label_bottom, label_top
from nnlab.figures.draw.labels import short_labels, wrap_axis_label, wrap_to_width
from nnlab.figures.draw.layout import (
    available_text_width,
    figure_with_legend,
    freeze_layout,
    panel_columns,
    panel_height,
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
_SHARES = ("dead", "saturated", "zeros")
_MAX_GAP = 4.0  # decades between layers on one axis
_MAX_EXITS = 4  # that are marked in a panel
_PANEL_HEIGHT = 1.9
_MAX_NAMED = 8
# The parts of the colormap that contrast with the background.
_ON_WHITE, _ON_DARK = (0.0, 0.7), (0.45, 1.0)


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

    return PreparedFigure(draw, table, trials.runs, trials.summary, trials.notes, frames=frames)


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
    """A figure with a panel per statistic and trial; panels of one statistic have the same axis.

    The axis of a share reaches from 0 to 1. Other positive values that span decades get a
    logarithmic axis. Lines that leave the axis are marked with an arrow and a word.
    """
    with style_context():
        numbers = sorted({number for panel in panels for number in panel.curves})
        count = max(1, len(panels))
        statistics = len(dict.fromkeys(panel.quantity for panel in panels))
        columns = panel_columns(count, statistics)
        available_width = available_text_width(columns)
        titles = list(dict.fromkeys(panel.title for panel in panels))
        short_titles = dict(zip(titles, short_labels(titles), strict=True))
        ranges = {
            quantity: _range_of(quantity, [p for p in panels if p.quantity == quantity])
            for quantity in dict.fromkeys(panel.quantity for panel in panels)
        }
        panel_axes: list[Axes] = []

        def draw(axes: Sequence[Axes]) -> None:
            panel_axes.extend(axes)
            for index, (ax, panel) in enumerate(zip(axes, panels, strict=False)):
                _draw_panel(ax, panel, numbers, ranges[panel.quantity])
                if index + columns < len(panels):
                    ax.set_xlabel("")
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
            count,
            [_legend_entries(numbers)],
            draw,
            height=min(_PANEL_HEIGHT, panel_height(count)),
            columns=columns,
        )
        figure.draw_without_rendering()  # the labels depend on the width of the panels
        for ax, panel in zip(panel_axes, panels, strict=False):
            _label_exits(figure, ax, panel, numbers)
        freeze_layout(figure)
        return figure


def _range_of(quantity: str, panels: Sequence[LayerCurves]) -> AxisRange | None:
    """The range of one statistic in all panels; None without a finite value.

    A logarithmic axis leaves out zeros, and the layers that are decades away from most others.
    """
    lines = [values for panel in panels for _, values in panel.curves.values()]
    finite = [value for values in lines for value in values if math.isfinite(value)]
    if not finite:
        return None
    if quantity.rpartition("/")[2] in _SHARES and min(finite) >= 0 and max(finite) <= 1:
        return AxisRange(0.0, 1.0, log=False)
    positive = [[value for value in values if 0 < value < math.inf] for values in lines]
    exponents = [list(map(math.log10, values)) for values in positive if values]
    if exponents and min(finite) >= 0:
        top = _end_without_outliers([max(values) for values in exponents])
        bottom = -_end_without_outliers([-min(values) for values in exponents])
        low, high = (
            end([value for values in exponents for value in values if bottom <= value <= top])
            for end in (min, max)
        )
        if high - low > LOG_FROM_DECADES:
            return AxisRange(10**low, 10**high, log=True)
    settled = (worst_after_transient(values) for values in lines)
    return robust_axis_range(
        finite,
        [next(filter(math.isfinite, values), 0.0) for values in lines],
        log=False,
        settled=[value for value in settled if value is not None],
    )


def _end_without_outliers(ends: Sequence[float]) -> float:
    """The largest of the ends, without up to half of them if a wide gap is below these."""
    ordered = sorted(ends)
    for i in range(-(-len(ordered) // 2), len(ordered)):
        if ordered[i] - ordered[i - 1] > _MAX_GAP:
            return ordered[i - 1] + 1e-9
    return ordered[-1] + 1e-9


def _label_exits(figure: Figure, ax: Axes, panel: LayerCurves, numbers: Sequence[int]) -> None:
    """Marks the layers whose lines leave the axis with an arrow and a word."""
    low, high = ax.get_ylim()
    top: list[EdgeLabel] = []
    bottom: list[EdgeLabel] = []
    for number, (epochs, values) in sorted(panel.curves.items()):
        line = zip(epochs, values, strict=True)
        end = find_exit(line, low, high, log=ax.get_yscale() == "log")
        if end is not None:
            color = to_hex(_layer_color(number, numbers))
            label = EdgeLabel(end.x, exit_text(end, 0, 1), color, arrow=True)
            (top if end.upward else bottom).append(label)
    label_bottom(figure, ax, bottom[:_MAX_EXITS])
    height = label_top(figure, ax, top[:_MAX_EXITS])
    if ax.get_title() and height:
        ax.set_title(ax.get_title(), pad=height + points(4.0))


def _layer_color(number: int, numbers: Sequence[int]) -> tuple[float, float, float, float]:
    """A colour from the first to the last layer that contrasts with the background."""
    paper = current_paper()
    name = "gray" if paper.palette == "grey" else "viridis"
    first, last = _ON_DARK if paper.style == "dark" else _ON_WHITE
    position = numbers.index(number) / max(len(numbers) - 1, 1)
    return colormaps[name](first + (last - first) * position)


def _draw_panel(
    ax: Axes, panel: LayerCurves, numbers: Sequence[int], axis_range: AxisRange | None
) -> None:
    if axis_range is None:
        ax.set_yticks([])
    else:
        apply_axis_range(ax, axis_range)
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
