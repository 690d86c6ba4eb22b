"""Renders the curves of a figure as text for the terminal."""

import math
import re
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.lines import Line2D

from nnlab.io.escaping import escape_terminal

_COLORS = ("blue+", "orange+", "green+", "magenta+", "yellow+", "cyan+", "white")
_PANEL_LINES = 17


def as_text(figure: Figure, width: int, *, colored: bool) -> str:
    """All panels with curves, one below the other, `width` characters wide.

    Training curves are dotted. Bands are left out. The text is empty if no panel has a curve.
    """
    names = _trial_labels(figure)
    return "\n".join(
        text for ax in figure.axes if (text := _panel_text(ax, names, width, colored=colored))
    )


def _panel_text(ax: Axes, names: Sequence[str], width: int, *, colored: bool) -> str:
    import plotext  # slow to import, and rarely needed

    lines = [line for line in ax.lines if _is_curve(line)]
    if not lines:
        return ""
    plotext.clear_figure()
    plotext.plotsize(width, _PANEL_LINES)
    plotext.theme("clear" if not colored else "pro")
    if colored:
        plotext.canvas_color("default")
        plotext.axes_color("default")
        plotext.ticks_color("default")
    named: set[str] = set()
    low, high = sorted(ax.get_ylim())
    for line in lines:
        rank = _trial_rank(line)
        xs, ys = _visible_points(line, low, high)
        if not xs:
            continue
        label = names[rank] if rank is not None and rank < len(names) else ""
        dotted = line.get_linestyle() not in ("-", "None")
        plotext.plot(
            [math.log10(x) for x in xs] if ax.get_xscale() == "log" else xs,
            [math.log10(y) for y in ys] if ax.get_yscale() == "log" else ys,
            label=escape_terminal(label) if label not in named else None,
            color=_COLORS[(rank or 0) % len(_COLORS)] if colored else None,
            marker="." if dotted else "braille",
        )
        named.add(label)
    if ax.get_yscale() == "log":
        ticks = [t for t in ax.get_yticks() if low <= t <= high and t > 0]
        plotext.yticks([math.log10(t) for t in ticks], [f"{t:g}" for t in ticks])
    first, last = sorted(ax.get_xlim())
    ticks_shown = [tick for tick in ax.get_xticks() if first <= tick <= last]
    places = [math.log10(t) for t in ticks_shown] if ax.get_xscale() == "log" else ticks_shown
    plotext.xticks(places, [f"{tick:g}" for tick in ticks_shown])
    plotext.xlabel(escape_terminal(" ".join(ax.get_xlabel().split())))
    plotext.title(escape_terminal(" ".join(" ".join([ax.get_title(), ax.get_ylabel()]).split())))
    text = str(plotext.build())
    return text if colored else re.sub(r"\x1b\[[0-9;]*m", "", text)


def _is_curve(line: Line2D) -> bool:
    return str(line.get_label()).startswith("_trial") and len(np.asarray(line.get_xdata())) > 1


def _trial_rank(line: Line2D) -> int | None:
    number = str(line.get_label()).rpartition(" ")[2]
    return int(number) if number.isdigit() else None


def _visible_points(line: Line2D, low: float, high: float) -> tuple[list[float], list[float]]:
    """The finite points of a line; points outside the axis are moved to its edge."""
    xs = np.asarray(line.get_xdata(), dtype=float)
    ys = np.asarray(line.get_ydata(), dtype=float)
    finite = np.isfinite(xs) & np.isfinite(ys)
    return xs[finite].tolist(), np.clip(ys[finite], low, high).tolist()


def _trial_labels(figure: Figure) -> list[str]:
    """The labels of the trials, from the last legend; the legend of line styles comes first."""
    legends = [artist for artist in figure.findobj(Legend) if isinstance(artist, Legend)]
    return [text.get_text() for text in legends[-1].get_texts()] if legends else []
