"""NN106: detects models that stay at chance level on their training data."""

import math
from dataclasses import dataclass
from typing import ClassVar

from nnlab.diagnosis.chance_level import is_chance_loss
from nnlab.diagnosis.confidence import combine_confidences, hill
from nnlab.diagnosis.rule import make_finding
from nnlab.diagnosis.rule_context import RuleContext
from nnlab.diagnosis.trend import Trend
from nnlab.records import Finding, Severity

# The largest learned fraction, and the largest relative decrease of the loss, of no learning.
_LEARNED, _FALL = 0.1, 0.04
# A loss with this relative decrease in the last quarter has begun to learn.
_LATE_FALL = 0.15
# Without an accuracy chance level is not known for certain.
_MAX_CONFIDENCE_WITHOUT_ACCURACY = 0.8
_USUAL_CLASSES = (2, 3, 4, 5, 10, 20, 100, 1000)


@dataclass(frozen=True, slots=True)
class NoLearning:
    """No learning: the model is at chance level on its own training data.

    Detects: training accuracy never exceeded that of guessing, and cross entropy never fell below
    the entropy of the class frequencies (or r2 never exceeded 0); or, where none of these is
    known, training loss did not change.

    Why it matters: the other findings say nothing about the model, the data or the setting until
    the model learns at all.

    What to try: check the data and the targets first (shuffled labels?); then the learning rate
    with `nnlab find-lr`; the initialisation and the activation with `nnlab probe init`; normalised
    inputs.
    """

    code: ClassVar[str] = "NN106"
    name: ClassVar[str] = "no learning"
    remedy: ClassVar[str] = "nnlab find-lr; nnlab probe init; check the targets"

    def check(self, context: RuleContext) -> Finding | None:
        """Needs a training curve of three epochs."""
        trend = context.train_trend
        if trend is None or len(trend) < 3:
            return None
        evidence = {"first_train_loss": trend.first, "best_train_loss": trend.best}
        if context.learned_fraction is not None:
            confidence = combine_confidences(
                hill(_LEARNED - context.learned_fraction, _LEARNED / 2),
                hill(len(trend), 2.0),
                hill(_LATE_FALL - trend.late_fall_relative, _LATE_FALL / 3),
            )
            progress = f"learned {context.learned_fraction:.0%} of the way from guessing to perfect"
            evidence["learned"] = context.learned_fraction
        else:
            chance_loss = _inferred_chance_loss(context, trend)
            if chance_loss is None:
                fall = max(trend.fall, 0.0)
                progress = f"fell by {fall:.1%} in total"
            else:
                # Untrained models often start above the loss of a guess.
                fall = max(1.0 - trend.best / chance_loss, 0.0)
                progress = f"fell to {fall:.1%} below that of guessing, {chance_loss:.4g}"
            confidence = combine_confidences(
                hill(_FALL - fall, _FALL / 2),
                hill(len(trend), 4.0),
                _MAX_CONFIDENCE_WITHOUT_ACCURACY,
                _chance_loss_confidence(trend),
            )
        return make_finding(
            self,
            Severity.ERROR,
            confidence,
            trend.epochs[0],
            f"the model does not learn: loss {trend.first:.4g} to {trend.end:.4g}, {progress}",
            evidence,
        )


def _inferred_chance_loss(context: RuleContext, trend: Trend) -> float | None:
    """The loss ln(C) of a uniform guess, if loss and training accuracy are those of a guess.

    It is for curves from elsewhere, whose number of classes is unknown. None if no usual number of
    classes fits both.
    """
    accuracy = context.best_value("train/accuracy")
    if accuracy is None:
        return None
    for classes in _USUAL_CLASSES:
        highest = 1.0 / classes + _LEARNED * (1.0 - 1.0 / classes)
        if is_chance_loss(trend.end, [classes]) and 0.5 / classes <= accuracy <= highest:
            return math.log(classes)
    return None


def _chance_loss_confidence(trend: Trend) -> float:
    """The confidence that the loss is at chance level; a low loss was learned before."""
    if min(trend.values) <= 0:
        return 0.6
    return 0.9 if is_chance_loss(trend.end, _USUAL_CLASSES) else 0.0
