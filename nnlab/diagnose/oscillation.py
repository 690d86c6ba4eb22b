"""Losses that go up and down: whether they do, and whether small batches are why."""

from nnlab.diagnose.confidence import combine_confidences, hill
from nnlab.diagnose.rule_context import RuleContext
from nnlab.diagnose.trend import Trend

# Of the whole fall and of the level: either alone cries wolf on a loss near zero or high up.
_SHARE, _RELATIVE = 0.08, 0.08
# The share of steps that go up by more than 1 % of the fall.
_UPWARD_STEP_SHARE = 0.15
# So few examples in a step are a noisy gradient.
_SMALL_BATCH = 4


def oscillation_confidence(trend: Trend) -> float:
    """How sure it is that a loss swings by more than a healthy run does."""
    return combine_confidences(
        hill(trend.oscillation_share, _SHARE),
        hill(trend.oscillation_relative, _RELATIVE),
        hill(trend.upward_step_share, _UPWARD_STEP_SHARE),
    )


def has_small_batches(case: RuleContext) -> bool:
    """Whether the setting says that a step sees only a few examples."""
    size = case.number("batch_size")
    return size is not None and size <= _SMALL_BATCH
