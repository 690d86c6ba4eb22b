"""Legend entries, and legends below the panels or inside a panel; used by all figures."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.figure import Figure, SubFigure
from matplotlib.font_manager import FontProperties
from matplotlib.legend import Legend
from matplotlib.lines import Line2D

from nnlab.figures.draw.labels import shorten_to_width
from nnlab.figures.draw.paper import current_paper, inches

# In units of the font size, as in matplotlib.
_HANDLE_LENGTH, _HANDLE_PAD, _COLUMN_SPACING = 2.0, 0.5, 1.4
_MAX_COLUMNS = 6
_POINTS_PER_INCH = 72


def row_height() -> float:
    """The height of a row of a legend in inches, for the font size and line spacing below."""
    return inches(0.138)


def legend_pad() -> float:
    """The space between blocks of a legend in inches."""
    return inches(0.07)


@dataclass(frozen=True, slots=True)
class LegendEntry:
    """A sample of a line, marker or area, and its label.

    `line` is the matplotlib label of the line beside which the entry can be written.
    """

    handle: Artist
    label: str
    line: str = ""


def shorten_entry(entry: LegendEntry, width: float) -> LegendEntry:
    """The entry with a label that, beside its sample, is not wider than `width` inches."""
    paper = current_paper()
    handle = (_HANDLE_LENGTH + _HANDLE_PAD + _COLUMN_SPACING) * paper.size / _POINTS_PER_INCH
    return replace(entry, label=shorten_to_width(entry.label, width - handle, paper.size))


def text_renderer(figure: Figure) -> RendererAgg:
    """The renderer that measures the text of a figure."""
    canvas = (
        figure.canvas if isinstance(figure.canvas, FigureCanvasAgg) else FigureCanvasAgg(figure)
    )
    return canvas.get_renderer()  # type: ignore[no-untyped-call,no-any-return]


def columns_that_fit(figure: Figure, entries: Sequence[LegendEntry]) -> int:
    """The largest number of columns of these entries that fits into the width of `figure`."""
    widths = [text_width(figure, entry.label) for entry in entries]
    em = current_paper().size * figure.dpi / _POINTS_PER_INCH
    available = figure.get_figwidth() * figure.dpi - 2 * em
    for columns in range(min(len(entries), _MAX_COLUMNS), 1, -1):
        rows = rows_needed(entries, columns)
        widest = [max(widths[i : i + rows]) for i in range(0, len(widths), rows)]
        if (
            sum(widest) + len(widest) * (_HANDLE_LENGTH + _HANDLE_PAD + _COLUMN_SPACING) * em
            <= available
        ):
            return len(widest)
    return 1


def text_width(figure: Figure, label: str) -> float:
    """The width in pixels of a text in legend size."""
    font = FontProperties(size=current_paper().size)
    width, _, _ = text_renderer(figure).get_text_width_height_descent(  # type: ignore[no-untyped-call]
        label, font, False
    )
    return float(width)


def rows_needed(entries: Sequence[LegendEntry], columns: int) -> int:
    """The number of rows that the entries need in `columns` columns."""
    return -(-len(entries) // columns) if entries else 0


def draw_legend_below(
    place: Figure | SubFigure, top: float, entries: Sequence[LegendEntry], columns: int
) -> None:
    """Draws the entries centred below `top` (a fraction of the height of `place`)."""
    legend = place.legend(
        [entry.handle for entry in entries],
        _placeholder_labels(entries),
        loc="upper center",
        bbox_to_anchor=(0.5, top),
        ncols=columns,
        borderaxespad=0.0,
        borderpad=0.0,
        handlelength=_HANDLE_LENGTH,
        handletextpad=_HANDLE_PAD,
        columnspacing=_COLUMN_SPACING,
        labelspacing=0.4,
    )
    _set_labels(legend, entries)


def draw_legend_inside(ax: Axes, entries: Sequence[LegendEntry]) -> None:
    """Draws the entries inside a panel, where they cover least."""
    legend = ax.legend(
        [entry.handle for entry in entries],
        _placeholder_labels(entries),
        loc="best",
        handlelength=_HANDLE_LENGTH,
        handletextpad=_HANDLE_PAD,
        labelspacing=0.3,
        frameon=True,
        framealpha=0.85,
        edgecolor="none",
        facecolor=current_paper().look.background,
    )
    _set_labels(legend, entries)


def _placeholder_labels(entries: Sequence[LegendEntry]) -> list[str]:
    """Placeholders for the labels: matplotlib leaves out labels that start with an underscore."""
    return [str(i) for i, _ in enumerate(entries)]


def _set_labels(legend: Legend, entries: Sequence[LegendEntry]) -> None:
    for text, entry in zip(legend.get_texts(), entries, strict=True):
        text.set_text(entry.label)


def legend_marker(**properties: object) -> Line2D:
    """A legend handle with a marker and no line; `properties` are those of Line2D."""
    return Line2D([], [], color=current_paper().look.ink, linestyle="", **properties)  # type: ignore[arg-type]
