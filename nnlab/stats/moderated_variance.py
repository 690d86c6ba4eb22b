"""Variances of trials, moderated by those of all trials of a table (Smyth 2004, as limma does).

Three seeds give a poor estimate of a variance. If the trials of a table have similar variances,
each estimate is moved towards the common one, which adds degrees of freedom. If they differ by more
than chance, they are moved less. The weight of the common variance is limited, so that a noisy
trial among quiet ones keeps most of its own spread.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from nnlab.stats.gamma_derivatives import (
    digamma,
    inverse_trigamma,
    third_trigamma_derivative,
    trigamma,
)

# The weight of the common variance in degrees of freedom, at most. With a larger one, a noisy trial
# would differ too often: `make bench-statistics` measures it.
_MAX_PRIOR_DF = 4.0
# Variances differ by more than chance from this many standard errors of their expected spread.
_HETEROGENEITY_ERRORS = 1.0
# Satterthwaite's degrees of freedom are too many for the largest of several statistics.
_DF_SHRINKAGE = 0.85


@dataclass(frozen=True, slots=True)
class ModeratedVariances:
    """The moderated variances of the trials of a table, in the order of the trials.

    `own_dfs` are the degrees of freedom of the trials' own estimates, `prior_df` the weight of the
    common variance and `pooled_df` its degrees of freedom. `are_equal` says that the variances
    do not differ by more than chance; `heterogeneity` is the variance of their logarithms in
    excess of chance.
    """

    variances: tuple[float, ...]
    own_dfs: tuple[float, ...]
    prior_df: float
    pooled_df: float
    are_equal: bool
    heterogeneity: float

    def difference_df(self, first: int, second: int, shares: tuple[float, float]) -> float:
        """The degrees of freedom of the variance of a difference (Satterthwaite 1946).

        Args:
            first: the index of a trial.
            second: the index of the other trial.
            shares: the contributions of both trials to the variance of the difference, which
                add up to 1.
        """
        indices = (first, second)
        if not self.are_equal:
            # The variance of the prior is itself estimated, from few trials.
            trials = sum(df > 0 for df in self.own_dfs)
            spread = math.fsum(
                share**2 / (self.prior_df + self.own_dfs[index])
                for index, share in zip(indices, shares, strict=True)
                if self.prior_df + self.own_dfs[index] > 0
            )
            df = (trials - 2) / (trials + 2) / spread if spread else 1.0
        else:
            # The relative variance of the estimate, divided by 2.
            spread = 0.0
            for index, share in zip(indices, shares, strict=True):
                own_df = self.own_dfs[index]
                weight = own_df / (own_df + self.prior_df)
                spread += share**2 * (weight**2 / own_df if own_df else 0.0)
                spread += share * (1 - weight**2) / self.pooled_df
            df = max(_DF_SHRINKAGE / spread, *(self.own_dfs[index] for index in indices))
        # Three digits are enough, and the quantiles of a long table are computed only once.
        return float(f"{max(min(df, self.pooled_df), 1.0):.3g}")


def moderate_variances(
    variances: Sequence[float], dfs: Sequence[float], pooled: float, pooled_df: float
) -> ModeratedVariances | None:
    """The moderated variances of a table; None if fewer than three trials have a variance.

    Args:
        variances: the trials' own estimates, shape [k].
        dfs: their degrees of freedom, shape [k]; 0 where a trial has no estimate.
        pooled: the common variance, if all are equal.
        pooled_df: its degrees of freedom.
    """
    known = [(max(v, 1e-300), df) for v, df in zip(variances, dfs, strict=True) if df > 0]
    if len(known) < 3 or pooled <= 0:
        return None
    # The mean and the variance of the log of a sample variance are digamma and trigamma.
    logs = [math.log(v) - digamma(df / 2) + math.log(df / 2) for v, df in known]
    center = math.fsum(logs) / len(logs)
    observed = math.fsum((value - center) ** 2 for value in logs) / (len(logs) - 1)
    by_df = {df: trigamma(df / 2) for _, df in known}
    by_chance = math.fsum(by_df[df] for _, df in known) / len(known)
    excess = observed - by_chance
    mean_df = math.fsum(df for _, df in known) / len(known)
    prior, prior_df = pooled, min(_MAX_PRIOR_DF, (len(known) - 2) * mean_df)
    are_equal = excess <= _HETEROGENEITY_ERRORS * _spread_error(len(known), mean_df)
    if not are_equal:
        fitted = 2 * inverse_trigamma(excess)
        prior = math.exp(center + digamma(fitted / 2) - math.log(fitted / 2))
        prior_df = min(prior_df, fitted)
    moderated = tuple(
        (prior_df * prior + df * variance) / (prior_df + df)
        for variance, df in zip(variances, dfs, strict=True)
    )
    return ModeratedVariances(moderated, tuple(dfs), prior_df, pooled_df, are_equal, excess)


def _spread_error(trials: int, df: float) -> float:
    """The standard error of the variance of log variances, if all variances are equal."""
    expected = trigamma(df / 2)
    kurtosis = third_trigamma_derivative(df / 2) / expected**2
    return expected * math.sqrt(2 / (trials - 1) + kurtosis / trials)
