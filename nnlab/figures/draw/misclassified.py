"""The examples that a model gets most wrong, as they look to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from nnlab.figures.draw.frame import grid_of, new_figure, settle
from nnlab.figures.draw.labels import letters_in
from nnlab.figures.draw.paper import color, paper, points
from nnlab.figures.draw.style import style

_SIDE, _TITLE = 0.62, 0.3  # inches: a picture, and the two lines above it


@dataclass(frozen=True, slots=True)
class Mistake:
    """An example of the data set as it is, what it is, and what the model takes it for."""

    example: NDArray[Any]
    truth: str
    taken_for: str
    loss: float


def worst(mistakes: Sequence[Mistake], *, signal: bool) -> Figure:
    """Draws examples, the worst first: images, signals as lines, rows of a table as bars."""
    with style():
        pictures = mistakes[0].example.ndim == 3
        least = _SIDE if pictures else 1.0
        rows, columns = grid_of(len(mistakes), least)
        figure = new_figure(rows * (_SIDE + _TITLE) + 0.05)
        axes = list(figure.subplots(rows, columns, squeeze=False).flat)
        room = letters_in(0.95 * paper().width / columns / 0.78)
        values = np.stack([one.example for one in mistakes])
        low, high = float(values.min()), float(values.max())
        for ax, one in zip(axes, mistakes, strict=False):
            _show(ax, one.example, low, high, signal=signal)
            told = f"{_cut(one.truth, room)}\n→ {_cut(one.taken_for, room - 2)}"
            ax.set_title(told, fontsize=points(5.5), pad=points(2), linespacing=1.1)
        for ax in axes:
            ax.set_xticks([])
            ax.set_yticks([])
            ax.grid(visible=False)
        for spare in axes[len(mistakes) :]:
            spare.remove()
        settle(figure)
        return figure


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else text[: max(1, room - 1)] + "…"


def _show(ax: Axes, example: NDArray[Any], low: float, high: float, *, signal: bool) -> None:
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
        ax.axhline(0.0, color=paper().look.ink, linewidth=points(0.5))
