"""Comparison of two settings with shared seeds: mean difference, interval, and exact test.

The t interval of the differences (Student 1908) bounds the effect. It assumes normal differences,
which a few seeds cannot confirm. The sign-flip test (Fisher 1935, section 21) does not: if the
settings are equal, each difference is equally likely with the opposite sign, and all 2^n sign
patterns are counted.
"""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal

from nnlab.stats.student_t import t_quantile, two_sided_p

CONFIDENCE_LEVEL = 0.95

# With more pairs there are too many patterns to count, and the t test is as good.
MAX_EXACT_PAIRS = 30

# With more pairs the patterns are counted with numpy.
_MAX_PLAIN_PAIRS = 14

# 1 - level is rounded, so that a p value equal to it could seem larger.
_LEVEL_ROUNDING = 1e-12

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
    """The differences of `a` and `b`, which hold values for the same seeds (shape [n], n >= 1).

    Raises:
        ValueError: the lengths differ, there are no values, or a value is not finite.

    >>> compare_paired([1.0, 2.0, 3.0], [0.0, 1.0, 2.0])
    PairedDifference(n=3, mean=1.0, low=1.0, high=1.0, p=0.25)
    """
    if len(a) != len(b):
        raise ValueError(f"pairs need equally many values, got {len(a)} and {len(b)}")
    differences = [x - y for x, y in zip(a, b, strict=True)]
    mean, half_width = mean_and_half_width(differences)
    return PairedDifference(
        len(a), mean, mean - half_width, mean + half_width, sign_flip_p(differences)
    )


def mean_and_half_width(
    values: Sequence[float], level: float = CONFIDENCE_LEVEL
) -> tuple[float, float]:
    """The mean of values (shape [n]) and half the width of its t interval.

    The half width is infinite for a single value.

    Raises:
        ValueError: there are no values, or one is not finite.
    """
    n = len(values)
    if n == 0 or not all(map(math.isfinite, values)):
        raise ValueError(f"an interval needs finite values, got {list(values)}")
    mean = math.fsum(values) / n
    if n == 1:
        return mean, math.inf
    return mean, t_quantile(n - 1, (1 + level) / 2) * sample_sd(values) / math.sqrt(n)


def sample_sd(values: Sequence[float]) -> float:
    """The sample standard deviation of finite values (shape [n], n >= 2)."""
    mean = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))


def sign_flip_p(differences: Sequence[float], side: Alternative = "two-sided") -> float:
    """The p of the sign-flip test: the fraction of sign patterns with a sum as extreme.

    For more than `MAX_EXACT_PAIRS` pairs it is the p of the t test.

    Args:
        differences: one per seed, shape [n], n >= 1.
        side: whether sums that are extreme on the negative side count as well.

    >>> sign_flip_p([1.0, 2.0, 3.0], "greater")
    0.125
    """
    if len(differences) > MAX_EXACT_PAIRS:
        return paired_t_p(differences, side)
    total = math.fsum(differences)
    if side == "two-sided":
        # The distribution is symmetric: the two tails are equal, and overlap if the sum is zero.
        return min(1.0, 2 * _tail_fraction(differences, abs(total)))
    return _tail_fraction(differences, total)


def sign_flip_interval(
    differences: Sequence[float], level: float = CONFIDENCE_LEVEL
) -> tuple[float, float]:
    """The means that the two-sided sign-flip test does not reject at 1 - level (Hartigan 1969).

    It is infinite if there are too few pairs for the level, and Student's interval for more than
    `MAX_EXACT_PAIRS` pairs, as the test is Student's.

    Args:
        differences: one per seed, shape [n], n >= 2, not all equal.
        level: the confidence level.

    >>> [round(bound, 3) for bound in sign_flip_interval([1.0, 2.0, 3.0, 4.0, 6.0, 9.0])]
    [1.0, 9.0]
    """
    mean, half_width = mean_and_half_width(differences, level)
    if len(differences) > MAX_EXACT_PAIRS:
        return mean - half_width, mean + half_width
    if 2.0 ** (1 - len(differences)) > 1 - level + _LEVEL_ROUNDING:
        return -math.inf, math.inf
    least, most = min(differences), max(differences)
    return (
        _sign_flip_bound(differences, level, outside=least - (most - least)),
        _sign_flip_bound(differences, level, outside=most + (most - least)),
    )


