"""NN203."""

import math
from dataclasses import dataclass
from typing import ClassVar

from nnlab.diagnose.confidence import combine_confidences, hill
from nnlab.diagnose.rule import make_finding
from nnlab.diagnose.rule_context import RuleContext
from nnlab.records import Finding, Severity

# The share of the fall in the last quarter: 0.25 of a straight line.
_LATE_FALL_SHARE = 0.08
# A fall so small is slow; steps are usually about so large, and so many decades below are slow.
_FALL, _USUAL_UPDATE_RATIO, _DECADES = 0.3, 1e-3, 0.7
_UNLEARNED = 0.15
# Curves alone may be of a run that was cut early.
_MAX_CONFIDENCE_WITHOUT_PROBE = 0.75


@dataclass(frozen=True, slots=True)
class LrTooLow:
    """Learning rate too low: the loss falls evenly, and much too slowly.

    What it finds: training loss still falls at an even pace from the first epoch to the last, has
    covered a small part of its way, and each step moves the weights by a tiny part of their
    size.

    Why it matters: the budget is spent on the way instead of at the goal: the same run with a
    higher rate would be there.

    What to try: `nnlab find-lr`; ten times the rate; or many more epochs. For Adam 1e-3 is a good
    start, for SGD with momentum 0.01 to 0.1.
    """

    code: ClassVar[str] = "NN203"
    name: ClassVar[str] = "learning rate too low"
    remedy: ClassVar[str] = "nnlab find-lr; ten times the learning rate"

    def check(self, case: RuleContext) -> Finding | None:
        """Needs training loss of four epochs; the probe's update ratio makes it surer."""
        trend = case.training
        if trend is None or len(trend) < 4 or trend.fall <= 0:
            return None
        left = (
            1.0 - case.learned_fraction if case.learned_fraction is not None else 1.0 - trend.fall
        )
        update = case.median_of_last("probe/update_ratio", 1.0)
        even = hill(trend.late_fall_share, _LATE_FALL_SHARE)
        if update is None:
            slow = combine_confidences(
                hill(_FALL - trend.fall, _FALL / 3),
                hill(len(trend), 6.0),
                _MAX_CONFIDENCE_WITHOUT_PROBE,
            )
        else:
            slow = combine_confidences(
                hill(-math.log10(max(update, 1e-12) / _USUAL_UPDATE_RATIO), _DECADES)
            )
            even = max(even, slow if trend.fall < _FALL / 10 else 0.0)
        return make_finding(
            self,
            Severity.WARNING,
            combine_confidences(slow, even, hill(left, _UNLEARNED)),
            trend.epochs[0],
            f"training loss falls slowly and evenly ({trend.first:.4g} to {trend.end:.4g})"
            + (
                ""
                if update is None
                else f"; a step moves the weights by {update:.1g} of their size"
            ),
            {
                "fall": trend.fall,
                "late_share": trend.late_fall_share,
                "update_ratio": update or 0.0,
            },
        )
