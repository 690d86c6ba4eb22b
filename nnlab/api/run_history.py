"""`RunHistory`: the curves of a stored run, as `Results.history` returns them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nnlab.api.data_frame import data_frame
from nnlab.api.error_hints import hints_in_tracebacks
from nnlab.api.table_text import html_table, text_table
from nnlab.records import Curve, History, Run

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True, slots=True, repr=False)
class RunHistory(History):
    """The curves of a run by metric; iterating gives the names of the metrics, sorted.

    It is a `nnlab.records.History`: the functions of `nnlab.plots` and `nnlab.diagnose` take it.
    """

    run: Run = field(kw_only=True)

    def __iter__(self) -> Iterator[str]:
        return iter(self.metrics)

    def __len__(self) -> int:
        return len(self.curves)

    def __contains__(self, metric: object) -> bool:
        return metric in self.curves

    def __repr__(self) -> str:
        return "\n".join([self._heading(), *text_table(_COLUMNS, self._cells())])

    def _repr_html_(self) -> str:
        """The metrics for notebooks; every text in it is escaped."""
        return html_table(self._heading(), _COLUMNS, self._cells())

    @hints_in_tracebacks()
    def to_pandas(self) -> "DataFrame":
        """A data frame with a row for each epoch and a column for each metric.

        The index is the epoch, or the step if `run.axis` is `step`; NaN where a metric was not
        measured.

        Raises:
            MissingPackage: pandas is not installed.
        """
        axis = self.run.axis
        values = {metric: dict(self[metric]) for metric in self}
        epochs = sorted({epoch for curve in values.values() for epoch in curve})
        rows = [
            {axis: epoch, **{name: curve.get(epoch) for name, curve in values.items()}}
            for epoch in epochs
        ]
        frame = data_frame(rows, [axis, *values])
        return frame.set_index(axis).astype(float)

    def _heading(self) -> str:
        return f"run {self.run.id}, {self.run.status}, {self.run.epochs:,} {self.run.axis}s"

    def _cells(self) -> list[list[object]]:
        return [_cells_of(self[metric]) for metric in self]


_COLUMNS = ("metric", "points", "first", "last", "min", "max")


def _cells_of(curve: Curve) -> list[object]:
    finite = [value for value in curve.values if value == value]
    extremes = [min(finite), max(finite)] if finite else [None, None]
    return [curve.metric, len(curve), curve.values[0], curve.values[-1], *extremes]
