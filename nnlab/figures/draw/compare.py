"""Two trials side by side: their curves, and the difference of every seed."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nnlab.figures.draw.curves import series_legend_entries, series_styles
from nnlab.figures.draw.labels import wrap_to_width
from nnlab.figures.draw.layout import (
    available_text_width,
    figure_with_legend,
    freeze_layout,
    panel_grid,
)
from nnlab.figures.draw.panel import CurveOptions, draw_panel
from nnlab.figures.draw.paper import color, current_paper, points
from nnlab.figures.draw.series import Series
from nnlab.figures.draw.style import REFERENCE_DASHES, style_context


def draw_comparison(
    series: Sequence[Series],
    metric: str,
    differences: Sequence[tuple[str, float]],
    interval: tuple[float, float] | None,
    verdict: str,
    loss: str | None = None,
) -> Figure:
    """Draws two trials.

    Args:
        series: two, the better one first.
        metric: whose curves are drawn.
        differences: of each shared seed its name, and how much better the first trial was.
        interval: of their mean.
        verdict: a line above the differences.
        loss: the name of the loss in the catalogue, if known.
    """
    with style_context():

        def draw(axes: Sequence[Axes]) -> None:
            draw_panel(axes[0], series, series_styles(series), [metric], CurveOptions(loss))
            _draw_differences(axes[1], differences, interval)
            room = available_text_width(panel_grid(2)[1])
            axes[1].set_title(wrap_to_width(verdict, room, current_paper().label_size, 3))
            axes[1].set_xlabel(
                wrap_to_width(axes[1].get_xlabel(), room, current_paper().label_size)
            )
            axes[1].set_ylabel("Better by")

        figure = figure_with_legend(
            2, [series_legend_entries([one.label for one in series], "trial")], draw
        )
        freeze_layout(figure)
        return figure


def _draw_differences(
    ax: Axes, differences: Sequence[tuple[str, float]], interval: tuple[float, float] | None
) -> None:
    values = [value for _, value in differences]
    ax.axhline(
        0.0, color=current_paper().look.ink, linewidth=points(0.7), linestyle=REFERENCE_DASHES
    )
    ax.plot(range(len(values)), values, linestyle="", marker="o", color=color(0))
    finite = [value for value in values if math.isfinite(value)]
    if interval is not None and all(map(math.isfinite, interval)) and finite:
        mean = sum(finite) / len(finite)
        place = len(values)
        ax.plot([place, place], interval, color=color(1), linewidth=points(1.4))
        ax.plot([place], [mean], marker="D", markersize=points(4), color=color(1))
        finite += interval
    names = [name for name, _ in differences]
    step = max(1, -(-len(names) // 10))
    ticks = list(range(0, len(names), step))
    labels = [names[i] for i in ticks]
    if interval is not None:
        while ticks and len(names) - ticks[-1] < step + (step > 1):
            ticks.pop()
            labels.pop()
        ticks.append(len(names))
        labels.append("mean")
    ax.set_xticks(ticks, labels)
    ax.set_xlim(-0.6, len(names) + 0.6)
    low, high = min([0.0, *finite]), max([0.0, *finite])
    room = 0.08 * (high - low) or 1.0
    ax.set_ylim(low - room, high + room)
    ax.set_xlabel("Seed" + ("" if interval is None else "; mean with its 95 % interval"))
