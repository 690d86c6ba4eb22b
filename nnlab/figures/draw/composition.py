"""Composes several figures into one: a grid of lettered panels with a shared legend and axes.

Every panel is a figure of its own, drawn by the unchanged function of its kind for a paper as wide
as the panel, and then moved to its place. So every kind, also that of a plugin, can be a panel.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from string import ascii_lowercase
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from nnlab.figures.draw.layout import freeze_layout
from nnlab.figures.draw.legend import (
    LegendEntry,
    columns_that_fit,
    draw_legend_below,
    legend_pad,
    row_height,
    rows_needed,
)
from nnlab.figures.draw.panel_context import PanelContext, entry_key, use_panel
from nnlab.figures.draw.paper import current_paper, inches, use_paper
from nnlab.figures.draw.shared_axes import align_axes, share_axes
from nnlab.figures.draw.style import style_context

_GAP = 0.08  # inches between panels at the base font size
_LETTER_HEIGHT = 1.5  # of the line with the letters, in font sizes
_MIN_SHARED_PANELS = 2  # a legend entry of so many panels is drawn once, below all panels


class ComposedFigure(Figure):
    """A figure that contains figures, each with a position in inches from its lower left corner."""

    def __init__(self, **properties: Any) -> None:
        super().__init__(**properties)
        self.panels: list[tuple[Figure, float, float]] = []
        FigureCanvasAgg(self)

    def add_panel(self, panel: Figure, x: float, y: float) -> None:
        """Adds a figure whose layout is fixed, with its lower left corner at `x`, `y` in inches."""
        self.panels.append((panel, x, y))
        self._place_panels()

    @property  # type: ignore[misc]  # matplotlib's own property is read-only, too
    def axes(self) -> list[Axes]:  # type: ignore[override]
        """The axes of all panels."""
        return [ax for panel, _, _ in getattr(self, "panels", ()) for ax in panel.axes]

    def get_children(self) -> list[Artist]:
        """The panels, and the artists of the figure."""
        return [*(panel for panel, _, _ in self.panels), *super().get_children()]

    def draw(self, renderer: Any) -> None:
        """Draws the panels and the artists of the figure."""
        self._place_panels()
        super().draw(renderer)

    def _place_panels(self) -> None:
        """Moves every panel to its place, in the resolution of the file that is written."""
        for panel, x, y in self.panels:
            width, height = panel.bbox_inches.size
            panel.dpi = self.dpi
            panel.bbox_inches.set_points(Bbox.from_bounds(x, y, width, height).get_points())


def compose_figures(draws: Sequence[Callable[[], Figure]], columns: int) -> Figure:
    """A figure with a panel for each function that draws one, row by row, with letters.

    Legend entries that several panels have are drawn once, below all panels; the other entries are
    below their own panel. A series has the same colour in all panels. Panels of a row have one
    value axis if they show one quantity on one scale, those of a column one horizontal axis.

    Args:
        draws: functions that draw a panel for the current paper.
        columns: the number of columns.
    """
    with style_context():
        series: dict[str, int] = {}
        width = panel_width(columns)
        # The first drawing tells the height of each panel, and the legend entries of all.
        contexts = [PanelContext(series, shared=None) for _ in draws]
        heights = [
            _draw_panel(draw, context, width).get_figheight()
            for draw, context in zip(draws, contexts, strict=True)
        ]
        entries = _shared_entries([context.legend for context in contexts])
        keys = frozenset(entry_key(entry) for block in entries for entry in block)
        grid = []
        for first in range(0, len(draws), columns):
            row = slice(first, first + columns)
            context = PanelContext(series, max(heights[row]), keys)
            grid.append([_draw_panel(draw, context, width) for draw in draws[row]])
        share_axes(grid)
        for panels in grid:
            align_axes(panels)
        return _assemble(grid, entries)


def panel_width(columns: int) -> float:
    """The width in inches of one of `columns` panels side by side on the current paper."""
    return (current_paper().width - (columns - 1) * inches(_GAP)) / columns


def _draw_panel(draw: Callable[[], Figure], context: PanelContext, width: float) -> Figure:
    """A panel for its width in inches; its layout is fixed."""
    with use_paper(replace(current_paper(), width=width)), use_panel(context):
        figure = draw()
        freeze_layout(figure)
    return figure


def _shared_entries(legends: Sequence[Sequence[Sequence[LegendEntry]]]) -> list[list[LegendEntry]]:
    """The entries that several panels have, once each, in the blocks of the first such panel.

    If several panels have entries of series, the entries of all series are among them, because a
    series has one colour in all panels.
    """
    counts: Counter[object] = Counter()
    for legend in legends:
        counts.update({entry_key(entry) for block in legend for entry in block})
    with_series = sum(any(entry.line for block in legend for entry in block) for legend in legends)
    seen: set[object] = set()
    shared = []
    for block in (block for legend in legends for block in legend):
        entries = []
        for entry in block:
            key = entry_key(entry)
            number = with_series if entry.line else counts[key]
            if number >= _MIN_SHARED_PANELS and key not in seen:
                seen.add(key)
                entries.append(entry)
        if entries:
            shared.append(entries)
    return _joined_series(shared)


def _joined_series(blocks: Sequence[Sequence[LegendEntry]]) -> list[list[LegendEntry]]:
    """The blocks with all entries of series in one block, which is the last."""
    series = [entry for block in blocks for entry in block if entry.line]
    others = [[entry for entry in block if not entry.line] for block in blocks]
    return [block for block in (*others, series) if block]


def _assemble(
    grid: Sequence[Sequence[Figure]], legend: Sequence[Sequence[LegendEntry]]
) -> ComposedFigure:
    """Puts the panels of each row side by side, aligned at the top, and the legend below."""
    gap = inches(_GAP)
    strip = _LETTER_HEIGHT * current_paper().label_size / 72
    row_heights = [strip + max(panel.get_figheight() for panel in panels) for panels in grid]
    figure = ComposedFigure(figsize=(current_paper().width, 1.0))
    blocks = [(block, columns_that_fit(figure, block)) for block in legend]
    legend_heights = [
        rows_needed(block, columns) * row_height() + legend_pad() for block, columns in blocks
    ]
    height = sum(row_heights) + (len(grid) - 1) * gap + sum(legend_heights)
    figure.set_size_inches(current_paper().width, height)
    letters = iter(ascii_lowercase)
    top = height
    for panels, height_of_row in zip(grid, row_heights, strict=True):
        x = 0.0
        for panel in panels:
            _draw_letter(figure, f"({next(letters)})", x, top)
            figure.add_panel(panel, x, top - strip - panel.get_figheight())
            x += panel.get_figwidth() + gap
        top -= height_of_row + gap
    top = sum(legend_heights)
    for (block, columns), block_height in zip(blocks, legend_heights, strict=True):
        draw_legend_below(figure, top / height, block, columns)
        top -= block_height
    return figure


def _draw_letter(figure: Figure, letter: str, x: float, y: float) -> None:
    """Writes the letter of a panel, with its upper left corner at a position in inches."""
    figure.text(
        x + inches(0.02),
        y - inches(0.03),
        letter,
        transform=figure.dpi_scale_trans,
        fontsize=current_paper().label_size,
        ha="left",
        va="top",
    )
