"""NN202."""

from dataclasses import dataclass
from typing import ClassVar

from nnlab.diagnose.case import Case
from nnlab.diagnose.confidence import ramp, weakest
from nnlab.diagnose.rule import finding
from nnlab.diagnose.swinging import small_batches, swinging
from nnlab.records import Finding, Severity

# A step of so much of the weights' size late in a run, for one half.
_UPDATE = 0.15
# Where next to all was learned a swing is harmless.
_LEFT = 0.02


@dataclass(frozen=True, slots=True)
class LrTooHigh:
    """Learning rate too high: steps throw the weights about.

    What it finds: training loss jumps up and down instead of falling; or a single step moves the
    weights by a large part of their size, far into the run.

    Why it matters: the steps are longer than the valley is wide: the loss bounces from wall to
    wall, or settles where the walls are flat and little is learned.

    What to try: a learning rate three to ten times smaller (`nnlab find-lr`); a decay; warmup;
    momentum below 0.9; a larger batch.
    """

    code: ClassVar[str] = "NN202"
    name: ClassVar[str] = "learning rate too high"
    remedy: ClassVar[str] = "a learning rate 3 to 10 times smaller; a decay; warmup"

    def check(self, case: Case) -> Finding | None:
        """Needs training loss of five epochs; the probe's update ratio makes it surer."""
        trend = case.training
        if trend is None or len(trend) < 5 or small_batches(case):
            return None
        update = case.typical("probe/update_ratio")
        left = 1.0 - case.learned if case.learned is not None else 1.0
        swings = swinging(trend)
        moved = ramp(update, _UPDATE) if update is not None else 0.0
        confidence = weakest(max(swings, moved), ramp(left, _LEFT))
        return finding(
            self,
            Severity.WARNING,
            confidence,
            trend.epochs[0],
            f"training loss swings by {trend.swing:.3g} around {trend.end:.4g}"
            + (
                ""
                if update is None
                else f"; a step moves the weights by {update:.2g} of their size"
            ),
            {
                "swing": trend.swing,
                "swing_share_of_fall": min(trend.swing_share, 1e6),
                "update_ratio": update or 0.0,
                "jumps": trend.jumps,
            },
        )
