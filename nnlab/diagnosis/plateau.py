"""Measurement of a plateau of validation loss at the end of a run, for the rule NN102."""

from dataclasses import dataclass

from nnlab.diagnosis.loss_pair import LossPair
from nnlab.diagnosis.smoothing import smooth_curve
from nnlab.diagnosis.val_minimum import (
    bounded_ratio,
    fall_in_standard_errors,
    measure_val_minimum,
    reference_gain,
    reference_level,
)

# On a plateau validation loss stays within this fraction of its total decrease.
_BAND_SHARE = 0.02


@dataclass(frozen=True, slots=True)
class Plateau:
    """A plateau that lasts to the end of the run.

    `onset` is its first epoch, and `validations_since` the number of validations after it. `level`
    is the validation loss at the end, in its unit, and `val_change_relative` its relative change
    since `onset`. The decrease of training loss over the plateau is given relative to its value at
    the onset, relative to its whole range, and in standard errors.
    """

    onset: int
    validations_since: int
    level: float
    val_change_relative: float
    train_at_onset: float
    train_end: float
    train_fall_relative: float
    train_fall_share: float
    train_fall_in_standard_errors: float


def measure_plateau(pair: LossPair) -> Plateau | None:
    """The plateau at the end of a validation loss that improved before; None without one."""
    val_minimum = measure_val_minimum(pair)
    if val_minimum.val_gain <= 0:
        return None
    val, train = smooth_curve(pair.val), smooth_curve(pair.train)
    band = _BAND_SHARE * reference_gain(pair.val, val_minimum.minimum, val_minimum.val_gain)
    start = len(pair)
    while start > 0 and abs(val[start - 1] - val_minimum.end) <= band:
        start -= 1
    if start in (0, len(pair)):
        return None
    fall = train[start] - val_minimum.train_end
    return Plateau(
        onset=pair.epochs[start],
        validations_since=len(pair) - 1 - start,
        level=val_minimum.end,
        val_change_relative=bounded_ratio(
            val_minimum.end - val[start], reference_level(pair.val, val[start])
        ),
        train_at_onset=train[start],
        train_end=val_minimum.train_end,
        train_fall_relative=bounded_ratio(fall, reference_level(pair.train, train[start])),
        train_fall_share=bounded_ratio(fall, max(pair.train) - min(pair.train)),
        train_fall_in_standard_errors=fall_in_standard_errors(pair, train[start], start),
    )
