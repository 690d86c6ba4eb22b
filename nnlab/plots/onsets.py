"""Where trials begin to overfit, written above the panel."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from nnlab.plots.series import Series
from nnlab.plots.style import SMALL
from nnlab.stats.band import median_epoch

if TYPE_CHECKING:
    from nnlab.plots.panel import Look

_OVERFITTING = "NN101"


def onset_of(one: Series) -> int | None:
    """The epoch from which a trial overfits: the median over its seeds' findings, or None."""
    return median_epoch(f.onset for f in one.findings if f.code == _OVERFITTING)


def label_onsets(
    figure: Figure, ax: Axes, series: Sequence[Series], looks: "Sequence[Look]"
) -> None:
    """Writes the onset of each trial above its hairline, and settles the layout for good.

    The first trials come first; a label that would touch one that stands is left out, the
    legend explains the line all the same. Labels are moved inward at the ends of the axis.
    """
    labels = [
        _label(ax, onset, look.color)
        for one, look in zip(series, looks, strict=True)
        if look.index is not None and (onset := onset_of(one)) is not None
    ]
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    canvas = figure.canvas
    assert isinstance(canvas, FigureCanvasAgg)  # noqa: S101  made so in `curves`
    renderer = canvas.get_renderer()  # type: ignore[no-untyped-call]
    frame = ax.get_window_extent(renderer)
    taken: list[tuple[float, float]] = []
    for label in labels:
        box = label.get_window_extent(renderer)
        shift = max(frame.x0 - box.x0, 0.0) + min(frame.x1 - box.x1, 0.0)
        left, right = box.x0 + shift, box.x1 + shift
        if any(left < end + box.height and right > start - box.height for start, end in taken):
            label.remove()
            continue
        taken.append((left, right))
        x, y = label.get_transform().transform(label.get_position())
        label.set_transform(ax.transAxes)
        label.set_position(tuple(ax.transAxes.inverted().transform((x + shift, y))))


def _label(ax: Axes, onset: int, color: str) -> Text:
    return ax.text(
        onset,
        1.02,
        f"overfits from {onset}",
        transform=ax.get_xaxis_transform(),
        color=color,
        fontsize=SMALL - 0.5,
        ha="center",
        va="bottom",
    )
