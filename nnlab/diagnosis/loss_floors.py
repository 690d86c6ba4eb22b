"""Minimum losses of cross entropy with two softmaxes or smoothed labels, for the rule NN308."""

import math
from collections.abc import Iterable

# The amounts of label smoothing that scripts use: 0.1 follows Szegedy et al. 2016.
USUAL_LABEL_SMOOTHING = (0.05, 0.1, 0.2)


def double_softmax_floor(classes: int) -> float:
    """The loss, in nats, of a correct example if cross entropy applies a second softmax.

    The outputs are then between 0 and 1, and the best ones are 1 for the class of the example and
    0 for the others.

    >>> [round(double_softmax_floor(classes), 4) for classes in (2, 3, 10)]
    [0.3133, 0.5514, 1.4612]
    """
    return math.log1p((classes - 1) / math.e)


def double_softmax_min_loss(classes: int, accuracy: float) -> float:
    """The lowest possible mean loss with a second softmax at an accuracy.

    A wrong example costs least if its class and another one share the probability equally.

    >>> round(double_softmax_min_loss(10, 1.0), 4), round(double_softmax_min_loss(10, 0.0), 4)
    (1.4612, 1.9246)
    """
    wrong = math.log(2 * math.sqrt(math.e) + classes - 2) - 0.5
    return accuracy * double_softmax_floor(classes) + (1.0 - accuracy) * wrong


def label_smoothing_floor(amount: float, classes: int) -> float:
    """The minimum of cross entropy with smoothed labels: the entropy of the labels, in nats.

    The class of the example has the probability 1 - amount + amount / classes, each other class
    amount / classes (Szegedy et al. 2016; `label_smoothing` of torch).

    >>> round(label_smoothing_floor(0.1, 10), 4), label_smoothing_floor(0.0, 10)
    (0.5003, 0.0)
    """
    rest = amount / classes
    return _entropy(1.0 - amount + rest, *[rest] * (classes - 1))


def matching_label_smoothing(
    loss: float, accuracy: float, classes: Iterable[int]
) -> tuple[float, int] | None:
    """The usual amount of label smoothing and number of classes that explain a training loss.

    The loss must be between that of a calibrated model of this accuracy, and that of a model that
    is as confident about its errors as about the rest, with a tolerance of 3 %. None if no
    combination explains it.

    >>> matching_label_smoothing(0.503, 1.0, [2, 10])
    (0.1, 10)
    """
    for count in classes:
        for amount in USUAL_LABEL_SMOOTHING:
            low, high = _label_smoothing_range(amount, count, accuracy)
            if 0.99 * low <= loss <= 1.03 * high:
                return amount, count
    return None


def _label_smoothing_range(amount: float, classes: int, accuracy: float) -> tuple[float, float]:
    rest = amount / classes
    best = 1.0 - amount + rest
    calibrated = accuracy * best + (1.0 - accuracy) * rest
    low = _entropy(calibrated, *[(1.0 - calibrated) / (classes - 1)] * (classes - 1))
    confident = (1.0 - accuracy) * (best - rest) * math.log(best / rest)
    floor = label_smoothing_floor(amount, classes)
    return min(low, floor + confident), max(low, floor + confident)


def _entropy(*probabilities: float) -> float:
    return -sum(p * math.log(p) for p in probabilities if p > 0) + 0.0
