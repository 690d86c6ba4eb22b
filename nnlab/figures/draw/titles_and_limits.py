"""The title, axis labels and limits that the author of a figure chose, set before its layout."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, LogLocator

from nnlab.errors import UsageError
from nnlab.figures.draw.axis_scales import MINUS_SIGN, set_log_ticks
from nnlab.figures.draw.paper import current_paper
from nnlab.figures.draw.reader_options import AxisLimits, current_reader_options

_LINES_OF_TITLE = 1.6  # height of the title with its space, in lines


def apply_titles_and_limits(figure: Figure) -> None:
    """Sets the title, axis labels and limits that the author chose; call it before the layout.

    Of several panels with different horizontal axes, only those with values between the ends get
    them.

    Raises:
        UsageError: an end is not positive, and the axis is logarithmic; or no value is between
            the ends.
    """
    options = current_reader_options()
    panels = [ax for ax in figure.axes if ax.get_xlabel() or ax.get_ylabel() or ax.has_data()]
    panels = [ax for ax in panels if ax.get_label() != "<colorbar>"]
    for index, ax in enumerate(panels):
        if options.xlabel is not None and ax.get_xlabel():
            ax.set_xlabel(options.xlabel)
        if index < len(options.ylabels) and ax.get_ylabel():
            ax.set_ylabel(options.ylabels[index])
        if index < len(options.ylims):
            for chosen in _panels_with_values([ax], options.ylims[index], vertical=True):
                _set_limits(chosen, options.ylims[index], vertical=True)
    if options.xlim is not None:
        for ax in _panels_with_values(panels, options.xlim, vertical=False):
            _set_limits(ax, options.xlim, vertical=False)
    if options.title is not None and panels and figure.get_suptitle() != options.title:
        figure.suptitle(options.title, fontsize=current_paper().label_size)
        width, height = figure.get_size_inches()
        figure.set_size_inches(width, height + _LINES_OF_TITLE * current_paper().label_size / 72)


def _panels_with_values(
    panels: Sequence[Axes], limits: AxisLimits, *, vertical: bool
) -> Sequence[Axes]:
    """The panels with values between the ends; one without any values counts as such a panel.

    Raises:
        UsageError: there is none.
    """
    low, high = (
        sign * math.inf if limit is None else limit
        for sign, limit in zip((-1, 1), limits, strict=True)
    )
    spans = {ax: _value_span(ax, vertical=vertical) for ax in panels}
    chosen = [
        ax
        for ax, span in spans.items()
        if span is None or (span[0] <= high and span[1] >= low and not _has_names(ax, vertical))
    ]
    drawn = [span for span in spans.values() if span is not None]
    if drawn and not chosen:
        option = "--ylim" if vertical else "--xlim"
        ends = "..".join("" if limit is None else f"{limit:g}" for limit in limits)
        if all(_has_names(ax, vertical) for ax in panels):
            raise UsageError(f"{option} {ends}: the axis shows names", hint="--select, --order")
        first, last = min(span[0] for span in drawn), max(span[1] for span in drawn)
        raise UsageError(
            f"{option} {ends}: nothing is drawn there, the axis has values from {first:.3g} to"
            f" {last:.3g}"
        )
    return chosen


def _value_span(ax: Axes, *, vertical: bool) -> tuple[float, float] | None:
    """The smallest and largest value drawn along an axis; None without any."""
    low, high = map(float, ax.dataLim.intervaly if vertical else ax.dataLim.intervalx)
    return (low, high) if math.isfinite(low) and math.isfinite(high) and low <= high else None


def _has_names(ax: Axes, vertical: bool) -> bool:
    """Whether the ticks of an axis are names instead of numbers."""
    axis = ax.yaxis if vertical else ax.xaxis
    locator = axis.get_major_locator()
    if not isinstance(locator, FixedLocator):
        return False
    texts = axis.get_major_formatter().format_ticks(list(locator()))
    return not all(map(_is_number, texts))


def _is_number(text: str) -> bool:
    """Whether a tick is a number, such as `0.1`, `5 %` or `2·10⁶`, or empty."""
    return text.lstrip(f"-.{MINUS_SIGN}")[:1].isdigit() or not text


def _set_limits(ax: Axes, limits: AxisLimits, *, vertical: bool) -> None:
    """Sets the ends that are not None.

    Raises:
        UsageError: an end is not positive, and the axis is logarithmic.
    """
    scale = ax.get_yscale() if vertical else ax.get_xscale()
    if scale == "log" and any(end is not None and end <= 0 for end in limits):
        option = "--ylim" if vertical else "--xlim"
        raise UsageError(f"{option}: the axis is logarithmic, so its ends are positive")
    low, high = limits
    if vertical:
        ax.set_ylim(low, high)
    else:
        ax.set_xlim(low, high)
    axis = ax.yaxis if vertical else ax.xaxis
    if scale == "log" and isinstance(axis.get_major_locator(), LogLocator):
        set_log_ticks(axis, *sorted(map(float, axis.get_view_interval())))
