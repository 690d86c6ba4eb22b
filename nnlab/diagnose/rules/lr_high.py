"""NN202."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from nnlab.diagnose.confidence import combine_confidences, hill
from nnlab.diagnose.early_instability import measure_early_instability
from nnlab.diagnose.oscillation import has_small_batches, oscillation_confidence
from nnlab.diagnose.rule import make_finding
from nnlab.diagnose.rule_context import RuleContext
from nnlab.diagnose.trend import Trend
from nnlab.records import Finding, Severity

# A step of so much of the weights' size late in a run, for one half.
_UPDATE_RATIO = 0.15
# Where next to all was learned a swing is harmless.
_UNLEARNED = 0.02
_MIN_EPOCHS = 5
# A run that learned so much all the same was thrown about and came back.
_RECOVERED_UNLEARNED = 0.1


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

    def check(self, case: RuleContext) -> Finding | None:
        """Needs training loss of five epochs; the probe's update ratio makes it surer."""
        trend = case.training
        if trend is None:
            return None
        left = 1.0 - case.learned_fraction if case.learned_fraction is not None else 1.0
        thrown, evidence = measure_early_instability(case)
        swings = 0.0
        if len(trend) >= _MIN_EPOCHS and not has_small_batches(case):
            update = case.median_of_last("probe/update_ratio") or 0.0
            swings = combine_confidences(
                max(oscillation_confidence(trend), hill(update, _UPDATE_RATIO)),
                hill(left, _UNLEARNED),
            )
        recovered = (
            left < _RECOVERED_UNLEARNED
            and thrown > swings
            and not _ended_worse_than_untrained(case)
        )
        return make_finding(
            self,
            Severity.INFO if recovered else Severity.WARNING,
            combine_confidences(max(swings, thrown)),
            trend.epochs[0],
            _message(trend, evidence if thrown > swings else {}),
            {
                "swing": trend.oscillation,
                "swing_share_of_fall": min(trend.oscillation_share, 1e6),
                "jumps": trend.upward_step_share,
                **evidence,
            },
        )


def _ended_worse_than_untrained(case: RuleContext) -> bool:
    """Whether validation ended worse than the untrained model."""
    start, end = case.first("probe/start_loss"), case.median_of_last("val/loss", 0.2)
    return start is not None and end is not None and end > start


def _message(trend: Trend, evidence: Mapping[str, float]) -> str:
    if not evidence:
        return f"training loss swings by {trend.oscillation:.3g} around {trend.end:.4g}"
    told = {
        "loss_grown": "the loss grew {:.3g} times in the first epoch",
        "sd_grown": "what the layers put out grew {:.3g} times",
        "units_died": "{:.0%} of a layer's units died",
    }
    parts = (text.format(evidence[name]) for name, text in told.items() if name in evidence)
    return "the first steps threw the weights far off: " + ", ".join(parts)
