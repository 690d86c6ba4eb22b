"""NN105: detects runs that ended while both losses were still falling."""

from dataclasses import dataclass
from typing import ClassVar

from nnlab.diagnosis.confidence import combine_confidences, hill
from nnlab.diagnosis.rule import make_finding
from nnlab.diagnosis.rule_context import RuleContext
from nnlab.diagnosis.smoothing import low_median
from nnlab.records import Finding, Severity

# At a confidence of one half: the relative decrease in the last quarter.
_LATE_FALL = 0.06


@dataclass(frozen=True, slots=True)
class StoppedEarly:
    """Stopped too early: both losses were still falling when the run ended.

    Detects: in the last quarter of the run training and validation loss both fell by a notable
    fraction of their values, and validation ended at its best value.

    Why it matters: the result shows how far the run got, not how good the setting can be. A
    comparison with other settings favours the fastest one.

    What to try: more epochs, or a higher learning rate with a decay; the same budget for all
    settings that are compared.
    """

    code: ClassVar[str] = "NN105"
    name: ClassVar[str] = "stopped too early"
    remedy: ClassVar[str] = "more epochs"

    def check(self, context: RuleContext) -> Finding | None:
        """Needs both losses over four epochs."""
        trend, pair = context.train_trend, context.loss_pair
        if trend is None or pair is None or len(pair) < 4:
            return None
        val = context.val_trend
        if val is None:
            return None
        at_best = 1.0 if pair.val[-1] <= low_median(pair.val[-3:]) else 0.0
        confidence = combine_confidences(
            hill(val.late_fall_relative, _LATE_FALL),
            hill(trend.late_fall_relative, _LATE_FALL),
            hill(at_best, 0.1),
        )
        return make_finding(
            self,
            Severity.INFO,
            confidence,
            pair.last_epoch,
            "both losses still fell in the last quarter (validation by"
            f" {val.late_fall_relative:.0%}, training by {trend.late_fall_relative:.0%})",
            {"val_late_fall": val.late_fall_relative, "train_late_fall": trend.late_fall_relative},
        )
