"""NN308: detects a softmax in front of a loss that applies one itself."""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from nnlab.diagnosis.confidence import combine_confidences, hill
from nnlab.diagnosis.loss_floors import (
    double_softmax_floor,
    double_softmax_min_loss,
    matching_label_smoothing,
)
from nnlab.diagnosis.rule import make_finding
from nnlab.diagnosis.rule_context import RuleContext
from nnlab.records import Finding, Severity

_USUAL_CLASSES = (2, 3, 4, 5, 6, 8, 10, 20, 100, 1000)
# At a confidence of one half: the difference between the expected losses with and without a second
# softmax, and the distance of the loss from the former as a fraction of this difference.
_MIN_SEPARATION, _MAX_DISTANCE = 0.1, 0.12
# An untrained model has about the loss ln(C); the mean over the first epoch is hardly above it.
_ABOVE_UNIFORM = 0.1
# The relative error of an average over an epoch, and of printed digits.
_ROUNDING = 0.004
# A model that guesses has at least this fraction of the accuracy of a uniform guess.
_GUESS_SHARE = 0.5
# The loss of the first epoch is at least this fraction of ln(C) with smoothed labels of C classes.
_FIRST_LOSS_SHARE = 0.6
_MAX_CONFIDENCE_WITHOUT_ACCURACY = 0.7
# If label smoothing explains the losses as well. With more errors than these, its losses depend on
# their confidence so much that it explains nearly any loss.
_AMBIGUOUS_CONFIDENCE, _MAX_ERROR_RATE = 0.6, 0.1
# Outputs that are probabilities for every example of a batch are not a coincidence.
_MEASURED_CONFIDENCE = 0.99
# A loss with a smaller relative decrease in total, or with a larger one in the last quarter (at a
# confidence of one half), has not reached its minimum.
_MIN_FALL, _LATE_FALL = 0.03, 0.08


