"""The probability that the comparison of a claim is decided, and the number of seeds that it needs.

The values of the seeds are assumed to be independent and normal. The interval of
`claims.assess_claim` then lies inside the region with the power of Student's t test (for one bound
a noncentral t distribution), or of two one-sided tests (for two bounds; Schuirmann 1987). Both are
one integral over the distribution of the sample variance (Owen 1965). With few seeds the exact
sign-flip test refuses some of the samples whose interval lies inside the region; their share is
simulated with fixed random numbers.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from nnlab.stats.claims import SIGNIFICANCE_LEVEL
from nnlab.stats.paired import CONFIDENCE_LEVEL
from nnlab.stats.student_t import t_quantile

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SUFFICIENT_POWER = 0.9
# Fewer values never decide: with 2^4 sign patterns the smallest p is 0.0625.
MIN_SEEDS = 5
MAX_SEEDS = 1000
# With more values, fewer than 1 in 1,000 samples whose interval lies inside the region are refused.
_MAX_SIMULATED_SEEDS = 9
_SAMPLES = 4000
_QUADRATURE_NODES = 120


@dataclass(frozen=True, slots=True)
class Region:
    """The region that a comparison claims for a mean; None means no bound."""

    above: float | None
    below: float | None


def claim_power(n: int, mean: float, sd: float, region: Region) -> float:
    """The probability that `assess_claim` says "supported" of n values.

    Args:
        n: the number of values, one per seed.
        mean: the true mean of the values.
        sd: their true standard deviation.
        region: the claimed region.

    >>> round(claim_power(8, mean=0.02, sd=0.014, region=Region(0.0, None)), 2)
    0.93
    """
    if n < MIN_SEEDS:
        return 0.0
    above = -math.inf if region.above is None else region.above
    below = math.inf if region.below is None else region.below
    if sd == 0:
        return float(above < mean < below)
    low, high = (above - mean) / sd, (below - mean) / sd
    return min(1.0, max(0.0, _interval_power(n, low, high) - _refused_share(n, low, high)))


def spread_claim_power(n: int, spread: float, below: float) -> float:
    """The probability that `assess_spread_claim` says "supported" of n values.

    The mean is taken as known: its relative error is much smaller than that of the spread.

    Args:
        n: the number of values, one per seed.
        spread: the true standard deviation divided by the mean.
        below: the upper bound of the spread.
    """
    from scipy.special import chdtr, chdtri

    if n < 2:
        return 0.0
    if spread == 0:
        return 1.0
    quantile = float(chdtri(n - 1, (1 + CONFIDENCE_LEVEL) / 2))
    return float(chdtr(n - 1, quantile * (below / spread) ** 2))


def spread_refutation_power(n: int, spread: float, below: float) -> float:
    """The probability that `assess_spread_claim` says "not supported" of n values."""
    from scipy.special import chdtrc, chdtri

    if n < 2 or spread == 0:
        return 0.0
    quantile = float(chdtri(n - 1, (1 - CONFIDENCE_LEVEL) / 2))
    return float(chdtrc(n - 1, quantile * (below / spread) ** 2))


def required_seeds(power: Callable[[int], float], *, least: int = MIN_SEEDS) -> int | None:
    """The smallest number of seeds with a power of at least 0.9; None if it is above `MAX_SEEDS`.

    Args:
        power: the power with a number of seeds, which increases with it.
        least: the smallest number to return.
    """
    if power(MAX_SEEDS) < SUFFICIENT_POWER:
        return None
    too_few, enough = least - 1, MAX_SEEDS
    while enough - too_few > 1:
        middle = (too_few + enough) // 2
        if power(middle) >= SUFFICIENT_POWER:
            enough = middle
        else:
            too_few = middle
    return enough


def _interval_power(n: int, low: float, high: float) -> float:
    """The probability that the t interval of n standard normal values lies in (low, high).

    Given the sample standard deviation s, the mean must lie at least t s / sqrt(n) inside both
    bounds. The quantiles of s are integrated by the Gauss-Legendre rule.
    """
    import numpy as np
    from scipy.special import chdtri, ndtr

    nodes, weights = np.polynomial.legendre.leggauss(_QUADRATURE_NODES)
    quantiles = chdtri(n - 1, 1 - (nodes + 1) / 2)
    half_widths = _critical_t(n) * np.sqrt(quantiles / (n - 1))
    root = math.sqrt(n)
    inside = ndtr(high * root - half_widths) - ndtr(low * root + half_widths)
    return float(np.sum(weights / 2 * np.maximum(inside, 0.0)))


def _critical_t(n: int) -> float:
    return t_quantile(n - 1, (1 + CONFIDENCE_LEVEL) / 2)


@lru_cache(maxsize=256)
def _refused_share(n: int, low: float, high: float) -> float:
    """The share of samples whose interval lies in (low, high) and that the exact test refuses."""
    import numpy as np

    if n > _MAX_SIMULATED_SEEDS:
        return 0.0
    values = np.random.default_rng(0).standard_normal((_SAMPLES, n))
    means, sds = values.mean(axis=1), values.std(axis=1, ddof=1)
    half_widths = _critical_t(n) * sds / math.sqrt(n)
    inside = values[(means - half_widths > low) & (means + half_widths < high)]
    refused = np.zeros(len(inside), dtype=bool)
    if math.isfinite(low):
        refused |= _sign_flip_p(inside - low) > SIGNIFICANCE_LEVEL
    if math.isfinite(high):
        refused |= _sign_flip_p(high - inside) > SIGNIFICANCE_LEVEL
    return float(refused.sum()) / _SAMPLES


def _sign_flip_p(values: "NDArray[np.float64]") -> "NDArray[np.float64]":
    """The one-sided p of the sign-flip test of each row (shape [samples, n]), as `sign_flip_p`."""
    import numpy as np

    n = values.shape[1]
    patterns = 1.0 - 2.0 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1)
    sums = values @ patterns.T
    tolerance = 1e-12 * np.abs(values).sum(axis=1, keepdims=True)
    result: NDArray[np.float64] = (sums >= values.sum(axis=1, keepdims=True) - tolerance).mean(
        axis=1
    )
    return result
