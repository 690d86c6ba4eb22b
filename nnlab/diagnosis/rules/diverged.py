"""NN201: detects losses that became NaN or infinite, or ended far above their start."""

import math
from dataclasses import dataclass
from typing import ClassVar

from nnlab.diagnosis.confidence import combine_confidences, hill
from nnlab.diagnosis.loss_pair import is_usable_loss
from nnlab.diagnosis.rule import make_finding
from nnlab.diagnosis.rule_context import RuleContext
from nnlab.diagnosis.val_minimum import bounded_ratio
from nnlab.records import Finding, Severity

# At a confidence of one half: the final loss as a multiple of its first and of its best value.
_GROWTH, _ABOVE_BEST = 1.5, 3.0


@dataclass(frozen=True, slots=True)
class Diverged:
    """Diverged: the loss grew without bound.

    Detects: a loss became NaN or infinite; or training loss ended far above both its first and its
    best value.

    Why it matters: the weights of the last epochs are useless. If the best epoch was kept, only
    that one is usable.

    What to try: a learning rate ten times smaller; warmup; gradient clipping (`--clip 1`);
    normalised inputs; a smaller initialisation; single instead of half precision.
    """

    code: ClassVar[str] = "NN201"
    name: ClassVar[str] = "diverged"
    remedy: ClassVar[str] = "a lower learning rate; warmup; --clip 1"

    def check(self, context: RuleContext) -> Finding | None:
        """Needs a loss that is not finite at the end, or one of four epochs."""
        for metric in ("train/loss", "train/loss_exact", "val/loss"):
            curve = context.history.get(metric)
            if curve and not is_usable_loss(curve.values[-1]):
                epoch, value = next((e, v) for e, v in curve if not is_usable_loss(v))
                event = "overflowed" if math.isfinite(value) else f"became {value}"
                return make_finding(
                    self, Severity.ERROR, 0.99, epoch, f"{metric} {event} in epoch {epoch}", {}
                )
        trend = context.train_trend
        if trend is None or len(trend) < 4 or min(trend.values) <= 0:
            return None
        growth = bounded_ratio(trend.end, max(trend.first, 1e-12))
        above_best = bounded_ratio(trend.end, max(trend.best, 1e-12))
        onset = trend.epochs[min(range(len(trend)), key=trend.values.__getitem__)]
        return make_finding(
            self,
            Severity.ERROR,
            combine_confidences(hill(growth, _GROWTH), hill(above_best, _ABOVE_BEST)),
            onset,
            f"training loss ended at {trend.end:.4g}, {growth:.3g} times its first value"
            f" and {above_best:.3g} times its best",
            {"grown": growth, "above_best": above_best, "final_train_loss": trend.end},
        )
