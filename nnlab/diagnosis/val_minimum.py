"""Measurements at the minimum of validation loss, shared by the rules on generalisation."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from nnlab.diagnosis.loss_pair import LossPair
from nnlab.diagnosis.smoothing import (
    low_median,
    oscillation_sd,
    sd_around_falling_fit,
    sd_around_rising_fit,
    smooth_curve,
    smoothing_half_width,
)

# The end of a curve is the low median of its last eighth, and at least of its last two values,
# because a single epoch may be a spike.
_END_SHARE, _END_MIN = 8, 2
# The largest decrease that is used, as a multiple of the lowest loss. Without a limit, the first
# epoch of an unscaled regression (a loss of 500 that ends at 10) would make any rise look small.
_GAIN_LIMIT = 5.0
# The smallest decrease that is used, as a fraction of the lowest loss, for fine-tuned models that
# never improved.
_GAIN_FLOOR = 0.1
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
    `trend_in_standard_errors` is the difference between the last and the first third of the curve
    after the minimum. `train_fall` is the decrease of training loss after the onset, relative to
    its value (`train_fall_relative`), to its range (`train_fall_share`) and to its noise
    (`train_fall_in_standard_errors`). `gap` is the difference between validation and training loss
    at the end, relative to validation loss. If losses can be negative, ratios are relative to the
    range of the loss instead of its value.
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
    trend_in_standard_errors: float
    train_at_onset: float
    train_end: float
    train_fall: float
    train_fall_relative: float
    train_fall_share: float
    train_fall_in_standard_errors: float
    gap: float


def measure_val_minimum(pair: LossPair) -> ValMinimum:
    """The minimum of the validation loss of a pair (any length from 1 on), with its changes."""
    val, train = smooth_curve(pair.val), smooth_curve(pair.train)
    n = len(pair)
    lowest = min(range(n), key=val.__getitem__)
    since = n - 1 - lowest
    last = max(1, min(since, max(_END_MIN, n // _END_SHARE)))
    end, train_end = low_median(pair.val[-last:]), low_median(pair.train[-last:])
    rise = end - val[lowest]
    gain = max(val[: lowest + 1]) - val[lowest]
    fall = train[lowest] - train_end
    return ValMinimum(
        onset=_lowest_epoch_near(pair, lowest, smoothing_half_width(n)),
        validations_since=since,
        validations=n,
        last=last,
        minimum=val[lowest],
        end=end,
        val_gain=gain,
        rise=rise,
        rise_relative=bounded_ratio(rise, reference_level(pair.val, val[lowest])),
        rise_share=bounded_ratio(rise, reference_gain(pair.val, val[lowest], gain)),
        rise_in_standard_errors=bounded_ratio(
            rise, _standard_error(pair.val[lowest:], smoothing_half_width(n), last)
        ),
        trend_in_standard_errors=_trend_in_standard_errors(pair.val[lowest:]),
        train_at_onset=train[lowest],
        train_end=train_end,
        train_fall=fall,
        train_fall_relative=bounded_ratio(fall, reference_level(pair.train, train[lowest])),
        train_fall_share=bounded_ratio(fall, max(pair.train) - min(pair.train)),
        train_fall_in_standard_errors=fall_in_standard_errors(
            pair.train, train[lowest], lowest, last
        ),
        gap=bounded_ratio(end - train_end, reference_level(pair.val, end)),
    )


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


def _standard_error(after: Sequence[float], half_width: int, last: int) -> float:
    """The standard error of the difference between the end and the minimum.

    Args:
        after: the values from the minimum on.
        half_width: the minimum is a mean of 2 half_width + 1 values.
        last: the number of values at the end.
    """
    return sd_around_rising_fit(after) * math.sqrt(1 / (2 * half_width + 1) + 1 / last)


def fall_in_standard_errors(train: Sequence[float], level: float, start: int, last: int) -> float:
    """The decrease of a training loss from `level` at index `start` to its end, in standard errors.

    The end is the mean of the last `last` values, because the low median of two noisy epochs would
    be biased downwards. The noise is the larger of the sd around a decreasing curve since `start`
    and the sd from epoch to epoch in the second half of the run, because a few values may decrease
    by chance.
    """
    noise = max(
        sd_around_falling_fit(train[start:]), oscillation_sd(train[min(start, len(train) // 2) :])
    )
    error = noise * math.sqrt(1 / (2 * smoothing_half_width(len(train)) + 1) + 1 / last)
    return bounded_ratio(level - sum(train[-last:]) / last, error)


def _trend_in_standard_errors(after: Sequence[float]) -> float:
    """The rise from the first to the last third of the curve after the minimum, in standard errors.

    It separates a real rise from a minimum by chance, after which the curve stays level.
    """
    third = len(after) // 3
    if third < 2:
        return 0.0
    rise = (sum(after[-third:]) - sum(after[:third])) / third
    return bounded_ratio(rise, sd_around_rising_fit(after) * math.sqrt(2 / third))


def bounded_ratio(numerator: float, denominator: float) -> float:
    """The quotient, limited to ±1e6, because evidence is stored as JSON, which has no infinity."""
    if denominator > 0:
        return min(max(numerator / denominator, -_MAX_RATIO), _MAX_RATIO)
    return _MAX_RATIO if numerator > 0 else 0.0
