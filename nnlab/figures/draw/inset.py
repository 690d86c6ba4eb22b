"""Insets: a part of the horizontal axis magnified in an empty place of a panel (`--inset`)."""

import itertools
import math
from collections.abc import Iterator, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, MaxNLocator, NullFormatter, NullLocator
from matplotlib.transforms import Bbox
from numpy.typing import NDArray

from nnlab.figures.draw.axis_scales import set_log_ticks
from nnlab.figures.draw.legend import text_renderer
from nnlab.figures.draw.paper import current_paper, inches, points
from nnlab.figures.draw.series_style import curve_label
from nnlab.figures.draw.style import style_context

_LABEL = "<inset>"
# Width and height of an inset as fractions of its panel, the preferred size first.
_SIZES = ((0.46, 0.40), (0.40, 0.36), (0.34, 0.32), (0.30, 0.28))
_PLACES = 7  # positions along each side of a panel
_TICK_SPACE = (0.36, 0.17)  # inches to the left of and below an inset, for its tick labels
_MARGIN = 0.02  # fraction of the panel between an inset and the edge of the panel
_FREE_SHARE = 0.52  # of the height of a panel, which gets so much space if no place is empty
_Y_MARGIN = 0.08
_POINTS_PER_SEGMENT = 12  # at which it is tested whether an inset covers a line
_FONT_FACTOR = 0.85
_MIN_LOG_RATIO = 10.0  # insets with a smaller range of values have a linear axis


def add_insets(figure: Figure, low: float, high: float) -> int:
    """Adds an inset from `low` to `high` of the horizontal axis to each panel with curves there.

    An inset covers no curve: if no place of the panel is empty, the value axis is extended. Panels
    that already have one are left unchanged. Returns the number of panels with an inset.
    """
    count = 0
    for ax in figure.axes:
        if any(child.get_label() == _LABEL for child in ax.child_axes):
            count += 1
            continue
        curves = _curves(ax)
        values = _values_within(curves, low, high)
        if not values:
            continue
        place = _empty_place(figure, ax)
        if place is None:
            _extend_value_axis(ax)
            place = _empty_place(figure, ax)
        if place is None:
            place = (1 - _SIZES[-1][0] - _MARGIN, 1 - _SIZES[-1][1] - _MARGIN, *_SIZES[-1])
        with style_context():
            _draw_inset(ax, place, (low, high), values)
        count += 1
    return count


def _curves(ax: Axes) -> list[Line2D]:
    """The lines of a panel with several points in data coordinates."""
    lines = [line for line in ax.lines if line.get_transform() == ax.transData]
    return [
        line
        for line in lines
        if len(np.asarray(line.get_xdata())) > 2 and line.get_linestyle() != "None"
    ]


def _values_within(curves: Sequence[Line2D], low: float, high: float) -> list[float]:
    """The finite values of the curves in a range, of the solid curves if there are any."""
    named = [line for line in curves if str(line.get_label()).startswith(curve_label(0)[:6])]
    solid = [line for line in named or curves if line.get_linestyle() == "-"]
    values: list[float] = []
    for line in solid or named or curves:
        xs, ys = _data(line)
        values += [float(y) for x, y in zip(xs, ys, strict=True) if low <= x <= high]
    return [value for value in values if math.isfinite(value)]


def _data(line: Line2D) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return np.asarray(line.get_xdata(), dtype=float), np.asarray(line.get_ydata(), dtype=float)


def _empty_place(figure: Figure, ax: Axes) -> tuple[float, float, float, float] | None:
    """Left, bottom, width and height of the largest empty place, as fractions of the panel."""
    panel = ax.get_window_extent()
    pixels_per_inch = figure.dpi
    pad_x = inches(_TICK_SPACE[0]) * pixels_per_inch / panel.width
    pad_y = inches(_TICK_SPACE[1]) * pixels_per_inch / panel.height
    occupied = _occupied_points(figure, ax)
    for width, height in _SIZES:
        lefts = np.linspace(1 - _MARGIN - width, pad_x + _MARGIN, _PLACES)
        bottoms = np.linspace(1 - _MARGIN - height, pad_y + _MARGIN, _PLACES)
        for bottom, left in itertools.product(bottoms, lefts):
            x, y = occupied[:, 0], occupied[:, 1]
            inside = (x > left - pad_x) & (x < left + width + _MARGIN)
            inside &= (y > bottom - pad_y) & (y < bottom + height + _MARGIN)
            if not inside.any():
                return float(left), float(bottom), width, height
    return None


