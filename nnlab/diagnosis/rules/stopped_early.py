"""NN105: detects runs that ended while both losses were still falling."""

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from nnlab.diagnosis.confidence import combine_confidences, hill
from nnlab.diagnosis.rule import MIN_CONFIDENCE, make_finding
from nnlab.diagnosis.rule_context import RuleContext
from nnlab.diagnosis.smoothing import low_median
from nnlab.diagnosis.trend import Trend
from nnlab.diagnosis.val_minimum import bounded_ratio, reference_level
from nnlab.records import Finding, Severity

# At a confidence of one half: the decrease in the last quarter relative to the loss before it, and
# as a fraction of the whole decrease.
_LATE_FALL, _LATE_FALL_SHARE = 0.06, 0.04
# At a confidence of one half: what validation accuracy or r2 lacks to 1.
_UNLEARNED = 0.03
# The end of a shorter curve is its last value.
_MIN_AVERAGED = 8
# A schedule that ends below this fraction of its highest learning rate has run to its end.
_ANNEALED = 0.15


@dataclass(frozen=True, slots=True)
class StoppedEarly:
    """Stopped too early: both losses were still falling when the run ended.

    Detects: in the last quarter of the run training and validation loss both reached values
    clearly below their best ones before, by a notable fraction of their values and of their whole
    decrease, validation ended at its best value, and its accuracy or r2 is well below 1. A
    learning rate that was decayed to nearly zero, or raised again in cycles, explains such a
    decrease.

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
        trend, val, pair = context.train_trend, context.val_trend, context.loss_pair
        if trend is None or val is None or pair is None or len(pair) < 4:
            return None
        if min(len(trend), len(val)) < 4:
            return None
        (train_late, train_share), (val_late, val_share) = (
            _late_progress(trend),
            _late_progress(val),
        )
        reached = context.best_value("val/accuracy")
        if reached is None:
            reached = context.best_value("val/r2")
        at_best = 1.0 if pair.val[-1] <= low_median(pair.val[-3:]) else 0.0
        confidence = combine_confidences(
            hill(val_late, _LATE_FALL),
            hill(train_late, _LATE_FALL),
            hill(min(val_share, train_share), _LATE_FALL_SHARE),
            1.0 if reached is None else hill(1.0 - reached, _UNLEARNED),
            hill(at_best, 0.1),
        )
        if confidence < MIN_CONFIDENCE or _is_annealed(context):
            return None
        return make_finding(
            self,
            Severity.INFO,
            confidence,
            pair.last_epoch,
            f"both losses still fell in the last quarter (validation by {val_late:.0%}, training"
            f" by {train_late:.0%})",
            {"val_late_fall": val_late, "train_late_fall": train_late},
        )


def _late_progress(trend: Trend) -> tuple[float, float]:
    """The decrease of the lowest loss in the last quarter: relative to it, and to the whole.

    A learning rate in cycles raises the loss at the start of each, so the loss at the start of the
    last quarter says little.
    """
    values = trend.values
    before = min(values[: (3 * len(values)) // 4])
    end = (values[-1] + values[-2]) / 2 if len(values) >= _MIN_AVERAGED else values[-1]
    return (
        bounded_ratio(before - end, reference_level(values, before)),
        bounded_ratio(before - end, trend.first - trend.best),
    )


def _is_annealed(context: RuleContext) -> bool:
    """Whether the learning rate ended near zero, or was raised again after it had been lowered."""
    curve = context.history.get("lr")
    if not curve or max(curve.values) <= 0:
        return False
    highest = max(range(len(curve)), key=curve.values.__getitem__)
    lowered = curve.values[highest:]
    restarts = any(b > 1.001 * a for a, b in pairwise(lowered))
    return restarts or curve.values[-1] <= _ANNEALED * curve.values[highest]
