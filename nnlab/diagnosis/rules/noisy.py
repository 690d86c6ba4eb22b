"""NN204: detects losses that oscillate because steps or validation use few examples."""

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
# A rise of more standard errors is not an oscillation.
_RISE_STANDARD_ERRORS = 6.0


@dataclass(frozen=True, slots=True)
class NoisyLoss:
    """Noisy: with few examples per step, or a small validation split, the loss oscillates.

    Detects: training loss oscillates and a step uses at most four examples; or validation loss
    oscillates by a large fraction of its total decrease while training loss falls smoothly.

    Why it matters: which epoch is best is a matter of chance, and so is which setting is better.

    What to try: a larger batch (32 or more), a lower learning rate or a decay; averaged weights
    (`--average ema`); a larger validation split.
    """

    code: ClassVar[str] = "NN204"
    name: ClassVar[str] = "noisy"
    remedy: ClassVar[str] = "a larger batch; a decay; --average ema"

    def check(self, context: RuleContext) -> Finding | None:
        """Needs a loss of five epochs."""
        trend, pair = context.train_trend, context.loss_pair
        if trend is None or len(trend) < 5:
            return None
        unlearned = 1.0 - context.learned_fraction if context.learned_fraction is not None else 1.0
        confidence, split, oscillation = 0.0, "training", trend.oscillation
        if has_small_batches(context):
            confidence = combine_confidences(
                oscillation_confidence(trend), hill(unlearned, _UNLEARNED)
            )
        elif pair is not None and oscillation_confidence(trend) < MIN_CONFIDENCE / 2:
            val = context.val_trend
            if val is not None:
                val_confidence = combine_confidences(
                    hill(val.oscillation_share, _OSCILLATION_SHARE),
                    hill(val.oscillation_relative, _OSCILLATION_SHARE),
                    hill(val.upward_step_share, _OSCILLATION_SHARE),
                )
                val_minimum = context.val_minimum
                rises = (
                    val_minimum is not None
                    and val_minimum.rise_in_standard_errors > _RISE_STANDARD_ERRORS
                )
                confidence, split, oscillation = (
                    (0.0 if rises else val_confidence),
                    "validation",
                    val.oscillation,
                )
        return make_finding(
            self,
            Severity.WARNING if split == "training" else Severity.INFO,
            confidence,
            trend.epochs[0],
            f"{split} loss oscillates by {oscillation:.3g} around its trend",
            {
                "swing": oscillation,
                "train_swing": trend.oscillation,
                "jumps": trend.upward_step_share,
            },
        )
