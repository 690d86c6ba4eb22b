"""NN103: detects validation that is worse than training from the first epochs on."""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from nnlab.diagnosis.confidence import combine_confidences, hill
from nnlab.diagnosis.loss_pair import LossPair
from nnlab.diagnosis.rule import make_finding
from nnlab.diagnosis.rule_context import RuleContext
from nnlab.diagnosis.smoothing import low_median
from nnlab.diagnosis.val_minimum import ValMinimum, bounded_ratio
from nnlab.records import Curve, Finding, Severity

# At a confidence of one half: the gap of the losses relative to validation loss, the gap of the
# accuracies, and that gap in standard errors.
_GAP, _ACCURACY_GAP, _STANDARD_ERRORS = 0.2, 0.07, 3.0
# At a confidence of one half: the gap of the accuracies at the end, which has closed if it is
# smaller; and the early gaps of accuracies and losses as fractions of those at the end, because a
# gap that grows is overfitting.
_FINAL_ACCURACY_GAP, _SHARE_OF_FINAL, _LOSS_SHARE_OF_FINAL = 0.02, 0.6, 0.15
# The standard error if the size of the split is unknown.
_DEFAULT_SAMPLING_ERROR = 0.02


@dataclass(frozen=True, slots=True)
class GeneralisationGap:
    """Generalisation gap: validation was worse than training from the start.

    Detects: validation accuracy was far below training accuracy, and validation loss far above
    training loss, already in the first epochs, before validation loss had its minimum; the gap
    never closed, and most of it was there from the start. Training for too long did not cause it.

    Why it matters: the validation split comes from another distribution than the training split,
    or is harder: a model selected on it is selected for other data than it learns from.

    What to try: compare the splits (`nnlab data show`): are they shuffled, from one source and
    preprocessed alike? Use augmentation that covers the difference, or more training data like the
    validation data.
    """

    code: ClassVar[str] = "NN103"
    name: ClassVar[str] = "generalisation gap"
    remedy: ClassVar[str] = "compare the splits: nnlab data show; shuffle before splitting"

    def check(self, context: RuleContext) -> Finding | None:
        """Needs the losses and accuracies of both splits over six epochs."""
        pair, val_minimum = context.loss_pair, context.val_minimum
        if pair is None or val_minimum is None or len(pair) < 6 or min(pair.val) <= 0:
            return None
        early = _early_points(pair, val_minimum)
        if not early:
            return None
        losses = low_median([pair.val[i] for i in early])
        gap = low_median([pair.val[i] - _after_epoch(pair.train, i) for i in early])
        early_gap = bounded_ratio(gap, losses)
        final_gap = bounded_ratio(val_minimum.end - val_minimum.train_end, val_minimum.end)
        accuracy_gap = _accuracy_gap(context, [pair.epochs[i] for i in early])
        final_accuracy_gap = _accuracy_gap(
            context, [epoch for epoch in pair.epochs if epoch >= pair.tail_epoch]
        )
        # The two losses alone may be on different scales.
        if accuracy_gap is None or final_accuracy_gap is None:
            return None
        confidence = combine_confidences(
            hill(early_gap, _GAP),
            hill(final_gap, _GAP),
            hill(accuracy_gap, _ACCURACY_GAP),
            hill(accuracy_gap / _sampling_error(context), _STANDARD_ERRORS),
            hill(final_accuracy_gap, _FINAL_ACCURACY_GAP),
            hill(bounded_ratio(accuracy_gap, max(final_accuracy_gap, 0.0)), _SHARE_OF_FINAL),
            hill(
                bounded_ratio(gap, max(val_minimum.end - val_minimum.train_end, 0.0)),
                _LOSS_SHARE_OF_FINAL,
            ),
        )
        return make_finding(
            self,
            Severity.WARNING,
            confidence,
            pair.epochs[0],
            f"validation loss is {val_minimum.end:.4g} against {val_minimum.train_end:.4g} in"
            " training, and was higher from the first epochs on",
            {
                "gap_early": early_gap,
                "gap_end": final_gap,
                "accuracy_gap_early": accuracy_gap,
                "accuracy_gap_end": final_accuracy_gap,
            },
        )


def _early_points(pair: LossPair, val_minimum: ValMinimum) -> range:
    """The first epochs without the very first, which end before training examples are memorised.

    They end before the minimum of validation loss. There are three of them, when a model has seen
    each example four times, or more if they lie in the first quarter of the way to the minimum and
    in the first tenth of the run. Empty if validation loss rose from the first epochs on.
    """
    onset = bisect_left(pair.epochs, val_minimum.onset)
    return range(1, min(onset, max(4, min(onset // 4, len(pair) // 10) + 1)))


def _after_epoch(running: Sequence[float], index: int) -> float:
    """A running mean as it would be at the end of an epoch, when validation is evaluated.

    The mean over an epoch describes its middle, so it is averaged with that of the next one.
    """
    return (running[index] + running[min(index + 1, len(running) - 1)]) / 2


def _accuracy_gap(context: RuleContext, epochs: Sequence[int]) -> float | None:
    """The median difference of training and validation accuracy after these epochs."""
    train, val = context.history.get("train/accuracy"), context.history.get("val/accuracy")
    if not train or not val:
        return None
    positions = [(_position(train, epoch), _position(val, epoch)) for epoch in epochs]
    gaps = [
        _after_epoch(train.values, in_train) - val.values[in_val]
        for in_train, in_val in positions
        if in_train is not None and in_val is not None
    ]
    return low_median(gaps) if gaps else None


def _position(curve: Curve, epoch: int) -> int | None:
    """The index of an epoch in a curve; None if it was not measured."""
    index = bisect_left(curve.epochs, epoch)
    return index if index < len(curve) and curve.epochs[index] == epoch else None


def _sampling_error(context: RuleContext) -> float:
    """The standard error of the validation accuracy, caused by the size of the split."""
    size, accuracy = context.accuracy_examples, context.median_of_last("val/accuracy")
    if size is None or accuracy is None:
        return _DEFAULT_SAMPLING_ERROR
    return max(math.sqrt(accuracy * (1 - accuracy) / size), 1 / size)
