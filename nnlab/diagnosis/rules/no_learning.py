"""NN106: detects models that stay at chance level on their training data."""

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
            flat = hill(_FALL - trend.fall, _FALL / 2)
            confidence = combine_confidences(
                flat,
                hill(len(trend), 4.0),
                _MAX_CONFIDENCE_WITHOUT_ACCURACY,
                _chance_loss_confidence(trend),
            )
            progress = f"fell by {max(trend.fall, 0.0):.1%} in total"
        return make_finding(
            self,
            Severity.ERROR,
            confidence,
            trend.epochs[0],
            f"the model does not learn: loss {trend.first:.4g} to {trend.end:.4g}, {progress}",
            evidence,
        )


def _chance_loss_confidence(trend: Trend) -> float:
    """The confidence that the loss is at chance level; a low loss was learned before."""
    if min(trend.values) <= 0:
        return 0.6
    return 0.9 if is_chance_loss(trend.end, _USUAL_CLASSES) else 0.0
