"""A legend below the panels, in as many columns as fit, never over a curve."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure, SubFigure
from matplotlib.font_manager import FontProperties

from nnlab.plots.style import SMALL

ROW_HEIGHT = 0.16  # inches
_HANDLE, _PAD, _BETWEEN = 2.0, 0.5, 1.4  # in units of the font size, as matplotlib counts them
_MOST_COLUMNS = 5
_POINTS_PER_INCH = 72


@dataclass(frozen=True, slots=True)
class Entry:
    """A sample of the drawing and what it stands for."""

    handle: Artist
    label: str


def columns_that_fit(figure: Figure, entries: Sequence[Entry]) -> int:
    """How many columns of these entries the width of `figure` holds, at least one."""
    canvas = figure.canvas
    assert isinstance(canvas, FigureCanvasAgg)  # noqa: S101  made so in `curves`
    renderer = canvas.get_renderer()  # type: ignore[no-untyped-call]
    font = FontProperties(size=SMALL)
    widest = max(
        renderer.get_text_width_height_descent(entry.label, font, False)[0] for entry in entries
    )
    em = SMALL * figure.dpi / _POINTS_PER_INCH
    column = widest + (_HANDLE + _PAD + _BETWEEN) * em
    room = figure.get_figwidth() * figure.dpi - 2 * em
    return max(1, min(int(room // column), _MOST_COLUMNS, len(entries)))


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
