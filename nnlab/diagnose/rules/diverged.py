"""NN201."""

import math
from dataclasses import dataclass
from typing import ClassVar

from nnlab.diagnose.confidence import combine_confidences, hill
from nnlab.diagnose.loss_pair import is_usable_loss
from nnlab.diagnose.rule import make_finding
from nnlab.diagnose.rule_context import RuleContext
from nnlab.diagnose.val_minimum import bounded_ratio
from nnlab.records import Finding, Severity

# How many times its first and its best value a loss must end at for a confidence of one half.
_GROWTH, _ABOVE_BEST = 1.5, 3.0


@dataclass(frozen=True, slots=True)
class Diverged:
    """Diverged: the loss has left all bounds.

    What it finds: a loss became NaN or infinite, or training loss ended far above where it began
    and had been, and stays there.

    Why it matters: the weights of the last epochs are worthless; if the best epoch was kept, it
    is what this run is worth.

    What to try: a learning rate ten times smaller; warmup; gradient clipping (`--clip 1`);
    normalised inputs; a smaller initialisation; in half precision, single.
    """

    code: ClassVar[str] = "NN201"
    name: ClassVar[str] = "diverged"
    remedy: ClassVar[str] = "a lower learning rate; warmup; --clip 1"

    def check(self, case: RuleContext) -> Finding | None:
        """Needs a loss; two epochs where it stays finite."""
        for metric in ("train/loss", "train/loss_exact", "val/loss"):
            curve = case.history.get(metric)
            if curve and not is_usable_loss(curve.values[-1]):
                bad = next(e for e, v in curve if not is_usable_loss(v))
                value = dict(curve)[bad]
                told = "overflowed" if math.isfinite(value) else f"became {value}"
                return make_finding(
                    self, Severity.ERROR, 0.99, bad, f"{metric} {told} in epoch {bad}", {}
                )
        trend = case.training
        if trend is None or len(trend) < 4 or min(trend.values) <= 0:
            return None
        grown = bounded_ratio(trend.end, max(trend.first, 1e-12))
        above_best = bounded_ratio(trend.end, max(trend.best, 1e-12))
        onset = trend.epochs[min(range(len(trend)), key=trend.values.__getitem__)]
        return make_finding(
            self,
            Severity.ERROR,
            combine_confidences(hill(grown, _GROWTH), hill(above_best, _ABOVE_BEST)),
            onset,
            f"training loss ended at {trend.end:.4g}, {grown:.3g} times where it began"
            f" and {above_best:.3g} times its best",
            {"grown": grown, "above_best": above_best, "final_train_loss": trend.end},
        )
