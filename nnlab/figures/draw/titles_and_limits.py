"""The title, axis labels and limits that the author of a figure chose, set before its layout."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nnlab.errors import UsageError
from nnlab.figures.draw.paper import current_paper
from nnlab.figures.draw.reader_options import AxisLimits, current_reader_options

_LINES_OF_TITLE = 1.6  # height of the title with its space, in lines


def apply_titles_and_limits(figure: Figure) -> None:
    """Sets the title, axis labels and limits that the author chose; call it before the layout."""
    options = current_reader_options()
    panels = [ax for ax in figure.axes if ax.get_xlabel() or ax.get_ylabel() or ax.has_data()]
    panels = [ax for ax in panels if ax.get_label() != "<colorbar>"]
    for index, ax in enumerate(panels):
        if options.xlabel is not None and ax.get_xlabel():
            ax.set_xlabel(options.xlabel)
        if index < len(options.ylabels) and ax.get_ylabel():
            ax.set_ylabel(options.ylabels[index])
        if options.xlim is not None:
            _set_limits(ax, options.xlim, vertical=False)
        if index < len(options.ylims):
            _set_limits(ax, options.ylims[index], vertical=True)
    if options.title is not None and panels and figure.get_suptitle() != options.title:
        figure.suptitle(options.title, fontsize=current_paper().label_size)
        width, height = figure.get_size_inches()
        figure.set_size_inches(width, height + _LINES_OF_TITLE * current_paper().label_size / 72)


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
