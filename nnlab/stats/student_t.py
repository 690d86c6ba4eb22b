"""Student's t distribution without scipy, whose import takes longer than a whole ranking.

The distribution function is a regularised incomplete beta function (Abramowitz and Stegun 26.7.1),
which is computed as a continued fraction (26.5.8). Tests compare both with scipy.
"""

import math
from functools import cache

_TINY, _CLOSE = 1e-300, 1e-15
_MAX_TERMS = 10_000


def two_sided_p(t: float, df: float) -> float:
    """The probability of a t at least as far from 0; `df` may be fractional.

    >>> round(two_sided_p(2.776445105, 4), 6)
    0.05
    """
    if math.isinf(t):
        return 0.0
    return _incomplete_beta(df / (df + t * t), df / 2, 0.5)


@cache
def t_quantile(df: float, probability: float) -> float:
    """The quantile of the t distribution with `df` degrees of freedom.

    >>> round(t_quantile(4, 0.975), 3)
    2.776
    """
    if probability < 0.5:
        return -t_quantile(df, 1 - probability)
    tails = 2 * (1 - probability)
    low, high = 0.0, 1.0
    while two_sided_p(high, df) > tails:
        low, high = high, 2 * high
    t = (low + high) / 2
    for _ in range(200):
        p = two_sided_p(t, df)
        low, high = (t, high) if p > tails else (low, t)
        # Newton's step for log p, which is nearly a straight line; the bracket keeps it inside.
        step = t + (math.log(p) - math.log(tails)) * p / (2 * _density(t, df)) if p > 0 else low
        following = step if low < step < high else (low + high) / 2
        if following in (low, high) or abs(following - t) <= 1e-15 * t:
            break
        t = following
    return t


def _density(t: float, df: float) -> float:
    """The probability density of t."""
    logarithm = math.lgamma((df + 1) / 2) - math.lgamma(df / 2) - math.log(df * math.pi) / 2
    return math.exp(logarithm - (df + 1) / 2 * math.log1p(t * t / df))


def _incomplete_beta(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function of x in [0, 1]."""
    if x <= 0 or x >= 1:
        return min(max(x, 0.0), 1.0)
    logarithm = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    factor = math.exp(logarithm + a * math.log(x) + b * math.log1p(-x))
    # The continued fraction converges fast for x below the mean, its mirror image above.
    if x < (a + 1) / (a + b + 2):
        return factor * _continued_fraction(x, a, b) / a
    return 1.0 - factor * _continued_fraction(1 - x, b, a) / b


def _continued_fraction(x: float, a: float, b: float) -> float:
    """The continued fraction, evaluated forwards (Lentz 1976)."""
    c, d = 1.0, 1.0 - (a + b) * x / (a + 1)
    d = 1.0 / (d if abs(d) > _TINY else _TINY)
    value = d
    for m in range(1, _MAX_TERMS):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1.0 + term * d
            d = 1.0 / (d if abs(d) > _TINY else _TINY)
            c = 1.0 + term / c
            c = c if abs(c) > _TINY else _TINY
            value *= c * d
        if abs(c * d - 1) < _CLOSE:
            break
    return value
