"""A sequential test of paired differences: keep the candidate, discard it, or train one more pair.

The gate calls `assess_differences` after each pair of runs. The test is group sequential: its error
rate holds however often the differences are looked at, up to `max_pairs` pairs.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from nnlab.stats.paired import sample_sd
from nnlab.stats.student_t import t_quantile, two_sided_p


class GateVerdict(StrEnum):
    """The decision on a candidate."""

    KEEP = "keep"
    DISCARD = "discard"
    NOT_YET = "not yet"


@dataclass(frozen=True, slots=True)
class SequentialResult:
    """The state of the test after `n` pairs.

    `mean`, `low` and `high` are in the metric's unit, positive if the candidate is better. Each
    bound holds with the confidence of the level, at all n together; it is infinite where it is
    unknown. `p` is valid whenever the test stops: under "not better than the minimum effect" it is
    at most u with a probability of at most u. `expected_left` is the expected number of further
    pairs until a decision: 0 after a decision, None if it cannot be predicted.
    """

    verdict: GateVerdict
    n: int
    mean: float
    low: float
    high: float
    p: float
    expected_left: float | None
    reason: str


def assess_differences(
    differences: Sequence[float],
    *,
    level: float,
    max_pairs: int,
    min_effect: float = 0.0,
    min_sd: float = 0.0,
) -> SequentialResult:
    """The decision on a candidate after some pairs: a pure function of the differences so far.

    Args:
        differences: candidate minus baseline, one per shared seed in order, positive if the
            candidate is better, shape [n] with n <= max_pairs.
        level: the one-sided level of the test: the probability to keep a candidate that is not
            better than `min_effect`.
        max_pairs: the number of pairs at which the test ends.
        min_effect: the least mean difference of a candidate that is kept.
        min_sd: the least standard deviation of differences that the metric's resolution implies.

    Raises:
        ValueError: a difference is not finite, there are more than `max_pairs`, or a parameter
            lies outside its range.
    """
    n = len(differences)
    if not all(map(math.isfinite, differences)):
        raise ValueError(f"differences must be finite, got {list(differences)}")
    if not 0 < level < 1 or max_pairs < 2 or n > max_pairs or min_sd < 0:
        raise ValueError(
            f"level {level}, {n} of {max_pairs} pairs, least standard deviation {min_sd}"
        )
    looks = max_pairs - 1
    p, low, high = 1.0, -math.inf, math.inf
    for k in range(2, n + 1):
        prefix = differences[:k]
        mean, error = math.fsum(prefix) / k, max(sample_sd(prefix), min_sd) / math.sqrt(k)
        width = t_quantile(k - 1, 1 - level / looks) * error
        low, high = max(low, mean - width), min(high, mean + width)
        p = min(p, looks * _one_sided_p(mean - min_effect, error, k))
    mean = math.fsum(differences) / n if n else math.nan
    if p <= level:
        return SequentialResult(
            GateVerdict.KEEP, n, mean, low, high, p, 0.0, "better than the minimum effect"
        )
    if high <= min_effect:
        return SequentialResult(
            GateVerdict.DISCARD, n, mean, low, high, p, 0.0, "the minimum effect is out of reach"
        )
    return SequentialResult(
        GateVerdict.NOT_YET, n, mean, low, high, p, None, "the evidence does not suffice yet"
    )


def _one_sided_p(excess: float, error: float, n: int) -> float:
    if error == 0:
        return 2.0**-n if excess > 0 else 1.0
    p = two_sided_p(excess / error, n - 1) / 2
    return p if excess > 0 else 1 - p
