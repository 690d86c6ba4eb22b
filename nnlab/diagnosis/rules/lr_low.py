"""NN203: detects learning rates that are too low: a slow and even fall of the loss."""

import math
from dataclasses import dataclass
from typing import ClassVar

from nnlab.diagnosis.confidence import combine_confidences, hill
from nnlab.diagnosis.rule import make_finding
from nnlab.diagnosis.rule_context import RuleContext
from nnlab.diagnosis.smoothing import smooth_curve
from nnlab.diagnosis.trend import Trend
from nnlab.diagnosis.val_minimum import bounded_ratio
from nnlab.records import Finding, Severity

# At a confidence of one half: the fraction of the decrease in the last quarter, which is 0.25 for a
# straight line.
_LATE_FALL_SHARE = 0.08
# A smaller relative decrease is slow; so are steps this many decades below the usual update ratio.
_FALL, _USUAL_UPDATE_RATIO, _DECADES = 0.3, 1e-3, 0.7
_UNLEARNED = 0.15
# A smaller update ratio is a gradient of zero, which no learning rate changes.
_NO_UPDATE = 1e-9
# Without the probe: the oscillation as a fraction of the decrease, and the fraction of the decrease
# of validation loss in the last quarter, at a confidence of one half.
_OSCILLATION_SHARE, _VAL_LATE_FALL_SHARE = 0.05, 0.12
# The largest distance from a straight line, as a fraction of the decrease.
_CURVATURE = 0.2
# With a smaller relative decrease of training loss, the changes of validation loss are rounding.
_MIN_FALL = 1e-5
# Without the probe, the run may also have been stopped early.
_MAX_CONFIDENCE_WITHOUT_PROBE = 0.75


@dataclass(frozen=True, slots=True)
class LrTooLow:
    """Learning rate too low: the loss falls evenly and much too slowly.

    Detects: training loss still falls at an even pace from the first epoch to the last, has
    covered only a small part of the possible decrease, and each step changes the weights by a tiny
    fraction of their size. Without the probe, both losses must fall at an even pace without noise:
    on a plateau they do not.

    Why it matters: the budget ends long before training does; the same run with a higher rate
    would reach a lower loss.

    What to try: `nnlab find-lr`; ten times the learning rate; or many more epochs. Good starting
    points are 1e-3 for Adam, and 0.01 to 0.1 for SGD with momentum.
    """

    code: ClassVar[str] = "NN203"
    name: ClassVar[str] = "learning rate too low"
    remedy: ClassVar[str] = "nnlab find-lr; ten times the learning rate"

    def check(self, context: RuleContext) -> Finding | None:
        """Needs training loss of four epochs; the probe's update ratio adds confidence."""
        trend = context.train_trend
        if trend is None or len(trend) < 4 or trend.fall <= 0:
            return None
        unlearned = (
            1.0 - context.learned_fraction
            if context.learned_fraction is not None
            else 1.0 - trend.fall
        )
        update = context.median_of_last("probe/update_ratio", 1.0)
        evenness = hill(trend.late_fall_share, _LATE_FALL_SHARE)
        if update is None:
            slowness = combine_confidences(
                hill(_FALL - trend.fall, _FALL / 3),
                hill(len(trend), 6.0),
                1.0 - hill(trend.oscillation_share, _OSCILLATION_SHARE),
                1.0 - hill(_curvature(trend), _CURVATURE),
                _validation_evenness(context) if trend.fall > _MIN_FALL else 1.0,
                _MAX_CONFIDENCE_WITHOUT_PROBE,
            )
        elif update < _NO_UPDATE:
            return None
        else:
            slowness = combine_confidences(
                hill(-math.log10(max(update, 1e-12) / _USUAL_UPDATE_RATIO), _DECADES)
            )
            evenness = max(evenness, slowness if trend.fall < _FALL / 10 else 0.0)
        return make_finding(
            self,
            Severity.WARNING,
            combine_confidences(slowness, evenness, hill(unlearned, _UNLEARNED)),
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


def _curvature(trend: Trend) -> float:
    """The largest distance of the loss from a straight line, as a fraction of its decrease."""
    smooth, epochs = smooth_curve(trend.values), trend.epochs
    slope = (smooth[-1] - smooth[0]) / max(epochs[-1] - epochs[0], 1)
    distance = max(
        abs(value - smooth[0] - slope * (epoch - epochs[0]))
        for epoch, value in zip(epochs, smooth, strict=True)
    )
    return bounded_ratio(distance, trend.first - trend.best)


def _validation_evenness(context: RuleContext) -> float:
    """The confidence that validation loss falls evenly too; 1 without validation.

    With a low learning rate the model hardly changes, so both losses fall alike. Where a model
    cannot learn, training loss falls slowly by memorisation, and validation loss stays level.
    """
    val = context.val_trend
    return 1.0 if val is None else hill(val.late_fall_share, _VAL_LATE_FALL_SHARE)
