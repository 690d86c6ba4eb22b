"""The confidence that a loss oscillates, and whether small batches explain it (NN202, NN204)."""

from nnlab.diagnosis.confidence import combine_confidences, hill
from nnlab.diagnosis.rule_context import RuleContext
from nnlab.diagnosis.trend import Trend

# Values at a confidence of one half. The oscillation is compared with the whole decrease and with
# the level, because one alone gives false alarms for a loss near zero or at a high level.
_SHARE, _RELATIVE = 0.08, 0.08
# The fraction of steps upwards by more than 1 % of the decrease, at a confidence of one half.
_UPWARD_STEP_SHARE = 0.15
# A step with at most this many examples has a noisy gradient.
_SMALL_BATCH = 4


def oscillation_confidence(trend: Trend) -> float:
    """The confidence that a loss oscillates more than that of a healthy run."""
    return combine_confidences(
        hill(trend.oscillation_share, _SHARE),
        hill(trend.oscillation_relative, _RELATIVE),
        hill(trend.upward_step_share, _UPWARD_STEP_SHARE),
    )


def has_mixed_examples(context: RuleContext) -> bool:
    """Whether the setting mixes training examples, so that training loss varies with the mixture.

    Mixup and cutmix draw a coefficient for each batch: the loss of an epoch of few batches
    oscillates, however small the steps are.
    """
    return any(context.numeric_setting(name) for name in ("mixup", "cutmix"))


def has_small_batches(context: RuleContext) -> bool:
    """Whether the batch size of the setting is very small; False if it is unknown."""
    size = context.numeric_setting("batch_size")
    return size is not None and size <= _SMALL_BATCH
