"""x // The examples that a model gets most wrong, as they look to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from nnlab import store
from nnlab.analysis.ranking import format_count
from nnlab.figures.draw.labels import letters_that_fit
from nnlab.figures.draw.layout import freeze_layout, new_figure, panel_grid
from nnlab.figures.draw.paper import color, current_paper, points
from nnlab.figures.draw.style import style_context
from nnlab.figures.predictions import predict_best_trials, test_split_notes
from nnlab.figures.prepared_figure import PreparedFigure, numbers

if TYPE_CHECKING:
    pass

_IMAGE_SIDE, _TITLE_HEIGHT = 0.62, 0.3  # inches: a picture, and the two lines above it


@dataclass(frozen=True, slots=True)
class Mistake:
    """An example of the data set as it is, what it is, and what the model takes it for."""

    example: NDArray[Any]
    truth: str
    predicted: str
    loss: float


def prepare_examples(
    db: store.Database, words: Sequence[str], *, split: str = "val", count: int = 24
) -> PreparedFigure:
    """The examples of a split with the largest loss, as they look.

    Raises:
        UnknownName: a word is neither a study nor a run.
        UsageError: nothing was trained there, or the run kept no weights.
    """
    ((title, of),) = predict_best_trials(db, words, split, top=1, classes=False)
    from nnlab.stats.class_predictions import cross_entropy_losses

    lost = cross_entropy_losses(of.probabilities, of.targets) if of.classes else of.errors
    order = sorted(range(len(lost)), key=lambda i: (-lost[i], i))[:count]

    def draw() -> Figure:
        return draw_mistakes(
            [Mistake(of.examples[i], of.truth(i), of.predicted(i), lost[i]) for i in order],
            signal=of.signal,
        )

    rows = [(of.rows[i], of.truth(i), of.predicted(i), lost[i]) for i in order]
    table = numbers(("row", "truth", "prediction", "loss"), rows)
    told = f"{title}: {format_count(len(order), 'example')} of {len(lost)} {split}"
    return PreparedFigure(draw, table, (of.run,), told, test_split_notes(split))


def draw_mistakes(mistakes: Sequence[Mistake], *, signal: bool) -> Figure:
    """Draws examples, the worst first: images, signals as lines, rows of a table as bars."""
    with style_context():
        pictures = mistakes[0].example.ndim == 3
        least = _IMAGE_SIDE if pictures else 1.0
        rows, columns = panel_grid(len(mistakes), least)
        figure = new_figure(rows * (_IMAGE_SIDE + _TITLE_HEIGHT) + 0.05)
        axes = list(figure.subplots(rows, columns, squeeze=False).flat)
        room = letters_that_fit(0.95 * current_paper().width / columns / 0.78)
        values = np.stack([one.example for one in mistakes])
        low, high = float(values.min()), float(values.max())
        for ax, one in zip(axes, mistakes, strict=False):
            _draw_example(ax, one.example, low, high, signal=signal)
            told = f"{_truncate(one.truth, room)}\n→ {_truncate(one.predicted, room - 2)}"
            ax.set_title(told, fontsize=points(5.5), pad=points(2), linespacing=1.1)
        for ax in axes:
            ax.set_xticks([])
            ax.set_yticks([])
            ax.grid(visible=False)
        for spare in axes[len(mistakes) :]:
            spare.remove()
        freeze_layout(figure)
        return figure


def _truncate(text: str, room: int) -> str:
    return text if len(text) <= room else text[: max(1, room - 1)] + "…"


def _draw_example(
    ax: Axes, example: NDArray[Any], low: float, high: float, *, signal: bool
) -> None:
    if example.ndim == 3:
        scaled = (example.astype(np.float64) - low) / ((high - low) or 1.0)
        if len(example) in (3, 4):
            ax.imshow(scaled[:3].transpose(1, 2, 0), interpolation="nearest")
        else:
            ax.imshow(scaled[0], cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        return
    numbers = example.astype(np.float64).ravel()
    if signal:
        ax.plot(numbers, color=color(0), linewidth=points(0.8))
    else:
        ax.bar(range(len(numbers)), numbers, color=color(0), linewidth=0)
        ax.axhline(0.0, color=current_paper().look.ink, linewidth=points(0.5))
