"""Whether validation never left chance level: a broken validation set, not overfitting."""

import math
from collections.abc import Sequence

from nnlab.diagnose.loss_pair import LossPair
from nnlab.diagnose.val_minimum import ValMinimum
from nnlab.records import Curve, History

# Validation gained less than this share of its best loss: it never learned anything.
_MIN_GAIN = 0.02
# How near to ln(C) a loss counts as the loss of a uniform guess among C classes.
_NEAR_CHANCE = 0.03
_USUAL_CLASSES = (2, 3, 10, 100, 1000)
# Accuracies: a climb that is noise, and how far below training accuracy chance stands.
_MIN_ACCURACY_GAIN = 0.05
_FAR_BELOW_TRAINING = 0.6
# A guess is right with probability exp(-loss); informed models clearly beat that.
_GUESS_FACTOR, _GUESS_MARGIN = 1.25, 0.03


def validation_at_chance(history: History, pair: LossPair, turn: ValMinimum) -> bool:
    """True when training learns and validation never did, not even in its best epoch.

    With accuracies: validation accuracy never climbed, lies far below training accuracy, and no
    higher than guessing would give at the losses of the first epoch. Without them: validation
    loss never gained, and its best is the loss ln(C) of a uniform guess among 2, 3, 10, 100 or
    1000 classes.
    """
    val, train = history.get("val/accuracy"), history.get("train/accuracy")
    if val and train:
        return _accuracy_at_chance(val, train, pair, turn)
    if turn.minimum <= 0 or turn.val_gain > _MIN_GAIN * turn.minimum:
        return False
    return is_chance_loss(turn.minimum, _USUAL_CLASSES)


def is_chance_loss(loss: float, classes: Sequence[int]) -> bool:
    """Whether a loss is that of a uniform guess, ln(C), among one of these numbers of classes."""
    return any(abs(loss / math.log(count) - 1) <= _NEAR_CHANCE for count in classes)


def _accuracy_at_chance(val: Curve, train: Curve, pair: LossPair, turn: ValMinimum) -> bool:
    seen = [value for value in val.values if math.isfinite(value)]
    reached = max((value for value in train.values if math.isfinite(value)), default=0.0)
    if not seen or min(turn.minimum, pair.train[0]) <= 0:
        return False
    # The least of these losses is where a guess would be right most often.
    guess = math.exp(-min(turn.minimum, pair.train[0]))
    return (
        max(seen) - seen[0] <= _MIN_ACCURACY_GAIN
        and max(seen) <= _FAR_BELOW_TRAINING * reached
        and max(seen) <= _GUESS_FACTOR * guess + _GUESS_MARGIN
    )
