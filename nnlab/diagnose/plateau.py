"""Where validation loss stopped moving: the measurements of a standstill."""

from dataclasses import dataclass

from nnlab.diagnose.loss_pair import LossPair
from nnlab.diagnose.smoothing import smooth_curve
from nnlab.diagnose.val_minimum import (
    bounded_ratio,
    fall_in_standard_errors,
    measure_val_minimum,
    reference_gain,
    reference_level,
)

# Validation stands still while it stays within this share of what it had gained.
_BAND_SHARE = 0.02


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
    train_fall_in_standard_errors: float


def measure_plateau(pair: LossPair) -> Plateau | None:
    """The standstill at the end of a validation loss; None where it never improved before."""
    turn = measure_val_minimum(pair)
    if turn.val_gain <= 0:
        return None
    val, train = smooth_curve(pair.val), smooth_curve(pair.train)
    band = _BAND_SHARE * reference_gain(pair.val, turn.minimum, turn.val_gain)
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
        val_change_relative=bounded_ratio(
            turn.end - val[start], reference_level(pair.val, val[start])
        ),
        train_at_onset=train[start],
        train_end=turn.train_end,
        train_fall_relative=bounded_ratio(fall, reference_level(pair.train, train[start])),
        train_fall_share=bounded_ratio(fall, max(pair.train) - min(pair.train)),
        train_fall_in_standard_errors=fall_in_standard_errors(
            pair.train, train[start], start, turn.last
        ),
    )
