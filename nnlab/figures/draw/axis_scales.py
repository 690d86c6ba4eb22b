"""Scales and ticks of axes: epochs, metric values, settings; used by all kinds of figures."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import (
    FuncFormatter,
    LogLocator,
    MaxNLocator,
    NullFormatter,
    NullLocator,
    ScalarFormatter,
)

from nnlab.figures.draw.axis_range import AxisRange, robust_axis_range

# With fewer decades than this, 2 and 5 are labelled as well as the powers of ten.
_SPARSE_BELOW_DECADES = 2.5
# With fewer ticks at powers of ten, and at 2 and 5, the ticks have equal distances instead.
_MIN_LOG_TICKS = 2
_MIN_PLAIN_NUMBER, _MAX_PLAIN_NUMBER = 1e-4, 1e5
# Settings that span a decade are usually spaced by factors.
_SETTING_LOG_FROM_DECADES = 1.0
_MAX_TICKS = 7
# Epochs are few and have no separators of thousands; steps are many.
_SEPARATED = 10_000
MINUS_SIGN = "\N{MINUS SIGN}"
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def set_epoch_axis(ax: Axes, first: int, last: int) -> None:
    """Sets the limits and integer ticks of an epoch axis; a single epoch is centred."""
    margin = max((last - first) * 0.02, 0.5 if first == last else 0.0)
    ax.set_xlim(first - margin, last + margin)
    ax.xaxis.set_major_locator(
        MaxNLocator(nbins=6, integer=True, min_n_ticks=1, steps=[1, 2, 5, 10])
    )
    ax.xaxis.set_major_formatter(FuncFormatter(_format_position))


def _format_position(position: float, _: object) -> str:
    """An epoch or a step; with separators of thousands from ten thousand on."""
    return f"{position:,.0f}" if abs(position) >= _SEPARATED else f"{position:.0f}"


def set_value_axis(
    ax: Axes,
    values: Sequence[float],
    starts: Sequence[float],
    *,
    log: bool,
    always: bool = False,
    lower: bool | None = True,
    settled: Sequence[float] = (),
) -> None:
    """Sets the scale and limits of the value axis for finite `values` (see `robust_axis_range`)."""
    if not values:
        ax.set_yticks([])
        return
    apply_axis_range(
        ax, robust_axis_range(values, starts, log=log, always=always, lower=lower, settled=settled)
    )


def apply_axis_range(ax: Axes, axis_range: AxisRange) -> None:
    """Sets the scale, limits and ticks of the value axis."""
    if axis_range.log:
        ax.set_yscale("log")
    ax.set_ylim(*axis_range.with_margin())
    if axis_range.log:
        set_log_ticks(ax.yaxis, axis_range.low, axis_range.high)
    else:
        ax.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10]))


def set_log_ticks(axis: Axis, low: float, high: float) -> None:
    """Sets the ticks of a logarithmic axis that shows values from `low` to `high`."""
    decades = math.log10(high / low)
    steps = (1.0, 2.0, 5.0) if decades < _SPARSE_BELOW_DECADES else (1.0,)
    locator = LogLocator(subs=steps, numticks=8)
    if sum(low <= tick <= high for tick in locator.tick_values(low, high)) < _MIN_LOG_TICKS:
        axis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10]))
    else:
        axis.set_major_locator(locator)
    axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())
    plain = low >= _MIN_PLAIN_NUMBER and high <= _MAX_PLAIN_NUMBER
    axis.set_major_formatter(
        FuncFormatter(lambda y, _: f"{y:g}" if plain else format_power_of_ten(y))
    )


def set_setting_axis(axis: Axis, values: Sequence[float], *, margin: float = 0.05) -> bool:
    """Sets the scale of the axis of a setting: logarithmic if positive values span a decade.

    Returns whether it is logarithmic. If there are few values, the ticks are the values themselves.
    """
    low, high = min(values), max(values)
    log = low > 0 and math.log10(high / low) >= _SETTING_LOG_FROM_DECADES
    if log:
        (axis.axes.set_xscale if axis is axis.axes.xaxis else axis.axes.set_yscale)("log")
        padding = (high / low) ** margin
        axis.set_view_interval(low / padding, high * padding, ignore=True)
    else:
        padding = margin * (high - low) or abs(high) * margin or margin
        axis.set_view_interval(low - padding, high + padding, ignore=True)
    if len(values) <= _MAX_TICKS:
        axis.set_ticks(sorted(values), [f"{value:g}" for value in sorted(values)])
        axis.set_minor_locator(NullLocator())
    elif log:
        set_log_ticks(axis, low, high)
    return log


def rotate_tick_labels(ax: Axes, degrees: float) -> None:
    """Rotates the tick labels of the x axis, for labels that are too long to be horizontal."""
    ax.tick_params(axis="x", rotation=degrees)
    for label in ax.get_xticklabels():
        label.set(horizontalalignment="right", rotation_mode="anchor")


def write_powers_at_ticks(figure: Figure) -> None:
    """Writes a power of ten at each tick instead of a common one, which would cover a label.

    Call it when the limits are set and the figure is drawn once.
    """
    for ax in figure.axes:
        for axis in (ax.xaxis, ax.yaxis):
            formatter = axis.get_major_formatter()
            if isinstance(formatter, ScalarFormatter) and axis.get_offset_text().get_text():
                axis.set_major_formatter(FuncFormatter(lambda value, _: _format_tick(value)))


def _format_tick(value: float) -> str:
    """A tick as a power of ten, with its sign.

    >>> _format_tick(2.5e15), _format_tick(0.0)
    ('2.5·10¹⁵', '0')
    """
    sign = MINUS_SIGN if value < 0 else ""
    return f"{sign}{format_power_of_ten(abs(value))}"


def format_power_of_ten(value: float) -> str:
    """A number as a power of ten, in Unicode characters.

    >>> format_power_of_ten(1e-3), format_power_of_ten(2e6)
    ('10⁻³', '2·10⁶')
    """
    if value <= 0:
        return f"{value:g}"
    exponent = math.floor(math.log10(value) + 1e-9)
    digits = f"{value / 10**exponent:.3g}"
    power = "10" + str(exponent).translate(_SUPERSCRIPTS)
    return power if digits == "1" else f"{digits}·{power}"
