"""What a figure shows: how to draw it, and the numbers in it."""

import csv
import hashlib
import io
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nnlab.io.escaping import escape_formula
from nnlab.records import Scalar

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True)
class FigureTable:
    """A table of what is drawn; None and NaN are empty cells."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Scalar, ...], ...]

    def csv(self) -> str:
        """As CSV with a header; numbers as Python writes them, to be read back exactly."""
        return self._written(escape_formula)

    @property
    def sha256(self) -> str:
        """What identifies the numbers: 64 hexadecimal digits."""
        # Of the texts as they are: figures that were drawn before know this one.
        return hashlib.sha256(self._written(lambda value: value).encode()).hexdigest()

    def _written(self, text_of: Callable[[object], object]) -> str:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(map(text_of, self.columns))
        writer.writerows([text_of(_cell_value(value)) for value in row] for row in self.rows)
        return text.getvalue()


@dataclass(frozen=True, slots=True)
class PreparedFigure:
    """A figure before it is drawn.

    `draw` draws it on the paper of the moment. `runs` are those whose numbers are in it, `told`
    says what they are in a few words, `notes` must be read with the figure.
    """

    draw: Callable[[], "Figure"]
    numbers: FigureTable
    runs: tuple[int, ...]
    told: str
    notes: tuple[str, ...] = ()


def numbers(columns: Sequence[str], rows: Iterable[Sequence[Scalar]]) -> FigureTable:
    """A table from rows of any kind."""
    return FigureTable(tuple(columns), tuple(tuple(row) for row in rows))


def _cell_value(value: Scalar) -> Scalar:
    return None if isinstance(value, float) and math.isnan(value) else value
