"""A legend below the panels, in as many columns as fit, never over a curve."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure, SubFigure
from matplotlib.font_manager import FontProperties

from nnlab.plots.style import SMALL

ROW_HEIGHT = 0.138  # inches, for the type and line spacing below
_HANDLE, _PAD, _BETWEEN = 2.0, 0.5, 1.4  # in units of the font size, as matplotlib counts them
_MOST_COLUMNS = 6
_POINTS_PER_INCH = 72


@dataclass(frozen=True, slots=True)
class Entry:
    """A sample of the drawing and what it stands for."""

    handle: Artist
    label: str


def columns_that_fit(figure: Figure, entries: Sequence[Entry]) -> int:
    """The most columns of these entries, filled downward, that the width of `figure` holds."""
    widths = [_width(figure, entry.label) for entry in entries]
    em = SMALL * figure.dpi / _POINTS_PER_INCH
    room = figure.get_figwidth() * figure.dpi - 2 * em
    for columns in range(min(len(entries), _MOST_COLUMNS), 1, -1):
        rows = rows_needed(entries, columns)
        widest = [max(widths[i : i + rows]) for i in range(0, len(widths), rows)]
        if sum(widest) + len(widest) * (_HANDLE + _PAD + _BETWEEN) * em <= room:
            return len(widest)
    return 1


def _width(figure: Figure, label: str) -> float:
    """Of a label as drawn, pixels."""
    canvas = figure.canvas
    assert isinstance(canvas, FigureCanvasAgg)
    renderer = canvas.get_renderer()  # type: ignore[no-untyped-call]
    width, _, _ = renderer.get_text_width_height_descent(label, FontProperties(size=SMALL), False)
    return float(width)


def rows_needed(entries: Sequence[Entry], columns: int) -> int:
    """How many rows these entries take in that many columns."""
    return -(-len(entries) // columns) if entries else 0


def legend_at(
    place: Figure | SubFigure, top: float, entries: Sequence[Entry], columns: int
) -> None:
    """Draws the entries centred below `top`, a fraction of the height of `place`."""
    # A label that starts with an underscore would be left out, and `$` would start a formula:
    # both are things that people name their trials. So the text is set afterwards, as it is.
    legend = place.legend(
        [entry.handle for entry in entries],
        [str(i) for i, _ in enumerate(entries)],
        loc="upper center",
        bbox_to_anchor=(0.5, top),
        ncols=columns,
        borderaxespad=0.0,
        borderpad=0.0,
        handlelength=_HANDLE,
        handletextpad=_PAD,
        columnspacing=_BETWEEN,
        labelspacing=0.4,
    )
    for text, entry in zip(legend.get_texts(), entries, strict=True):
        text.set_parse_math(False)
        text.set_text(entry.label)
