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
    SE = "se"


@dataclass(frozen=True, slots=True)
class CurveBand:
    """Mean and bounds over seeds at each epoch; five tuples of the same length.

    `n[i]` is the number of seeds with a finite value at `epochs[i]`. If it is 0, because every
    seed diverged or none was measured, mean, low and high are NaN, which is drawn as a gap. For a
    logarithmic axis `mean` is the geometric mean (`mean_curve`).
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
    standard deviation or one standard error on both sides, or the 95 % t interval of the mean; all
    stay within the limits of the metric. At epochs with fewer than five seeds they are the
    extremes.

    On a logarithmic axis mean and bounds are those of the logarithms, so they are the geometric
    mean and bounds at equal distances from it on the axis. At epochs with a value that is not
    positive they are those of the values, and positive if the mean is.

    Args:
        curves: the curves of one metric, one per seed.
        kind: what the bounds show.
        log_axis: whether the curve is drawn on a logarithmic axis.
    """
    values_by_epoch: dict[int, list[float]] = {}
    for curve in curves:
        for epoch, value in curve:
            values_by_epoch.setdefault(epoch, []).append(value if math.isfinite(value) else _NAN)
    epochs = tuple(sorted(values_by_epoch))
    limits = _curve_limits(curves, log_axis=log_axis) if epochs else UNLIMITED
    points = [
        _log_point(values_by_epoch[epoch], kind)
        if log_axis and not any(value <= 0 for value in values_by_epoch[epoch])
        else _point(values_by_epoch[epoch], kind, limits)
        for epoch in epochs
    ]
    means, lows, highs, counts = zip(*points, strict=True) if points else ((), (), (), ())
    return CurveBand(epochs, means, lows, highs, counts)


def _curve_limits(curves: Sequence[Curve], *, log_axis: bool) -> Limits:
    """The limits of the metric, without a limit that some value exceeds."""
    low, high = limits_of(curves[0].metric)
    values = [value for curve in curves for value in curve.values if math.isfinite(value)]
    return applicable_limits((max(low, 0.0) if log_axis else low, high), values)


def _point(
    values: Sequence[float], kind: BandKind, limits: Limits
) -> tuple[float, float, float, int]:
    """Mean, lower bound, upper bound and number of the values that are not NaN."""
    point = aggregate(values)
    return point.mean, *_band_bounds(point, values, kind, limits), point.n


def _log_point(values: Sequence[float], kind: BandKind) -> tuple[float, float, float, int]:
    """The same of positive values, computed from their logarithms."""
    extremes = aggregate(values)
    logarithms = [math.log(value) for value in values]
    mean, low, high, n = _point(logarithms, kind, UNLIMITED)
    # Without rounding errors a single value and equal values stay exactly what they are.
    mean = min(max(_exp(mean), extremes.low), extremes.high)
    if kind is BandKind.RANGE or n < MIN_INTERVAL_SEEDS or extremes.low == extremes.high:
        return mean, extremes.low, extremes.high, n
    return mean, min(_exp(low), mean), max(_exp(high), mean), n


def _exp(logarithm: float) -> float:
    """The exponential function, at most the largest number instead of an overflow."""
    return math.exp(min(logarithm, 709.0))


def _band_bounds(
    point: Aggregate, values: Sequence[float], kind: BandKind, limits: Limits
) -> tuple[float, float]:
    if kind is BandKind.RANGE or point.n < MIN_INTERVAL_SEEDS:
        return point.low, point.high
    if kind is BandKind.INTERVAL:
        finite = [value for value in values if math.isfinite(value)]
        return confidence_interval(finite, limits=limits)
    return interval_within_limits(
        point.mean, point.sd if kind is BandKind.SD else point.sem, limits
    )


def median_epoch(epochs: Iterable[int | None]) -> int | None:
    """The lower median of the epochs, which is always one of them; None entries are left out.

    >>> median_epoch([12, None, 3, 40, 9])
    9
    """
    present = sorted(epoch for epoch in epochs if epoch is not None)
    return present[(len(present) - 1) // 2] if present else None
