"""Where validation loss turned away from training loss, and by how much.

These are the measurements that the rules of generalisation share; nothing is judged here.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from nnlab.diagnose.loss_pair import LossPair
from nnlab.diagnose.smoothing import (
    low_median,
    oscillation_sd,
    sd_around_falling_fit,
    sd_around_rising_fit,
    smooth_curve,
    smoothing_half_width,
)

# The end of a curve is the low median of its last eighth, or of its last two values: one epoch
# alone may be a spike.
_END_SHARE, _END_MIN = 8, 2
# What validation gained counts up to this multiple of its best loss. Without a limit the first
# epoch of an unscaled regression (a loss of 500 that ends at 10) would make any rise look small.
_GAIN_LIMIT = 5.0
# And from this share of the best loss on: a fine-tuned model that never improved gained nothing
# that a rise could be compared with.
_GAIN_FLOOR = 0.1
# What stands for infinite in a ratio, as for a rise without any scatter.
_MAX_RATIO = 1e6


@dataclass(frozen=True, slots=True)
class ValMinimum:
    """The turn of a validation loss at its smoothed minimum, in units of the loss where not said.

    `onset` is the epoch of the minimum: after it validation no longer improved; `since` counts the
    validations after it, of `validations` in all, of which `last` make up the end of the curve.
    `rise` is how far the last eighth of the curve lies above the minimum. `rise_relative` is rise /
    |minimum|, `rise_share` is rise / what validation had gained until the minimum. `rise_in_noise`
    is the rise in standard errors of the scatter around it, `trend_in_noise` how far the last third
    after the minimum lies above the first third, in its standard errors. `train_fall` is how far
    training loss fell over the same epochs, `train_fall_relative` and `train_fall_share` compare it
    as for the rise, and `train_fall_in_noise` is that fall in standard errors (`fall_in_standard_errors`).
    `gap` is the distance of the ends, validation minus training, as a share of the validation loss.
    Ratios are of magnitudes; with losses that may be negative they are taken of the gain.
    """

    onset: int
    since: int
    validations: int
    last: int
    minimum: float
    end: float
    val_gain: float
    rise: float
    rise_relative: float
    rise_share: float
    rise_in_standard_errors: float
    trend_in_standard_errors: float
    train_at_onset: float
    train_end: float
    train_fall: float
    train_fall_relative: float
    train_fall_share: float
    train_fall_in_standard_errors: float
    gap: float


def measure_val_minimum(pair: LossPair) -> ValMinimum:
    """Measures the turn of a pair of losses (any length from 1 on)."""
    val, train = smooth_curve(pair.val), smooth_curve(pair.train)
    n = len(pair)
    turn = min(range(n), key=val.__getitem__)
    since = n - 1 - turn
    last = max(1, min(since, max(_END_MIN, n // _END_SHARE)))
    end, train_end = low_median(pair.val[-last:]), low_median(pair.train[-last:])
    rise = end - val[turn]
    gained = max(val[: turn + 1]) - val[turn]
    fall = train[turn] - train_end
    return ValMinimum(
        onset=_lowest_epoch_near(pair, turn, smoothing_half_width(n)),
        since=since,
        validations=n,
        last=last,
        minimum=val[turn],
        end=end,
        val_gain=gained,
        rise=rise,
        rise_relative=bounded_ratio(rise, reference_level(pair.val, val[turn])),
        rise_share=bounded_ratio(rise, reference_gain(pair.val, val[turn], gained)),
        rise_in_standard_errors=bounded_ratio(
            rise, _standard_error(pair.val[turn:], smoothing_half_width(n), last)
        ),
        trend_in_standard_errors=_trend_in_standard_errors(pair.val[turn:]),
        train_at_onset=train[turn],
        train_end=train_end,
        train_fall=fall,
        train_fall_relative=bounded_ratio(fall, reference_level(pair.train, train[turn])),
        train_fall_share=bounded_ratio(fall, max(pair.train) - min(pair.train)),
        train_fall_in_standard_errors=fall_in_standard_errors(pair.train, train[turn], turn, last),
        gap=bounded_ratio(end - train_end, reference_level(pair.val, end)),
    )


def _lowest_epoch_near(pair: LossPair, turn: int, reach: int) -> int:
    """The epoch of the lowest measured value under the smoothing window of the minimum."""
    window = range(max(turn - reach, 0), min(turn + reach, len(pair) - 1) + 1)
    return pair.epochs[min(window, key=pair.val.__getitem__)]


def reference_level(values: Sequence[float], level: float) -> float:
    """What a change at `level` is relative to: the level, or the range where losses cross zero."""
    return level if min(values) > 0 else max(values) - min(values)


def reference_gain(values: Sequence[float], minimum: float, gained: float) -> float:
    """What validation gained, within the limits that the best loss sets to it."""
    if min(values) <= 0:
        return gained or max(values) - min(values)
    return min(max(gained, _GAIN_FLOOR * minimum), _GAIN_LIMIT * minimum)


def _standard_error(after: Sequence[float], reach: int, last: int) -> float:
    """Of the difference between the minimum (a mean of 2 reach + 1) and the end (of `last`)."""
    return sd_around_rising_fit(after) * math.sqrt(1 / (2 * reach + 1) + 1 / last)


def fall_in_standard_errors(train: Sequence[float], level: float, start: int, last: int) -> float:
    """How far a training loss fell from `level` at index `start` to its end, in standard errors.

    The end is the mean of the last `last` values: the low median would take the luckier of two
    noisy epochs. The scatter is that around a falling curve since `start`, or that from epoch to
    epoch in the second half of the run where it is larger: a few values may fall by luck alone.
    """
    scatter = max(
        sd_around_falling_fit(train[start:]), oscillation_sd(train[min(start, len(train) // 2) :])
    )
    error = scatter * math.sqrt(1 / (2 * smoothing_half_width(len(train)) + 1) + 1 / last)
    return bounded_ratio(level - sum(train[-last:]) / last, error)


def _trend_in_standard_errors(after: Sequence[float]) -> float:
    """What tells a rise from a minimum that was luck: after luck the curve stays where it is."""
    third = len(after) // 3
    if third < 2:
        return 0.0
    rise = (sum(after[-third:]) - sum(after[:third])) / third
    return bounded_ratio(rise, sd_around_rising_fit(after) * math.sqrt(2 / third))


def bounded_ratio(part: float, whole: float) -> float:
    """The quotient, within a million either way: evidence is stored, and JSON has no infinity."""
    if whole > 0:
        return min(max(part / whole, -_MAX_RATIO), _MAX_RATIO)
    return _MAX_RATIO if part > 0 else 0.0
