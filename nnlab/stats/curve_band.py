"""One metric over epochs and seeds: the mean curve and how far the seeds lie apart."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from nnlab.objective import UNLIMITED, Limits, limits_of
from nnlab.records import Curve
from nnlab.stats.aggregate import Aggregate, aggregate
from nnlab.stats.intervals import applicable_limits, confidence_interval, interval_within_limits

_NAN = float("nan")
# Student's t of two values reaches nine times their distance, of four still 1.4 times: a band of it
# hides what it is drawn around, and says less than the seeds themselves.
MIN_INTERVAL_SEEDS = 5


class BandKind(StrEnum):
    """What a band around a mean shows."""

    INTERVAL = "interval"
    RANGE = "range"
    SD = "sd"


@dataclass(frozen=True, slots=True)
class CurveBand:
    """Mean and bounds over seeds at each epoch; five tuples of the same length.

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


def mean_curve(
    curves: Sequence[Curve], spread: BandKind = BandKind.RANGE, *, log_axis: bool = False
) -> CurveBand:
    """Averages seeds epoch by epoch, on the union of their epochs.

    A seed counts only where it was measured and finite. So the mean jumps where a seed ends
    early; `n` tells where. Nothing is interpolated. The bounds are the extremes, one standard
    deviation to both sides, or the 95 % t interval of the mean, the latter two within the limits of
    the metric; where fewer than five seeds are left, always the extremes.

    Args:
        curves: of one metric, one a seed.
        spread: what the bounds show.
        log_axis: positive values get positive bounds, whatever the metric.
    """
    at: dict[int, list[float]] = {}
    for curve in curves:
        for epoch, value in curve:
            at.setdefault(epoch, []).append(value if math.isfinite(value) else _NAN)
    epochs = tuple(sorted(at))
    points = [aggregate(at[epoch]) for epoch in epochs]
    limits = _curve_limits(curves, log_axis=log_axis) if epochs else UNLIMITED
    bounds = [
        _band_bounds(point, at[epoch], spread, limits)
        for point, epoch in zip(points, epochs, strict=True)
    ]
    return CurveBand(
        epochs,
        tuple(point.mean for point in points),
        tuple(low for low, _ in bounds),
        tuple(high for _, high in bounds),
        tuple(point.n for point in points),
    )


def _curve_limits(curves: Sequence[Curve], *, log_axis: bool) -> Limits:
    """The limits of the metric as far as no seed is beyond them at any epoch."""
    low, high = limits_of(curves[0].metric)
    values = [value for curve in curves for value in curve.values if math.isfinite(value)]
    return applicable_limits((max(low, 0.0) if log_axis else low, high), values)


def _band_bounds(
    point: Aggregate, values: Sequence[float], spread: BandKind, limits: Limits
) -> tuple[float, float]:
    if spread is BandKind.RANGE or point.n < MIN_INTERVAL_SEEDS:
        return point.low, point.high
    if spread is BandKind.SD:
        return interval_within_limits(point.mean, point.sd or 0.0, limits)
    finite = [value for value in values if math.isfinite(value)]
    return confidence_interval(finite, limits=limits)


def median_epoch(epochs: Iterable[int | None]) -> int | None:
    """The middle one of the epochs given, None left out; the lower of the two middle ones.

    Always an epoch that some run had, so that it can be looked up.

    >>> median_epoch([12, None, 3, 40, 9])
    9
    """
    known = sorted(epoch for epoch in epochs if epoch is not None)
    return known[(len(known) - 1) // 2] if known else None
