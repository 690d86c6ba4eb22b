"""The trend of one loss curve: its total decrease, its late decrease and its oscillation."""

import math
from dataclasses import dataclass
from itertools import pairwise

from nnlab.diagnosis.loss_pair import average_in_groups, is_usable_loss
from nnlab.diagnosis.smoothing import low_median, oscillation_sd, smooth_curve
from nnlab.diagnosis.val_minimum import bounded_ratio, reference_level
from nnlab.records import Curve

# Curves with fewer values are not smoothed.
_MIN_SMOOTHED_VALUES = 8


@dataclass(frozen=True, slots=True)
class Trend:
    """Measurements of a loss over its epochs, in the unit of the loss unless noted.

    `first` is the first value, `end` the low median of the last eighth, and `best` the lowest
    smoothed value. `fall` is the decrease from `first` to `best` relative to `first`.
    `late_fall_share` is the fraction of the whole decrease in the last quarter: 1/4 for a straight
    line, 0 for a plateau. `late_fall_relative` is this late decrease relative to the loss before
    it. `oscillation` is the sd of the second half around a smooth curve; `oscillation_relative` is
    relative to the level, and `oscillation_share` to the whole decrease. `upward_step_share` is
    the fraction of steps in the second half that rise by more than 1 % of the whole decrease.
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
    """The trend of the finite part of a curve; None if no value is finite."""
    points = [(epoch, value) for epoch, value in curve if is_usable_loss(value)]
    if not points:
        return None
    epochs, values = average_in_groups([e for e, _ in points], [v for _, v in points])
    smooth = smooth_curve(values)
    n = len(values)
    best = min(smooth)
    end = low_median(values[-max(2, n // 8) :])
    decrease = values[0] - best
    last_quarter = (3 * n) // 4
    # The ends of a smoothed curve are as noisy as the curve itself, so two values are averaged.
    last = (smooth[-1] + smooth[-2]) / 2 if n >= _MIN_SMOOTHED_VALUES else smooth[-1]
    late_fall = smooth[last_quarter - 1] - last if n >= 4 else 0.0
    second_half = values[n // 2 :]
    oscillation = oscillation_sd(second_half)
    level = low_median(second_half)
    upward_steps = sum(b - a > 0.01 * abs(decrease) for a, b in pairwise(second_half))
    if decrease > 0:
        oscillation_share = bounded_ratio(oscillation, decrease)
    else:
        oscillation_share = math.inf if oscillation > 0 else 0.0
    return Trend(
        epochs=epochs,
        values=values,
        first=values[0],
        end=end,
        best=best,
        fall=bounded_ratio(decrease, reference_level(values, values[0])),
        late_fall_share=bounded_ratio(late_fall, decrease) if decrease > 0 else 0.0,
        late_fall_relative=bounded_ratio(
            late_fall, reference_level(values, smooth[last_quarter - 1])
        )
        if n >= 4
        else 0.0,
        oscillation=oscillation,
        oscillation_relative=bounded_ratio(oscillation, reference_level(values, level)),
        oscillation_share=oscillation_share,
        upward_step_share=upward_steps / max(len(second_half) - 1, 1),
    )
