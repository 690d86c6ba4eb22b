"""Tests of whether the mean of some values lies in the region that a claim states.

A claim is decided only if two criteria agree: the 95 % t interval of the mean lies completely
inside (or outside) the region, and the exact sign-flip test against the bound gives a one-sided p
of at most 0.05. The interval alone would assume that five seeds are normally distributed; the exact
test alone does not measure the size of the effect. A region with two bounds needs both of its
tests, as in the two one-sided tests of equivalence (Schuirmann 1987).

A claim with several comparisons is supported only if all of them are. This needs no correction for
their number: a false "supported" requires an error in a comparison that is false, which has a
probability of at most 5 % (intersection-union test, Berger 1982). One refuted comparison refutes
the claim.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from nnlab.objective import UNLIMITED, Limits
from nnlab.stats.intervals import applicable_limits, interval_within_limits
from nnlab.stats.paired import CONFIDENCE_LEVEL, mean_and_half_width, sign_flip_p

SIGNIFICANCE_LEVEL = 0.05


class Verdict(StrEnum):
    """Whether the runs support a claim."""

    SUPPORTED = "supported"
    NOT_SUPPORTED = "not supported"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True, slots=True)
class ClaimTest:
    """A verdict and its evidence: `n` seeds, their mean with a 95 % interval, and p.

    `p` is the one-sided exact test of the verdict (for "cannot tell", the test of support); None
    for a spread, which is judged by its interval only.
    """

    verdict: Verdict
    n: int
    mean: float
    low: float
    high: float
    p: float | None


def assess_claim(
    values: Sequence[float],
    *,
    above: float | None = None,
    below: float | None = None,
    limits: Limits = UNLIMITED,
) -> ClaimTest:
    """The verdict on whether the mean of `values` lies above and below bounds.

    Fewer than five values never decide: with 2^4 sign patterns the smallest p is 0.0625.

    Args:
        values: one finite value per seed, shape [n].
        above: the lower bound of the region; None for no bound.
        below: the upper bound of the region; None for no bound.
        limits: the smallest and largest possible value; the interval stays within them.

    Raises:
        ValueError: there is no bound, or a value is not finite.

    >>> assess_claim([0.2, 0.3, 0.25, 0.22, 0.28], above=0.0).verdict
    <Verdict.SUPPORTED: 'supported'>
    """
    if above is None and below is None:
        raise ValueError("a claim needs a bound: above, below or both")
    if not values:
        return ClaimTest(Verdict.CANNOT_TELL, 0, math.nan, -math.inf, math.inf, None)
    mean, half_width = mean_and_half_width(values)
    low, high = interval_within_limits(mean, half_width, applicable_limits(limits, values))
    p_inside = [_p_above(values, above)] if above is not None else []
    p_outside = [_p_below(values, above)] if above is not None else []
    if below is not None:
        p_inside.append(_p_below(values, below))
        p_outside.append(_p_above(values, below))
    is_inside = (above is None or low > above) and (below is None or high < below)
    is_outside = (above is not None and high < above) or (below is not None and low > below)
    if is_inside and max(p_inside) <= SIGNIFICANCE_LEVEL:
        verdict, p = Verdict.SUPPORTED, max(p_inside)
    elif is_outside and min(p_outside) <= SIGNIFICANCE_LEVEL:
        verdict, p = Verdict.NOT_SUPPORTED, min(p_outside)
    else:
        verdict, p = Verdict.CANNOT_TELL, max(p_inside)
    return ClaimTest(verdict, len(values), mean, low, high, p)


def _p_above(values: Sequence[float], bound: float) -> float:
    """The one-sided p of values above the bound."""
    return sign_flip_p([value - bound for value in values], "greater")


def _p_below(values: Sequence[float], bound: float) -> float:
    """The one-sided p of values below the bound."""
    return sign_flip_p([bound - value for value in values], "greater")


def assess_spread_claim(values: Sequence[float], *, below: float) -> ClaimTest:
    """The verdict on whether the coefficient of variation (sd / |mean|) is below a bound.

    The interval is that of the sd of normal values (chi squared, n - 1 degrees of freedom),
    divided by the observed mean.

    >>> assess_spread_claim([1.00, 1.01, 0.99, 1.0, 1.01], below=0.1).verdict
    <Verdict.SUPPORTED: 'supported'>
    """
    from scipy.special import (
        chdtri,
    )  # here, because importing scipy takes longer than most commands

    n = len(values)
    mean = math.fsum(values) / n if n else math.nan
    if n < 2 or mean == 0:
        return ClaimTest(Verdict.CANNOT_TELL, n, math.nan, 0.0, math.inf, None)
    squares = math.fsum((value - mean) ** 2 for value in values)
    tail = (1 - CONFIDENCE_LEVEL) / 2
    variation, low, high = (
        math.sqrt(squares / divisor) / abs(mean)
        for divisor in (n - 1, float(chdtri(n - 1, tail)), float(chdtri(n - 1, 1 - tail)))
    )
    verdict = Verdict.CANNOT_TELL
    if high < below:
        verdict = Verdict.SUPPORTED
    elif low > below:
        verdict = Verdict.NOT_SUPPORTED
    return ClaimTest(verdict, n, variation, low, high, None)


def overall_verdict(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict on a claim from the verdicts on all its comparisons.

    >>> overall_verdict([Verdict.SUPPORTED, Verdict.CANNOT_TELL])
    <Verdict.CANNOT_TELL: 'cannot tell'>
    """
    distinct = set(verdicts)
    if Verdict.NOT_SUPPORTED in distinct:
        return Verdict.NOT_SUPPORTED
    return Verdict.SUPPORTED if distinct == {Verdict.SUPPORTED} else Verdict.CANNOT_TELL
