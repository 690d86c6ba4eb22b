"""Learning rates over epochs, as schedules set them, before anything is trained."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nnlab.figures.draw.curves import MOST_NAMED, looks, named
from nnlab.figures.draw.frame import framed, settle
from nnlab.figures.draw.panel import Look, line_of
from nnlab.figures.draw.paper import points
from nnlab.figures.draw.scales import epoch_axis, value_axis
from nnlab.figures.draw.style import style

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
    """Draws the lines in one panel, with a legend where there are several.

    The first twelve are named, further ones are grey. The axis starts at 0, or is logarithmic
    where the highest rates of the lines are more than a factor of thirty apart.
    """
    with style():
        entries = named([line.label for line in lines], "setting") if len(lines) > 1 else []
        figure = framed(1, [entries], lambda axes: _draw(axes[0], lines))
        settle(figure)
        return figure


def _draw(ax: Axes, lines: Sequence[Rates]) -> None:
    peaks = [max(line.rates) for line in lines]
    log = max(peaks) / min(peaks) > _LOG_FROM
    lowest = min(peaks) / _BELOW if log else 0.0
    seen = [rate for line in lines for rate in line.rates if rate >= lowest]
    value_axis(ax, seen if log else [0.0, *seen], peaks, log=log)
    epoch_axis(ax, 0, round(max(line.epochs[-1] for line in lines)))
    for rank, (line, look) in enumerate(zip(lines, looks(lines), strict=True)):
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
        linewidth=points(1.3 if named else 0.6),
        alpha=1.0 if named else 0.55,
        drawstyle="steps-post",
        marker=look.marker or None,
        markersize=points(2.8),
        markevery=(rank * apart // min(count, MOST_NAMED) % apart, apart),
        zorder=4 - rank / count if named else 2.5,
        label=line_of(rank),
    )
