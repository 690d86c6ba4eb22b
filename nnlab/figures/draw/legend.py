"""A legend below the panels, in as many columns as fit, never over a curve."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.figure import Figure, SubFigure
from matplotlib.font_manager import FontProperties
from matplotlib.legend import Legend
from matplotlib.lines import Line2D

from nnlab.figures.draw.paper import current_paper, inches

_HANDLE_LENGTH, _HANDLE_PAD, _COLUMN_SPACING = (
    2.0,
    0.5,
    1.4,
)  # in units of the font size, as matplotlib counts them
_MAX_COLUMNS = 6
_POINTS_PER_INCH = 72


def row_height() -> float:
    """Of a row of a legend, inches, for the type and line spacing below."""
    return inches(0.138)


def legend_pad() -> float:
    """Between the blocks of a legend, inches."""
    return inches(0.07)


@dataclass(frozen=True, slots=True)
class LegendEntry:
    """A sample of the drawing and what it stands for.

    `line` is the label, in the matplotlib sense, of a line that it can be written beside.
    """

    handle: Artist
    label: str
    line: str = ""


def text_renderer(figure: Figure) -> RendererAgg:
    """What measures the text of a figure."""
    canvas = figure.canvas
    assert isinstance(canvas, FigureCanvasAgg)
    return canvas.get_renderer()  # type: ignore[no-untyped-call,no-any-return]


def columns_that_fit(figure: Figure, entries: Sequence[LegendEntry]) -> int:
    """The most columns of these entries, filled downward, that the width of `figure` holds."""
    widths = [text_width(figure, entry.label) for entry in entries]
    em = current_paper().size * figure.dpi / _POINTS_PER_INCH
    room = figure.get_figwidth() * figure.dpi - 2 * em
    for columns in range(min(len(entries), _MAX_COLUMNS), 1, -1):
        rows = rows_needed(entries, columns)
        widest = [max(widths[i : i + rows]) for i in range(0, len(widths), rows)]
        if (
            sum(widest) + len(widest) * (_HANDLE_LENGTH + _HANDLE_PAD + _COLUMN_SPACING) * em
            <= room
        ):
            return len(widest)
    return 1


def text_width(figure: Figure, label: str) -> float:
    """Of a text in the size of a legend as drawn, pixels."""
    font = FontProperties(size=current_paper().size)
    width, _, _ = text_renderer(figure).get_text_width_height_descent(  # type: ignore[no-untyped-call]
        label, font, False
    )
    return float(width)


def rows_needed(entries: Sequence[LegendEntry], columns: int) -> int:
    """How many rows these entries take in that many columns."""
    return -(-len(entries) // columns) if entries else 0


def draw_legend_below(
    place: Figure | SubFigure, top: float, entries: Sequence[LegendEntry], columns: int
) -> None:
    """Draws the entries centred below `top`, a fraction of the height of `place`."""
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
    """Draws the entries in a panel, in the corner where they cover least."""
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
        facecolor=current_paper().look.ground,
    )
    _set_labels(legend, entries)


def _placeholder_labels(entries: Sequence[LegendEntry]) -> list[str]:
    """Stand in for the labels: one that starts with an underscore would be left out."""
    return [str(i) for i, _ in enumerate(entries)]


def _set_labels(legend: Legend, entries: Sequence[LegendEntry]) -> None:
    for text, entry in zip(legend.get_texts(), entries, strict=True):
        text.set_text(entry.label)


def legend_marker(**properties: object) -> Line2D:
    """A mark without a line, for a legend."""
    return Line2D([], [], color=current_paper().look.ink, linestyle="", **properties)  # type: ignore[arg-type]
