"""`RecordTable`: a sequence of frozen records with a text, an HTML and a pandas form."""

import copy
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, overload

from nnlab.api.data_frame import data_frame
from nnlab.api.error_hints import hints_in_tracebacks
from nnlab.api.table_text import html_table, one_line, text_table
from nnlab.io.text import format_count

if TYPE_CHECKING:
    from pandas import DataFrame

Record = TypeVar("Record")

# Rows that a text or an HTML page shows; the table has them all.
_MAX_ROWS = 50


class RecordTable(Sequence[Record], Generic[Record]):
    """A read-only sequence of records; a slice is a table of the same kind.

    Attributes:
        noun: what a record is, for the heading.
        shown: the columns of the text and HTML forms.
    """

    noun = "record"
    shown: tuple[str, ...] = ()

    def __init__(self, records: Sequence[Record]) -> None:
        self._records = tuple(records)

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    def __getitem__(self, index: int | slice) -> Record | Self:
        if not isinstance(index, slice):
            return self._records[index]
        part = copy.copy(self)
        part._records = self._records[index]
        return part

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[Record]:
        return iter(self._records)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self._records == getattr(other, "_records", None)

    # Records contain mappings, which have no hash.
    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        table = text_table(self._shown_columns(), self._cells()) if self._records else []
        return "\n".join([one_line(self._heading()), *table, *map(one_line, self._footnotes())])

    def _repr_html_(self) -> str:
        """The table for notebooks; every text in it is escaped."""
        return html_table(self._heading(), self._shown_columns(), self._cells(), self._footnotes())

    @hints_in_tracebacks()
    def to_pandas(self) -> "DataFrame":
        """A data frame with a row for each record.

        Raises:
            MissingPackage: pandas is not installed.
        """
        return data_frame([self._values(record) for record in self], self._columns())

    @abstractmethod
    def _values(self, record: Record) -> Mapping[str, Any]:
        """The values of a record by column."""

    @abstractmethod
    def _columns(self) -> Sequence[str]:
        """The columns of the data frame."""

    def _shown_columns(self) -> Sequence[str]:
        return self.shown

    def _heading(self) -> str:
        return format_count(len(self), self.noun)

    def _footnotes(self) -> list[str]:
        hidden = len(self) - _MAX_ROWS
        return [f"and {format_count(hidden, f'more {self.noun}')}"] if hidden > 0 else []

    def _cells(self) -> list[list[object]]:
        rows = (self._values(record) for record in self._records[:_MAX_ROWS])
        return [[row.get(column) for column in self._shown_columns()] for row in rows]
