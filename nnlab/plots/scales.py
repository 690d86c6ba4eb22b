"""Axes that read well: whole epochs, and a logarithm where values span decades."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator

_LOG_FROM_DECADES = 1.5
# With fewer decades than this in view, 2 and 5 are labelled beside the powers of ten.
_SPARSE_BELOW_DECADES = 2.5
_PLAIN_FROM, _PLAIN_TO = 1e-4, 1e5
# A run that diverged may climb any number of decades: the view ends this far above where
# the highest curve began, and the curve leaves it at the top.
_VIEW_ABOVE_START = 10.0


def epoch_axis(ax: Axes, first: int, last: int) -> None:
    """Whole numbers at the bottom; a single epoch stands in the middle."""
    margin = max((last - first) * 0.02, 0.5 if first == last else 0.0)
    ax.set_xlim(first - margin, last + margin)
    ax.xaxis.set_major_locator(
        MaxNLocator(nbins=5, integer=True, min_n_ticks=1, steps=[1, 2, 5, 10])
    )
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:.0f}"))


def value_axis(ax: Axes, values: Sequence[float], starts: Sequence[float], *, log: bool) -> None:
    """The scale and view for finite `values`; `starts` are the first values of the curves.

    `log` allows a logarithmic scale: it is taken when all values are positive and span more
    than one and a half decades.
    """
    if not values:
        ax.set_yticks([])
        return
    low, high = min(values), max(values)
    limit = max(map(abs, starts), default=high) * _VIEW_ABOVE_START
    if high > limit * _VIEW_ABOVE_START > 0:
        high = limit
    if log and low > 0 and math.log10(high / low) > _LOG_FROM_DECADES:
        _logarithmic(ax, low, high)
    else:
        margin = 0.05 * (high - low) or 0.05 * abs(high) or 0.05
        ax.set_ylim(low - margin, high + margin)
        ax.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10]))


def _logarithmic(ax: Axes, low: float, high: float) -> None:
    decades = math.log10(high / low)
    margin = (high / low) ** 0.05
    ax.set_yscale("log")
    ax.set_ylim(low / margin, high * margin)
    steps = (1.0, 2.0, 5.0) if decades < _SPARSE_BELOW_DECADES else (1.0,)
    ax.yaxis.set_major_locator(LogLocator(subs=steps, numticks=8))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_minor_formatter(NullFormatter())
    if low >= _PLAIN_FROM and high <= _PLAIN_TO:
        ax.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
