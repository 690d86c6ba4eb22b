"""NN204."""

from dataclasses import dataclass
from typing import ClassVar

from nnlab.diagnose.confidence import combine_confidences, hill
from nnlab.diagnose.oscillation import has_small_batches, oscillation_confidence
from nnlab.diagnose.rule import MIN_CONFIDENCE, make_finding
from nnlab.diagnose.rule_context import RuleContext
from nnlab.records import Finding, Severity

_UNLEARNED = 0.02
# The swing of validation, of what it gained and of its level, worth one half.
_OSCILLATION_SHARE = 0.15
# A rise of so many standard errors is no swing.
_RISE_STANDARD_ERRORS = 6.0


@dataclass(frozen=True, slots=True)
class NoisyLoss:
    """Noisy: a few examples a step make the loss swing.

    What it finds: training loss swings and a step sees four examples at most; or validation loss
    swings by a large part of what it gained while training loss falls smoothly.

    Why it matters: which epoch is best is luck, and so is which setting is better.

    What to try: a larger batch (32 or more), a lower learning rate or a decay; averaged weights
    (`--average ema`); a larger validation split.
    """

    code: ClassVar[str] = "NN204"
    name: ClassVar[str] = "noisy"
    remedy: ClassVar[str] = "a larger batch; a decay; --average ema"

    def check(self, case: RuleContext) -> Finding | None:
        """Needs a loss of five epochs."""
        trend, pair = case.training, case.pair
        if trend is None or len(trend) < 5:
            return None
        left = 1.0 - case.learned_fraction if case.learned_fraction is not None else 1.0
        sure, of, swing = 0.0, "training", trend.oscillation
        if has_small_batches(case):
            sure = combine_confidences(oscillation_confidence(trend), hill(left, _UNLEARNED))
        elif pair is not None and oscillation_confidence(trend) < MIN_CONFIDENCE / 2:
            val = case.val_trend
            if val is not None:
                alone = combine_confidences(
                    hill(val.oscillation_share, _OSCILLATION_SHARE),
                    hill(val.oscillation_relative, _OSCILLATION_SHARE),
                    hill(val.upward_step_share, _OSCILLATION_SHARE),
                )
                turn = case.val_minimum
                rises = turn is not None and turn.rise_in_standard_errors > _RISE_STANDARD_ERRORS
                sure, of, swing = (0.0 if rises else alone), "validation", val.oscillation
        return make_finding(
            self,
            Severity.WARNING if of == "training" else Severity.INFO,
            sure,
            trend.epochs[0],
            f"{of} loss swings by {swing:.3g} around its way",
            {"swing": swing, "train_swing": trend.oscillation, "jumps": trend.upward_step_share},
        )
