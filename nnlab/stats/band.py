"""One metric over epochs and seeds: the mean curve and how far the seeds lie apart."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nnlab.records import Curve
from nnlab.stats.aggregate import aggregate

_NAN = float("nan")


@dataclass(frozen=True, slots=True)
class CurveBand:
    """Mean and extremes over seeds at each epoch; five tuples of the same length.

    `n[i]` is the number of seeds with a finite value at `epochs[i]`. Where it is 0 (every seed
    diverged, or none was measured) mean, low and high are NaN: a gap, never a guess.
    """

    epochs: tuple[int, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    n: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.epochs)


def mean_curve(curves: Sequence[Curve]) -> CurveBand:
    """Averages seeds epoch by epoch, on the union of their epochs.

    A seed counts only where it was measured and finite. So the mean jumps where a seed ends
    early; `n` tells where. Nothing is interpolated.
    """
    at: dict[int, list[float]] = {}
    for curve in curves:
        for epoch, value in curve:
            at.setdefault(epoch, []).append(value if math.isfinite(value) else _NAN)
    epochs = tuple(sorted(at))
    points = [aggregate(at[epoch]) for epoch in epochs]
    return CurveBand(
        epochs,
        tuple(point.mean for point in points),
        tuple(point.low for point in points),
        tuple(point.high for point in points),
        tuple(point.n for point in points),
    )


def median_epoch(epochs: Iterable[int | None]) -> int | None:
    """The middle one of the epochs given, None left out; the lower of the two middle ones.

    Always an epoch that some run had, so that it can be looked up.

    >>> median_epoch([12, None, 3, 40, 9])
    9
    """
    known = sorted(epoch for epoch in epochs if epoch is not None)
    return known[(len(known) - 1) // 2] if known else None
