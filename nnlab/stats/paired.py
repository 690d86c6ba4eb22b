"""Two settings on the same seeds: the mean difference, its interval, and an exact test.

The t interval of the differences (Student 1908) tells how large the effect may be. It rests on
differences that are about normal, which five seeds cannot show; the sign-flip test (Fisher 1935,
section 21) does not: if nothing is to choose between the settings, each difference is as
likely with the other sign, and all 2^n sign patterns are counted.
"""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal

from nnlab.stats.student_t import t_quantile, two_sided_p

CONFIDENCE_LEVEL = 0.95

# Beyond so many pairs the patterns are too many to count, and the t test is as good.
MAX_EXACT_PAIRS = 30

Alternative = Literal["two-sided", "greater"]


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """The differences a - b of `n` pairs, in the metric's unit.

    `low` and `high` bound the mean at 95 % (t interval; infinite below two pairs), `p` is the
    two-sided sign-flip test of no difference: exact, and never below 2 / 2^n.
    """

    n: int
    mean: float
    low: float
    high: float
    p: float


def compare_paired(a: Sequence[float], b: Sequence[float]) -> PairedDifference:
    """Compares `a` with `b`, whose places are the same seeds (shape: [n] each, n from 1 on).

    Raises:
        ValueError: the lengths differ, nothing is there, or a value is not finite.

    >>> paired([1.0, 2.0, 3.0], [0.0, 1.0, 2.0])
    Paired(n=3, mean=1.0, low=1.0, high=1.0, p=0.25)
    """
    if len(a) != len(b):
        raise ValueError(f"{len(a)} values against {len(b)}: pairs need as many of each")
    differences = [x - y for x, y in zip(a, b, strict=True)]
    mean, half = mean_and_half_width(differences)
    return PairedDifference(len(a), mean, mean - half, mean + half, sign_flip_p(differences))


def mean_and_half_width(
    values: Sequence[float], level: float = CONFIDENCE_LEVEL
) -> tuple[float, float]:
    """The mean of values (shape [n]) and half the width of its t interval.

    The half width is infinite for a single value.

    Raises:
        ValueError: no values, or one that is not finite.
    """
    n = len(values)
    if n == 0 or not all(map(math.isfinite, values)):
        raise ValueError(f"an interval needs finite values, got {list(values)}")
    mean = math.fsum(values) / n
    if n == 1:
        return mean, math.inf
    return mean, t_quantile(n - 1, (1 + level) / 2) * sample_sd(values) / math.sqrt(n)


def sample_sd(values: Sequence[float]) -> float:
    """The sample standard deviation of finite values (shape [n], n from 2 on)."""
    mean = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))


def sign_flip_p(differences: Sequence[float], side: Alternative = "two-sided") -> float:
    """The share of sign patterns with a sum at least as far out as the one found.

    Args:
        differences: one for each seed, shape [n], n from 1 on.
        side: whether a sum far out on the negative side counts as well.

    Beyond `MAX_EXACT_PAIRS` pairs it is the p of the t test.

    >>> sign_flip([1.0, 2.0, 3.0], "greater")
    0.125
    """
    if len(differences) > MAX_EXACT_PAIRS:
        return paired_t_p(differences, side)
    total = math.fsum(differences)
    if side == "two-sided":
        # The patterns are symmetric: the two tails are alike, and meet where the sum is zero.
        return min(1.0, 2 * _tail_fraction(differences, abs(total)))
    return _tail_fraction(differences, total)


def _tail_fraction(differences: Sequence[float], least: float) -> float:
    """The share of sign patterns whose sum is `least` or more.

    Half of the pairs are summed in every pattern and sorted, the other half is looked up in
    them: 2^(n/2) steps instead of 2^n.
    """
    middle = len(differences) // 2
    first = sorted(_pattern_sums(differences[:middle]))
    # Rounding must not put a pattern that equals the one found below it.
    slack = 1e-12 * math.fsum(map(abs, differences))
    count = sum(
        len(first) - bisect_left(first, least - slack - rest)
        for rest in _pattern_sums(differences[middle:])
    )
    return float(count / 2 ** len(differences))


def _pattern_sums(values: Sequence[float]) -> list[float]:
    signed = [(value, -value) for value in values]
    return [math.fsum(pattern) for pattern in product(*signed)]


def paired_t_p(differences: Sequence[float], side: Alternative = "two-sided") -> float:
    """The p of Student's paired t test of differences (shape [n], n from 2 on).

    Of differences that are all equal it is that of the sign-flip test.

    >>> paired_t([0.5, 0.5, 0.5])
    0.25
    """
    n = len(differences)
    mean, half = mean_and_half_width(differences)
    if half == 0:
        # Without spread t is undefined; of n equal differences one sign pattern in 2^n is as high.
        high = 1.0 if mean <= 0 else 2.0**-n
        low = 1.0 if mean >= 0 else 2.0**-n
        return high if side == "greater" else min(1.0, 2 * min(high, low))
    t = mean / half * t_quantile(n - 1, (1 + CONFIDENCE_LEVEL) / 2)
    p = two_sided_p(t, n - 1)
    if side == "two-sided":
        return p
    return p / 2 if t > 0 else 1 - p / 2