@dataclass(frozen=True, slots=True)
class OutputLossMismatch:
    """Output and loss do not fit: the model ends in a softmax, and the loss applies another one.

    Detects: the outputs of the untrained model lie between 0 and 1 and sum to 1 in every row. Or,
    if this was not measured: accuracy is high, but the losses stay at or above ln(1 + (C-1)/e), the
    minimum of a cross entropy that is given probabilities of C classes instead of logits. Label
    smoothing has a minimum too, the entropy of the smoothed labels: if it explains the losses as
    well, the finding is an info that names both. Without accuracies, training loss must stay at
    this minimum over the last quarter of the run.

    Why it matters: the second softmax reduces the gradients: training is slow, and the loss says
    little about the confidence of the network.

    What to try: remove the softmax (or sigmoid) at the end of the model, because `cross_entropy`
    expects logits; or train with `--loss nll` and a log-softmax.
    """

    code: ClassVar[str] = "NN308"
    name: ClassVar[str] = "output and loss do not fit"
    remedy: ClassVar[str] = "end the model in logits, without a softmax"

    def check(self, context: RuleContext) -> Finding | None:
        """Needs the initial outputs; or training loss, best with training accuracy."""
        if context.first_value("probe/start_probability_outputs") == 1.0:
            return make_finding(
                self,
                Severity.WARNING,
                combine_confidences(_MEASURED_CONFIDENCE),
                1,
                "the model's outputs are probabilities that sum to 1: the model ends in a softmax,"
                " but cross entropy expects logits and applies a softmax itself",
                {"probability_outputs": 1.0},
            )
        trend = context.train_trend
        if trend is None or len(trend) < 3 or trend.best <= 0 or trend.fall < _MIN_FALL:
            return None
        if not _may_end_in_softmax(context):
            return None
        if not context.history.get("train/accuracy"):
            return self._check_loss_alone(context, trend.values)
        return self._check_losses(context)

    def _check_loss_alone(self, context: RuleContext, losses: Sequence[float]) -> Finding | None:
        """Losses of other tasks, such as language models, pass the minimum or only come near it."""
        late = losses[-max(3, len(losses) // 4) :]
        for count in _candidate_classes(context):
            floor = double_softmax_floor(count)
            starts_uniform = floor < losses[0] <= math.log(count) + _ABOVE_UNIFORM
            if starts_uniform and max(abs(loss / floor - 1) for loss in late) <= _ROUNDING:
                return self._make_finding(
                    Severity.INFO, _MAX_CONFIDENCE_WITHOUT_ACCURACY, min(losses), count
                )
        return None

    def _check_losses(self, context: RuleContext) -> Finding | None:
        points = _losses_and_accuracies(context)
        if len(points) < 3:
            return None
        last = points[-max(2, len(points) // 8) :]
        loss, accuracy = (sum(values) / len(last) for values in zip(*last, strict=True))
        possible = [
            (_double_softmax_confidence(loss, accuracy, count), count)
            for count in _candidate_classes(context)
            if _may_have_classes(points, count) and _may_be_validation(context, count)
        ]
        confidence, count = max(possible, default=(0.0, 0))
        if context.train_trend is not None:
            late_fall = context.train_trend.late_fall_relative
            confidence = min(confidence, 1.0 - hill(late_fall, _LATE_FALL))
        smoothing = None
        if accuracy >= 1.0 - _MAX_ERROR_RATE:
            classes = [c for c in _candidate_classes(context) if _may_start_smoothed(points[0], c)]
            smoothing = matching_label_smoothing(loss, accuracy, classes)
        if smoothing is None:
            return self._make_finding(Severity.WARNING, confidence, loss, count)
        # The outputs were measured, and they are no probabilities.
        if context.first_value("probe/start_probability_outputs") == 0.0:
            return None
        return self._make_finding(
            Severity.INFO,
            min(confidence, _AMBIGUOUS_CONFIDENCE),
            loss,
            count,
            f"; label smoothing {smoothing[0]:g} over {smoothing[1]} classes explains it as well,"
            " and is no fault",
        )

    def _make_finding(
        self, severity: Severity, confidence: float, loss: float, count: int, note: str = ""
    ) -> Finding | None:
        if not count:
            return None
        floor = double_softmax_floor(count)
        return make_finding(
            self,
            severity,
            confidence,
            1,
            f"training loss stays at {loss:.4g}, near {floor:.4g}, the minimum of cross"
            f" entropy after an additional softmax over {count} classes{note}",
            {"floor": floor, "classes": float(count), "best_train_loss": loss},
        )


def _candidate_classes(context: RuleContext) -> Sequence[int]:
    classes = context.data_statistic("classes")
    return [int(classes)] if classes else _USUAL_CLASSES


def _losses_and_accuracies(context: RuleContext) -> list[tuple[float, float]]:
    """The training losses and accuracies of the epochs that have both."""
    trend, curve = context.train_trend, context.history.get("train/accuracy")
    if trend is None or not curve:
        return []
    points = []
    for epoch, loss in zip(trend.epochs, trend.values, strict=True):
        at = bisect_left(curve.epochs, epoch)
        if at < len(curve) and curve.epochs[at] == epoch and math.isfinite(curve.values[at]):
            points.append((loss, curve.values[at]))
    return points


def _may_have_classes(points: Sequence[tuple[float, float]], classes: int) -> bool:
    """Whether losses and accuracies are possible with a second softmax over so many classes."""
    first_loss, first_accuracy = points[0]
    return (
        first_loss <= math.log(classes) + _ABOVE_UNIFORM
        and first_accuracy >= _GUESS_SHARE / classes
        and all(_is_possible(loss, accuracy, classes) for loss, accuracy in points)
    )


def _may_start_smoothed(first: tuple[float, float], classes: int) -> bool:
    """Whether the first loss and accuracy are possible with smoothed labels of so many classes."""
    loss, accuracy = first
    return loss >= _FIRST_LOSS_SHARE * math.log(classes) and accuracy >= _GUESS_SHARE / classes


def _may_be_validation(context: RuleContext, classes: int) -> bool:
    """Whether the last validation loss is possible with a second softmax, if there is one."""
    loss = context.median_of_last("val/loss", 0.125)
    accuracy = context.median_of_last("val/accuracy", 0.125)
    # The lowest loss, that of a correct example, is a limit at any accuracy.
    return loss is None or _is_possible(loss, 1.0 if accuracy is None else accuracy, classes)


def _is_possible(loss: float, accuracy: float, classes: int) -> bool:
    return loss >= (1 - _ROUNDING) * double_softmax_min_loss(classes, accuracy) - _ROUNDING


def _double_softmax_confidence(loss: float, accuracy: float, classes: int) -> float:
    """The confidence that a loss is that of two softmaxes rather than one, given the accuracy.

    With two softmaxes a right prediction has at least the loss `floor`, and a wrong one 1 more.
    With one softmax, a calibrated model has the entropy of its accuracy as loss.
    """
    error_rate = 1.0 - accuracy
    loss_of_two = double_softmax_floor(classes) + error_rate
    loss_of_one = -sum(p * math.log(p) for p in (accuracy, error_rate) if p > 0)
    loss_of_one += error_rate * math.log(max(classes - 1, 1))
    separation = loss_of_two - loss_of_one
    if separation <= 0 or accuracy < 1.0 / classes:
        return 0.0
    distance = abs(loss - loss_of_two) / separation
    return combine_confidences(
        hill(separation, _MIN_SEPARATION), 1.0 - hill(distance, _MAX_DISTANCE)
    )


def _may_end_in_softmax(context: RuleContext) -> bool:
    """Whether the model is unknown or a user's own; the built-in models output logits.

    False for mixed or smoothed targets, whose minimum loss is another one.
    """
    model = context.setting.get("model")
    has_soft_targets = any(
        context.numeric_setting(name) for name in ("mixup", "cutmix", "label_smoothing")
    )
    return not has_soft_targets and (model is None or ":" in str(model))
