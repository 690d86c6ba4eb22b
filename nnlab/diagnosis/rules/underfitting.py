"""NN104: detects training that converged far from the lowest possible loss."""

from dataclasses import dataclass
from typing import ClassVar

from nnlab.diagnosis.confidence import combine_confidences, hill
from nnlab.diagnosis.model_facts import is_linear
from nnlab.diagnosis.rule import make_finding
from nnlab.diagnosis.rule_context import RuleContext
from nnlab.records import Finding, Severity

# At a confidence of one half: the fraction not learned, in general and by a model that is known to
# be small. The largest relative decrease in the last quarter of a loss that has converged.
_UNLEARNED, _UNLEARNED_SMALL, _STALLED_FALL = 0.3, 0.2, 0.04
_MAX_GAP = 0.4
_NARROW_WIDTH = 8


@dataclass(frozen=True, slots=True)
class Underfitting:
    """Underfitting: training has converged far from a good fit.

    Detects: training loss no longer falls, training accuracy (or r2) is far below 1, and
    validation is about as good: the network cannot fit the data better, or the data contain no
    more information.

    Why it matters: more epochs will not help, and regularisation makes it worse.

    What to try: a wider or deeper network, or one that suits the data better; less dropout, weight
    decay and augmentation; better features. If nothing helps, the labels are noisy.
    """

    code: ClassVar[str] = "NN104"
    name: ClassVar[str] = "underfitting"
    remedy: ClassVar[str] = "a wider or deeper network; less regularisation"

    def check(self, context: RuleContext) -> Finding | None:
        """Needs a training loss of eight epochs, and an accuracy or r2."""
        trend, learned = context.train_trend, context.learned_fraction
        if trend is None or learned is None or len(trend) < 8:
            return None
        ceiling = 1.0 - min(
            (context.numeric_setting("label_noise") or 0.0)
            / max(1 - (context.chance_accuracy or 0), 0.1),
            0.9,
        )
        unlearned = 1.0 - learned / ceiling
        gap = context.val_minimum.gap if context.val_minimum is not None else 0.0
        is_small = (
            context.setting.get("model") == "linear"
            or is_linear(context)
            or (context.numeric_setting("width") or 64) <= _NARROW_WIDTH
        )
        confidence = combine_confidences(
            hill(unlearned, _UNLEARNED_SMALL if is_small else _UNLEARNED),
            hill(_STALLED_FALL - trend.late_fall_relative, _STALLED_FALL / 2),
            hill(_MAX_GAP - gap, _MAX_GAP / 3),
        )
        is_fault = is_small and context.is_classification and unlearned >= _UNLEARNED
        return make_finding(
            self,
            Severity.WARNING if is_fault else Severity.INFO,
            confidence,
            trend.epochs[-1],
            f"training has converged at a loss of {trend.end:.4g}, {1 - unlearned:.0%} of the way"
            " from guessing to a perfect fit",
            {"learned": learned, "late_fall": trend.late_fall_relative, "gap": gap},
        )
