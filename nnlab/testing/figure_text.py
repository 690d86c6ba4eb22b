"""The texts of a figure, and whether they can be read; used by `FigureContract`."""

import itertools
from collections.abc import Iterator

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from nnlab.figures.draw.style import style_context

_FILE_DPI = 300
_TOLERANCE = 1.5  # pixels


def drawn_texts(figure: Figure) -> Iterator[tuple[str, Text, Bbox]]:
    """Yields every visible text of a figure, its artist, and its box in pixels."""
    with style_context():  # the widths of letters are those in the files
        texts = list(_measured_texts(figure))
    yield from texts


def _measured_texts(figure: Figure) -> Iterator[tuple[str, Text, Bbox]]:
    # At the resolution of files: at a lower one the widths of small texts are rounded.
    figure.set_dpi(_FILE_DPI)
    canvas = FigureCanvasAgg(figure)
    figure.draw_without_rendering()
    renderer = canvas.get_renderer()  # type: ignore[no-untyped-call]
    hidden = set()
    for ax in figure.axes:
        for axis in (ax.xaxis, ax.yaxis):
            low, high = sorted(axis.get_view_interval())
            shown = ax.axison and axis.get_visible()
            for tick in itertools.chain(axis.get_major_ticks(), axis.get_minor_ticks()):
                if not shown or not low <= tick.get_loc() <= high:
                    hidden |= {tick.label1, tick.label2}
    for text in figure.findobj(Text):
        assert isinstance(text, Text)
        if text.get_visible() and text.get_text().strip() and text not in hidden:
            yield text.get_text(), text, text.get_window_extent(renderer)


def assert_readable(figure: Figure, least: int = 3) -> None:
    """Asserts that every text lies within the figure, and that no two texts overlap.

    Pairs with a slanted text are not compared.

    Args:
        figure: a drawn figure.
        least: the smallest number of texts.
    """
    texts = list(drawn_texts(figure))
    width, height = figure.canvas.get_width_height()
    assert len(texts) >= least
    for text, _, box in texts:
        assert box.x0 >= -_TOLERANCE, f"{text!r} leaves on the left by {-box.x0:.1f} px"
        assert box.y0 >= -_TOLERANCE, f"{text!r} leaves below by {-box.y0:.1f} px"
        assert box.x1 <= width + _TOLERANCE, (
            f"{text!r} leaves on the right by {box.x1 - width:.1f} px"
        )
        assert box.y1 <= height + _TOLERANCE, f"{text!r} leaves above by {box.y1 - height:.1f} px"
    for (a, one, box), (b, two, other) in itertools.combinations(texts, 2):
        if one.get_rotation() % 90 or two.get_rotation() % 90:
            continue
        overlap = Bbox.intersection(box, other)
        if overlap is not None:
            assert min(overlap.width, overlap.height) <= _TOLERANCE, f"{a!r} over {b!r}"
