"""Labels beside points that cover no other point, line or label; used for Pareto fronts."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from nnlab.figures.draw.paper import current_paper, points

# Directions in the order of preference, and distances in units of the font size.
_DIRECTIONS = ((-1, 1), (-1, 0), (0, 1), (1, 1), (1, -1), (1, 0), (-1, -1), (0, -1))
_DISTANCES = (0.55, 1.2, 2.2, 3.5)
_PADDING = 1.5  # pixels between a label and what it must not cover


Pixel = tuple[float, float]


@dataclass(frozen=True, slots=True)
class PointLabel:
    """A text for a point, in the coordinates of the data."""

    x: float
    y: float
    text: str


def label_points(
    figure: Figure, ax: Axes, labels: Sequence[PointLabel], obstacles: Sequence[Bbox]
) -> list[int]:
    """Writes each label near its point; returns the indices of those without a free place.

    A thin line leads from a distant label to its point. Call it after the layout.

    Args:
        figure: the figure, with its final layout.
        ax: the panel.
        labels: the most important one first.
        obstacles: boxes in pixels that no label may cover.
    """
    taken = list(obstacles)
    panel = ax.get_window_extent()
    em = current_paper().size * figure.dpi / 72
    missing = []
    for index, label in enumerate(labels):
        text = ax.text(label.x, label.y, label.text, zorder=7)
        size = text.get_window_extent()
        anchor = pixel_of(ax, label.x, label.y)
        box = _free_place(anchor, (size.width, size.height), em, panel, taken)
        if box is None:
            text.remove()
            missing.append(index)
            continue
        taken.append(box.padded(_PADDING))
        # In fractions of the panel, which do not depend on the resolution of the file.
        corner = ax.transAxes.inverted().transform((box.x0, box.y0))
        text.set(transform=ax.transAxes, position=corner, ha="left", va="bottom")
        _draw_leader(ax, anchor, box, em)
    return missing


def pixel_of(ax: Axes, x: float, y: float) -> Pixel:
    """The place in pixels of a point of the data."""
    across, up = ax.transData.transform((x, y))
    return float(across), float(up)


def box_of_segment(start: Pixel, end: Pixel, width: float) -> Bbox:
    """The box in pixels around a horizontal or vertical line of this width."""
    half = width / 2
    return Bbox.from_extents(
        min(start[0], end[0]) - half,
        min(start[1], end[1]) - half,
        max(start[0], end[0]) + half,
        max(start[1], end[1]) + half,
    )


def _free_place(
    anchor: Pixel,
    size: tuple[float, float],
    em: float,
    panel: Bbox,
    taken: Sequence[Bbox],
) -> Bbox | None:
    width, height = size
    for distance, (right, up) in itertools.product(_DISTANCES, _DIRECTIONS):
        x0 = anchor[0] + (right - 1) / 2 * width + right * distance * em * (0.7 if up else 1)
        y0 = anchor[1] + (up - 1) / 2 * height + up * distance * em * (0.7 if right else 1)
        box = Bbox.from_bounds(x0, y0, width, height)
        inside = (
            panel.x0 <= box.x0 and box.x1 <= panel.x1 and panel.y0 <= box.y0 and box.y1 <= panel.y1
        )
        if inside and not any(box.overlaps(other) for other in taken):
            return box
    return None


def _draw_leader(ax: Axes, anchor: Pixel, box: Bbox, em: float) -> None:
    """Draws a line from the nearest point of a label to its point, unless they are close."""
    nearest = (min(max(anchor[0], box.x0), box.x1), min(max(anchor[1], box.y0), box.y1))
    if max(abs(nearest[0] - anchor[0]), abs(nearest[1] - anchor[1])) < em:
        return
    ends = ax.transAxes.inverted().transform([nearest, anchor])
    ax.plot(
        ends[:, 0],
        ends[:, 1],
        transform=ax.transAxes,
        color=current_paper().look.grey,
        linewidth=points(0.5),
        zorder=1.8,
    )
