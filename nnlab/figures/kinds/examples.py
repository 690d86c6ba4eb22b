"""`nnlab plot examples`: the examples of a split with the largest loss of a trained model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from nnlab import store
from nnlab.figures.draw.labels import letters_that_fit, wrap_to_width
from nnlab.figures.draw.layout import freeze_layout, new_figure, panel_grid
from nnlab.figures.draw.paper import color, current_paper, points
from nnlab.figures.draw.style import style_context
from nnlab.figures.predictions import predict_best_trials, test_split_notes
from nnlab.figures.prepared_figure import PreparedFigure, figure_table
from nnlab.io.text import format_count
from nnlab.stats.class_predictions import cross_entropy_losses

if TYPE_CHECKING:
    from nnlab.analysis.predictions import Predictions

_IMAGE_SIDE, _TITLE_HEIGHT = 0.62, 0.3  # inches: an image, and the two lines above it
_KEY_HEIGHT = 0.25  # inches, for the line below the examples


@dataclass(frozen=True, slots=True)
class Mistake:
    """An example of the data set, its target, the prediction of the model, and the loss.

    `probability` is that of the predicted class; None for a regression.
    """

    example: NDArray[Any]
    truth: str
    predicted: str
    loss: float
    probability: float | None = None


def prepare_examples(
    db: store.Database, words: Sequence[str], *, split: str = "val", count: int = 24
) -> PreparedFigure:
    """The figure of the `count` examples of a split with the largest loss.

    Raises:
        UnknownName: a word is neither a study nor a run.
        UsageError: no epoch is finished, or the run has no stored weights.
    """
    ((title, prediction),) = predict_best_trials(db, words, split, top=1, classes=False)
    losses = (
        cross_entropy_losses(prediction.probabilities, prediction.targets)
        if prediction.classes
        else prediction.errors
    )
    order = sorted(range(len(losses)), key=lambda i: (-losses[i], i))[:count]

    def draw() -> Figure:
        return draw_mistakes(
            [_mistake(prediction, i, losses[i]) for i in order],
            signal=prediction.signal,
        )

    rows = [
        (prediction.rows[i], prediction.truth(i), prediction.predicted(i), losses[i]) for i in order
    ]
    table = figure_table(("row", "truth", "prediction", "loss"), rows)
    summary = f"{title}: {format_count(len(order), 'example')} of {len(losses)} {split}"
    return PreparedFigure(draw, table, (prediction.run,), summary, test_split_notes(split))


def _mistake(prediction: "Predictions", i: int, loss: float) -> Mistake:
    example, truth = prediction.examples[i], prediction.truth(i)
    if not prediction.classes:
        return Mistake(example, truth, prediction.predicted(i), loss)
    best = int(prediction.probabilities[i].argmax())
    probability = float(prediction.probabilities[i, best])
    return Mistake(example, truth, prediction.classes[best], loss, probability)


def draw_mistakes(mistakes: Sequence[Mistake], *, signal: bool) -> Figure:
    """A figure of examples, largest loss first: images, signals as lines, table rows as bars."""
    with style_context():
        are_images = mistakes[0].example.ndim == 3
        least = _IMAGE_SIDE if are_images else 1.0
        rows, columns = panel_grid(len(mistakes), least)
        figure = new_figure(rows * (_IMAGE_SIDE + _TITLE_HEIGHT) + _KEY_HEIGHT)
        axes = list(figure.subplots(rows, columns, squeeze=False).flat)
        letters = letters_that_fit(0.88 * current_paper().width / columns / 0.78)
        values = np.stack([mistake.example for mistake in mistakes])
        low, high = float(values.min()), float(values.max())
        for ax, mistake in zip(axes, mistakes, strict=False):
            _draw_example(ax, mistake.example, low, high, signal=signal)
            ax.set_title(
                _title(mistake, letters), fontsize=points(5.5), pad=points(2), linespacing=1.1
            )
        for ax in axes:
            ax.set_xticks([])
            ax.set_yticks([])
            ax.grid(visible=False)
        for spare in axes[len(mistakes) :]:
            spare.remove()
        key = wrap_to_width(
            _explanation(mistakes[0], signal=signal),
            0.9 * current_paper().width,
            current_paper().size,
        )
        figure.supxlabel(key, fontsize=current_paper().size)
        freeze_layout(figure)
        return figure


def _title(mistake: Mistake, letters: int) -> str:
    """The target, and below it the prediction; the probability is never cut off."""
    probability = "" if mistake.probability is None else f" ({100 * mistake.probability:.0f} %)"
    room = max(4, letters - 2 - len(probability))
    return (
        f"{_truncate(mistake.truth, letters)}\n→ {_truncate(mistake.predicted, room)}{probability}"
    )


def _explanation(mistake: Mistake, *, signal: bool) -> str:
    """What is written above the examples, and what is drawn of them."""
    is_class = mistake.probability is not None
    texts = "true class → predicted class (its probability)" if is_class else "target → prediction"
    if mistake.example.ndim == 3 or signal:
        return f"{texts}; largest losses first"
    return f"{texts}; bars: the inputs in their order; largest losses first"


def _truncate(text: str, length: int) -> str:
    return text if len(text) <= length else text[: max(1, length - 1)] + "…"


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
