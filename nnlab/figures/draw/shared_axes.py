"""Shared axes of the panels of a composed figure, and the alignment of panels in a row."""

import math
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, LogLocator
from matplotlib.transforms import Bbox

from nnlab.figures.draw.axis_scales import set_log_ticks
from nnlab.figures.draw.layout import freeze_layout, layout_engine

_MIN_SHARE_OF_AXIS = 0.5  # panels that would be squeezed more keep their own limits


def share_axes(grid: Sequence[Sequence[Figure]]) -> None:
    """Gives neighbouring panels that show one quantity on one scale the same limits.

    In a row only the first of them keeps the labels of the value axis, in a column only the last
    those of the horizontal axis. Only panels with a single axes are considered.

    Args:
        grid: the panels by row; their layout is fixed.
    """
    for panels in grid:
        groups = [group for group in _groups(panels, "y") if len(group) > 1]
        for group in groups:
            _share_limits(group, "y")
            for panel in group[1:]:
                _hide_labels(panel, "y")
        # In several rows, the panels of a column stay below each other.
        if groups and len(grid) == 1:
            _equalise_widths(panels)
    columns = max(map(len, grid))
    for column in range(columns):
        for group in _groups([panels[column] for panels in grid if column < len(panels)], "x"):
            _share_limits(group, "x")
            for panel in group[:-1]:
                _hide_labels(panel, "x")


def align_axes(panels: Sequence[Figure]) -> None:
    """Aligns the upper and the lower ends of the axes in the panels of a row.

    Panels with several rows of axes keep their layout.
    """
    boxes = {panel: Bbox.union([_box_in_inches(ax, panel) for ax in panel.axes]) for panel in panels
             if panel.axes and _has_one_row(panel)}  # fmt: skip
    if len(boxes) < 2:
        return
    top = max(panel.get_figheight() - box.y1 for panel, box in boxes.items())
    bottom = min(panel.get_figheight() - box.y0 for panel, box in boxes.items())
    for panel, box in boxes.items():
        height = panel.get_figheight()
        scale = (bottom - top) / box.height
        for ax in panel.axes:
            old = _box_in_inches(ax, panel)
            low, high = (height - bottom + (y - box.y0) * scale for y in (old.y0, old.y1))
            _set_box(ax, panel, Bbox.from_extents(old.x0, low, old.x1, high))


def _groups(panels: Sequence[Figure], side: Literal["x", "y"]) -> Iterator[list[Figure]]:
    """The neighbouring panels whose axes show one quantity on one scale."""
    group: list[Figure] = []
    key: Any = None
    for panel in panels:
        panel_key = _axis_key(panel, side)
        is_same = group and panel_key is not None and panel_key == key
        if is_same and _are_comparable([*group, panel], side):
            group.append(panel)
            continue
        if group:
            yield group
        group, key = [panel], panel_key
    if group:
        yield group


def _axis_key(panel: Figure, side: Literal["x", "y"]) -> tuple[Any, ...] | None:
    """What two axes have in common that can be one: label, scale, fixed ticks; None if nothing."""
    if len(panel.axes) != 1:
        return None
    (ax,) = panel.axes
    axis = _axis(ax, side)
    label = " ".join(axis.get_label_text().split())
    if not label or axis.get_inverted() or _leaves_axis(ax, side):
        return None
    locator = axis.get_major_locator()
    ticks: tuple[Any, ...] = ()
    if isinstance(locator, FixedLocator):
        ticks = tuple((tick.get_loc(), tick.label1.get_text()) for tick in axis.get_major_ticks())
    return (label, axis.get_scale(), ticks)


def _are_comparable(panels: Sequence[Figure], side: Literal["x", "y"]) -> bool:
    """Whether the values of every panel fill a large enough part of the common axis."""
    intervals = [_axis(panel.axes[0], side).get_view_interval() for panel in panels]
    if _axis(panels[0].axes[0], side).get_scale() == "log":
        intervals = [(math.log(low), math.log(high)) for low, high in intervals]
    length = max(high for _, high in intervals) - min(low for low, _ in intervals)
    return all(high - low >= _MIN_SHARE_OF_AXIS * length for low, high in intervals)


def _leaves_axis(ax: Axes, side: Literal["x", "y"]) -> bool:
    """Whether values lie beyond the limits; they are marked at the edge, which must not move."""
    low, high = (float(end) for end in _axis(ax, side).get_view_interval())
    values = [
        float(value)
        for line in ax.lines
        if line.get_transform() == ax.transData
        for value in np.asarray(line.get_xdata() if side == "x" else line.get_ydata(), dtype=float)
    ]
    return any(math.isfinite(value) and (value < low or value > high) for value in values)


def _share_limits(panels: Sequence[Figure], side: Literal["x", "y"]) -> None:
    axes = [panel.axes[0] for panel in panels if len(panel.axes) == 1]
    if len(axes) < 2:
        return
    intervals = [_axis(ax, side).get_view_interval() for ax in axes]
    low, high = min(low for low, _ in intervals), max(high for _, high in intervals)
    for ax in axes:
        (ax.set_xlim if side == "x" else ax.set_ylim)(low, high)
        if isinstance(_axis(ax, side).get_major_locator(), LogLocator):
            set_log_ticks(_axis(ax, side), low, high)  # their density depends on the limits


def _hide_labels(panel: Figure, side: Literal["x", "y"]) -> None:
    """Removes the labels of an axis, and uses their space for the axes."""
    (ax,) = panel.axes
    _axis(ax, side).set_label_text("")
    ax.tick_params(axis=side, **{"labelbottom" if side == "x" else "labelleft": False})
    panel.set_layout_engine(layout_engine())
    freeze_layout(panel)


def _equalise_widths(panels: Sequence[Figure]) -> None:
    """Gives the axes of the panels of a row the same width, without changing that of the row."""
    single = [panel for panel in panels if len(panel.axes) == 1]
    boxes = [_box_in_inches(panel.axes[0], panel) for panel in single]
    width = sum(box.width for box in boxes) / len(boxes)
    for panel, box in zip(single, boxes, strict=True):
        panel.set_size_inches(panel.get_figwidth() - box.width + width, panel.get_figheight())
        (ax,) = panel.axes
        _set_box(ax, panel, Bbox.from_bounds(box.x0, box.y0, width, box.height))


def _has_one_row(panel: Figure) -> bool:
    """Whether all axes of a panel are side by side."""
    boxes = [_box_in_inches(ax, panel) for ax in panel.axes]
    return bool(max(box.y0 for box in boxes) < min(box.y1 for box in boxes))


def _box_in_inches(ax: Axes, panel: Figure) -> Bbox:
    """The position of axes in their figure in inches, without the effect of a fixed aspect."""
    box = ax.get_position(original=True).transformed(_parent_transform(ax))
    return box.transformed(panel.dpi_scale_trans.inverted())


def _set_box(ax: Axes, panel: Figure, box: Bbox) -> None:
    pixels = box.transformed(panel.dpi_scale_trans)
    ax.set_position(pixels.transformed(_parent_transform(ax).inverted()))


def _parent_transform(ax: Axes) -> Any:
    """From fractions of the figure or subfigure that contains the axes to pixels."""
    return ax.get_figure(root=False).transSubfigure  # type: ignore[union-attr]


def _axis(ax: Axes, side: Literal["x", "y"]) -> Axis:
    return ax.xaxis if side == "x" else ax.yaxis
