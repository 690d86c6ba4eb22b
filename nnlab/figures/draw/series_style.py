"""The colour, marker and legend entry of each series; shared by all figures with a line per series."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.lines import Line2D

from nnlab.figures.draw.labels import short_labels
from nnlab.figures.draw.legend import LegendEntry
from nnlab.figures.draw.paper import color, current_paper, points
from nnlab.figures.draw.style import marker

# More than these are not followed by eye: the rest is drawn thin and grey, under one name.
MAX_NAMED = 12


@dataclass(frozen=True, slots=True)
class SeriesStyle:
    """How a trial is drawn: `index` among the named ones, None for one of the grey others."""

    index: int | None
    marked: bool = True

    @property
    def color(self) -> str:
        """Its colour."""
        return current_paper().look.grey if self.index is None else color(self.index)

    @property
    def marker(self) -> str:
        """Its marker; empty for none."""
        return marker(self.index) if self.marked and self.index is not None else ""


def curve_label(rank: int) -> str:
    """The label, in the matplotlib sense, of the curves of a trial; its `_` keeps it unseen."""
    return f"_trial {rank}"


def series_styles(series: Sequence[object]) -> list[SeriesStyle]:
    """The first twelve have a look of their own; a single trial needs no marker."""
    marked = len(series) > 1
    return [SeriesStyle(i if i < MAX_NAMED else None, marked) for i, _ in enumerate(series)]


def series_legend_entries(labels: Sequence[str], noun: str) -> list[LegendEntry]:
    """An entry for each of the first twelve, and one for all the others together."""
    first = labels[:MAX_NAMED]
    looked = series_styles(labels)
    entries = [
        LegendEntry(Line2D([], [], color=look.color, marker=look.marker), label, curve_label(rank))
        for rank, (look, label) in enumerate(zip(looked, short_labels(first), strict=False))
    ]
    if others := len(labels) - len(first):
        text = f"{others} other {noun}{'s' if others > 1 else ''}"
        entries.append(
            LegendEntry(Line2D([], [], color=looked[-1].color, linewidth=points(0.6)), text)
        )
    return entries
