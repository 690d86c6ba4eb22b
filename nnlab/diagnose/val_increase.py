"""When the turn of a validation loss is a worsening: the judgement that overfitting rests on."""

from nnlab.diagnose.confidence import combine_confidences, hill
from nnlab.diagnose.val_minimum import ValMinimum

# Each is the value at which its ground is worth a confidence of one half.
_SHARE_WITH_GAP, _SHARE_WITHOUT_GAP = 0.03, 0.06
_NO_GAP, _CLEAR_GAP = 0.1, 0.3
_RISE = 0.04
_RELATIVE = 0.02
_STANDARD_ERRORS, _FEW_STANDARD_ERRORS, _TREND = 3.3, 1.5, 4.0
_VALIDATIONS_SINCE = 2.0
_TRAIN_FALL_RELATIVE, _TRAIN_FALL_SHARE = 0.05, 0.02
TRAIN_FALL_STANDARD_ERRORS = 2.0


def val_increase_confidence(turn: ValMinimum) -> float:
    """How sure it is that validation worsened while training went on falling.

    In [0, 1], never lower when the rise, its persistence or the fall of training grows.

    Four grounds, and the weakest decides. The rise is large: it gave back 3 % of what validation
    had gained (6 % where training loss does not stand clearly below validation, as with dropout
    in training), and the geometric mean of that share and of the rise relative to the best loss
    is 4 %: either alone cries wolf on a loss near zero or on one with a high floor. And it is at
    least 2 % of the best loss. The rise
    is real: 3.3 standard errors of the scatter, or fewer where it goes on rising since. It
    lasts: two validations. And training loss kept falling: by 5 %, or by 2 % of its range, and
    by more than its own noise, two standard errors.
    """
    between = (turn.gap - _NO_GAP) / (_CLEAR_GAP - _NO_GAP)
    share = _SHARE_WITHOUT_GAP - (_SHARE_WITHOUT_GAP - _SHARE_WITH_GAP) * min(max(between, 0), 1)
    both = (max(turn.rise_share, 0.0) * max(turn.rise_relative, 0.0)) ** 0.5
    falling = max(
        turn.train_fall_relative / _TRAIN_FALL_RELATIVE, turn.train_fall_share / _TRAIN_FALL_SHARE
    )
    return combine_confidences(
        hill(turn.rise_share, share),
        hill(both, _RISE),
        hill(turn.rise_relative, _RELATIVE),
        max(
            hill(turn.rise_in_standard_errors, _STANDARD_ERRORS),
            min(
                hill(turn.rise_in_standard_errors, _FEW_STANDARD_ERRORS),
                hill(turn.trend_in_standard_errors, _TREND),
            ),
        ),
        hill(turn.since, _VALIDATIONS_SINCE),
        hill(falling, 1.0),
        hill(turn.train_fall_in_standard_errors, TRAIN_FALL_STANDARD_ERRORS),
    )
