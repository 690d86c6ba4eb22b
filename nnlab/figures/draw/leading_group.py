"""The values that the axis of a ranking shows: those of the leading rows, not of far outliers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from nnlab.figures.draw.axis_range import LOG_FROM_DECADES

# A row leaves the axis if it is this many times farther from the best row than the rows before it.
_OUTLIER_FACTOR = 2.0


@dataclass(frozen=True, slots=True)
class RowValues:
    """The finite values of a row, their mean, and the bounds around it; None without bounds."""

    values: tuple[float, ...]
    mean: float
    bounds: tuple[float, float] | None = None

    @property
    def extent(self) -> tuple[float, ...]:
        """Everything that is drawn of the row."""
        return (self.mean, *self.values, *(self.bounds or ()))


@dataclass(frozen=True, slots=True)
class LeadingRange:
    """The smallest and largest value on the axis, without margins, and its scale."""

    low: float
    high: float
    log: bool


def leading_range(rows: Sequence[RowValues], *, lower: bool) -> LeadingRange | None:
    """The range of the axis of a ranking; None if no row has a finite mean.

    Two thirds of the rows lie on the axis. So do the others, up to the first whose mean is twice
    as far from the best mean as anything that is drawn of the rows before it, and which does not
    overlap with them. The axis is logarithmic if lower values are better and the rows on it span
    decades.

    Args:
        rows: best first.
        lower: whether lower values are better.
    """
    finite = [row for row in rows if math.isfinite(row.mean)]
    if not finite:
        return None
    # Trials with diverged runs are ranked last, whatever their mean.
    best = finite[0].mean
    finite.sort(key=lambda row: abs(row.mean - best))
    if lower and all(value > 0 for row in finite for value in (row.mean, *row.values)):
        leading = _leading_rows([_logarithm(row) for row in finite])
        kept = finite[:leading]
        values = [value for row in kept for value in (row.mean, *row.values)]
        if math.log10(max(values) / min(values)) > LOG_FROM_DECADES:
            return _range(kept, log=True)
    return _range(finite[: _leading_rows(finite)], log=False)


def _leading_rows(rows: Sequence[RowValues]) -> int:
    """How many rows, best first, come before the outliers."""
    best = rows[0].mean
    reach = 0.0
    for count, row in enumerate(rows):
        distances = [abs(value - best) for value in row.extent if math.isfinite(value)]
        is_far = distances[0] > _OUTLIER_FACTOR * reach > 0 and min(distances) > reach
        if is_far and count > 1 and 3 * count >= 2 * len(rows):
            return count
        reach = max(reach, *distances)
    return len(rows)


def _logarithm(row: RowValues) -> RowValues:
    bounds = row.bounds if row.bounds and min(row.bounds) > 0 else None
    return RowValues(
        tuple(map(math.log10, row.values)),
        math.log10(row.mean),
        bounds and (math.log10(bounds[0]), math.log10(bounds[1])),
    )


def _range(rows: Sequence[RowValues], *, log: bool) -> LeadingRange:
    """The range of the values; intervals extend it by at most half of its length on each side."""
    values = [value for row in rows for value in (row.mean, *row.values)]
    low, high = min(values), max(values)
    bounds = [
        b for row in rows for b in row.bounds or () if math.isfinite(b) and (b > 0 or not log)
    ]
    if log:
        factor = math.sqrt(high / low)
        return LeadingRange(
            max(min([low, *bounds]), low / factor), min(max([high, *bounds]), high * factor), log
        )
    span = high - low
    return LeadingRange(
        max(min([low, *bounds]), low - span / 2), min(max([high, *bounds]), high + span / 2), log
    )