def _sign_flip_bound(differences: Sequence[float], level: float, *, outside: float) -> float:
    """The bound between a rejected mean `outside` and the observed mean, by bisection.

    The bound lies on the same side of 0 as the decision of the test on a mean of 0.
    """
    inside = math.fsum(differences) / len(differences)
    if min(outside, inside) < 0 < max(outside, inside):
        if _is_rejected(0.0, differences, level):
            outside = 0.0
        else:
            inside = 0.0
    tolerance = 1e-7 * (max(differences) - min(differences))
    while abs(outside - inside) > tolerance:
        middle = (outside + inside) / 2
        if _is_rejected(middle, differences, level):
            outside = middle
        else:
            inside = middle
    return inside


def _is_rejected(mean: float, differences: Sequence[float], level: float) -> bool:
    p = sign_flip_p([difference - mean for difference in differences])
    return p <= 1 - level + _LEVEL_ROUNDING


def _tail_fraction(differences: Sequence[float], least: float) -> float:
    """The fraction of sign patterns whose sum is at least `least`.

    All pattern sums of the first half of the pairs are sorted, and those of the second half are
    looked up in them, which takes about 2^(n/2) steps instead of 2^n.
    """
    if len(differences) > _MAX_PLAIN_PAIRS:
        return _vectorized_tail_fraction(differences, least)
    middle = len(differences) // 2
    first = sorted(_pattern_sums(differences[:middle]))
    # Rounding must not put a pattern with an equal sum below the limit.
    tolerance = 1e-12 * math.fsum(map(abs, differences))
    count = sum(
        len(first) - bisect_left(first, least - tolerance - rest)
        for rest in _pattern_sums(differences[middle:])
    )
    return float(count / 2 ** len(differences))


def _vectorized_tail_fraction(differences: Sequence[float], least: float) -> float:
    """The same as `_tail_fraction` with numpy, which is faster for many pairs."""
    import numpy as np  # here, because most commands start without it

    def pattern_sums(values: Sequence[float]) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
        sums = np.zeros(1)
        for value in values:
            sums = np.concatenate([sums + value, sums - value])
        return sums

    middle = len(differences) // 2
    first = np.sort(pattern_sums(differences[:middle]))
    tolerance = 1e-12 * math.fsum(map(abs, differences))
    below = np.searchsorted(first, least - tolerance - pattern_sums(differences[middle:]))
    return float((len(first) - below).sum() / 2.0 ** len(differences))


def _pattern_sums(values: Sequence[float]) -> list[float]:
    signed = [(value, -value) for value in values]
    return [math.fsum(pattern) for pattern in product(*signed)]


def paired_t_p(differences: Sequence[float], side: Alternative = "two-sided") -> float:
    """The p of Student's paired t test of differences (shape [n], n >= 2).

    If all differences are equal, it is the p of the sign-flip test.

    >>> paired_t_p([0.5, 0.5, 0.5])
    0.25
    """
    n = len(differences)
    mean, half_width = mean_and_half_width(differences)
    if half_width == 0:
        # Without spread t is undefined; one of the 2^n sign patterns has a sum as high.
        p_greater = 1.0 if mean <= 0 else 2.0**-n
        p_less = 1.0 if mean >= 0 else 2.0**-n
        return p_greater if side == "greater" else min(1.0, 2 * min(p_greater, p_less))
    t = mean / half_width * t_quantile(n - 1, (1 + CONFIDENCE_LEVEL) / 2)
    p = two_sided_p(t, n - 1)
    if side == "two-sided":
        return p
    return p / 2 if t > 0 else 1 - p / 2
