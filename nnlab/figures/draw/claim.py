"""What decides a claim: an interval for each comparison, and the region that is claimed."""

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from nnlab.figures.draw.layout import new_figure
from nnlab.figures.draw.paper import color, current_paper, points
from nnlab.figures.draw.style import style_context

_ROW_HEIGHT = 0.85  # inches
_VERDICT_COLORS = {"supported": 2, "not supported": 1}  # of the palette
_TEXT_WIDTH = 100
# Powers of ten are no ticks for factors that span less than this.
_MIN_RATIO_FOR_LOG_TICKS = 30


@dataclass(frozen=True, slots=True)
class ClaimInterval:
    """A mean with its 95 % interval, the bounds of what is claimed, and the verdict.

    `quantity` names what is on the axis; `log` draws it logarithmic, for factors.
    """

    title: str
    quantity: str
    mean: float
    low: float
    high: float
    above: float | None
    below: float | None
    verdict: str
    log: bool = False


def draw_claim_intervals(rows: Sequence[ClaimInterval]) -> Figure:
    """Draws a row for each comparison: the interval, and shaded the region that is claimed."""
    with style_context():
        figure = new_figure(0.2 + _ROW_HEIGHT * max(1, len(rows)))
        places = figure.subplots(max(1, len(rows)), 1, squeeze=False)[:, 0]
        for ax, row in zip(places, rows, strict=False):
            _draw_row(ax, row)
        return figure


def _draw_row(ax: Axes, row: ClaimInterval) -> None:
    place = _VERDICT_COLORS.get(row.verdict)
    tone = current_paper().look.ink if place is None else color(place)
    title = textwrap.shorten(f"{row.title}: {row.verdict}", _TEXT_WIDTH, placeholder="…")
    ax.set_title(title, loc="left", fontsize=points(7), color=tone)
    label = textwrap.shorten(row.quantity, _TEXT_WIDTH, placeholder="…")
    ax.set_xlabel(label, fontsize=points(6))
    ax.set_yticks([])
    ax.set_ylim(-1, 1)
    ax.spines["left"].set_visible(False)
    low, high = _axis_limits(row)
    if row.log:
        ax.set_xscale("log")
        if high / low < _MIN_RATIO_FOR_LOG_TICKS:
            ax.xaxis.set_major_locator(MaxNLocator(6))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_xlim(low, high)
    start = low if row.above is None else row.above
    end = high if row.below is None else row.below
    ax.axvspan(start, end, color=color(5), alpha=0.18, linewidth=0, zorder=1)
    if math.isfinite(row.mean):
        ax.hlines(0, max(row.low, low), min(row.high, high), color=tone, linewidth=points(2))
        ax.plot([row.mean], [0], marker="o", color=tone, zorder=4)


def _axis_limits(row: ClaimInterval) -> tuple[float, float]:
    """Limits of the axis: the interval and the bounds, with room on both sides."""
    known = [row.mean, row.low, row.high, row.above, row.below, 1.0 if row.log else 0.0]
    shown = [value for value in known if value is not None and math.isfinite(value)]
    if row.log:
        logs = [math.log(value) for value in shown if value > 0]
        room = 0.12 * (max(logs) - min(logs)) or 0.1
        return math.exp(min(logs) - room), math.exp(max(logs) + room)
    room = 0.12 * (max(shown) - min(shown)) or 0.1
    return min(shown) - room, max(shown) + room
