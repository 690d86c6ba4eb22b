"""Losses that go up and down: whether they do, and whether small batches are why."""

from nnlab.diagnose.confidence import ramp, weakest
from nnlab.diagnose.rule_context import Case
from nnlab.diagnose.trend import Trend

# Of the whole fall and of the level: either alone cries wolf on a loss near zero or high up.
_SHARE, _RELATIVE = 0.08, 0.08
# The share of steps that go up by more than 1 % of the fall.
_JUMPS = 0.15
# So few examples in a step are a noisy gradient.
_SMALL = 4


def swinging(trend: Trend) -> float:
    """How sure it is that a loss swings by more than a healthy run does."""
    return weakest(
        ramp(trend.swing_share, _SHARE),
        ramp(trend.swing_relative, _RELATIVE),
        ramp(trend.jumps, _JUMPS),
    )


def small_batches(case: Case) -> bool:
    """Whether the setting says that a step sees only a few examples."""
    size = case.number("batch_size")
    return size is not None and size <= _SMALL
