"""Measurement of a validation accuracy that fell while training accuracy rose, for NN107."""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from nnlab.diagnosis.loss_pair import TAIL_MIN, average_in_groups, tail_start
from nnlab.diagnosis.smoothing import low_median, oscillation_sd, smooth_over_epochs
from nnlab.diagnosis.val_minimum import bounded_ratio
from nnlab.records import Curve

# Of two epochs that differ by a certain share of the examples, about twice as many examples change
# between right and wrong, and a few do so in any case.
_CHANGED_PER_DROP, _CHANGED_ANYWAY = 2.0, 0.01
# The number of examples that is assumed if it is unknown, and if the accuracies imply none.
_DEFAULT_EXAMPLES = 500
# The number of examples is not inferred from fewer accuracies, nor beyond this limit. A number of
# correct examples is an integer up to this error of single precision.
_MIN_DIFFERENT, _MAX_IMPLIED, _ROUNDING = 4, 1000, 1e-3


@dataclass(frozen=True, slots=True)
class AccuracyDrop:
    """The best validation accuracy and what followed; accuracies are fractions.

    `best_epoch` is the epoch of `best_val`, a smoothed maximum; `end_val` and `end_train` are
    medians of the last tenth of the epochs. `drop` is the difference between best and end,
    `drop_in_standard_errors` relative to its sampling error and noise. `train_at_best` is the
    training accuracy at that epoch.
    """

    best_epoch: int
    best_val: float
    end_val: float
    drop: float
    drop_in_standard_errors: float
    train_at_best: float
    end_train: float


def measure_accuracy_drop(
    train: Curve | None, val: Curve | None, examples: float | None
) -> AccuracyDrop | None:
    """The drop of validation accuracy; None without both accuracies at three common epochs.

    Args:
        train: training accuracy.
        val: validation accuracy.
        examples: the number of validation examples, if it is known.
    """
    epochs, train_at, val_at = _aligned(train, val)
    if len(epochs) < 3:
        return None
    tail = tail_start(epochs)
    grouped_epochs, means = average_in_groups(epochs, val_at)
    grouped_train = average_in_groups(epochs, train_at)[1]
    smooth, widths = smooth_over_epochs(means)
    best = max(range(len(smooth)), key=smooth.__getitem__)
    end = low_median([-value for value in val_at[tail:]])
    drop = smooth[best] + end
    points_in_tail = len(grouped_epochs) - bisect_left(grouped_epochs, epochs[tail])
    error = math.hypot(
        _sampling_error(drop, examples or _DEFAULT_EXAMPLES),
        oscillation_sd(means)
        * math.sqrt(1 / widths[best] + math.pi / 2 / max(points_in_tail, TAIL_MIN)),
    )
    return AccuracyDrop(
        best_epoch=grouped_epochs[best],
        best_val=smooth[best],
        end_val=-end,
        drop=drop,
        drop_in_standard_errors=bounded_ratio(drop, error),
        train_at_best=smooth_over_epochs(grouped_train)[0][best],
        end_train=low_median(train_at[tail:]),
    )


def _aligned(train: Curve | None, val: Curve | None) -> tuple[list[int], list[float], list[float]]:
    """The epochs with both accuracies, and these."""
    if not train or not val:
        return [], [], []
    if train.epochs == val.epochs and math.isfinite(sum(train.values) + sum(val.values)):
        return list(val.epochs), list(train.values), list(val.values)
    train_at = {epoch: value for epoch, value in train if math.isfinite(value)}
    points = [
        (epoch, train_at[epoch], value)
        for epoch, value in val
        if epoch in train_at and math.isfinite(value)
    ]
    return [e for e, *_ in points], [t for _, t, _ in points], [v for *_, v in points]


def _sampling_error(drop: float, examples: float) -> float:
    """The standard error of a difference of accuracies on the same examples (McNemar 1947)."""
    changed = _CHANGED_PER_DROP * max(drop, 0.0) + _CHANGED_ANYWAY
    return math.sqrt(min(changed, 1.0) / max(examples, 1.0))


def implied_examples(accuracies: Sequence[float]) -> int | None:
    """The smallest number of examples that gives exactly these accuracies, if it is small.

    Accuracies of n examples are multiples of 1/n. Values with few digits imply few examples too.
    None for more than 1,000 examples, and for fewer than four different accuracies.

    >>> implied_examples([0.525, 0.6, 0.65, 0.675])
    40
    """
    values = sorted({value for value in accuracies if 0.0 < value < 1.0})
    if len(values) < _MIN_DIFFERENT:
        return None
    for examples in range(_MIN_DIFFERENT + 1, _MAX_IMPLIED + 1):
        if all(abs(value * examples - round(value * examples)) <= _ROUNDING for value in values):
            return examples
    return None
