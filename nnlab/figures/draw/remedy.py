"""What remedies changed: a line each, with its interval around no effect."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from nnlab.figures.draw.labels import letters_that_fit, short_labels, wrap_to_width
from nnlab.figures.draw.layout import new_figure
from nnlab.figures.draw.paper import color, current_paper, points
from nnlab.figures.draw.style import REFERENCE_DASHES, style_context

_ROW_HEIGHT, _FRAME_HEIGHT = 0.24, 0.75  # inches


@dataclass(frozen=True, slots=True)
class RemedyEffect:
    """A remedy: how much better it made the objective, its interval, and whether that is proved.

    `gone` tells in how many runs the finding remained.
    """

    name: str
    effect: float
    low: float
    high: float
    helped: bool
    gone: str


def remedies(effects: Sequence[RemedyEffect], metric: str) -> Figure:
    """Draws effects with their 95 % intervals, best on top; proved ones are coloured."""
    with style_context():
        figure = new_figure(_ROW_HEIGHT * len(effects) + _FRAME_HEIGHT)
        ax = figure.subplots()
        for place, one in enumerate(effects):
            tone = color(0) if one.helped else current_paper().look.grey
            ax.plot([one.low, one.high], [place, place], color=tone, linewidth=points(1.4))
            ax.plot(one.effect, place, marker="o", markersize=points(4), color=tone)
        ax.axvline(
            0.0, color=current_paper().look.grey, linewidth=points(0.8), linestyle=REFERENCE_DASHES
        )
        names = short_labels(
            [one.name for one in effects], letters_that_fit(0.34 * current_paper().width)
        )
        ax.set_yticks(range(len(effects)), names)
        ax.set_ylim(len(effects) - 0.5, -0.5)
        ax.grid(visible=False, axis="y")
        right = ax.secondary_yaxis("right")
        right.set_yticks(range(len(effects)), [one.gone for one in effects])
        right.tick_params(length=0)
        told = f"{metric} better than the control by (95 % interval)"
        ax.set_xlabel(
            wrap_to_width(told, 0.4 * current_paper().width, current_paper().label_size, 4)
        )
        return figure
