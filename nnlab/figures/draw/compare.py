"""Two trials side by side: their curves, and the difference of every seed."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nnlab.figures.draw.curves import looks, named
from nnlab.figures.draw.frame import framed, grid_of, settle, text_room
from nnlab.figures.draw.labels import fitted
from nnlab.figures.draw.panel import Drawing, draw_panel
from nnlab.figures.draw.paper import color, paper, points
from nnlab.figures.draw.series import Series
from nnlab.figures.draw.style import ACROSS, style


def pair(
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
    with style():

        def draw(axes: Sequence[Axes]) -> None:
            draw_panel(axes[0], series, looks(series), [metric], Drawing(loss))
            _draw(axes[1], differences, interval)
            room = text_room(grid_of(2)[1])
            axes[1].set_title(fitted(verdict, room, paper().label_size, 3))
            axes[1].set_xlabel(fitted(axes[1].get_xlabel(), room, paper().label_size))
            axes[1].set_ylabel("Better by")

        figure = framed(2, [named([one.label for one in series], "trial")], draw)
        settle(figure)
        return figure


def _draw(
    ax: Axes, differences: Sequence[tuple[str, float]], interval: tuple[float, float] | None
) -> None:
    values = [value for _, value in differences]
    ax.axhline(0.0, color=paper().look.ink, linewidth=points(0.7), linestyle=ACROSS)
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
