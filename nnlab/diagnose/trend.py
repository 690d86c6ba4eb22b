"""The way of one loss: how far it fell, whether it still does, how much it swings."""

import math
from dataclasses import dataclass
from itertools import pairwise

from nnlab.diagnose.loss_pair import average_in_groups, is_usable_loss
from nnlab.diagnose.smoothing import low_median, oscillation_sd, smooth_curve
from nnlab.diagnose.val_minimum import bounded_ratio, reference_level
from nnlab.records import Curve

# From so many values on a curve is smoothed.
_MIN_SMOOTHED_VALUES = 8


@dataclass(frozen=True, slots=True)
class Trend:
    """A loss over its epochs, in its unit where not said.

    `first` is its first value, `end` the low median of its last eighth, `best` the lowest
    smoothed one. `fall` is from `first` to `best` as a share of `first`. `late` is what share of
    the whole fall came in the last quarter: 1/4 of a straight line, nothing of a plateau;
    `late_relative` that late fall relative to the loss before it. `swing` is the sd of the second
    half around a smooth curve, `swing_relative` is relative to its level, `swing_share` to the
    whole fall; `jumps` is the share of steps in the second half that go up by more than 1 % of the
    whole fall.
    """

    epochs: tuple[int, ...]
    values: tuple[float, ...]
    first: float
    end: float
    best: float
    fall: float
    late_fall_share: float
    late_fall_relative: float
    oscillation: float
    oscillation_relative: float
    oscillation_share: float
    upward_step_share: float

    def __len__(self) -> int:
        return len(self.values)


def measure_trend(curve: Curve) -> Trend | None:
    """Measures a curve's finite part; None where nothing is finite."""
    points = [(epoch, value) for epoch, value in curve if is_usable_loss(value)]
    if not points:
        return None
    epochs, values = average_in_groups([e for e, _ in points], [v for _, v in points])
    smooth = smooth_curve(values)
    n = len(values)
    best = min(smooth)
    end = low_median(values[-max(2, n // 8) :])
    whole = values[0] - best
    at = (3 * n) // 4
    # The ends of a smoothed curve are as noisy as the curve: two of them are averaged.
    last = (smooth[-1] + smooth[-2]) / 2 if n >= _MIN_SMOOTHED_VALUES else smooth[-1]
    late_fall = smooth[at - 1] - last if n >= 4 else 0.0
    half = values[n // 2 :]
    swing = oscillation_sd(half)
    level = low_median(half)
    up = sum(b - a > 0.01 * abs(whole) for a, b in pairwise(half))
    return Trend(
        epochs=epochs,
        values=values,
        first=values[0],
        end=end,
        best=best,
        fall=bounded_ratio(whole, reference_level(values, values[0])),
        late_fall_share=bounded_ratio(late_fall, whole) if whole > 0 else 0.0,
        late_fall_relative=bounded_ratio(late_fall, reference_level(values, smooth[at - 1]))
        if n >= 4
        else 0.0,
        oscillation=swing,
        oscillation_relative=bounded_ratio(swing, reference_level(values, level)),
        oscillation_share=bounded_ratio(swing, whole)
        if whole > 0
        else math.inf
        if swing > 0
        else 0.0,
        upward_step_share=up / max(len(half) - 1, 1),
    )
