"""NN106."""

from dataclasses import dataclass
from typing import ClassVar

from nnlab.diagnose.chance_level import is_chance_loss
from nnlab.diagnose.confidence import combine_confidences, hill
from nnlab.diagnose.rule import make_finding
from nnlab.diagnose.rule_context import RuleContext
from nnlab.diagnose.trend import Trend
from nnlab.records import Finding, Severity

# Of what there is to learn, and of the first loss.
_LEARNED, _FALL = 0.1, 0.04
# A loss that falls so much in the last quarter is on its way.
_LATE_FALL = 0.15
# Without accuracy nobody knows what chance level is.
_MAX_CONFIDENCE_WITHOUT_ACCURACY = 0.8
_USUAL_CLASSES = (2, 3, 4, 5, 10, 20, 100, 1000)


@dataclass(frozen=True, slots=True)
class NoLearning:
    """No learning: the model is at chance level, on its own training data.

    What it finds: training accuracy never left that of guessing, nor cross entropy the entropy of
    the class frequencies (or r2 never left 0); or, where none of these is known, training loss
    stands where it began.

    Why it matters: nothing after this point says anything about the model, the data or the
    setting: something keeps it from learning at all.

    What to try: check the data and the targets first (shuffled labels?); then the learning rate,
    by `nnlab find-lr`; the initialisation and the activation, by `nnlab probe init`;
    normalised inputs.
    """

    code: ClassVar[str] = "NN106"
    name: ClassVar[str] = "no learning"
    remedy: ClassVar[str] = "nnlab find-lr; nnlab probe init; check the targets"

    def check(self, case: RuleContext) -> Finding | None:
        """Needs a training curve of three epochs."""
        trend = case.training
        if trend is None or len(trend) < 3:
            return None
        evidence = {"first_train_loss": trend.first, "best_train_loss": trend.best}
        if case.learned_fraction is not None:
            confidence = combine_confidences(
                hill(_LEARNED - case.learned_fraction, _LEARNED / 2),
                hill(len(trend), 2.0),
                hill(_LATE_FALL - trend.late_fall_relative, _LATE_FALL / 3),
            )
            told = f"learned {case.learned_fraction:.0%} of what there is above guessing"
            evidence["learned"] = case.learned_fraction
        else:
            flat = hill(_FALL - trend.fall, _FALL / 2)
            confidence = combine_confidences(
                flat,
                hill(len(trend), 4.0),
                _MAX_CONFIDENCE_WITHOUT_ACCURACY,
                _chance_loss_confidence(trend),
            )
            told = f"fell by {max(trend.fall, 0.0):.1%} in all"
        return make_finding(
            self,
            Severity.ERROR,
            confidence,
            trend.epochs[0],
            f"training has not begun: loss {trend.first:.4g} to {trend.end:.4g}, {told}",
            evidence,
        )


def _chance_loss_confidence(trend: Trend) -> float:
    """A loss that stands low has been learned before: only one of a guess speaks for this."""
    if min(trend.values) <= 0:
        return 0.6
    return 0.9 if is_chance_loss(trend.end, _USUAL_CLASSES) else 0.0
