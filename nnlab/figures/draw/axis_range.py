"""The range of values that an axis shows, robust to runs that diverged; for figures and reports."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

LOG_FROM_DECADES = 1.5
# A curve that climbs leaves the view at this many times the typical first value.
_MAX_RISE_OVER_START = 10.0
# On a linear axis, values this many times further from the best than the settled curves leave it.
_OUTLIER_FACTOR = 10.0
# The first quarter of a curve is a transient: it does not decide what the axis shows.
_TRANSIENT_FRACTION = 0.25


@dataclass(frozen=True, slots=True)
class AxisRange:
    """The smallest and largest value in view, without margins, and whether the axis is logarithmic.

    `cut` says whether some values lie outside.
    """

    low: float
    high: float
    log: bool
    cut: bool = False

    def with_margin(self, share: float = 0.05) -> tuple[float, float]:
        """The limits of the axis: the view and a share of its length on both sides."""
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
    lower: bool = True,
    settled: Sequence[float] = (),
) -> AxisRange:
    """What an axis shows of finite `values` (shape: any number, one at least).

    Args:
        values: all that could be shown.
        starts: the first value of each curve; the median of them bounds what exploded.
        log: allow a logarithmic axis: taken where all values in view are positive and span more
            than one and a half decades.
        always: take it also where they span less.
        lower: whether lower values are better. Only the worse side is ever cut.
        settled: the worst value of each curve after its transient (`worst_after_transient`), where there
            may be several; on a linear axis values far beyond them are cut.
    """
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
        # Of a lone curve its rise is worth seeing; of several no room is left empty above the rest.
        end = max(value for value in values if value <= limit) if settled else limit
    view = _with_scale(low, end, log=log, always=always, cut=end < high)
    if not view.log:
        end = min(end, _linear_axis_end(values, settled))
        view = _with_scale(low, end, log=log, always=always, cut=end < high)
    return view


def worst_after_transient(values: Sequence[float], *, lower: bool = True) -> float | None:
    """The worst finite value of a curve after its first quarter; None where none is finite."""
    later = values[int(len(values) * _TRANSIENT_FRACTION) :]
    finite = [value for value in later if math.isfinite(value)]
    return (max if lower else min)(finite, default=None)


def _with_scale(low: float, high: float, *, log: bool, always: bool, cut: bool) -> AxisRange:
    least = 0.0 if always else LOG_FROM_DECADES
    is_log = log and low > 0 and math.log10(high / low) > least
    return AxisRange(low, high, is_log, cut)


def _linear_axis_end(values: Sequence[float], settled: Sequence[float]) -> float:
    """The upper end of a linear axis: the worst value, or about where the usual curves end."""
    best, worst = min(values), max(values)
    reaches = [value - best for value in settled if value > best]
    if not reaches:
        return worst
    typical = statistics.median_low(reaches)
    usual = max(reach for reach in reaches if reach <= _OUTLIER_FACTOR * typical)
    if worst - best <= _OUTLIER_FACTOR * usual:
        return worst
    return max(value for value in values if value <= best + 2 * usual)
