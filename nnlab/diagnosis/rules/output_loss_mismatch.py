"""NN308: detects a softmax in front of a loss that applies one itself."""

import math
from dataclasses import dataclass
from typing import ClassVar

from nnlab.diagnosis.confidence import combine_confidences, hill
from nnlab.diagnosis.rule import make_finding
from nnlab.diagnosis.rule_context import RuleContext
from nnlab.records import Finding, Severity

_USUAL_CLASSES = (2, 3, 4, 5, 6, 8, 10, 20, 100, 1000)
# At a confidence of one half: the difference between the expected losses with and without a second
# softmax, and the distance of the loss from the former as a fraction of this difference.
_MIN_SEPARATION, _MAX_DISTANCE = 0.1, 0.3
# Without an accuracy: the largest relative distance of the loss above its minimum.
_MAX_DISTANCE_WITHOUT_ACCURACY, _ROUNDING = 0.004, 0.002
_MAX_CONFIDENCE_WITHOUT_ACCURACY = 0.7
# Outputs that are probabilities for every example of a batch are not a coincidence.
_MEASURED_CONFIDENCE = 0.99
# A loss with a smaller relative decrease has not reached its minimum.
_MIN_FALL = 0.03


@dataclass(frozen=True, slots=True)
class OutputLossMismatch:
    """Output and loss do not fit: the model ends in a softmax, and the loss applies another one.

    Detects: the outputs of the untrained model lie between 0 and 1 and sum to 1 in every row. Or,
    if this was not measured: accuracy is high, but the loss stays at or above ln(1 + (C-1)/e), the
    minimum of a cross entropy that is given probabilities of C classes instead of logits.

    Why it matters: the second softmax reduces the gradients: training is slow, and the loss says
    little about the confidence of the network.

    What to try: remove the softmax (or sigmoid) at the end of the model, because `cross_entropy`
    expects logits; or train with `--loss nll` and a log-softmax.
    """

    code: ClassVar[str] = "NN308"
    name: ClassVar[str] = "output and loss do not fit"
    remedy: ClassVar[str] = "end the model in logits, without a softmax"

    def check(self, context: RuleContext) -> Finding | None:
        """Needs the initial outputs; or training loss with classes or training accuracy."""
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
        trend, accuracy = context.train_trend, context.median_of_last("train/accuracy")
        if trend is None or len(trend) < 3 or trend.best <= 0 or trend.fall < _MIN_FALL:
            return None
        if not _may_end_in_softmax(context):
            return None
        n_classes = context.data_statistic("classes")
        candidates = [int(n_classes)] if n_classes else _USUAL_CLASSES
        floor, count = min(
            ((math.log1p((c - 1) / math.e), c) for c in candidates),
            key=lambda floor_and_count: abs(trend.best / floor_and_count[0] - 1),
        )
        if accuracy is None:
            above = trend.best / floor - 1
            closeness = 1.0 - hill(above, _MAX_DISTANCE_WITHOUT_ACCURACY)
            confidence = min(_MAX_CONFIDENCE_WITHOUT_ACCURACY, closeness)
            if above < -_ROUNDING:
                confidence = 0.0
        else:
            confidence = _double_softmax_confidence(trend.end, accuracy, floor, count)
        return make_finding(
            self,
            Severity.WARNING if accuracy is not None else Severity.INFO,
            confidence,
            1,
            f"training loss stays at {trend.best:.4g}, near {floor:.4g}, the minimum of cross"
            f" entropy after an additional softmax over {count} classes",
            {"floor": floor, "classes": float(count), "best_train_loss": trend.best},
        )


def _double_softmax_confidence(loss: float, accuracy: float, floor: float, classes: int) -> float:
    """The confidence that a loss is that of two softmaxes rather than one, given the accuracy.

    With two softmaxes a right prediction has at least the loss `floor`, and a wrong one 1 more.
    With one softmax, a calibrated model has the entropy of its accuracy as loss.
    """
    error_rate = 1.0 - accuracy
    loss_of_two = floor + error_rate
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
