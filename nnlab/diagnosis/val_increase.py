"""The confidence that validation loss rose while training loss kept falling (NN101, NN102)."""

import math

from nnlab.diagnosis.confidence import combine_confidences, hill
from nnlab.diagnosis.val_minimum import ValMinimum

# The value of each criterion at a confidence of one half.
_RELATIVE_WITH_GAP, _RELATIVE_WITHOUT_GAP = 0.04, 0.12
_RISE = 0.03
_SHARE_WITH_GAP, _SHARE_WITHOUT_GAP = 0.02, 0.04
_NO_GAP, _CLEAR_GAP = 0.05, 0.2
_SAMPLING = 0.4  # divided by the square root of the number of examples
_STANDARD_ERRORS = 2.4
_LATE_EXCESS = 0.25
_VALIDATIONS_SINCE = 2.0
_TRAIN_FALL_RELATIVE, _TRAIN_FALL_SHARE = 0.05, 0.02
_TRAIN_FALL_STANDARD_ERRORS, _TRAIN_FALL_RANKS = 1.0, 2.5


def val_increase_confidence(minimum: ValMinimum, examples: float | None = None) -> float:
    """The confidence, in [0, 1], that validation loss rose while training loss kept falling.

    It never decreases when the rise, its duration or the decrease of training loss grows. It is
    the minimum over six criteria, each with a confidence of one half at the values given:

    - The rise is large: 4 % of the lowest loss, 2 % of the decrease before (12 % and 4 % if
      training loss is not clearly below validation loss, as with dropout), and 3 % as the geometric
      mean of the two, because one alone gives false alarms for a loss near zero or with a high
      minimum.
    - The rise exceeds what other validation examples would change: 40 % of the lowest loss, divided
      by the square root of their number.
    - The rise exceeds the noise from epoch to epoch: 2.4 standard errors.
    - It lasts: the lowest fifth of the last third has 25 % of the rise.
    - It is seen in two validations.
    - Training loss kept falling: by 5 %, or by 2 % of its range, and by one standard error or with
      a rank correlation of 2.5 standard errors.

    Args:
        minimum: the measurements.
        examples: the number of validation examples; None if it is unknown.
    """
    gap = min(max((minimum.gap - _NO_GAP) / (_CLEAR_GAP - _NO_GAP), 0.0), 1.0)
    min_share = _SHARE_WITHOUT_GAP - (_SHARE_WITHOUT_GAP - _SHARE_WITH_GAP) * gap
    min_relative = _RELATIVE_WITHOUT_GAP - (_RELATIVE_WITHOUT_GAP - _RELATIVE_WITH_GAP) * gap
    mean_rise = (max(minimum.rise_share, 0.0) * max(minimum.rise_relative, 0.0)) ** 0.5
    train_fall = max(
        minimum.train_fall_relative / _TRAIN_FALL_RELATIVE,
        minimum.train_fall_share / _TRAIN_FALL_SHARE,
    )
    return combine_confidences(
        hill(minimum.rise_relative, min_relative),
        hill(minimum.rise_relative, _SAMPLING / math.sqrt(examples)) if examples else 1.0,
        hill(minimum.rise_share, min_share),
        hill(mean_rise, _RISE),
        hill(minimum.rise_in_standard_errors, _STANDARD_ERRORS),
        hill(minimum.late_excess, _LATE_EXCESS),
        hill(minimum.validations_since, _VALIDATIONS_SINCE),
        hill(train_fall, 1.0),
        max(
            hill(minimum.train_fall_in_standard_errors, _TRAIN_FALL_STANDARD_ERRORS),
            hill(minimum.train_fall_in_ranks, _TRAIN_FALL_RANKS),
        ),
    )
