"""Detection of validation at chance level, and of training that learned what generalises."""

import math
from bisect import bisect_right
from collections.abc import Sequence

from nnlab.diagnosis.loss_pair import LossPair
from nnlab.diagnosis.val_minimum import ValMinimum
from nnlab.records import Curve, History

# Validation that improved by less than this fraction of its best loss did not learn.
_MIN_GAIN = 0.02
# A loss within this relative distance of ln(C) is that of a uniform guess among C classes.
_NEAR_CHANCE = 0.03
_USUAL_CLASSES = (2, 3, 10, 100, 1000)
# An increase of accuracy that is noise, and the largest ratio to training accuracy at chance level.
_MIN_ACCURACY_GAIN = 0.05
_FAR_BELOW_TRAINING = 0.6
# A guess is right with probability exp(-loss); a model that learned is clearly better.
_GUESS_FACTOR, _GUESS_MARGIN = 1.25, 0.03

# Memorisation alone does not reach this progress in three epochs.
FAST_PROGRESS = 0.35


def validation_at_chance(history: History, pair: LossPair, val_minimum: ValMinimum) -> bool:
    """Whether training learns but validation is at chance level even in its best epoch.

    With accuracies, this means that validation accuracy never rose, is far below training
    accuracy, and is not higher than guessing gives at the losses of the first epoch. Without
    accuracies, validation loss never improved, and its best value is the loss ln(C) of a uniform
    guess among 2, 3, 10, 100 or 1000 classes.
    """
    val, train = history.get("val/accuracy"), history.get("train/accuracy")
    if val and train:
        return _accuracy_at_chance(val, train, pair, val_minimum)
    if val_minimum.minimum <= 0 or val_minimum.val_gain > _MIN_GAIN * val_minimum.minimum:
        return False
    return is_chance_loss(val_minimum.minimum, _USUAL_CLASSES)


def early_training_progress(history: History, pair: LossPair) -> float:
    """The progress of training from guessing (0) to a perfect fit (1) in its first three epochs.

    The running loss of these epochs is measured on examples that the model has seen at most twice,
    so progress there is generalisation rather than memorisation. It is by loss or by accuracy,
    whichever is larger; guessing is the best validation, which this function expects to be at
    chance level.
    """
    third = pair.epochs[min(2, len(pair) - 1)]
    by_loss = 1.0 - min(pair.train[:3]) / pair.best_val if pair.best_val > 0 else 0.0
    val, train = history.get("val/accuracy"), history.get("train/accuracy")
    if not val or not train:
        return by_loss
    chance = max((value for value in val.values if math.isfinite(value)), default=1.0)
    first = train.values[: bisect_right(train.epochs, third)]
    early = [value for value in first if math.isfinite(value)]
    if not early or chance >= 1.0:
        return by_loss
    return max(by_loss, (max(early) - chance) / (1.0 - chance))


def is_chance_loss(loss: float, classes: Sequence[int]) -> bool:
    """Whether a loss is about ln(C), the loss of a uniform guess, for one of these C."""
    return any(abs(loss / math.log(count) - 1) <= _NEAR_CHANCE for count in classes)


def _accuracy_at_chance(val: Curve, train: Curve, pair: LossPair, val_minimum: ValMinimum) -> bool:
    finite = [value for value in val.values if math.isfinite(value)]
    best_train = max((value for value in train.values if math.isfinite(value)), default=0.0)
    if not finite or min(val_minimum.minimum, pair.train[0]) <= 0:
        return False
    # The lowest of these losses gives the highest accuracy of a guess.
    guess_accuracy = math.exp(-min(val_minimum.minimum, pair.train[0]))
    return (
        max(finite) - finite[0] <= _MIN_ACCURACY_GAIN
        and max(finite) <= _FAR_BELOW_TRAINING * best_train
        and max(finite) <= _GUESS_FACTOR * guess_accuracy + _GUESS_MARGIN
    )
