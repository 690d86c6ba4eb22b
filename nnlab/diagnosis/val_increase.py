"""The confidence that validation loss rose while training loss kept falling (NN101, NN102)."""

from nnlab.diagnosis.confidence import combine_confidences, hill
from nnlab.diagnosis.val_minimum import ValMinimum

# The value of each criterion at a confidence of one half.
_RELATIVE, _RISE = 0.035, 0.03
_SHARE_WITH_GAP, _SHARE_WITHOUT_GAP = 0.02, 0.06
_NO_GAP, _CLEAR_GAP = 0.1, 0.3
_STANDARD_ERRORS = 2.4
_LATE_EXCESS = 0.3
_VALIDATIONS_SINCE = 2.0
_TRAIN_FALL_RELATIVE, _TRAIN_FALL_SHARE = 0.05, 0.02
_TRAIN_FALL_STANDARD_ERRORS, _TRAIN_FALL_RANKS = 1.5, 2.5


def val_increase_confidence(minimum: ValMinimum) -> float:
    """The confidence, in [0, 1], that validation loss rose while training loss kept falling.

    It never decreases when the rise, its duration or the decrease of training loss grows. It is
    the minimum over five criteria, each with a confidence of one half at the values given:

    - The rise is large: 3.5 % of the lowest loss, 2 % of the decrease before (6 % if training loss
      is not clearly below validation loss, as with dropout), and 3 % as the geometric mean of the
      two, because one alone gives false alarms for a loss near zero or with a high minimum.
    - The rise exceeds the noise: 2.4 standard errors.
    - It lasts: the lowest fifth of the last third has 30 % of the rise.
    - It is seen in two validations.
    - Training loss kept falling: by 5 %, or by 2 % of its range, and by 1.5 standard errors or with
      a rank correlation of 2.5 standard errors.
    """
    gap_position = (minimum.gap - _NO_GAP) / (_CLEAR_GAP - _NO_GAP)
    min_share = _SHARE_WITHOUT_GAP - (_SHARE_WITHOUT_GAP - _SHARE_WITH_GAP) * min(
        max(gap_position, 0), 1
    )
    mean_rise = (max(minimum.rise_share, 0.0) * max(minimum.rise_relative, 0.0)) ** 0.5
    train_fall = max(
        minimum.train_fall_relative / _TRAIN_FALL_RELATIVE,
        minimum.train_fall_share / _TRAIN_FALL_SHARE,
    )
    return combine_confidences(
        hill(minimum.rise_relative, _RELATIVE),
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
