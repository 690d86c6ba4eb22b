"""Where trials begin to overfit or to stand still, written above the panel of the loss."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from nnlab.figures.draw.layout import freeze_layout
from nnlab.figures.draw.legend import text_renderer
from nnlab.figures.draw.paper import points


def label_onsets(figure: Figure, ax: Axes, onsets: Sequence[tuple[int, str, str]]) -> None:
    """Writes each onset (epoch, text and its trial's colour, first trials first) above its line.

    A lone onset has its text, several are bare epochs (the legend says it for all). A label
    that would touch one that stands is left out; at the ends of the axis it moves inward.
    """
    lone = len(onsets) == 1
    labels = [
        _draw_label(ax, onset, text if lone else f"{onset}", color) for onset, text, color in onsets
    ]
    freeze_layout(figure)  # where a label stands is known only after the layout
    renderer = text_renderer(figure)
    frame = ax.get_window_extent(renderer)
    taken: list[tuple[float, float]] = []
    for label in labels:
        box = label.get_window_extent(renderer)
        shift = max(frame.x0 - box.x0, 0.0) + min(frame.x1 - box.x1, 0.0)
        left, right, apart = box.x0 + shift, box.x1 + shift, box.height / 3
        if any(left < end + apart and right > start - apart for start, end in taken):
            label.remove()
            continue
        taken.append((left, right))
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
