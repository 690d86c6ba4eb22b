"""NN204: detects results that oscillate because steps or validation use few examples."""

import math
from dataclasses import dataclass
from typing import ClassVar

from nnlab.diagnosis.confidence import combine_confidences, hill
from nnlab.diagnosis.oscillation import has_small_batches, oscillation_confidence
from nnlab.diagnosis.rule import MIN_CONFIDENCE, make_finding
from nnlab.diagnosis.rule_context import RuleContext
from nnlab.records import Finding, Severity

_UNLEARNED = 0.02
# At a confidence of one half: the oscillation of validation loss relative to its decrease and to
# its level.
_OSCILLATION_SHARE = 0.15
# At a confidence of one half: the sd of validation accuracy from epoch to epoch, and this sd in
# standard errors of the accuracy.
_ACCURACY_SD, _STANDARD_ERRORS = 0.04, 1.0
# With a larger sd the result of the run is a matter of chance, whatever the reason.
_LARGE_ACCURACY_SD = 0.08
# A rise of more standard errors is not an oscillation.
_RISE_STANDARD_ERRORS = 6.0
# Fewer values are too few to measure an oscillation.
_MIN_EPOCHS = 8
# This many deviations are enough to measure an oscillation.
_MAX_DEVIATIONS = 2000
# The upper tertile of the magnitudes of normal values, in sds.
_TERTILE = 0.967


@dataclass(frozen=True, slots=True)
class NoisyLoss:
    """Noisy: with few examples per step, or a small validation split, the results oscillate.

    Detects: training loss oscillates and a step uses at most four examples; or validation accuracy
    changes by several points from epoch to epoch, and by more than the size of the split explains;
    or validation loss oscillates by a large fraction of its total decrease while training loss
    falls smoothly. It is a warning if steps are small or if accuracy oscillates by eight points.

    Why it matters: which epoch is best is a matter of chance, and so is which setting is better.

    What to try: a larger batch (32 or more), a lower learning rate or a decay; averaged weights
    (`--average ema`); a larger validation split.
    """

    code: ClassVar[str] = "NN204"
    name: ClassVar[str] = "noisy"
    remedy: ClassVar[str] = "a larger batch; a decay; --average ema"

    def check(self, context: RuleContext) -> Finding | None:
        """Needs a loss of eight epochs; accuracies add confidence."""
        trend = context.train_trend
        if trend is None or len(trend) < _MIN_EPOCHS:
            return None
        has_small_steps = has_small_batches(context)
        accuracy_sd = _accuracy_sd(context)
        confidence, what, amount = max(
            (_training_confidence(context), "training loss", trend.oscillation),
            (_accuracy_confidence(context, accuracy_sd), "validation accuracy", accuracy_sd),
        )
        is_warning = has_small_steps or (
            what == "validation accuracy" and accuracy_sd >= _LARGE_ACCURACY_SD
        )
        if confidence < MIN_CONFIDENCE:
            confidence, what, amount = _validation_loss(context)
            # A loss that swings while accuracy does not is harmless.
            is_warning = has_small_steps and not context.history.get("val/accuracy")
        if not is_warning and _rises(context):
            return None
        steps = ""
        if has_small_steps:
            size = context.numeric_setting("batch_size") or 1
            steps = f"; a step uses {size:.0f} example{'s' if size > 1 else ''}"
        return make_finding(
            self,
            Severity.WARNING if is_warning else Severity.INFO,
            confidence,
            trend.epochs[0],
            f"{what} oscillates by {amount:.3g} around its trend{steps}",
            {
                "swing": amount,
                "train_swing": trend.oscillation,
                "val_accuracy_swing": accuracy_sd,
                "jumps": trend.upward_step_share,
            },
        )


def _training_confidence(context: RuleContext) -> float:
    """The confidence that training loss oscillates because of small batches."""
    trend = context.train_trend
    if trend is None or not has_small_batches(context):
        return 0.0
    unlearned = context.unlearned_fraction
    return combine_confidences(oscillation_confidence(trend), hill(unlearned, _UNLEARNED))


def _accuracy_sd(context: RuleContext) -> float:
    """The sd of validation accuracy from epoch to epoch, after the first quarter; 0 if unknown.

    It is measured like `oscillation_sd`, but from the upper tertile of the deviations instead of
    their median, because swings come and go. It is hardly affected by one spike in twelve epochs.
    """
    curve = context.history.get("val/accuracy")
    values = [value for value in curve.values if math.isfinite(value)] if curve else []
    if len(values) < _MIN_EPOCHS:
        return 0.0
    start = len(values) // 4
    step = 1 + (len(values) - start) // _MAX_DEVIATIONS
    deviations = sorted(
        abs(values[i] - (values[i - 1] + values[i + 1]) / 2)
        for i in range(start + 1, len(values) - 1, step)
    )
    return deviations[(2 * (len(deviations) - 1)) // 3] / (_TERTILE * math.sqrt(1.5))


def _accuracy_confidence(context: RuleContext, sd: float) -> float:
    confidence = hill(sd, _ACCURACY_SD)
    size, accuracy = context.accuracy_examples, context.median_of_last("val/accuracy")
    if size is not None and accuracy is not None:
        error = max(math.sqrt(accuracy * (1 - accuracy) / size), 1 / size)
        confidence = min(confidence, hill(sd / error, _STANDARD_ERRORS))
    return combine_confidences(confidence)


def _validation_loss(context: RuleContext) -> tuple[float, str, float]:
    """The confidence that validation loss oscillates alone, its name, and the oscillation."""
    trend, val = context.train_trend, context.val_trend
    # Without losses the pair is that of the error rates, which were judged as accuracies.
    if trend is None or val is None or not context.history.get("val/loss"):
        return 0.0, "validation loss", 0.0
    # If training loss oscillates too, the reason is the learning rate, unless steps are small.
    is_alone = has_small_batches(context) or oscillation_confidence(trend) < MIN_CONFIDENCE / 2
    confidence = 0.0
    if is_alone and not _rises(context):
        confidence = combine_confidences(
            hill(val.oscillation_share, _OSCILLATION_SHARE),
            hill(val.oscillation_relative, _OSCILLATION_SHARE),
            hill(val.upward_step_share, _OSCILLATION_SHARE),
        )
    return confidence, "validation loss", val.oscillation


def _rises(context: RuleContext) -> bool:
    """Whether validation loss rises by more than its oscillation, which is overfitting."""
    minimum = context.val_minimum
    return minimum is not None and minimum.rise_in_standard_errors > _RISE_STANDARD_ERRORS
