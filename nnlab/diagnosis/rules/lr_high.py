"""NN202: detects learning rates that are too high: oscillating losses or unstable first steps."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from nnlab.diagnosis.confidence import combine_confidences, hill
from nnlab.diagnosis.early_instability import learned_in_total, measure_early_instability
from nnlab.diagnosis.oscillation import (
    has_mixed_examples,
    has_small_batches,
    oscillation_confidence,
)
from nnlab.diagnosis.rule import make_finding
from nnlab.diagnosis.rule_context import RuleContext
from nnlab.diagnosis.trend import Trend
from nnlab.records import Finding, Severity

# At a confidence of one half: the size of a late step relative to the weights.
_UPDATE_RATIO = 0.15
# If nearly everything was learned, an oscillation is harmless.
_UNLEARNED = 0.02
# The second half of a shorter run has too few values to measure an oscillation.
_MIN_EPOCHS = 8
# A run that learned this fraction has recovered from unstable first steps.
_RECOVERED = 0.8


@dataclass(frozen=True, slots=True)
class LrTooHigh:
    """Learning rate too high: the steps change the weights too much.

    Detects: training loss oscillates instead of falling; or a single step still changes the
    weights by a large fraction of their size late in the run; or the first steps made the loss,
    the outputs or dead units grow strongly.

    Why it matters: the steps are longer than the minimum is wide, so the loss jumps across it, or
    ends in a flat region where little is learned.

    What to try: a learning rate three to ten times smaller (`nnlab find-lr`); a decay; warmup;
    momentum below 0.9; a larger batch.
    """

    code: ClassVar[str] = "NN202"
    name: ClassVar[str] = "learning rate too high"
    remedy: ClassVar[str] = "a learning rate 3 to 10 times smaller; a decay; warmup"

    def check(self, context: RuleContext) -> Finding | None:
        """Needs training loss of eight epochs, or the probe; the update ratio adds confidence."""
        trend = context.train_trend
        if trend is None:
            return None
        unlearned = context.unlearned_fraction
        instability, evidence = measure_early_instability(context)
        oscillation = 0.0
        if len(trend) >= _MIN_EPOCHS and not has_small_batches(context):
            update = context.median_of_last("probe/update_ratio") or 0.0
            oscillation = combine_confidences(
                max(_loss_oscillation(context, trend), hill(update, _UPDATE_RATIO)),
                hill(unlearned, _UNLEARNED),
            )
        recovered = (
            learned_in_total(context) >= _RECOVERED
            and instability > oscillation
            and not _ended_worse_than_untrained(context)
        )
        return make_finding(
            self,
            Severity.INFO if recovered else Severity.WARNING,
            combine_confidences(max(oscillation, instability)),
            trend.epochs[0],
            _message(trend, evidence if instability > oscillation else {}),
            {
                "swing": trend.oscillation,
                "swing_share_of_fall": min(trend.oscillation_share, 1e6),
                "jumps": trend.upward_step_share,
                **evidence,
            },
        )


def _loss_oscillation(context: RuleContext, trend: Trend) -> float:
    """The confidence that training loss oscillates, and validation loss if examples are mixed."""
    confidence = oscillation_confidence(trend)
    if has_mixed_examples(context):
        val = context.val_trend
        return min(confidence, oscillation_confidence(val)) if val is not None else 0.0
    return confidence


def _ended_worse_than_untrained(context: RuleContext) -> bool:
    """Whether validation loss ended above that of the untrained model."""
    start, end = context.first_value("probe/start_loss"), context.median_of_last("val/loss", 0.2)
    return start is not None and end is not None and end > start


def _message(trend: Trend, evidence: Mapping[str, float]) -> str:
    if not evidence:
        return f"training loss oscillates by {trend.oscillation:.3g} around {trend.end:.4g}"
    templates = {
        "loss_grown": "the loss grew by a factor of {:.3g} in the first epoch",
        "sd_grown": "the outputs of a layer grew by a factor of {:.3g}",
        "units_died": "{:.0%} of a layer's units died",
    }
    parts = (text.format(evidence[name]) for name, text in templates.items() if name in evidence)
    return "the first steps were much too large: " + ", ".join(parts)
