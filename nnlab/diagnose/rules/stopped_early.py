"""NN105."""

from dataclasses import dataclass
from typing import ClassVar

from nnlab.diagnose.confidence import combine_confidences, hill
from nnlab.diagnose.rule import make_finding
from nnlab.diagnose.rule_context import RuleContext
from nnlab.diagnose.smoothing import low_median
from nnlab.records import Finding, Severity

# The relative fall in the last quarter worth a confidence of one half.
_LATE_FALL = 0.06


@dataclass(frozen=True, slots=True)
class StoppedEarly:
    """Stopped too early: both losses were still falling when the run ended.

    What it finds: in the last quarter of the run training and validation loss both fell by a
    clear part of what they stood at, and validation ended at its best.

    Why it matters: the result says how far the run got, not what the setting can do: comparing it
    with others rewards whoever is quickest.

    What to try: more epochs, or a higher learning rate with a decay; the same budget for all that
    are compared.
    """

    code: ClassVar[str] = "NN105"
    name: ClassVar[str] = "stopped too early"
    remedy: ClassVar[str] = "more epochs"

    def check(self, case: RuleContext) -> Finding | None:
        """Needs both losses, four epochs."""
        trend, pair = case.training, case.pair
        if trend is None or pair is None or len(pair) < 4:
            return None
        val = case.val_trend
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
            f"both losses still fell in the last quarter (validation by {val.late_fall_relative:.0%},"
            f" training by {trend.late_fall_relative:.0%})",
            {"val_late_fall": val.late_fall_relative, "train_late_fall": trend.late_fall_relative},
        )
