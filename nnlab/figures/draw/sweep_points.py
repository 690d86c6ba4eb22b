"""The points of a sweep: means with intervals, the single values, and marks at the axis edge."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import Locator

from nnlab.figures.draw.axis_scales import format_power_of_ten
from nnlab.figures.draw.paper import current_paper, inches, points
from nnlab.figures.draw.series_style import MAX_NAMED, SeriesStyle, curve_label, series_styles
from nnlab.figures.draw.tested_values import axis_shares, dodged

# Shares of the width of the panel.
_PANEL_WIDTH_SHARE = 0.8
# The space for the outermost points of a group, in lengths of their offset.
_SPACE_BESIDE = 1.5
_MAX_GROUP_SHARE = 0.6  # of the distance between neighbouring values, for all lines together
_STEP_POINTS, _DOT_POINTS = 6.0, 2.0  # between lines at one value; between equal dots
_MARK_ROW_POINTS = 9.0  # the height of a row of marks at the edge
_MAX_MARK_ROWS = 4  # more marks at one value have no numbers
_PANEL_HEIGHT_INCHES = 1.9
# With more values than this, and one run at each, the points are a random sample.
_MAX_CONNECTED_VALUES = 15
_MIN_PLAIN_NUMBER, _MAX_PLAIN_NUMBER = 1e-3, 1e5
SweepValue = float | str


@dataclass(frozen=True, slots=True)
class SweepPoint:
    """The results at one value of the setting: the mean, its interval, the single values.

    `value` is a number, or the name of a category. `mean` is not finite if no run has a result,
    and the interval is None with too few values. `diverged` of the `runs` runs have no value.
    """

    value: SweepValue
    mean: float
    interval: tuple[float, float] | None
    values: tuple[float, ...]
    diverged: int = 0
    runs: int = 0

    @property
    def failed_text(self) -> str:
        """How many of the runs diverged, such as `3/10`; empty if none did."""
        lost = self.diverged or sum(not math.isfinite(value) for value in self.values)
        if not lost and math.isfinite(self.mean):
            return ""
        total = self.runs or len(self.values)
        return f"{lost or total}/{total}" if total else ""

    @property
    def finite_values(self) -> list[float]:
        """The values that can be drawn."""
        return [value for value in self.values if math.isfinite(value)]


@dataclass(frozen=True, slots=True)
class SweepLine:
    """The points of one value of the second setting; the label is empty if there is only one."""

    label: str
    sweep_points: tuple[SweepPoint, ...]


def draw_sweep_lines(
    ax: Axes, lines: Sequence[SweepLine], positions: Mapping[SweepValue, float], *, lower: bool
) -> None:
    """Draws all lines into an axis whose scales and limits are set.

    Lines are dodged: their points at the same value stand side by side. Diverged runs, and means
    outside the axis, are marks with their number at the edge of worse values.

    Args:
        ax: the axis; the value axis is extended by the height of the marks.
        lines: the lines; the first twelve have intervals and marks.
        positions: the position of each value on the x axis.
        lower: whether lower values are better.
    """
    low, high = ax.get_ylim()
    named = min(len(lines), MAX_NAMED)
    step = _dodge_step(ax, list(positions.values()), named)
    _make_space(ax, list(positions.values()), (named - 1) / 2 * step)
    connected = is_connected(lines)
    marks: dict[SweepValue, list[tuple[int, str, str]]] = {}
    for rank, (line, style) in enumerate(zip(lines, series_styles(lines), strict=True)):
        is_named = style.index is not None
        offset = (rank - (named - 1) / 2) * step if is_named else 0.0
        xs = [dodged(ax.xaxis, positions[point.value], offset) for point in line.sweep_points]
        _draw_means(ax, line, style, rank, xs, (low, high), connected=connected)
        if not is_named:
            continue
        for x, point in zip(xs, line.sweep_points, strict=True):
            _draw_interval(ax, x, point, style, (low, high))
            _draw_values(ax, x, point, style, step)
            marks.setdefault(point.value, []).extend(
                (rank, symbol, text) for symbol, text in _edge_marks(point, low, high)
            )
    _draw_edge_marks(ax, marks, positions, step, named, lower=lower)


def _make_space(ax: Axes, positions: Sequence[float], offset: float) -> None:
    """Extends the x axis, so that the points beside the first and the last value are inside it."""
    if not offset or not positions:
        return
    space = _SPACE_BESIDE * offset
    low = dodged(ax.xaxis, min(positions), -space)
    high = dodged(ax.xaxis, max(positions), space)
    ax.set_xlim(min(low, ax.get_xlim()[0]), max(high, ax.get_xlim()[1]))


def _dodge_step(ax: Axes, positions: Sequence[float], lines: int) -> float:
    """The distance between the points of neighbouring lines, as a share of the axis."""
    if lines < 2 or not positions:
        return 0.0
    bounds = ax.get_xlim()
    shares = sorted(axis_shares(ax.xaxis, list(set(positions)), bounds))
    gaps = [after - before for before, after in itertools.pairwise(shares)]
    width = 72 * _PANEL_WIDTH_SHARE * current_paper().width
    return min(
        points(_STEP_POINTS) / width, _MAX_GROUP_SHARE * min(gaps, default=1.0) / (lines - 1)
    )


def is_connected(lines: Sequence[SweepLine]) -> bool:
    """Whether lines connect the points; not where each of many values has a single run."""
    values = {point.value for line in lines for point in line.sweep_points}
    single = all(len(point.values) <= 1 for line in lines for point in line.sweep_points)
    return not (single and len(values) > _MAX_CONNECTED_VALUES)


def _draw_means(
    ax: Axes,
    line: SweepLine,
    style: SeriesStyle,
    rank: int,
    xs: Sequence[float],
    bounds: tuple[float, float],
    *,
    connected: bool,
) -> None:
    low, high = bounds
    is_named = style.index is not None
    has_categories = any(isinstance(point.value, str) for point in line.sweep_points)
    ax.plot(
        xs,
        # A line to a point far outside the axis would cross the figure as a meaningless vertical.
        [point.mean if low <= point.mean <= high else math.nan for point in line.sweep_points],
        color=style.color,
        marker=style.marker or "o",
        markeredgecolor=current_paper().look.background,
        markeredgewidth=points(0.4),
        linewidth=points((0.6 if has_categories else 1.1) if is_named else 0.5),
        linestyle="" if not connected else ":" if has_categories else "-",
        alpha=1.0 if is_named else 0.5,
        label=curve_label(rank),
        zorder=4 - rank / (MAX_NAMED + len(xs) + 1) if is_named else 2.5,
    )


def _draw_interval(
    ax: Axes, x: float, point: SweepPoint, style: SeriesStyle, bounds: tuple[float, float]
) -> None:
    if point.interval is None or not all(map(math.isfinite, point.interval)):
        return
    low, high = bounds
    if point.interval[1] < low or point.interval[0] > high:
        return
    ends = [min(max(end, low), high) for end in point.interval]
    ax.plot([x, x], ends, color=style.color, linewidth=points(1.0), zorder=3.2)
    for end, bound, symbol in zip(ends, point.interval, "v^", strict=True):
        if end != bound:  # an arrow head where the axis cuts the interval off
            ax.plot(
                [x], [end], marker=symbol, markersize=points(2.4), color=style.color, zorder=3.2
            )


def _draw_values(ax: Axes, x: float, point: SweepPoint, style: SeriesStyle, step: float) -> None:
    """Draws the single values as dots; equal ones stand side by side."""
    values = point.finite_values
    if len(values) < 2:
        return
    width = 72 * _PANEL_WIDTH_SHARE * current_paper().width
    dot = points(_DOT_POINTS) / width
    room = 0.9 * step if step else 8 * dot
    shares = axis_shares(ax.yaxis, values, ax.get_ylim())
    row_height = points(_DOT_POINTS) / (72 * inches(_PANEL_HEIGHT_INCHES))
    rows: dict[int, list[float]] = {}
    for value, share in zip(values, shares, strict=True):
        rows.setdefault(round(share / row_height), []).append(value)
    for row in rows.values():
        spacing = min(dot, room / max(len(row) - 1, 1))
        ax.plot(
            [
                dodged(ax.xaxis, x, (index - (len(row) - 1) / 2) * spacing)
                for index in range(len(row))
            ],
            row,
            linestyle="",
            marker="o",
            markersize=points(_DOT_POINTS),
            markeredgewidth=0,
            color=style.color,
            alpha=0.45,
            zorder=2.6,
        )


def _edge_marks(point: SweepPoint, low: float, high: float) -> list[tuple[str, str]]:
    """The symbol and text of each mark of a point at the edge of the axis."""
    marks = []
    if math.isfinite(point.mean) and not low <= point.mean <= high:
        marks.append(("^" if point.mean > high else "v", _short_number(point.mean)))
    if text := point.failed_text:
        marks.append(("x", text))
    return marks


def _short_number(value: float) -> str:
    """A value in three digits, as a power of ten if it is very large or small."""
    if value != 0 and not _MIN_PLAIN_NUMBER <= abs(value) < _MAX_PLAIN_NUMBER:
        text = format_power_of_ten(float(f"{abs(value):.2g}"))
        return f"-{text}" if value < 0 else text
    return f"{float(f'{value:.3g}'):g}"


def _draw_edge_marks(
    ax: Axes,
    marks: Mapping[SweepValue, Sequence[tuple[int, str, str]]],
    positions: Mapping[SweepValue, float],
    step: float,
    named: int,
    *,
    lower: bool,
) -> None:
    """Draws marks in rows at the edge of worse values, which the axis is extended for."""
    most = max(map(len, marks.values()), default=0)
    if not most:
        return
    rows = most if most <= _MAX_MARK_ROWS else 1
    height = points(_MARK_ROW_POINTS) / (72 * inches(_PANEL_HEIGHT_INCHES))
    _extend_axis(ax, rows * height, upwards=lower)
    styles = series_styles(range(named))
    middle = axis_shares(ax.xaxis, list(positions.values()), ax.get_xlim())
    at = dict(zip(positions, middle, strict=True))
    for value, entries in marks.items():
        for index, (rank, symbol, text) in enumerate(entries):
            row = index if rows > 1 else 0
            share = (row + 0.5) * height
            y = 1 - share if lower else share
            x = dodged(ax.xaxis, positions[value], (rank - (named - 1) / 2) * step)
            color = styles[rank].color
            ax.plot(
                [x],
                [y],
                transform=ax.get_xaxis_transform(),
                marker=symbol,
                color=color,
                markersize=points(3.6),
                markeredgewidth=points(1.2 if symbol == "x" else 0.4),
                linestyle="",
                clip_on=False,
                zorder=5,
            )
            if most <= _MAX_MARK_ROWS:
                _write_mark_text(ax, x, y, text, color, leftwards=at[value] > 0.5)


def _write_mark_text(
    ax: Axes, x: float, y: float, text: str, color: str, *, leftwards: bool
) -> None:
    ax.annotate(
        text,
        (x, y),
        xycoords=ax.get_xaxis_transform(),
        xytext=(points(-4 if leftwards else 4), 0),
        textcoords="offset points",
        ha="right" if leftwards else "left",
        va="center",
        fontsize=points(6),
        color=color,
        zorder=5,
    )


def _extend_axis(ax: Axes, share: float, *, upwards: bool) -> None:
    """Extends the value axis at one end, so that a share of its length is free of values."""
    low, high = ax.get_ylim()
    transform = ax.yaxis.get_transform()
    start, end = (float(place) for place in transform.transform([low, high]))
    added = share / (1 - share) * (end - start)
    ends = (start, end + added) if upwards else (start - added, end)
    ax.set_ylim(*(float(value) for value in transform.inverted().transform(list(ends))))
    ax.yaxis.set_major_locator(_TicksWithin(ax.yaxis.get_major_locator(), low, high))


class _TicksWithin(Locator):
    """The ticks of another locator within the range of the values."""

    def __init__(self, locator: Locator, low: float, high: float) -> None:
        self._locator, self._low, self._high = locator, low, high

    def set_axis(self, axis: Any) -> None:
        """Sets the axis of both locators."""
        super().set_axis(axis)
        self._locator.set_axis(axis)

    def __call__(self) -> list[float]:
        """The ticks of the current view."""
        return self._within(self._locator())

    def tick_values(self, vmin: float, vmax: float) -> list[float]:
        """The ticks from `vmin` to `vmax`."""
        return self._within(self._locator.tick_values(vmin, vmax))

    def _within(self, ticks: Sequence[float]) -> list[float]:
        return [float(tick) for tick in ticks if self._low <= tick <= self._high]
