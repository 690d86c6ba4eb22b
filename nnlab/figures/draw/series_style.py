"""The colour, marker and legend entry of each series, for all figures with a line per series."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.lines import Line2D

from nnlab.figures.draw.labels import short_labels
from nnlab.figures.draw.legend import LegendEntry
from nnlab.figures.draw.panel_context import shared_series_index
from nnlab.figures.draw.paper import color, current_paper, points
from nnlab.figures.draw.style import marker

# A reader cannot follow more lines; further ones are thin and grey, with one legend entry.
MAX_NAMED = 12
_MAX_LABEL_LENGTH = 48  # characters


@dataclass(frozen=True, slots=True)
class SeriesStyle:
    """How a series is drawn: its `index` among the named series, None for the grey ones.

    `look` is the index of its colour and marker if they are not those of `index`.
    """

    index: int | None
    marked: bool = True
    look: int | None = None

    @property
    def color(self) -> str:
        """The colour of its line."""
        index = self._look_index
        return current_paper().look.grey if index is None else color(index)

    @property
    def marker(self) -> str:
        """Its marker; empty if it has none."""
        index = self._look_index
        return marker(index) if self.marked and index is not None else ""

    @property
    def _look_index(self) -> int | None:
        return self.index if self.look is None else self.look


def curve_label(rank: int) -> str:
    """The matplotlib label of the curves of a trial; the `_` hides it from legends."""
    return f"_trial {rank}"


def series_styles(series: Sequence[object]) -> list[SeriesStyle]:
    """The style of each series; the first twelve are named, and a single one has no marker.

    In a composed figure, series of the same name have the same style in all panels.
    """
    looks = [shared_series_index(_series_name(item), i) for i, item in enumerate(series)]
    marked = max([*looks, len(series) - 1]) > 0
    return [
        SeriesStyle(i, marked, look) if i < MAX_NAMED else SeriesStyle(None, marked)
        for i, look in enumerate(looks)
    ]


def _series_name(series: object) -> str:
    """The text of a series in the legend: the series itself, its label or its name."""
    if isinstance(series, str):
        return series
    return str(getattr(series, "label", None) or getattr(series, "name", ""))


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
