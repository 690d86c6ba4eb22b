"""NN205."""

from dataclasses import dataclass
from typing import ClassVar

from nnlab.diagnose.confidence import combine_confidences, hill
from nnlab.diagnose.rule import make_finding
from nnlab.diagnose.rule_context import RuleContext
from nnlab.records import Finding, Severity

_OSCILLATION, _STALLED_FALL, _UNLEARNED = 0.02, 0.05, 0.02


@dataclass(frozen=True, slots=True)
class NeedsDecay:
    """A plateau that a decay would break: the loss swings in one place at a constant rate.

    What it finds: the learning rate is constant, training loss has stopped falling well above
    zero, and swings by more than it still falls.

    Why it matters: the steps have become as large as the noise of the gradient: the weights
    wander about the minimum. Smaller steps average the noise out and go on down.

    What to try: `nnlab find-decay RUN --try`, which proposes where to decay and proves it;
    `--decay cosine`.
    """

    code: ClassVar[str] = "NN205"
    name: ClassVar[str] = "needs a decay"
    remedy: ClassVar[str] = "nnlab find-decay RUN --try; --decay cosine"

    def check(self, case: RuleContext) -> Finding | None:
        """Needs training loss of twelve epochs and the learning rate."""
        trend, rates = case.training, case.history.get("lr")
        if trend is None or len(trend) < 12 or not rates or trend.best <= 0:
            return None
        if max(rates.values) > 1.001 * min(rates.values):
            return None
        left = 1.0 - case.learned_fraction if case.learned_fraction is not None else 1.0
        confidence = combine_confidences(
            hill(trend.oscillation_relative, _OSCILLATION),
            hill(_STALLED_FALL - trend.late_fall_relative, _STALLED_FALL / 4),
            hill(left, _UNLEARNED),
            hill(trend.fall, 0.1),
        )
        return make_finding(
            self,
            Severity.INFO,
            confidence,
            trend.epochs[len(trend) // 2],
            f"training loss stands at {trend.end:.4g} and swings by {trend.oscillation:.3g} while the"
            " learning rate is constant",
            {
                "swing": trend.oscillation,
                "late_fall": trend.late_fall_relative,
                "lr": rates.values[-1],
            },
        )
