"""NN204."""

from dataclasses import dataclass
from typing import ClassVar

from nnlab.diagnose.confidence import ramp, weakest
from nnlab.diagnose.oscillation import small_batches, swinging
from nnlab.diagnose.rule import ENOUGH, finding
from nnlab.diagnose.rule_context import Case
from nnlab.records import Finding, Severity

_LEFT = 0.02
# The swing of validation, of what it gained and of its level, worth one half.
_SHARE = 0.15
# A rise of so many standard errors is no swing.
_RISES = 6.0


@dataclass(frozen=True, slots=True)
class Noisy:
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

    def check(self, case: Case) -> Finding | None:
        """Needs a loss of five epochs."""
        trend, pair = case.training, case.pair
        if trend is None or len(trend) < 5:
            return None
        left = 1.0 - case.learned if case.learned is not None else 1.0
        sure, of, swing = 0.0, "training", trend.swing
        if small_batches(case):
            sure = weakest(swinging(trend), ramp(left, _LEFT))
        elif pair is not None and swinging(trend) < ENOUGH / 2:
            val = case.validation
            if val is not None:
                alone = weakest(
                    ramp(val.swing_share, _SHARE),
                    ramp(val.swing_relative, _SHARE),
                    ramp(val.jumps, _SHARE),
                )
                turn = case.turn
                rises = turn is not None and turn.rise_in_noise > _RISES
                sure, of, swing = (0.0 if rises else alone), "validation", val.swing
        return finding(
            self,
            Severity.WARNING if of == "training" else Severity.INFO,
            sure,
            trend.epochs[0],
            f"{of} loss swings by {swing:.3g} around its way",
            {"swing": swing, "train_swing": trend.swing, "jumps": trend.jumps},
        )
