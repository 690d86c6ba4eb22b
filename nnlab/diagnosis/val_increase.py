"""The confidence that validation loss rose while training loss kept falling (NN101, NN102)."""

from nnlab.diagnosis.confidence import combine_confidences, hill
from nnlab.diagnosis.val_minimum import ValMinimum

# The value of each criterion at a confidence of one half.
_SHARE_WITH_GAP, _SHARE_WITHOUT_GAP = 0.03, 0.06
_NO_GAP, _CLEAR_GAP = 0.1, 0.3
_RISE = 0.04
_RELATIVE = 0.02
_STANDARD_ERRORS, _FEW_STANDARD_ERRORS, _TREND = 3.3, 1.5, 4.0
_VALIDATIONS_SINCE = 2.0
_TRAIN_FALL_RELATIVE, _TRAIN_FALL_SHARE = 0.05, 0.02
TRAIN_FALL_STANDARD_ERRORS = 2.0


def val_increase_confidence(minimum: ValMinimum) -> float:
    """The confidence, in [0, 1], that validation loss rose while training loss kept falling.

    It never decreases when the rise, its duration or the decrease of training loss grows. It is
    the minimum over four criteria, each with a confidence of one half at the values given:

    - The rise is large: 3 % of the decrease before (6 % if training loss is not clearly below
      validation loss, as with dropout), and 2 % of the lowest loss. The geometric mean of these
      two fractions is 4 %, because one alone gives false alarms for a loss near zero or with a
      high minimum.
    - The rise exceeds the noise: 3.3 standard errors, or fewer if the loss is still rising.
    - The rise lasts for two validations.
    - Training loss kept falling: by 5 %, or by 2 % of its range, and by two standard errors.
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
        hill(minimum.rise_share, min_share),
        hill(mean_rise, _RISE),
        hill(minimum.rise_relative, _RELATIVE),
        max(
            hill(minimum.rise_in_standard_errors, _STANDARD_ERRORS),
            min(
                hill(minimum.rise_in_standard_errors, _FEW_STANDARD_ERRORS),
                hill(minimum.trend_in_standard_errors, _TREND),
            ),
        ),
        hill(minimum.validations_since, _VALIDATIONS_SINCE),
        hill(train_fall, 1.0),
        hill(minimum.train_fall_in_standard_errors, TRAIN_FALL_STANDARD_ERRORS),
    )
