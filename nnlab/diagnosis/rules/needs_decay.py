"""NN205: detects a loss that oscillates around a plateau at a constant learning rate."""

from dataclasses import dataclass
from typing import ClassVar

from nnlab.diagnosis.confidence import combine_confidences, hill
from nnlab.diagnosis.oscillation import has_mixed_examples
from nnlab.diagnosis.rule import make_finding
from nnlab.diagnosis.rule_context import RuleContext
from nnlab.records import Finding, Severity

_OSCILLATION, _STALLED_FALL, _UNLEARNED = 0.02, 0.05, 0.02


@dataclass(frozen=True, slots=True)
class NeedsDecay:
    """Needs a decay: at a constant learning rate the loss only oscillates around a plateau.

    Detects: the learning rate is constant, training loss has stopped falling well above zero, and
    it oscillates by more than it still falls.

    Why it matters: the steps have become as large as the noise of the gradient, so the weights
    move randomly around the minimum. Smaller steps average out the noise, and the loss falls
    further.

    What to try: `nnlab find-decay RUN --try`, which proposes where to decay and tests it; `--decay
    cosine`.
    """

    code: ClassVar[str] = "NN205"
    name: ClassVar[str] = "needs a decay"
    remedy: ClassVar[str] = "nnlab find-decay RUN --try; --decay cosine"

    def check(self, context: RuleContext) -> Finding | None:
        """Needs training loss of twelve epochs and the learning rate."""
        trend, rates = context.train_trend, context.history.get("lr")
        if trend is None or len(trend) < 12 or not rates or trend.best <= 0:
            return None
        if max(rates.values) > 1.001 * min(rates.values) or has_mixed_examples(context):
            return None
        unlearned = context.unlearned_fraction
        confidence = combine_confidences(
            hill(trend.oscillation_relative, _OSCILLATION),
            hill(_STALLED_FALL - trend.late_fall_relative, _STALLED_FALL / 4),
            hill(unlearned, _UNLEARNED),
            hill(trend.fall, 0.1),
        )
        return make_finding(
            self,
            Severity.INFO,
            confidence,
            trend.epochs[len(trend) // 2],
            f"training loss oscillates by {trend.oscillation:.3g} around {trend.end:.4g} while the"
            " learning rate is constant",
            {
                "swing": trend.oscillation,
                "late_fall": trend.late_fall_relative,
                "lr": rates.values[-1],
            },
        )
