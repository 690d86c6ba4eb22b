"""The mean curve of one metric over seeds, with a band that shows their spread."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from nnlab.objective import UNLIMITED, Limits, limits_of
from nnlab.records import Curve
from nnlab.stats.aggregate import Aggregate, aggregate
from nnlab.stats.intervals import applicable_limits, confidence_interval, interval_within_limits

_NAN = float("nan")
# The half width of a t interval is 9 times the distance of two values, and for four values still
# 1.4 times: a band that wide hides the curve, so the range is drawn instead.
MIN_INTERVAL_SEEDS = 5


class BandKind(StrEnum):
    """What the band around a mean curve shows."""

    INTERVAL = "interval"
    RANGE = "range"
    SD = "sd"


@dataclass(frozen=True, slots=True)
class CurveBand:
    """Mean and bounds over seeds at each epoch; five tuples of the same length.

    `n[i]` is the number of seeds with a finite value at `epochs[i]`. If it is 0, because every
    seed diverged or none was measured, mean, low and high are NaN, which is drawn as a gap.
    """

    epochs: tuple[int, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    n: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.epochs)


def mean_curve(
    curves: Sequence[Curve], kind: BandKind = BandKind.RANGE, *, log_axis: bool = False
) -> CurveBand:
    """The mean over seeds at each epoch of the union of their epochs, with bounds.

    A seed is used only at epochs where it has a finite value; nothing is interpolated. The mean may
    therefore jump where a seed ends early, which `n` shows. The bounds are the extremes, one
    standard deviation on both sides, or the 95 % t interval of the mean; the latter two stay within
    the limits of the metric. At epochs with fewer than five seeds they are the extremes.

    Args:
        curves: the curves of one metric, one per seed.
        kind: what the bounds show.
        log_axis: whether positive values need positive bounds, whatever the metric.
    """
    values_by_epoch: dict[int, list[float]] = {}
    for curve in curves:
        for epoch, value in curve:
            values_by_epoch.setdefault(epoch, []).append(value if math.isfinite(value) else _NAN)
    epochs = tuple(sorted(values_by_epoch))
    points = [aggregate(values_by_epoch[epoch]) for epoch in epochs]
    limits = _curve_limits(curves, log_axis=log_axis) if epochs else UNLIMITED
    bounds = [
        _band_bounds(point, values_by_epoch[epoch], kind, limits)
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
    """The limits of the metric, without a limit that some value exceeds."""
    low, high = limits_of(curves[0].metric)
    values = [value for curve in curves for value in curve.values if math.isfinite(value)]
    return applicable_limits((max(low, 0.0) if log_axis else low, high), values)


def _band_bounds(
    point: Aggregate, values: Sequence[float], kind: BandKind, limits: Limits
) -> tuple[float, float]:
    if kind is BandKind.RANGE or point.n < MIN_INTERVAL_SEEDS:
        return point.low, point.high
    if kind is BandKind.SD:
        return interval_within_limits(point.mean, point.sd or 0.0, limits)
    finite = [value for value in values if math.isfinite(value)]
    return confidence_interval(finite, limits=limits)


def median_epoch(epochs: Iterable[int | None]) -> int | None:
    """The lower median of the epochs, which is always one of them; None entries are left out.

    >>> median_epoch([12, None, 3, 40, 9])
    9
    """
    present = sorted(epoch for epoch in epochs if epoch is not None)
    return present[(len(present) - 1) // 2] if present else None
