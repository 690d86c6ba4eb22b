"""Summaries of points and curves, and the merge of two summaries."""

import math
from collections.abc import Sequence

from nnlab.records import Direction

# n, last, last_epoch, best, best_epoch; NaN is None, as in the table.
SummaryRow = tuple[int, float | None, int, float | None, int | None]


def summarize_point(epoch: int, value: float | None) -> SummaryRow:
    """The summary of a single point."""
    if value is None or math.isnan(value):
        return 1, None, epoch, None, None
    return 1, value, epoch, value, epoch


def summarize_curve(
    direction: Direction, epochs: Sequence[int], values: Sequence[float]
) -> SummaryRow:
    """The summary of a whole curve; the first of equally good values is the best.

    >>> summarize_curve("min", (1, 2, 3), (0.5, 0.2, math.nan))
    (3, None, 3, 0.2, 2)
    """
    n, last, last_epoch, _, _ = (len(values), *summarize_point(epochs[-1], values[-1])[1:])
    # A single sum detects a NaN; most curves have none.
    has_nan = math.isnan(sum(values))
    numbers = [value for value in values if not math.isnan(value)] if has_nan else values
    if not numbers:
        return n, last, last_epoch, None, None
    best = min(numbers) if direction == "min" else max(numbers)
    return n, last, last_epoch, best, epochs[values.index(best)]


def merge_summaries(
    direction: Direction, first: SummaryRow | None, second: SummaryRow
) -> SummaryRow:
    """The summary of two sets of points that share no epoch, in any order.

    >>> merge_summaries("max", (2, 0.5, 2, 0.5, 1), (1, 0.4, 3, 0.4, 3))
    (3, 0.4, 3, 0.5, 1)
    """
    if first is None:
        return second
    latest = first if first[2] > second[2] else second
    best = first if _is_better(direction, first, second) else second
    return first[0] + second[0], latest[1], latest[2], best[3], best[4]


def _is_better(direction: Direction, first: SummaryRow, second: SummaryRow) -> bool:
    *_, value, epoch = first
    *_, other_value, other_epoch = second
    if value is None or epoch is None:
        return False
    if other_value is None or other_epoch is None:
        return True
    if value == other_value:
        return epoch < other_epoch
    return value < other_value if direction == "min" else value > other_value
