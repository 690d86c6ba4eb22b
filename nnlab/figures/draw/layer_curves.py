"""What is inside the layers over epochs: a line a layer, from the first (dark) to the last."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from nnlab.figures.draw.axis_scales import set_epoch_axis, set_value_axis
from nnlab.figures.draw.display_names import quantity_name
from nnlab.figures.draw.labels import short_labels, wrap_to_width
from nnlab.figures.draw.layout import (
    available_text_width,
    figure_with_legend,
    freeze_layout,
    panel_grid,
)
from nnlab.figures.draw.legend import LegendEntry
from nnlab.figures.draw.panel import wrap_axis_label
from nnlab.figures.draw.paper import current_paper, points
from nnlab.figures.draw.style import marker, style_context

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


def layers(panels: Sequence[LayerCurves]) -> Figure:
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
