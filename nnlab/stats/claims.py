"""Whether numbers lie in the region that a claim says they lie in.

Two judgements must agree before anything is called decided: the 95 % t interval of the mean lies
wholly inside the region (or wholly outside), and the exact sign-flip test against the bound
gives a one-sided p of at most 0.05. The interval alone would trust five seeds to be normal; the
exact test alone says nothing of the size. A region with two bounds needs both of its tests, as
in the two one-sided tests of equivalence (Schuirmann 1987).

A claim that rests on several comparisons is supported only if each of them is. No correction
for their number is needed then: the chance of a false "supported" is that of the one comparison
that is false, at most 5 % (Berger 1982, intersection-union test). One comparison that is
refuted refutes the claim.
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
    """What the runs say of a claim."""

    SUPPORTED = "supported"
    NOT_SUPPORTED = "not supported"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True, slots=True)
class ClaimTest:
    """A verdict and its evidence: `n` seeds, their mean with a 95 % interval, and p.

    `p` is the one-sided exact test that stands behind the verdict (for "cannot tell", the one
    that came nearest to supporting it); None for a spread, which has an interval only.
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
    """Judges whether the mean of `values` (one a seed, shape [n]) lies above and below bounds.

    The interval stays within `limits`, the smallest and largest value possible.

    Fewer than two values decide nothing, and so do fewer than five: of 2^4 sign patterns even
    the most extreme has p = 0.0625.

    Raises:
        ValueError: neither bound is given, or a value is not finite.

    >>> judge([0.2, 0.3, 0.25, 0.22, 0.28], above=0.0).verdict
    <Verdict.SUPPORTED: 'supported'>
    """
    if above is None and below is None:
        raise ValueError("a claim needs a bound: above, below or both")
    if not values:
        return ClaimTest(Verdict.CANNOT_TELL, 0, math.nan, -math.inf, math.inf, None)
    mean, half = mean_and_half_width(values)
    low, high = interval_within_limits(mean, half, applicable_limits(limits, values))
    inside = [_p_above(values, above)] if above is not None else []
    outside = [_p_below(values, above)] if above is not None else []
    if below is not None:
        inside.append(_p_below(values, below))
        outside.append(_p_above(values, below))
    holds = (above is None or low > above) and (below is None or high < below)
    fails = (above is not None and high < above) or (below is not None and low > below)
    if holds and max(inside) <= SIGNIFICANCE_LEVEL:
        verdict, p = Verdict.SUPPORTED, max(inside)
    elif fails and min(outside) <= SIGNIFICANCE_LEVEL:
        verdict, p = Verdict.NOT_SUPPORTED, min(outside)
    else:
        verdict, p = Verdict.CANNOT_TELL, max(inside)
    return ClaimTest(verdict, len(values), mean, low, high, p)


def _p_above(values: Sequence[float], bound: float) -> float:
    """The p of the test that the values lie above the bound."""
    return sign_flip_p([value - bound for value in values], "greater")


def _p_below(values: Sequence[float], bound: float) -> float:
    """The p of the test that the values lie below the bound."""
    return sign_flip_p([bound - value for value in values], "greater")


def assess_spread_claim(values: Sequence[float], *, below: float) -> ClaimTest:
    """Judges whether the sd of `values` over |their mean| is below a bound.

    The interval is that of the sd of normal values (chi squared, n - 1 degrees of freedom), over
    the mean found.

    >>> judge_spread([1.00, 1.01, 0.99, 1.0, 1.01], below=0.1).verdict
    <Verdict.SUPPORTED: 'supported'>
    """
    from scipy.special import chdtri

    n = len(values)
    mean = math.fsum(values) / n if n else math.nan
    if n < 2 or mean == 0:
        return ClaimTest(Verdict.CANNOT_TELL, n, math.nan, 0.0, math.inf, None)
    squares = math.fsum((value - mean) ** 2 for value in values)
    tail = (1 - CONFIDENCE_LEVEL) / 2
    found, low, high = (
        math.sqrt(squares / divisor) / abs(mean)
        for divisor in (n - 1, float(chdtri(n - 1, tail)), float(chdtri(n - 1, 1 - tail)))
    )
    verdict = Verdict.CANNOT_TELL
    if high < below:
        verdict = Verdict.SUPPORTED
    elif low > below:
        verdict = Verdict.NOT_SUPPORTED
    return ClaimTest(verdict, n, found, low, high, None)


def overall_verdict(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict on a claim from those of all its comparisons.

    >>> overall([Verdict.SUPPORTED, Verdict.CANNOT_TELL])
    <Verdict.CANNOT_TELL: 'cannot tell'>
    """
    found = set(verdicts)
    if Verdict.NOT_SUPPORTED in found:
        return Verdict.NOT_SUPPORTED
    return Verdict.SUPPORTED if found == {Verdict.SUPPORTED} else Verdict.CANNOT_TELL
