"""Where validation loss stopped moving: the measurements of a standstill."""

from dataclasses import dataclass

from nnlab.diagnose.losses import LossPair
from nnlab.diagnose.smoothing import smoothed
from nnlab.diagnose.val_minimum import fall_in_noise, magnitude, ratio, turning, yardstick

# Validation stands still while it stays within this share of what it had gained.
_BAND = 0.02


@dataclass(frozen=True, slots=True)
class Plateau:
    """A standstill that lasts to the end; `since` counts validations from `onset` on.

    `level` is the validation loss at the end, in its unit, and `val_change_relative` how far that
    is from the loss at `onset`, as a share of it; the falls of training loss are measured over the
    standstill, relative to its value there, to its whole range, and in standard errors.
    """

    onset: int
    since: int
    level: float
    val_change_relative: float
    train_at_onset: float
    train_end: float
    train_fall_relative: float
    train_fall_share: float
    train_fall_in_noise: float


def plateau_of(pair: LossPair) -> Plateau | None:
    """The standstill at the end of a validation loss; None where it never improved before."""
    turn = turning(pair)
    if turn.gained <= 0:
        return None
    val, train = smoothed(pair.val), smoothed(pair.train)
    band = _BAND * yardstick(pair.val, turn.minimum, turn.gained)
    start = len(pair)
    while start > 0 and abs(val[start - 1] - turn.end) <= band:
        start -= 1
    if start in (0, len(pair)):
        return None
    fall = train[start] - turn.train_end
    return Plateau(
        onset=pair.epochs[start],
        since=len(pair) - 1 - start,
        level=turn.end,
        val_change_relative=ratio(turn.end - val[start], magnitude(pair.val, val[start])),
        train_at_onset=train[start],
        train_end=turn.train_end,
        train_fall_relative=ratio(fall, magnitude(pair.train, train[start])),
        train_fall_share=ratio(fall, max(pair.train) - min(pair.train)),
        train_fall_in_noise=fall_in_noise(pair.train, train[start], start, turn.last),
    )
