"""Draws a bracket from the best trial to each compared trial, in figures with a trial per row."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator

from nnlab.figures.compared_trial import ComparedTrial
from nnlab.figures.draw.labels import text_inches
from nnlab.figures.draw.paper import current_paper, inches, points
from nnlab.figures.draw.style import style_context

_GAP, _TICK = 0.05, 0.05  # inches: around the bracket, and the length of its ticks


def draw_brackets(
    figure: Figure, trials: int, compared: Sequence[ComparedTrial], *, higher: bool
) -> bool:
    """Draws a bracket with p values at the better end of each axis with a row or column per trial.

    The value axis is extended there, so that the bracket covers nothing. Returns whether an axis
    has as many rows or columns as there are trials.

    Args:
        figure: a figure whose layout is computed.
        trials: the number of trials, whose rows or columns are in the order of the ranking.
        compared: the trials that are compared with the best one.
        higher: whether higher values are better.
    """
    if trials < 2:
        return False
    is_drawn = False
    with style_context():
        for ax in figure.axes:
            if _has_trials(ax, trials, "y"):
                _draw_beside_rows(ax, trials, compared, higher=higher)
                is_drawn = True
            elif _has_trials(ax, trials, "x"):
                _draw_above_columns(ax, trials, compared)
                is_drawn = True
    return is_drawn


def _has_trials(ax: Axes, trials: int, side: str) -> bool:
    axis = ax.yaxis if side == "y" else ax.xaxis
    locator = axis.get_major_locator()
    return isinstance(locator, FixedLocator) and list(locator()) == list(range(trials))


def _best_index(trials: int, compared: Sequence[ComparedTrial]) -> int:
    """The index of the best trial, the first that is not compared with itself."""
    indices = {trial.index for trial in compared}
    return next((index for index in range(trials) if index not in indices), 0)


def _draw_beside_rows(
    ax: Axes, trials: int, compared: Sequence[ComparedTrial], *, higher: bool
) -> None:
    size = current_paper().size
    text_width = max(text_inches(trial.text, size) for trial in compared)
    width = ax.get_window_extent().width / ax.get_figure(root=True).dpi  # type: ignore[union-attr]
    space = min((inches(2 * _GAP + _TICK) + text_width) / width, 0.6)
    _extend(ax, "x", space, at_end=higher)
    per_inch = 1 / width
    sign = -1.0 if higher else 1.0
    # From the data outwards: a gap, the ticks, the spine, and the texts, in fractions of the axes.
    start = 1 - space if higher else space
    tick = start - sign * inches(_GAP) * per_inch
    spine = tick - sign * inches(_TICK) * per_inch
    best = _best_index(trials, compared)
    rows = [best, *(trial.index for trial in compared)]
    style = {"color": current_paper().look.ink, "linewidth": points(0.7), "clip_on": False}
    across = ax.get_yaxis_transform()
    ax.plot([spine, spine], [min(rows), max(rows)], transform=across, **style)  # type: ignore[arg-type]
    for row in rows:
        ax.plot([tick, spine], [row, row], transform=across, **style)  # type: ignore[arg-type]
    for trial in compared:
        ax.text(
            spine - sign * inches(_GAP / 2) * per_inch,
            trial.index,
            trial.text,
            transform=across,
            ha="left" if higher else "right",
            va="center",
            fontsize=size,
        )


def _draw_above_columns(ax: Axes, trials: int, compared: Sequence[ComparedTrial]) -> None:
    size = current_paper().size
    box = ax.get_window_extent()
    dpi = ax.get_figure(root=True).dpi  # type: ignore[union-attr]
    column = box.width / dpi / trials
    text_width = max(text_inches(trial.text, size) for trial in compared)
    is_narrow = text_width > column
    text_height = text_width if is_narrow else size / 72
    height = box.height / dpi
    space = min((inches(2 * _GAP + _TICK) + text_height) / height, 0.6)
    _extend(ax, "y", space, at_end=True)
    tick = 1 - space + inches(_GAP) / height
    spine = tick + inches(_TICK) / height
    best = _best_index(trials, compared)
    columns = [best, *(trial.index for trial in compared)]
    style = {"color": current_paper().look.ink, "linewidth": points(0.7), "clip_on": False}
    up = ax.get_xaxis_transform()
    ax.plot([min(columns), max(columns)], [spine, spine], transform=up, **style)  # type: ignore[arg-type]
    for position in columns:
        ax.plot([position, position], [tick, spine], transform=up, **style)  # type: ignore[arg-type]
    for trial in compared:
        ax.text(
            trial.index,
            spine + inches(_GAP / 2) / height,
            trial.text,
            transform=up,
            ha="center",
            va="bottom",
            rotation=90 if is_narrow else 0,
            fontsize=size,
        )


def _extend(ax: Axes, side: str, share: float, *, at_end: bool) -> None:
    """Adds empty space, a share of the new length, at an end of the value axis; ticks stay."""
    axis = ax.xaxis if side == "x" else ax.yaxis
    low, high = axis.get_view_interval()
    axis.set_major_locator(FixedLocator([t for t in axis.get_ticklocs() if low <= t <= high]))
    log = axis.get_scale() == "log"
    first, last = (math.log(low), math.log(high)) if log else (float(low), float(high))
    added = (last - first) * share / (1 - share)
    first, last = (first, last + added) if at_end else (first - added, last)
    limits = (math.exp(first), math.exp(last)) if log else (first, last)
    (ax.set_xlim if side == "x" else ax.set_ylim)(*limits)
