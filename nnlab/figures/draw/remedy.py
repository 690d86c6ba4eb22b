"""What remedies changed: a line each, with its interval around no effect."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from nnlab.figures.draw.frame import new_figure
from nnlab.figures.draw.labels import fitted, letters_in, short_labels
from nnlab.figures.draw.paper import color, paper, points
from nnlab.figures.draw.style import ACROSS, style

_ROW, _FRAME = 0.24, 0.75  # inches


@dataclass(frozen=True, slots=True)
class Effect:
    """A remedy: how much better it made the objective, its interval, and whether that is proved.

    `gone` tells in how many runs the finding remained.
    """

    name: str
    effect: float
    low: float
    high: float
    helped: bool
    gone: str


def remedies(effects: Sequence[Effect], metric: str) -> Figure:
    """Draws effects with their 95 % intervals, best on top; proved ones are coloured."""
    with style():
        figure = new_figure(_ROW * len(effects) + _FRAME)
        ax = figure.subplots()
        for place, one in enumerate(effects):
            tone = color(0) if one.helped else paper().look.grey
            ax.plot([one.low, one.high], [place, place], color=tone, linewidth=points(1.4))
            ax.plot(one.effect, place, marker="o", markersize=points(4), color=tone)
        ax.axvline(0.0, color=paper().look.grey, linewidth=points(0.8), linestyle=ACROSS)
        names = short_labels([one.name for one in effects], letters_in(0.34 * paper().width))
        ax.set_yticks(range(len(effects)), names)
        ax.set_ylim(len(effects) - 0.5, -0.5)
        ax.grid(visible=False, axis="y")
        right = ax.secondary_yaxis("right")
        right.set_yticks(range(len(effects)), [one.gone for one in effects])
        right.tick_params(length=0)
        told = f"{metric} better than the control by (95 % interval)"
        ax.set_xlabel(fitted(told, 0.4 * paper().width, paper().label_size, 4))
        return figure
