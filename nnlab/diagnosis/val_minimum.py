"""Measurements at the minimum of validation loss, shared by the rules on generalisation."""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from nnlab.diagnosis.loss_pair import TAIL_MIN, LossPair
from nnlab.diagnosis.smoothing import (
    fall_in_ranks,
    low_median,
    oscillation_sd,
    sd_around_falling_fit,
    smooth_over_epochs,
    smoothing_half_width,
)

# The largest decrease that is used, as a multiple of the lowest loss. Without a limit, the first
# epoch of an unscaled regression (a loss of 500 that ends at 10) would make any rise look small.
_GAIN_LIMIT = 5.0
# The smallest decrease that is used, as a fraction of the lowest loss, for fine-tuned models that
# never improved.
_GAIN_FLOOR = 0.1
# The noise is measured over at least this many values.
_NOISE_MIN = 8
# Represents infinity in a ratio, for example for a rise without noise.
_MAX_RATIO = 1e6


@dataclass(frozen=True, slots=True)
class ValMinimum:
    """The smoothed minimum of a validation loss and the changes after it.

    Values are in the unit of the loss unless noted. `onset` is the epoch of the minimum, and
    `validations_since` the number of validations after it, of `validations` in total; the last
    `last` of these make up the end of the curve. `val_gain` is the decrease before the minimum.
    `rise` is the difference between the end and the minimum; `rise_relative` is relative to the
    minimum, `rise_share` to `val_gain`, and `rise_in_standard_errors` to the noise.
    `late_excess` is the height of the last third after the minimum as a fraction of `rise`: about 1
    for a lasting rise, 0 for a wave. `train_fall` is the decrease of training loss after the onset,
    relative to its value (`train_fall_relative`), to its range (`train_fall_share`) and to its
    noise (`train_fall_in_standard_errors`); `train_fall_in_ranks` is the significance of its trend,
    which noise in proportion to the loss does not hide. `gap` is the difference between validation
    and training loss at the end, relative to validation loss. If losses can be negative, ratios are
    relative to the range of the loss instead of its value.
    """

    onset: int
    validations_since: int
    validations: int
    last: int
    minimum: float
    end: float
    val_gain: float
    rise: float
    rise_relative: float
    rise_share: float
    rise_in_standard_errors: float
    late_excess: float
    train_at_onset: float
    train_end: float
    train_fall: float
    train_fall_relative: float
    train_fall_share: float
    train_fall_in_standard_errors: float
    train_fall_in_ranks: float
    gap: float


