"""Labels at the upper and lower edge of a panel: onsets, and curves that leave the axis."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text
from matplotlib.transforms import Bbox, ScaledTranslation

from nnlab.figures.draw.labels import wrap_to_width
from nnlab.figures.draw.legend import text_renderer
from nnlab.figures.draw.paper import points

_TEXT_SIZE, _ROW_HEIGHT, _PAD, _ROW_GAP = 6.5, 8.0, 2.5, 1.5  # points
_ARROW_LENGTH, _ARROW_SPACING = 8.0, 4.5  # points
_MAX_ROWS = 4
_POINTS_PER_INCH = 72


@dataclass(frozen=True, slots=True)
class EdgeLabel:
    """A text at the epoch `x` of an edge.

    `arrow` says whether an arrow points out of the axis there; `marker` is drawn at its tail.
    """

    x: float
    text: str
    color: str
    arrow: bool = False
    marker: str = ""


def label_top(figure: Figure, ax: Axes, labels: Sequence[EdgeLabel]) -> float:
    """Writes the labels above a panel, in rows without overlap; the most important label first.

    The positions follow from the current layout: the width of the panel must be final. Labels at
    the ends of the axis move inward; labels without a place are left out.

    Returns:
        The height that the labels need above the panel, in points.
    """
    tips = _draw_arrows(figure, ax, labels, upward=True)
    renderer = text_renderer(figure)
    panel = ax.get_window_extent(renderer)
    pixel = figure.dpi / _POINTS_PER_INCH
    width = panel.width / figure.dpi
    wrapped = [wrap_to_width(label.text, width, points(_TEXT_SIZE)) for label in labels]
    texts = [_text(ax, text, label.color) for text, label in zip(wrapped, labels, strict=True)]
    extents = [text.get_window_extent(renderer) for text in texts]
    row_height = max((box.height for box in extents), default=0.0) / pixel + points(_ROW_GAP)
    base = points(_PAD) + _offset_text_height(ax, renderer) / pixel
    rows: list[list[tuple[float, float]]] = [[] for _ in range(_MAX_ROWS)]
    used = 0
    for text, tip, extent in zip(texts, tips, extents, strict=True):
        place = _free_place(
            rows, tip - extent.width / 2, extent.width, (panel.x0, panel.x1), 4 * pixel
        )
        if place is None:
            text.remove()
            continue
        row, left = place
        rows[row].append((left, left + extent.width))
        used = max(used, row + 1)
        up = (base + row * row_height) / _POINTS_PER_INCH
        text.set_transform(ax.transAxes + ScaledTranslation(0, up, figure.dpi_scale_trans))
        text.set_position(((left - panel.x0) / panel.width, 1.0))
    return base + used * row_height if used else 0.0


def _offset_text_height(ax: Axes, renderer: RendererAgg) -> float:
    """The height in pixels of the power of ten that matplotlib writes above an axis; 0 if none."""
    text = ax.yaxis.get_offset_text()
    return float(text.get_window_extent(renderer).height) if text.get_text() else 0.0


def label_bottom(figure: Figure, ax: Axes, labels: Sequence[EdgeLabel]) -> None:
    """Writes the labels inside a panel above its lower edge, where they cover fewest lines."""
    tips = _draw_arrows(figure, ax, labels, upward=False)
    renderer = text_renderer(figure)
    panel = ax.get_window_extent(renderer)
    pixel = figure.dpi / _POINTS_PER_INCH
    placed: list[Bbox] = []
    for label, tip in zip(labels, tips, strict=True):
        text = _text(ax, label.text, label.color)
        extent = text.get_window_extent(renderer)
        gap = points(_ARROW_SPACING) * pixel
        candidates = [
            Bbox.from_bounds(left, bottom, extent.width, extent.height)
            for step in range(2 * _MAX_ROWS)  # further away from the arrow, above or beside it
            for row, moved in ((step, 0.0), (0, step * gap * 2), (step // 2, step * gap))
            for bottom in [panel.y0 + points(_PAD + row * _ROW_HEIGHT) * pixel]
            for left in (tip + gap + moved, tip - gap - moved - extent.width)
            if panel.x0 <= left and left + extent.width <= panel.x1
        ]
        free = [box for box in candidates if not any(box.overlaps(other) for other in placed)]
        if not free:
            text.remove()
            continue
        box = min(free, key=lambda place: covered_lines(ax, place))
        placed.append(box)
        text.set_transform(ax.transAxes)
        text.set_position(((box.x0 - panel.x0) / panel.width, (box.y0 - panel.y0) / panel.height))


def covered_lines(ax: Axes, box: Bbox) -> int:
    """The number of lines of a panel that cross a box (in pixels)."""
    return sum(
        line.get_transform().transform_path(line.get_path()).intersects_bbox(box, filled=False)
        for line in ax.lines
        if line.get_linestyle() not in ("None", "", " ") and len(np.asarray(line.get_xdata())) > 1
    )


def _text(ax: Axes, content: str, color: str) -> Text:
    return ax.text(
        0, 1, content, color=color, fontsize=points(_TEXT_SIZE), ha="left", va="bottom", zorder=7
    )


def _free_place(
    rows: Sequence[Sequence[tuple[float, float]]],
    preferred: float,
    length: float,
    limits: tuple[float, float],
    gap: float,
) -> tuple[int, float] | None:
    """The row and left end of a text of this length near its preferred place; None if all are full.

    A higher row is used only if the text would move by more than its length.
    """
    row_cost = 10 * gap
    low, high = limits[0], max(limits[1] - length, limits[0])
    best: tuple[float, int, float] | None = None
    for row, occupied in enumerate(rows):
        ends = [end + gap for _, end in occupied] + [start - gap - length for start, _ in occupied]
        for left in (min(max(preferred, low), high), *ends):
            if not low <= left <= high or any(
                left < end + gap - 1e-6 and left + length > start - gap + 1e-6
                for start, end in occupied
            ):
                continue
            cost = abs(left - preferred) + row * max(length, row_cost)
            if best is None or cost < best[0]:
                best = (cost, row, left)
    return None if best is None else best[1:]


def _draw_arrows(
    figure: Figure, ax: Axes, labels: Sequence[EdgeLabel], *, upward: bool
) -> list[float]:
    """Draws the arrows at an edge, side by side where they would overlap; returns x in pixels."""
    panel = ax.get_window_extent(text_renderer(figure))
    pixel = figure.dpi / _POINTS_PER_INCH
    spacing = points(_ARROW_SPACING) * pixel
    edge, inside = (1.0, -1.0) if upward else (0.0, 1.0)
    tips: list[float] = []
    for label in labels:
        exact = float(ax.transData.transform((label.x, 1.0))[0])
        tip = exact
        if label.arrow:
            while any(abs(tip - other) < 0.99 * spacing for other in tips):
                tip += spacing if exact < (panel.x0 + panel.x1) / 2 else -spacing
            tail = points(_ARROW_LENGTH) * pixel * inside / panel.height
            x = (tip - panel.x0) / panel.width
            ax.annotate(
                "",
                xy=(x, edge),
                xytext=(x, edge + tail),
                xycoords="axes fraction",
                textcoords="axes fraction",
                annotation_clip=False,
                arrowprops={
                    "arrowstyle": "-|>",
                    "color": label.color,
                    "linewidth": points(0.9),
                    "shrinkA": 0.0,
                    "shrinkB": 0.0,
                    "mutation_scale": points(6.0),
                },
                zorder=7,
            )
            if label.marker:
                ax.add_line(
                    Line2D(
                        [x],
                        [edge + tail],
                        transform=ax.transAxes,
                        color=label.color,
                        marker=label.marker,
                        markersize=points(2.8),
                        zorder=7,
                    )
                )
        tips.append(tip)
    return tips
