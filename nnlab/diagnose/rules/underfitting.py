"""NN104."""

from dataclasses import dataclass
from typing import ClassVar

from nnlab.diagnose.confidence import combine_confidences, hill
from nnlab.diagnose.rule import make_finding
from nnlab.diagnose.rule_context import RuleContext
from nnlab.records import Finding, Severity

# What was not learned, worth one half; the relative fall in the last quarter that counts as none.
_UNLEARNED, _STALLED_FALL = 0.3, 0.04
_MAX_GAP = 0.4
_NARROW_WIDTH = 8


@dataclass(frozen=True, slots=True)
class Underfitting:
    """Underfitting: training has converged, far from what there is to learn.

    What it finds: training loss no longer falls, training accuracy is far below 1 (or r2 far
    below 1), and validation is about as good: the network cannot express more, or the data do
    not hold more.

    Why it matters: more epochs will not help, and regularisation makes it worse.

    What to try: a wider or deeper network, a better suited one; less dropout, weight decay and
    augmentation; better features. If nothing helps, the labels are noisy.
    """

    code: ClassVar[str] = "NN104"
    name: ClassVar[str] = "underfitting"
    remedy: ClassVar[str] = "a wider or deeper network; less regularisation"

    def check(self, case: RuleContext) -> Finding | None:
        """Needs a training curve of eight epochs, and an accuracy or r2."""
        trend, learned = case.training, case.learned_fraction
        if trend is None or learned is None or len(trend) < 8:
            return None
        ceiling = 1.0 - min(
            (case.number("label_noise") or 0.0) / max(1 - (case.chance_accuracy or 0), 0.1), 0.9
        )
        left = 1.0 - learned / ceiling
        gap = case.val_minimum.gap if case.val_minimum is not None else 0.0
        confidence = combine_confidences(
            hill(left, _UNLEARNED),
            hill(_STALLED_FALL - trend.late_fall_relative, _STALLED_FALL / 2),
            hill(_MAX_GAP - gap, _MAX_GAP / 3),
        )
        small = (
            case.setting.get("model") == "linear" or (case.number("width") or 64) <= _NARROW_WIDTH
        )
        return make_finding(
            self,
            Severity.WARNING if small and case.is_classification else Severity.INFO,
            confidence,
            trend.epochs[-1],
            f"training has converged at {trend.end:.4g} with {1 - left:.0%} of what there is to"
            " learn",
            {"learned": learned, "late_fall": trend.late_fall_relative, "gap": gap},
        )
