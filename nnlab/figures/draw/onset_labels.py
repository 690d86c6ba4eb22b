"""Labels of the onsets of overfitting or of a plateau, above the panel of the loss."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from nnlab.figures.draw.layout import freeze_layout
from nnlab.figures.draw.legend import text_renderer
from nnlab.figures.draw.paper import points


def label_onsets(figure: Figure, ax: Axes, onsets: Sequence[tuple[int, str, str]]) -> None:
    """Writes each onset (epoch, text, colour; most important trial first) above its line.

    A single onset is written as its text, several as epochs. Labels that would overlap an earlier
    label are left out; labels at the ends of the axis move inward.
    """
    is_single = len(onsets) == 1
    labels = [
        _draw_label(ax, onset, text if is_single else f"{onset}", color)
        for onset, text, color in onsets
    ]
    freeze_layout(figure)  # the position of a label is known only after the layout
    renderer = text_renderer(figure)
    panel = ax.get_window_extent(renderer)
    occupied: list[tuple[float, float]] = []
    for label in labels:
        box = label.get_window_extent(renderer)
        shift = max(panel.x0 - box.x0, 0.0) + min(panel.x1 - box.x1, 0.0)
        left, right, gap = box.x0 + shift, box.x1 + shift, box.height / 3
        if any(left < end + gap and right > start - gap for start, end in occupied):
            label.remove()
            continue
        occupied.append((left, right))
        x, y = label.get_transform().transform(label.get_position())
        across, up = ax.transAxes.inverted().transform((x + shift, y))
        label.set_transform(ax.transAxes)
        label.set_position((across, up))


def _draw_label(ax: Axes, onset: int, text: str, color: str) -> Text:
    return ax.text(
        onset,
        1.02,
        text,
        transform=ax.get_xaxis_transform(),
        color=color,
        fontsize=points(6.5),
        ha="center",
        va="bottom",
    )
