"""`MeasuredCell`: a number of a table for papers, which the table and its columns are made of."""

from dataclasses import dataclass, field

from nnlab.stats.number_columns import WrittenNumber, written_column


@dataclass(frozen=True, slots=True)
class MeasuredCell:
    """A cell: a mean and the number after ± (NaN if it has none), in bold for the best.

    `written` is the text with the decimals of its column; without it, the cell has its own.
    """

    value: float
    half_width: float
    bold: bool
    written: WrittenNumber | None = field(default=None, compare=False)

    @property
    def number(self) -> WrittenNumber:
        """The cell as text, with its mean, uncertainty and power of ten separately."""
        return self.written or written_column([self.value], [self.half_width])[0]

    @property
    def text(self) -> str:
        """The cell as text, such as `0.973 ± 0.004`."""
        return self.number.text
