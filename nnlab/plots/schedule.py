"""Learning rates over epochs, as schedules set them, before anything is trained."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D

from nnlab.plots.curves import MOST_NAMED
from nnlab.plots.labels import short_labels
from nnlab.plots.legend import ROW_HEIGHT, Entry, columns_that_fit, legend_at, rows_needed
from nnlab.plots.onsets import settle
from nnlab.plots.panel import Look
from nnlab.plots.scales import epoch_axis, value_axis
from nnlab.plots.style import WIDTH, style

_PANEL_HEIGHT, _LEGEND_PAD = 2.2, 0.07  # inches
_MARKERS_ALONG = 6
# Peaks further apart than this need a logarithm, whose view ends so far below the lowest peak:
# a cosine goes down to nothing.
_LOG_FROM, _BELOW = 30.0, 100.0


@dataclass(frozen=True, slots=True)
class Rates:
    """The learning rate of one setting: `rates[i]` holds from epoch `epochs[i]` to the next."""

    label: str
    epochs: tuple[float, ...]
    rates: tuple[float, ...]


def learning_rates(lines: Sequence[Rates]) -> Figure:
    """Draws the lines in one panel, 5.5 inches wide, with a legend below where there are several.

    The first twelve are named, further ones are grey. The axis starts at 0, or is logarithmic
    where the highest rates of the lines are more than a factor of thirty apart.
    """
    with style():
        figure = Figure(figsize=(WIDTH, _PANEL_HEIGHT), layout=ConstrainedLayoutEngine())
        FigureCanvasAgg(figure)  # measures text; saving picks its own canvas by format
        entries = _entries(lines)
        columns = columns_that_fit(figure, entries) if entries else 1
        below = rows_needed(entries, columns) * ROW_HEIGHT + (_LEGEND_PAD if entries else 0.0)
        figure.set_size_inches(WIDTH, _PANEL_HEIGHT + below)
        ratios = [_PANEL_HEIGHT, max(below, 0.01)]
        top, bottom = figure.subfigures(2, 1, height_ratios=ratios, squeeze=False)[:, 0]
        _draw(top.subplots(), lines)
        if entries:
            legend_at(bottom, 1.0, entries, columns)
        settle(figure)
        return figure


def _looks(lines: Sequence[Rates]) -> list[Look]:
    return [Look(i if i < MOST_NAMED else None, len(lines) > 1) for i, _ in enumerate(lines)]


def _entries(lines: Sequence[Rates]) -> list[Entry]:
    """One for each line that is named, and one for all the others together."""
    if len(lines) <= 1:
        return []
    looks = _looks(lines)
    labels = short_labels([line.label for line in lines[:MOST_NAMED]])
    entries = [
        Entry(Line2D([], [], color=look.color, marker=look.marker), label)
        for look, label in zip(looks, labels, strict=False)
    ]
    if others := len(lines) - len(labels):
        text = f"{others} other setting{'s' if others > 1 else ''}"
        entries.append(Entry(Line2D([], [], color=looks[-1].color, linewidth=0.6), text))
    return entries


def _draw(ax: Axes, lines: Sequence[Rates]) -> None:
    peaks = [max(line.rates) for line in lines]
    log = max(peaks) / min(peaks) > _LOG_FROM
    lowest = min(peaks) / _BELOW if log else 0.0
    seen = [rate for line in lines for rate in line.rates if rate >= lowest]
    value_axis(ax, seen if log else [0.0, *seen], peaks, log=log)
    epoch_axis(ax, 0, round(max(line.epochs[-1] for line in lines)))
    for rank, (line, look) in enumerate(zip(lines, _looks(lines), strict=True)):
        _draw_line(ax, line, look, rank, len(lines))
    ax.set_xlabel("Epoch")
    ax.set_ylabel("Learning rate")


def _draw_line(ax: Axes, line: Rates, look: Look, rank: int, count: int) -> None:
    """One line; markers of different lines stand at different epochs, so that none hides one."""
    named = look.index is not None
    apart = max(1, len(line.epochs) // _MARKERS_ALONG)
    ax.plot(
        line.epochs,
        line.rates,
        color=look.color,
        linewidth=1.3 if named else 0.6,
        alpha=1.0 if named else 0.55,
        drawstyle="steps-post",
        marker=look.marker or None,
        markersize=2.8,
        markevery=(rank * apart // min(count, MOST_NAMED) % apart, apart),
        zorder=4 - rank / count if named else 2.5,
    )
