"""A metric against a setting: a line for each value of another one, seeds as intervals."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nnlab.figures.draw.curves import MOST_NAMED, looks, named
from nnlab.figures.draw.frame import framed, settle
from nnlab.figures.draw.labels import letters_in, short_labels
from nnlab.figures.draw.panel import Look, line_of, wrapped
from nnlab.figures.draw.paper import paper, points
from nnlab.figures.draw.scales import number_axis, show_view, slant
from nnlab.figures.draw.style import style
from nnlab.figures.draw.view import View, view_of

_HEIGHT = 2.4


@dataclass(frozen=True, slots=True)
class Dot:
    """What was measured at one value of the setting: the mean, its interval, the single values.

    `at` is a number, or the word of a category. The interval is None where there is none.
    """

    at: float | str
    mean: float
    interval: tuple[float, float] | None
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """The dots of one value of the second setting, in order; "" where there is none."""

    label: str
    dots: tuple[Dot, ...]


def sweep(
    lines: Sequence[Line], x: str, y: str, *, log_y: bool = False, lower: bool = True
) -> Figure:
    """Draws lines over a setting; its axis is logarithmic where the values span a decade.

    Categories stand side by side, in the order that they come in; lines then only lead the eye.

    Args:
        lines: the first twelve are named.
        x: name of the setting, for the axis.
        y: name of the metric.
        log_y: allow a logarithmic axis where the metric spans decades, as of a loss.
        lower: whether lower values are better.
    """
    with style():
        entries = named([line.label for line in lines], "value") if len(lines) > 1 else []

        def draw(axes: Sequence[Axes]) -> None:
            _draw(axes[0], lines, log_y=log_y, lower=lower)
            axes[0].set_xlabel(x)
            axes[0].set_ylabel(wrapped(y))

        figure = framed(1, [entries], draw, height=_HEIGHT)
        settle(figure)
        return figure


def _draw(ax: Axes, lines: Sequence[Line], *, log_y: bool, lower: bool) -> None:
    places = _places(ax, lines)
    seen = [v for line in lines for dot in line.dots for v in dot.values if math.isfinite(v)]
    means = [d.mean for line in lines for d in line.dots if math.isfinite(d.mean)]
    bounds = [
        b
        for line in lines
        for dot in line.dots
        for b in dot.interval or ()
        if math.isfinite(b) and (b > 0 or not log_y)
    ]
    if seen:
        show_view(ax, _with_intervals(_view(seen, means, log_y=log_y, lower=lower), bounds))
    else:
        ax.set_yticks([])
    for rank, (line, look) in enumerate(zip(lines, looks(lines), strict=True)):
        # Lines that share a place stand a little apart.
        aside = (rank - (len(lines) - 1) / 2) / max(len(lines), 1) * 0.12
        _draw_line(ax, line, look, rank, places, aside if isinstance(_first(lines), str) else 0.0)


def _view(seen: Sequence[float], means: Sequence[float], *, log_y: bool, lower: bool) -> View:
    """The view of the seeds; points that diverged may leave it."""
    return view_of(seen, means, log=log_y, lower=lower, settled=means)


def _with_intervals(view: View, bounds: Sequence[float]) -> View:
    """The view widened to the intervals near it: those of a few seeds may be far longer."""
    if view.log:
        room = math.sqrt(view.high / view.low)
        least, most = view.low / room, view.high * room
    else:
        room = (view.high - view.low) / 2
        least, most = view.low - room, view.high + room
    near = [bound for bound in bounds if least <= bound <= most]
    return replace(view, low=min([view.low, *near]), high=max([view.high, *near]))


def _first(lines: Sequence[Line]) -> float | str:
    return next((dot.at for line in lines for dot in line.dots), 0.0)


def _places(ax: Axes, lines: Sequence[Line]) -> dict[float | str, float]:
    """Where each value of the setting stands on the axis."""
    values = list(dict.fromkeys(dot.at for line in lines for dot in line.dots))
    numbers = [value for value in values if not isinstance(value, str)]
    if values and len(numbers) == len(values):
        number_axis(ax.xaxis, numbers)
        return {value: float(value) for value in numbers}
    words = short_labels([str(value) for value in values], 18)
    ax.set_xticks(range(len(values)), words)
    ax.set_xlim(-0.5, len(values) - 0.5)
    room = letters_in(0.85 * paper().width / max(len(values), 1))
    if any(len(word) > room for word in words):
        slant(ax, 30)
    return {value: float(place) for place, value in enumerate(values)}


def _draw_line(
    ax: Axes,
    line: Line,
    look: Look,
    rank: int,
    places: dict[float | str, float],
    aside: float,
) -> None:
    xs = [places[dot.at] + aside for dot in line.dots]
    is_named = look.index is not None
    categories = any(isinstance(dot.at, str) for dot in line.dots)
    low, high = ax.get_ylim()
    ax.plot(
        xs,
        # A line to a point far out of view would cross the figure as a meaningless vertical.
        [dot.mean if low <= dot.mean <= high else math.nan for dot in line.dots],
        color=look.color,
        marker=look.marker or "o",
        linewidth=points((0.6 if categories else 1.3) if is_named else 0.5),
        linestyle=":" if categories else "-",
        alpha=1.0 if is_named else 0.5,
        label=line_of(rank),
        zorder=4 - rank / (MOST_NAMED + len(xs) + 1) if is_named else 2.5,
    )
    if not is_named:
        return
    for x, dot in zip(xs, line.dots, strict=True):
        if dot.interval is not None and all(map(math.isfinite, dot.interval)):
            bounds = [min(max(bound, low), high) for bound in dot.interval]
            ax.plot([x, x], bounds, color=look.color, linewidth=points(0.9), zorder=3)
        if len(dot.values) > 1:
            several = [value for value in dot.values if math.isfinite(value)]
            ax.plot(
                [x] * len(several),
                several,
                linestyle="",
                marker="_",
                markersize=points(4),
                color=look.color,
                alpha=0.45,
                zorder=2.6,
            )
        if not math.isfinite(dot.mean):
            edge = low if dot.mean == -math.inf else high
            ax.plot([x], [edge], marker="x", color=look.color, clip_on=False, zorder=5)
        elif not low <= dot.mean <= high:
            up = dot.mean > high
            edge, sign = (high, "^") if up else (low, "v")
            ax.plot([x], [edge], marker=sign, color=look.color, clip_on=False, zorder=5)
