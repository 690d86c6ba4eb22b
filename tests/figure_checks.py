"""The data of a figure's lines, and whether its text is legible."""

import itertools
from collections.abc import Iterator

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text
from matplotlib.transforms import Bbox


def xs(line: Line2D) -> tuple[float, ...]:
    """The places of a line's points."""
    return tuple(float(value) for value in np.asarray(line.get_xdata()))


def ys(line: Line2D) -> tuple[float, ...]:
    """The heights of a line's points."""
    return tuple(float(value) for value in np.asarray(line.get_ydata()))


def drawn_texts(figure: Figure) -> Iterator[tuple[str, Text, Bbox]]:
    """Every text that shows, with its box in pixels."""
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
    """No text leaves the figure, and none lies over another one.

    Slanted texts are judged by the bands that they fill, not by the boxes around them.
    """
    texts = list(drawn_texts(figure))
    width, height = figure.canvas.get_width_height()
    assert len(texts) >= least
    for text, _, box in texts:
        assert box.x0 >= -0.5, f"{text!r} leaves on the left by {-box.x0:.1f} px"
        assert box.y0 >= -0.5, f"{text!r} leaves below by {-box.y0:.1f} px"
        assert box.x1 <= width + 0.5, f"{text!r} leaves on the right by {box.x1 - width:.1f} px"
        assert box.y1 <= height + 0.5, f"{text!r} leaves above by {box.y1 - height:.1f} px"
    for (a, entry, box), (b, two, other) in itertools.combinations(texts, 2):
        if entry.get_rotation() % 90 or two.get_rotation() % 90:
            continue
        overlap = Bbox.intersection(box, other)
        if overlap is not None:
            assert min(overlap.width, overlap.height) <= 0.5, f"{a!r} over {b!r}"
