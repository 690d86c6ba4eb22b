"""The axis of a numeric setting: its scale, ticks at the tested values, and dodged positions."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.path import Path
from matplotlib.ticker import NullLocator

from nnlab.figures.draw.axis_scales import format_power_of_ten, set_log_ticks
from nnlab.figures.draw.labels import text_inches
from nnlab.figures.draw.paper import current_paper, points
from nnlab.figures.draw.reader_options import displayed
from nnlab.objective import format_exact

_LOG_FROM_DECADES = 1.0
# More values than this are a random sample, not a grid; a tick at each would be unreadable.
_MAX_TESTED_TICKS = 15
_MIN_PLAIN_NUMBER, _MAX_PLAIN_NUMBER = 1e-4, 1e5
_PANEL_SHARE = 0.8  # of the width of the paper, about
# The distance from 0 to the smallest positive value on an axis with 0, in decades.
_ZERO_GAP_DECADES = 0.7
_MARGIN = 0.06
_BREAK_MARK = Path(
    [(-1.0, -1.0), (-0.2, 1.0), (0.2, -1.0), (1.0, 1.0)],
    [Path.MOVETO, Path.LINETO, Path.MOVETO, Path.LINETO],
)


def set_tested_values_axis(ax: Axes, values: Sequence[float]) -> None:
    """Sets the scale, limits and ticks of the x axis to the tested values of a setting.

    The axis is logarithmic if the positive values span a decade. A value of 0 then stands left of
    the smallest one, and a break mark says that the distance is arbitrary. Up to 15 values have a
    tick each; labels that would overlap the one before are left out.
    """
    tested = sorted(set(values))
    positive = [value for value in tested if value > 0]
    is_wide = bool(positive) and math.log10(positive[-1] / positive[0]) >= _LOG_FROM_DECADES
    if is_wide and tested[0] > 0:
        ax.set_xscale("log")
    elif is_wide and tested[0] == 0:
        ax.set_xscale("symlog", linthresh=positive[0], linscale=_ZERO_GAP_DECADES)
        ax.xaxis.set_minor_locator(NullLocator())
    low, high = axis_shares(ax.xaxis, [tested[0], tested[-1]], (tested[0], tested[-1]))
    margin = _MARGIN * ((high - low) or 1.0)
    ax.set_xlim(*_values_at(ax.xaxis, [low - margin, high + margin], (tested[0], tested[-1])))
    if len(tested) <= _MAX_TESTED_TICKS:
        _set_tested_ticks(ax, tested)
    elif is_wide and tested[0] > 0:
        set_log_ticks(ax.xaxis, tested[0], tested[-1])
    if ax.get_xscale() == "symlog":
        _draw_break_mark(ax, positive[0])


def axis_shares(axis: Axis, values: Sequence[float], view: tuple[float, float]) -> list[float]:
    """The positions of values along a view of the axis, from 0 to 1 on its own scale."""
    transform = axis.get_transform()
    low, high = _transformed(transform, view)
    if low == high:
        return [0.5 for _ in values]
    return [(place - low) / (high - low) for place in _transformed(transform, values)]


def dodged(axis: Axis, value: float, share: float) -> float:
    """The value moved along the axis by a share of its length."""
    view = axis.get_view_interval()
    bounds = (float(view[0]), float(view[1]))
    (place,) = axis_shares(axis, [value], bounds)
    return _values_at(axis, [place + share], bounds)[0]


def tick_text(value: float, *, plain: bool = True) -> str:
    """The label of a tested value, as a power of ten unless `plain` or zero.

    >>> tick_text(0.001), tick_text(0.001, plain=False), tick_text(0.0, plain=False)
    ('0.001', '10⁻³', '0')
    """
    return f"{value:g}" if plain or value <= 0 else format_power_of_ten(value)


def is_plain(values: Sequence[float]) -> bool:
    """Whether all positive values are readable without powers of ten."""
    return all(
        _MIN_PLAIN_NUMBER <= abs(value) < _MAX_PLAIN_NUMBER for value in values if value != 0
    )


def _set_tested_ticks(ax: Axes, tested: Sequence[float]) -> None:
    bounds = ax.get_xlim()
    width = _PANEL_SHARE * current_paper().width
    size = current_paper().size
    gap = 0.6 * size / 72
    plain = is_plain(tested)
    labels: list[str] = []
    free_from = -math.inf
    for value, share in zip(tested, axis_shares(ax.xaxis, tested, bounds), strict=True):
        text = displayed(tick_text(value, plain=plain), format_exact(value))
        half = text_inches(text, size) / 2
        fits = share * width - half >= free_from
        labels.append(text if fits else "")
        if fits:
            free_from = share * width + half + gap
    ax.set_xticks(tested, labels)
    ax.xaxis.set_minor_locator(NullLocator())


def _draw_break_mark(ax: Axes, smallest: float) -> None:
    """Two slanted strokes on the axis between 0 and the smallest positive value."""
    middle, *_ = _values_at(ax.xaxis, [0.5], (0.0, smallest))
    ax.plot(
        [middle],
        [0.0],
        transform=ax.get_xaxis_transform(),
        marker=_BREAK_MARK,
        markersize=points(5),
        color=current_paper().look.ink,
        markerfacecolor="none",
        clip_on=False,
        zorder=6,
    )


def _values_at(axis: Axis, shares: Sequence[float], view: tuple[float, float]) -> list[float]:
    """The values at positions along a view of the axis; the inverse of `axis_shares`."""
    transform = axis.get_transform()
    low, high = _transformed(transform, view)
    if low == high:  # a single value: the view is one unit wide
        low, high = low - 0.5 * (abs(low) or 1.0), high + 0.5 * (abs(high) or 1.0)
    places = [low + share * (high - low) for share in shares]
    return [float(value) for value in transform.inverted().transform(np.asarray(places))]


def _transformed(transform: object, values: Sequence[float]) -> list[float]:
    places = transform.transform(np.asarray(values, dtype=float))  # type: ignore[attr-defined]
    return [float(place) for place in places]
