"""NN308."""

import math
from dataclasses import dataclass
from typing import ClassVar

from nnlab.diagnose.confidence import combine_confidences, hill
from nnlab.diagnose.rule import make_finding
from nnlab.diagnose.rule_context import RuleContext
from nnlab.records import Finding, Severity

_USUAL_CLASSES = (2, 3, 4, 5, 6, 8, 10, 20, 100, 1000)
# How far the two ways must lie apart, and how near the loss must be to the one (of that).
_MIN_SEPARATION, _MAX_DISTANCE = 0.1, 0.3
# Without an accuracy: how far above its floor the loss may stand.
_MAX_DISTANCE_WITHOUT_ACCURACY, _ROUNDING = 0.004, 0.002
_MAX_CONFIDENCE_WITHOUT_ACCURACY = 0.7
# Outputs that are probabilities for every example of a batch are no coincidence.
_MEASURED_CONFIDENCE = 0.99
# A loss that never fell has found no floor.
_MIN_FALL = 0.03


@dataclass(frozen=True, slots=True)
class OutputLossMismatch:
    """Output and loss do not fit: a softmax stands before a loss that takes one itself.

    What it finds: the outputs of the untrained model lie between 0 and 1 and sum to 1 in every
    row. Or, where that was not measured, accuracy is high, but the loss stays at or above
    ln(1 + (C-1)/e), the least that cross entropy can be when what it gets are probabilities of C
    classes and not logits.

    Why it matters: the gradient is squeezed twice: training is slow, and the loss says little
    about how sure the network is.

    What to try: remove the softmax (or sigmoid) at the end of the model: `cross_entropy` takes
    logits; or train with `--loss nll` and a log-softmax.
    """

    code: ClassVar[str] = "NN308"
    name: ClassVar[str] = "output and loss do not fit"
    remedy: ClassVar[str] = "end the model in logits, without a softmax"

    def check(self, case: RuleContext) -> Finding | None:
        """Needs the outputs at the start; or training loss and classes, or training accuracy."""
        if case.first("probe/start_probability_outputs") == 1.0:
            return make_finding(
                self,
                Severity.WARNING,
                combine_confidences(_MEASURED_CONFIDENCE),
                1,
                "the model's outputs are probabilities that sum to 1: a softmax stands before"
                " cross entropy, which takes the softmax of logits itself",
                {"probability_outputs": 1.0},
            )
        trend, accuracy = case.training, case.median_of_last("train/accuracy")
        if trend is None or len(trend) < 3 or trend.best <= 0 or trend.fall < _MIN_FALL:
            return None
        if not _may_end_in_softmax(case):
            return None
        known = case.data_statistic("classes")
        classes = [int(known)] if known else _USUAL_CLASSES
        floor, count = min(
            ((math.log1p((c - 1) / math.e), c) for c in classes),
            key=lambda one: abs(trend.best / one[0] - 1),
        )
        if accuracy is None:
            above = trend.best / floor - 1
            sure = (
                0.0
                if above < -_ROUNDING
                else min(
                    _MAX_CONFIDENCE_WITHOUT_ACCURACY,
                    1.0 - hill(above, _MAX_DISTANCE_WITHOUT_ACCURACY),
                )
            )
        else:
            sure = _double_softmax_confidence(trend.end, accuracy, floor, count)
        return make_finding(
            self,
            Severity.WARNING if accuracy is not None else Severity.INFO,
            sure,
            1,
            f"training loss stands at {trend.best:.4g}, near the floor {floor:.4g} of a softmax"
            f" before cross entropy with {count} classes",
            {"floor": floor, "classes": float(count), "best_train_loss": trend.best},
        )


def _double_softmax_confidence(loss: float, accuracy: float, floor: float, classes: int) -> float:
    """How well a loss fits a softmax taken twice, and how badly one that is taken once.

    Taken twice a right answer costs the floor, and a wrong one 1 more. Taken once, a model that
    is as sure as it is right has the entropy of its accuracy.
    """
    wrong = 1.0 - accuracy
    twice = floor + wrong
    once = -sum(p * math.log(p) for p in (accuracy, wrong) if p > 0)
    once += wrong * math.log(max(classes - 1, 1))
    apart = twice - once
    if apart <= 0 or accuracy < 1.0 / classes:
        return 0.0
    return combine_confidences(
        hill(apart, _MIN_SEPARATION), 1.0 - hill(abs(loss - twice) / apart, _MAX_DISTANCE)
    )


def _may_end_in_softmax(case: RuleContext) -> bool:
    """Whether the model is a user's own, or unknown; ours end in logits."""
    model = case.setting.get("model")
    blended = any(case.number(name) for name in ("mixup", "cutmix", "label_smoothing"))
    return not blended and (model is None or ":" in str(model))