def measure_val_minimum(pair: LossPair) -> ValMinimum:
    """The minimum of the validation loss of a pair (any length from 1 on), with its changes."""
    val, widths = smooth_over_epochs(pair.val)
    train, _ = smooth_over_epochs(pair.train)
    n = len(pair)
    lowest = min(range(n), key=val.__getitem__)
    end, train_end = low_median(pair.tail_val), low_median(pair.tail_train)
    last = _points_in_tail(pair)
    rise = end - val[lowest]
    gain = max(val[: lowest + 1]) - val[lowest]
    fall = train[lowest] - train_end
    after = pair.val[lowest:]
    return ValMinimum(
        onset=_lowest_epoch_near(pair, lowest, widths[lowest] // 2),
        validations_since=n - 1 - lowest,
        validations=n,
        last=last,
        minimum=val[lowest],
        end=end,
        val_gain=gain,
        rise=rise,
        rise_relative=bounded_ratio(rise, reference_level(pair.val, val[lowest])),
        rise_share=bounded_ratio(rise, reference_gain(pair.val, val[lowest], gain)),
        rise_in_standard_errors=bounded_ratio(rise, _standard_error(after, widths[lowest], last)),
        late_excess=_late_excess(pair, lowest, val[lowest], rise),
        train_at_onset=train[lowest],
        train_end=train_end,
        train_fall=fall,
        train_fall_relative=bounded_ratio(fall, reference_level(pair.train, train[lowest])),
        train_fall_share=bounded_ratio(fall, max(pair.train) - min(pair.train)),
        train_fall_in_standard_errors=fall_in_standard_errors(pair, train[lowest], lowest),
        train_fall_in_ranks=fall_in_ranks(pair.train[lowest:]),
        gap=bounded_ratio(end - train_end, reference_level(pair.val, end)),
    )


def _points_in_tail(pair: LossPair) -> int:
    """The number of points of a pair, which may be groups, in its last tenth."""
    return max(TAIL_MIN, len(pair) - bisect_left(pair.epochs, pair.tail_epoch))


def _lowest_epoch_near(pair: LossPair, index: int, half_width: int) -> int:
    """The epoch of the lowest measured value within the smoothing window around an index."""
    window = range(max(index - half_width, 0), min(index + half_width, len(pair) - 1) + 1)
    return pair.epochs[min(window, key=pair.val.__getitem__)]


def reference_level(values: Sequence[float], level: float) -> float:
    """The denominator of relative changes at `level`: the level, or the range of signed losses."""
    return level if min(values) > 0 else max(values) - min(values)


def reference_gain(values: Sequence[float], minimum: float, gain: float) -> float:
    """The decrease before the minimum, limited to certain multiples of the lowest loss."""
    if min(values) <= 0:
        return gain or max(values) - min(values)
    return min(max(gain, _GAIN_FLOOR * minimum), _GAIN_LIMIT * minimum)


def _standard_error(after: Sequence[float], width: int, last: int) -> float:
    """The standard error of the difference between the end and the minimum.

    The noise is measured from value to value, near the minimum and near the end separately, because
    it often grows while a network overfits, and because later values may be means of groups.

    Args:
        after: the values from the minimum on.
        width: the minimum is a mean of this many values.
        last: the end is the median of this many values.
    """
    part = max(_NOISE_MIN, len(after) // 3)
    first, final = oscillation_sd(after[:part]), oscillation_sd(after[-part:])
    return math.sqrt(first**2 / width + math.pi / 2 * final**2 / last)


def fall_in_standard_errors(pair: LossPair, level: float, start: int) -> float:
    """The decrease of training loss from `level` at index `start` to its end, in standard errors.

    The end is the mean of the last tenth, because the low median of two noisy epochs would be
    biased downwards. The noise is the larger of the sd around a decreasing curve since `start`
    and the sd from epoch to epoch in the second half of the run, because a few values may decrease
    by chance.
    """
    train, last = pair.train, _points_in_tail(pair)
    noise = max(
        sd_around_falling_fit(train[start:]), oscillation_sd(train[min(start, len(train) // 2) :])
    )
    error = noise * math.sqrt(1 / (2 * smoothing_half_width(len(train)) + 1) + 1 / last)
    return bounded_ratio(level - sum(pair.tail_train) / len(pair.tail_train), error)


def _late_excess(pair: LossPair, lowest: int, minimum: float, rise: float) -> float:
    """The lowest fifth of the last third of the epochs after the minimum, relative to the rise.

    It is about 1 for a lasting rise, and near 0 for a wave that comes down to the minimum again.
    """
    onset = pair.epochs[lowest]
    third = bisect_left(pair.epochs, onset + (pair.last_epoch - onset) * 2 / 3)
    late = sorted(pair.val[min(third, len(pair) - TAIL_MIN) :])
    return bounded_ratio(late[len(late) // 5] - minimum, rise) if rise > 0 else 0.0


def bounded_ratio(numerator: float, denominator: float) -> float:
    """The quotient, limited to ±1e6, because evidence is stored as JSON, which has no infinity."""
    if denominator > 0:
        return min(max(numerator / denominator, -_MAX_RATIO), _MAX_RATIO)
    return _MAX_RATIO if numerator > 0 else 0.0
