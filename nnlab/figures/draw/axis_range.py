"""The range of values that an axis shows, robust to diverged runs; for figures and reports."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

LOG_FROM_DECADES = 1.5
# A rising curve is cut off at this many times the typical first value.
_MAX_RISE_OVER_START = 10.0
# A linear axis cuts off values this many times further from the best than the settled curves.
_OUTLIER_FACTOR = 10.0
# It then shows transients up to this many times further.
_TRANSIENT_FACTOR = 5.0
# The first quarter of a curve is a transient and does not determine the range.
_TRANSIENT_FRACTION = 0.25


@dataclass(frozen=True, slots=True)
class AxisRange:
    """The smallest and largest value shown, without margins, and whether the axis is logarithmic.

    `cut` says whether some values lie outside the range.
    """

    low: float
    high: float
    log: bool
    cut: bool = False

    def with_margin(self, share: float = 0.05) -> tuple[float, float]:
        """The limits of the axis: the range plus a share of its length on both sides."""
        if self.log:
            factor = (self.high / self.low) ** share
            return self.low / factor, self.high * factor
        margin = share * (self.high - self.low) or share * abs(self.high) or share
        return self.low - margin, self.high + margin


def robust_axis_range(
    values: Sequence[float],
    starts: Sequence[float],
    *,
    log: bool,
    always: bool = False,
    lower: bool | None = True,
    settled: Sequence[float] = (),
) -> AxisRange:
    """The range that an axis shows of finite `values` (one value at least).

    Args:
        values: all values.
        starts: the first value of each curve; their median bounds exploded curves.
        log: whether the axis may be logarithmic; it is if all values in the range are positive and
            span more than one and a half decades.
        always: whether it is also logarithmic if they span less.
        lower: whether lower values are better. Only the worse side is cut off, and none if this
            is unknown (None).
        settled: the worst value of each curve after its transient (`worst_after_transient`), if
            there are several curves; a linear axis cuts off values far beyond them.
    """
    if lower is None:
        return _with_scale(min(values), max(values), log=log, always=always, cut=False)
    if not lower:
        mirrored = robust_axis_range(
            [-value for value in values],
            [-value for value in starts],
            log=False,
            settled=[-value for value in settled],
        )
        low, high = -mirrored.high, -mirrored.low
        return _with_scale(low, high, log=log, always=always, cut=mirrored.cut)
    low, high = min(values), max(values)
    limit = _MAX_RISE_OVER_START * statistics.median_low(
        map(abs, starts) if starts else [abs(high)]
    )
    end = high
    if high > limit * _MAX_RISE_OVER_START > 0 and limit > low:
        # A single curve shows its rise up to the limit; several curves leave no empty space on top.
        end = max(value for value in values if value <= limit) if settled else limit
    axis_range = _with_scale(low, end, log=log, always=always, cut=end < high)
    if not axis_range.log:
        end = min(end, _linear_axis_end(values, settled))
        axis_range = _with_scale(low, end, log=log, always=always, cut=end < high)
    return axis_range


def worst_after_transient(values: Sequence[float], *, lower: bool | None = True) -> float | None:
    """The worst finite value of a curve after its first quarter; None if none is finite.

    None too if it is unknown (None) whether lower values are better.
    """
    if lower is None:
        return None
    later = values[int(len(values) * _TRANSIENT_FRACTION) :]
    finite = [value for value in later if math.isfinite(value)]
    return (max if lower else min)(finite, default=None)


def _with_scale(low: float, high: float, *, log: bool, always: bool, cut: bool) -> AxisRange:
    threshold = 0.0 if always else LOG_FROM_DECADES
    is_log = log and low > 0 and math.log10(high / low) > threshold
    return AxisRange(low, high, is_log, cut)


def _linear_axis_end(values: Sequence[float], settled: Sequence[float]) -> float:
    """The upper end of a linear axis: the worst value, or the end of the typical curves."""
    best, worst = min(values), max(values)
    distances = [value - best for value in settled if value > best]
    if not distances:
        return worst
    typical = statistics.median_low(distances)
    largest_typical = max(
        distance for distance in distances if distance <= _OUTLIER_FACTOR * typical
    )
    if worst - best <= _OUTLIER_FACTOR * largest_typical:
        return worst
    return max(value for value in values if value <= best + _TRANSIENT_FACTOR * largest_typical)
