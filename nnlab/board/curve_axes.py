"""The x axis of curves: epochs, steps, times, or another metric."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from nnlab.board.curve_buckets import Buckets
from nnlab.errors import UsageError
from nnlab.records import Attempt
from nnlab.store import CurveRun

if TYPE_CHECKING:
    from nnlab.board.curve_buckets import Column

METRIC_PREFIX: Final = "metric:"
AxisKind = Literal["own", "step", "epoch", "time", "relative", "metric"]
_KINDS: Final[Mapping[str, AxisKind]] = {
    "": "own", "step": "step", "epoch": "epoch", "time": "time", "relative": "relative",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class CurveAxis:
    """The x axis that a request asks for.

    `own` is what the points of a run are measured over: epochs, or steps. `time` is the time of
    day in Unix seconds, `relative` the seconds since the run began. `metric` is the value of
    another metric at the same place.
    """

    kind: AxisKind
    metric: str = ""

    @property
    def is_shared(self) -> bool:
        """Whether seeds have values at the same x values, so that their mean can be drawn."""
        return self.kind in ("own", "step", "epoch")

    @property
    def is_time(self) -> bool:
        """Whether it is a time, which points have only through the times of their epochs."""
        return self.kind in ("time", "relative")


def parse_axis(text: str) -> CurveAxis:
    """The axis of the parameter `x`.

    Raises:
        UsageError: there is no such axis.
    """
    if text.startswith(METRIC_PREFIX):
        return CurveAxis("metric", text.removeprefix(METRIC_PREFIX))
    if text not in _KINDS:
        raise UsageError(
            f"x: {text!r} is not an axis", hint="step, epoch, time, relative, metric:…"
        )
    return CurveAxis(_KINDS[text])


@dataclass(frozen=True, slots=True)
class EpochTimes:
    """When the epochs of a run that nnlab trained ended, from their durations."""

    positions: "Column"
    elapsed: "Column"
    attempts: Sequence[Attempt]

    def seconds(self, positions: "Column") -> "Column":
        """The seconds of training up to positions; NaN after the last duration."""
        return np.interp(positions, self.positions, self.elapsed, right=np.nan)

    def times(self, positions: "Column") -> "Column":
        """The time of day in Unix seconds; each attempt began at its own time."""
        elapsed = self.seconds(positions)
        result = np.full(len(positions), np.nan)
        for attempt in self.attempts:
            begin = self.seconds(np.array([attempt.first_epoch - 1.0]))[0]
            of_attempt = positions >= attempt.first_epoch
            result[of_attempt] = attempt.started_at.timestamp() + elapsed[of_attempt] - begin
        return result


def epoch_times(durations: Buckets, attempts: Sequence[Attempt]) -> EpochTimes:
    """The times of epochs.

    Args:
        durations: the curve `time/epoch`.
        attempts: the attempts at the run, oldest first.
    """
    seconds = np.nan_to_num(durations["total"], nan=0.0)
    first = durations["position_first"][:1] - 1
    return EpochTimes(
        np.concatenate([first, durations["position_last"]]),
        np.concatenate([[0.0], np.cumsum(seconds)]),
        attempts,
    )


def x_values(
    axis: CurveAxis, run: CurveRun, buckets: Buckets, times: EpochTimes | None
) -> "tuple[Column, Column] | None":
    """The x values of the first and of the last row of each bucket; None without such an axis."""
    if axis.is_time:
        return _times(axis, run, buckets, times)
    name = _column_name(axis, run, buckets)
    return None if name is None else (buckets[f"{name}_first"], buckets[f"{name}_last"])


def _column_name(axis: CurveAxis, run: CurveRun, buckets: Buckets) -> str | None:
    if "step_first" not in buckets.columns:  # points
        return "position" if axis.kind in ("own", run.axis) else None
    if axis.kind != "own":
        return axis.kind if buckets.has(axis.kind) else None
    names = (run.axis, "step", "epoch")
    return next((name for name in names if buckets.has(name)), "position")


def _times(
    axis: CurveAxis, run: CurveRun, buckets: Buckets, times: EpochTimes | None
) -> "tuple[Column, Column] | None":
    if buckets.has("time"):
        start = 0.0
        if axis.kind == "relative":
            start = buckets["time_first"][np.isfinite(buckets["time_first"])][0]
            start = start if run.started_at is None else min(start, run.started_at)
        return buckets["time_first"] - start, buckets["time_last"] - start
    if times is None:
        return None
    at = times.seconds if axis.kind == "relative" else times.times
    return at(buckets["position_first"]), at(buckets["position_last"])
