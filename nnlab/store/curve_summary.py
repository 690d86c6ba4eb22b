"""Summaries of curves: of one point, of a whole curve, and of two parts put together."""

import math
from collections.abc import Sequence

from nnlab.records import Direction

# n, last, last_epoch, best, best_epoch; None is NaN, as in the table.
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

    >>> of_curve("min", (1, 2, 3), (0.5, 0.2, math.nan))
    (3, None, 3, 0.2, 2)
    """
    n, last, last_epoch, _, _ = (len(values), *summarize_point(epochs[-1], values[-1])[1:])
    # One sum finds out whether there is any NaN; most curves have none.
    clean = not math.isnan(sum(values))
    known = values if clean else [value for value in values if not math.isnan(value)]
    if not known:
        return n, last, last_epoch, None, None
    best = min(known) if direction == "min" else max(known)
    return n, last, last_epoch, best, epochs[values.index(best)]


def merge_summaries(direction: Direction, one: SummaryRow | None, other: SummaryRow) -> SummaryRow:
    """The summary of two sets of points that share no epoch, whichever came first.

    >>> combined("max", (2, 0.5, 2, 0.5, 1), (1, 0.4, 3, 0.4, 3))
    (3, 0.4, 3, 0.5, 1)
    """
    if one is None:
        return other
    latest = one if one[2] > other[2] else other
    finest = one if _is_better(direction, one, other) else other
    return one[0] + other[0], latest[1], latest[2], finest[3], finest[4]


def _is_better(direction: Direction, one: SummaryRow, other: SummaryRow) -> bool:
    _, _, _, best, epoch = one
    _, _, _, rival, rival_epoch = other
    if best is None or epoch is None:
        return False
    if rival is None or rival_epoch is None:
        return True
    if best == rival:
        return epoch < rival_epoch
    return best < rival if direction == "min" else best > rival
