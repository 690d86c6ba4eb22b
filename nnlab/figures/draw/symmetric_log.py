"""Symmetric logarithmic axes: linear around 0 and logarithmic beyond; for gradients."""

import math
import statistics
from collections.abc import Sequence

from matplotlib.axis import Axis
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from nnlab.figures.draw.axis_scales import format_power_of_ten

# A linear axis would show the typical values within this part of its half length.
_LOG_FROM_RATIO = 30.0
_MAX_TICKS_PER_SIDE = 3
_MINUS = "\N{MINUS SIGN}"


def linear_threshold(extremes: Sequence[float], typical: Sequence[float]) -> float | None:
    """The distance from 0 up to which an axis is linear; None if all of it should be.

    Args:
        extremes: the values that the axis must include.
        typical: values whose differences must be visible, such as quartiles.

    >>> linear_threshold([-2.0, 2.0], [-0.004, 0.003]), linear_threshold([-2.0, 2.0], [-1.0, 1.0])
    (0.001, None)
    """
    sizes = [abs(value) for value in typical if value and math.isfinite(value)]
    largest = max((abs(value) for value in extremes if math.isfinite(value)), default=0.0)
    if not sizes or largest < _LOG_FROM_RATIO * statistics.median(sizes):
        return None
    return float(10.0 ** math.floor(math.log10(statistics.median(sizes))))


def set_symmetric_log_axis(axis: Axis, low: float, high: float, threshold: float) -> None:
    """Makes an axis linear within `threshold` of 0 and logarithmic beyond.

    Args:
        axis: the x or y axis of a panel.
        low: the smallest value, negative or 0.
        high: the largest value, positive or 0.
        threshold: a power of ten.
    """
    set_scale = axis.axes.set_xscale if axis is axis.axes.xaxis else axis.axes.set_yscale
    set_scale("symlog", linthresh=threshold)
    low, high = min(low, -threshold), max(high, threshold)
    axis.set_view_interval(1.6 * low, 1.6 * high, ignore=True)
    powers = _powers(threshold, max(-low, high))
    ticks = [-power for power in powers if power <= -low] + [p for p in powers if p <= high]
    axis.set_major_locator(FixedLocator([*sorted(ticks), 0.0]))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: format_signed_power(value)))


def format_signed_power(value: float) -> str:
    """A number as a power of ten with its sign.

    >>> format_signed_power(1e-3), format_signed_power(0.0)
    ('10⁻³', '0')
    """
    sign = _MINUS if value < 0 else ""
    return sign + format_power_of_ten(abs(value))


def _powers(threshold: float, end: float) -> list[float]:
    """Some powers of ten from the threshold to `end`, the largest one included."""
    first = round(math.log10(threshold))
    last = max(first, math.floor(math.log10(end) + 1e-9))
    step = -(-(last - first + 1) // _MAX_TICKS_PER_SIDE)
    return [10.0**exponent for exponent in range(last, first - 1, -step)]
