"""Where validation loss turned away from training loss, and by how much.

These are the measurements that the rules of generalisation share; nothing is judged here.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from nnlab.diagnose.losses import LossPair
from nnlab.diagnose.smoothing import (
    low_median,
    reach_of,
    scatter_around_fall,
    scatter_around_rise,
    smoothed,
    wobble,
)

# The end of a curve is the low median of its last eighth, or of its last two values: one epoch
# alone may be a spike.
_END_SHARE, _END_LEAST = 8, 2
# What validation gained counts up to this multiple of its best loss. Without a limit the first
# epoch of an unscaled regression (a loss of 500 that ends at 10) would make any rise look small.
_GAIN_LIMIT = 5.0
# And from this share of the best loss on: a fine-tuned model that never improved gained nothing
# that a rise could be compared with.
_GAIN_FLOOR = 0.1
# What stands for infinite in a ratio, as for a rise without any scatter.
_MOST = 1e6


@dataclass(frozen=True, slots=True)
class Turning:
    """The turn of a validation loss at its smoothed minimum, in units of the loss where not said.

    `onset` is the epoch of the minimum: after it validation no longer improved; `since` counts the
    validations after it, of `validations` in all, of which `last` make up the end of the curve.
    `rise` is how far the last eighth of the curve lies above the minimum. `rise_relative` is rise /
    |minimum|, `rise_share` is rise / what validation had gained until the minimum. `rise_in_noise`
    is the rise in standard errors of the scatter around it, `trend_in_noise` how far the last third
    after the minimum lies above the first third, in its standard errors. `train_fall` is how far
    training loss fell over the same epochs, `train_fall_relative` and `train_fall_share` compare it
    as for the rise, and `train_fall_in_noise` is that fall in standard errors (`fall_in_noise`).
    `gap` is the distance of the ends, validation minus training, as a share of the validation loss.
    Ratios are of magnitudes; with losses that may be negative they are taken of the gain.
    """

    onset: int
    since: int
    validations: int
    last: int
    minimum: float
    end: float
    gained: float
    rise: float
    rise_relative: float
    rise_share: float
    rise_in_noise: float
    trend_in_noise: float
    train_at_onset: float
    train_end: float
    train_fall: float
    train_fall_relative: float
    train_fall_share: float
    train_fall_in_noise: float
    gap: float


def turning(pair: LossPair) -> Turning:
    """Measures the turn of a pair of losses (any length from 1 on)."""
    val, train = smoothed(pair.val), smoothed(pair.train)
    n = len(pair)
    turn = min(range(n), key=val.__getitem__)
    since = n - 1 - turn
    last = max(1, min(since, max(_END_LEAST, n // _END_SHARE)))
    end, train_end = low_median(pair.val[-last:]), low_median(pair.train[-last:])
    rise = end - val[turn]
    gained = max(val[: turn + 1]) - val[turn]
    fall = train[turn] - train_end
    return Turning(
        onset=_lowest_near(pair, turn, reach_of(n)),
        since=since,
        validations=n,
        last=last,
        minimum=val[turn],
        end=end,
        gained=gained,
        rise=rise,
        rise_relative=ratio(rise, magnitude(pair.val, val[turn])),
        rise_share=ratio(rise, yardstick(pair.val, val[turn], gained)),
        rise_in_noise=ratio(rise, _standard_error(pair.val[turn:], reach_of(n), last)),
        trend_in_noise=_trend_in_noise(pair.val[turn:]),
        train_at_onset=train[turn],
        train_end=train_end,
        train_fall=fall,
        train_fall_relative=ratio(fall, magnitude(pair.train, train[turn])),
        train_fall_share=ratio(fall, max(pair.train) - min(pair.train)),
        train_fall_in_noise=fall_in_noise(pair.train, train[turn], turn, last),
        gap=ratio(end - train_end, magnitude(pair.val, end)),
    )


def _lowest_near(pair: LossPair, turn: int, reach: int) -> int:
    """The epoch of the lowest measured value under the smoothing window of the minimum."""
    window = range(max(turn - reach, 0), min(turn + reach, len(pair) - 1) + 1)
    return pair.epochs[min(window, key=pair.val.__getitem__)]


def magnitude(values: Sequence[float], level: float) -> float:
    """What a change at `level` is relative to: the level, or the range where losses cross zero."""
    return level if min(values) > 0 else max(values) - min(values)


def yardstick(values: Sequence[float], minimum: float, gained: float) -> float:
    """What validation gained, within the limits that the best loss sets to it."""
    if min(values) <= 0:
        return gained or max(values) - min(values)
    return min(max(gained, _GAIN_FLOOR * minimum), _GAIN_LIMIT * minimum)


def _standard_error(after: Sequence[float], reach: int, last: int) -> float:
    """Of the difference between the minimum (a mean of 2 reach + 1) and the end (of `last`)."""
    return scatter_around_rise(after) * math.sqrt(1 / (2 * reach + 1) + 1 / last)


def fall_in_noise(train: Sequence[float], level: float, start: int, last: int) -> float:
    """How far a training loss fell from `level` at index `start` to its end, in standard errors.

    The end is the mean of the last `last` values: the low median would take the luckier of two
    noisy epochs. The scatter is that around a falling curve since `start`, or that from epoch to
    epoch in the second half of the run where it is larger: a few values may fall by luck alone.
    """
    scatter = max(scatter_around_fall(train[start:]), wobble(train[min(start, len(train) // 2) :]))
    error = scatter * math.sqrt(1 / (2 * reach_of(len(train)) + 1) + 1 / last)
    return ratio(level - sum(train[-last:]) / last, error)


def _trend_in_noise(after: Sequence[float]) -> float:
    """What tells a rise from a minimum that was luck: after luck the curve stays where it is."""
    third = len(after) // 3
    if third < 2:
        return 0.0
    rise = (sum(after[-third:]) - sum(after[:third])) / third
    return ratio(rise, scatter_around_rise(after) * math.sqrt(2 / third))


def ratio(part: float, whole: float) -> float:
    """The quotient, within a million either way: evidence is stored, and JSON has no infinity."""
    if whole > 0:
        return min(max(part / whole, -_MOST), _MOST)
    return _MOST if part > 0 else 0.0
