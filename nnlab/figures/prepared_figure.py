"""A figure before it is drawn: its numbers, its runs, and the function that draws it."""

import csv
import hashlib
import io
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nnlab.io.escaping import escape_formula
from nnlab.io.file_origin import Provenance
from nnlab.records import Scalar

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True)
class FigureTable:
    """The numbers of a figure as a table; None and NaN are empty cells."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Scalar, ...], ...]

    def csv(self) -> str:
        """The table as CSV with a header; numbers are written with full precision."""
        return self._as_csv(escape_formula)

    @property
    def sha256(self) -> str:
        """The SHA-256 hash of the numbers, as 64 hexadecimal digits."""
        # Without escaping, because existing figures contain the hash of the unescaped text.
        return hashlib.sha256(self._as_csv(lambda value: value).encode()).hexdigest()

    def _as_csv(self, escape: Callable[[object], object]) -> str:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(map(escape, self.columns))
        writer.writerows([escape(_cell_value(value)) for value in row] for row in self.rows)
        return text.getvalue()


@dataclass(frozen=True, slots=True)
class PreparedFigure:
    """A figure before it is drawn.

    `draw` draws it for the current paper. `runs` are the ids of the runs that it shows, `summary`
    describes them in a few words, and `notes` are shown with the figure. `panels` are those of a
    composed figure. `caption` are sentences for the caption, in addition to the notes. `frames`
    draws the frames of an animation, all of one size; None if the kind has none. Each is rendered
    before the next is drawn, so that they may be one figure that changes. `page` is an interactive
    HTML page with a provenance; None if the kind has none.
    """

    draw: Callable[[], "Figure"]
    table: FigureTable
    runs: tuple[int, ...]
    summary: str
    notes: tuple[str, ...] = ()
    panels: tuple["PreparedFigure", ...] = ()
    caption: tuple[str, ...] = ()
    frames: "Callable[[], Iterator[Figure]] | None" = None
    page: "Callable[[Provenance], str] | None" = None


def figure_table(columns: Sequence[str], rows: Iterable[Sequence[Scalar]]) -> FigureTable:
    """A table of columns and rows, as tuples."""
    return FigureTable(tuple(columns), tuple(tuple(row) for row in rows))


def _cell_value(value: Scalar) -> Scalar:
    return None if isinstance(value, float) and math.isnan(value) else value