def _occupied_points(figure: Figure, ax: Axes) -> NDArray[np.float64]:
    """Points on the curves, bands and texts of a panel, as fractions of the panel; shape [n, 2]."""
    to_fraction = ax.transData + ax.transAxes.inverted()
    renderer = text_renderer(figure)
    boxes = [text.get_window_extent(renderer) for text in ax.texts]
    legend = ax.get_legend()
    if legend is not None:
        boxes.append(legend.get_window_extent(renderer))
    lines = [
        np.column_stack(_data(line))
        for line in ax.lines
        if line.get_transform() == ax.transData and line.get_visible()
    ]
    bands = [
        np.asarray(path.vertices, dtype=float)
        for collection in ax.collections
        for path in collection.get_paths()
    ]
    parts = [
        np.empty((0, 2)),
        *(_dense(to_fraction.transform(corners)) for corners in (*lines, *bands)),
        *(ax.transAxes.inverted().transform(_grid_of(box)) for box in boxes),
    ]
    occupied = np.concatenate(parts)
    finite: NDArray[np.float64] = occupied[np.isfinite(occupied).all(axis=1)]
    return finite


def _dense(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """The points of a polyline with further points on its segments; shape [n, 2]."""
    if len(corners) < 2:
        return corners
    steps = np.linspace(0, 1, _POINTS_PER_SEGMENT)[:, None, None]
    dense = corners[None, :-1] * (1 - steps) + corners[None, 1:] * steps
    return dense.reshape(-1, 2)


def _grid_of(box: Bbox) -> NDArray[np.float64]:
    xs, ys = np.linspace(box.x0, box.x1, 12), np.linspace(box.y0, box.y1, 5)
    return np.array(list(itertools.product(xs, ys)), dtype=np.float64)


def _extend_value_axis(ax: Axes) -> None:
    """Adds space above the curves of a panel; the ticks stay where there are values."""
    low, high = ax.get_ylim()
    ticks = [tick for tick in ax.get_yticks() if min(low, high) <= tick <= max(low, high)]
    if ax.get_yscale() == "log":
        end = 10 ** (math.log10(low) + (math.log10(high) - math.log10(low)) / _FREE_SHARE)
    else:
        end = low + (high - low) / _FREE_SHARE
    ax.yaxis.set_major_locator(FixedLocator(ticks))
    ax.set_ylim(low, end)


def _draw_inset(
    ax: Axes,
    place: tuple[float, float, float, float],
    limits: tuple[float, float],
    values: Sequence[float],
) -> None:
    """Draws the curves and bands of a panel again, within the limits, into an inset."""
    inset = ax.inset_axes(place, zorder=5)
    inset.set_label(_LABEL)
    for artist in _copies(ax):
        if isinstance(artist, Line2D):
            inset.add_line(artist)
        else:
            inset.add_collection(artist)
        # A copy also has the transform and the clipping of the original.
        artist.set_transform(inset.transData)
        artist.set_clip_path(inset.patch)
        artist.set_clip_on(True)
    low, high = min(values), max(values)
    log = ax.get_yscale() == "log" and low > 0 and high / low > _MIN_LOG_RATIO
    if log:
        inset.set_yscale("log")
        factor = (high / low) ** _Y_MARGIN if high > low else 1.1
        inset.set_ylim(low / factor, high * factor)
        set_log_ticks(inset.yaxis, low, high)
    else:
        margin = _Y_MARGIN * (high - low) or abs(high) * _Y_MARGIN or _Y_MARGIN
        inset.set_ylim(low - margin, high + margin)
        inset.yaxis.set_major_locator(MaxNLocator(nbins=3))
    inset.set_xlim(*limits)
    inset.set_xscale(ax.get_xscale())
    inset.xaxis.set_major_locator(MaxNLocator(nbins=3, integer=limits[1] - limits[0] >= 2))
    for axis in (inset.xaxis, inset.yaxis):
        axis.set_minor_locator(NullLocator())
        axis.set_minor_formatter(NullFormatter())
    look = current_paper().look
    inset.tick_params(labelsize=_FONT_FACTOR * current_paper().size, length=points(1.5), pad=1.5)
    inset.grid(visible=False)
    for spine in inset.spines.values():
        spine.set(visible=True, linewidth=points(0.5), edgecolor=look.grey)
    ax.indicate_inset_zoom(inset, edgecolor=look.grey, linewidth=points(0.5), alpha=1.0)


def _copies(ax: Axes) -> Iterator[Line2D | PolyCollection]:
    """New artists that look as the curves and bands of a panel."""
    for line in ax.lines:
        if line.get_transform() != ax.transData:
            continue
        xs, ys = _data(line)
        copy = Line2D(xs, ys)
        copy.update_from(line)
        yield copy
    for collection in ax.collections:
        if isinstance(collection, PolyCollection):
            vertices = [np.asarray(path.vertices) for path in collection.get_paths()]
            copy_of_band = PolyCollection(vertices, closed=False)
            copy_of_band.update_from(collection)
            yield copy_of_band
