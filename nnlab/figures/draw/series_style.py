"""The colour, marker and legend entry of each series, for all figures with a line per series."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.lines import Line2D

from nnlab.figures.draw.labels import short_labels
from nnlab.figures.draw.legend import LegendEntry
from nnlab.figures.draw.paper import color, current_paper, points
from nnlab.figures.draw.style import marker

# A reader cannot follow more lines; further ones are thin and grey, with one legend entry.
MAX_NAMED = 12
_MAX_LABEL_LENGTH = 48  # characters


@dataclass(frozen=True, slots=True)
class SeriesStyle:
    """How a series is drawn: its `index` among the named series, None for the grey ones."""

    index: int | None
    marked: bool = True

    @property
    def color(self) -> str:
        """The colour of its line."""
        return current_paper().look.grey if self.index is None else color(self.index)

    @property
    def marker(self) -> str:
        """Its marker; empty if it has none."""
        return marker(self.index) if self.marked and self.index is not None else ""


def curve_label(rank: int) -> str:
    """The matplotlib label of the curves of a trial; the `_` hides it from legends."""
    return f"_trial {rank}"


def series_styles(series: Sequence[object]) -> list[SeriesStyle]:
    """The style of each series; the first twelve are named, and a single one has no marker."""
    marked = len(series) > 1
    return [SeriesStyle(i if i < MAX_NAMED else None, marked) for i, _ in enumerate(series)]


def series_legend_entries(labels: Sequence[str], noun: str) -> list[LegendEntry]:
    """A legend entry for each of the first twelve labels, and one for all others together."""
    first = labels[:MAX_NAMED]
    styles = series_styles(labels)
    entries = [
        LegendEntry(
            Line2D([], [], color=style.color, marker=style.marker), label, curve_label(rank)
        )
        for rank, (style, label) in enumerate(
            zip(styles, short_labels(first, _MAX_LABEL_LENGTH), strict=False)
        )
    ]
    if others := len(labels) - len(first):
        text = f"{others} other {noun}{'s' if others > 1 else ''}"
        entries.append(
            LegendEntry(Line2D([], [], color=styles[-1].color, linewidth=points(0.6)), text)
        )
    return entries
