"""The comparison of nnlab for many complete tables at once; a test compares it with nnlab.stats.

It repeats `nnlab.stats.moderated_comparison` in numpy, for trials that share all seeds.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from comparison_statistics.simulated_tables import Distribution, Values
from nnlab.stats.moderated_comparison import SCALE_MARGIN
from nnlab.stats.multiplicity import best_of
from nnlab.stats.studentized_range import range_critical_t

Decisions = NDArray[np.bool_]

_MAX_PRIOR_DF, _DF_SHRINKAGE, _SMALLEST_SHARE = 4.0, 0.85, 0.05
# Decisions at these degrees of freedom are interpolated in 1 / df, as in `range_critical_t`.
_DF_GRID = 1 / np.linspace(1.0, 1e-4, 400)


def moderated_decisions(values: Values, distribution: Distribution) -> Decisions:
    """Whether the first trial of each table differs significantly from each of the others.

    Args:
        values: sorted, best first, of the shape [tables, trials, seeds].
        distribution: the limits of the metric, and the number of examples.
    """
    tables, trials, seeds = values.shape
    if trials == 2:
        decisions = _paired_decisions(values, 1)
    else:
        by_scale = [_on_scale(scaled) for scaled in _scales(values, distribution)]
        heterogeneity = np.stack([scaled[0] for scaled in by_scale])
        margins = SCALE_MARGIN * np.arange(len(by_scale))[:, None]
        chosen = (heterogeneity + margins).argmin(axis=0)
        decisions = np.stack([scaled[1] for scaled in by_scale])[chosen, np.arange(tables)]
    if distribution.examples is None:
        return decisions
    means = values.mean(axis=2)
    count = seeds * distribution.examples
    shares = (means * count + 0.5) / (count + 1)
    noise = shares * (1 - shares) / distribution.examples / seeds
    z = (means[:, :1] - means[:, 1:]) / np.sqrt(noise[:, :1] + noise[:, 1:])
    return np.asarray(decisions & (z >= best_of(trials).critical_z_one_sided()))


def _scales(values: Values, distribution: Distribution) -> list[Values]:
    low, high = distribution.limits
    if np.isinf(low):
        return [values]
    if np.isinf(high):
        return [values, np.log(values)]
    margin: Values = np.zeros((len(values), 1, 1))
    if distribution.examples is not None:
        # As in nnlab.stats.metric_scale: only if a value of the table is at a limit.
        at_limit = ((values == 0) | (values == 1)).any(axis=(1, 2))
        margin = np.where(at_limit, 0.5 / distribution.examples, 0.0)[:, None, None]
    shares = (values + margin) / (1 + 2 * margin)
    with np.errstate(divide="ignore"):
        return [values, np.arcsin(np.sqrt(shares)), np.log(shares / (1 - shares))]


def _on_scale(values: Values) -> tuple[Values, Decisions]:
    """The heterogeneity of the spreads of each table, and the decisions."""
    _, trials, seeds = values.shape
    df, pooled_df = seeds - 1, (trials - 1) * (seeds - 1)
    means = values.mean(axis=2)
    centered = values - means[:, :, None]
    squares = ((centered - centered.mean(axis=1, keepdims=True)) ** 2).sum(axis=2)
    pooled = squares.sum(axis=1) / pooled_df
    own = (squares / df - pooled[:, None] / trials) / (1 - 2 / trials)
    own = np.maximum(own, np.maximum(_SMALLEST_SHARE * pooled[:, None], 1e-300))
    logs = np.log(own) - special.digamma(df / 2) + np.log(df / 2)
    expected = special.polygamma(1, df / 2)
    kurtosis = special.polygamma(3, df / 2) / expected**2
    excess = logs.var(axis=1, ddof=1) - expected
    unequal = excess > expected * np.sqrt(2 / (trials - 1) + kurtosis / trials)
    prior, prior_df = pooled.copy(), np.full(len(values), min(_MAX_PRIOR_DF, (trials - 2) * df))
    if unequal.any():
        fitted = 2 * _inverse_trigamma(excess[unequal])
        log_prior = logs.mean(axis=1)[unequal] + special.digamma(fitted / 2) - np.log(fitted / 2)
        prior[unequal] = np.exp(log_prior)
        prior_df[unequal] = np.minimum(prior_df[unequal], fitted)
    weight = (df / (df + prior_df))[:, None]
    moderated = (1 - weight) * prior[:, None] + weight * own
    total = moderated[:, :1] + moderated[:, 1:]
    concentration = (moderated[:, :1] ** 2 + moderated[:, 1:] ** 2) / total**2
    differences = means[:, :1] - means[:, 1:]
    with np.errstate(divide="ignore", invalid="ignore"):
        t = differences / np.sqrt(total / seeds)
    spread = concentration * weight**2 / df + (1 - weight**2) / pooled_df
    equal_df = np.clip(_DF_SHRINKAGE / spread, df, pooled_df)
    unequal_df = (df + prior_df)[:, None] / concentration * (trials - 2) / (trials + 2)
    unequal_df = np.clip(unequal_df, 1.0, pooled_df)
    pairs = best_of(trials).tests
    by_range = t >= _critical("range", trials, equal_df)
    alone = _paired_decisions(values, pairs) & (
        np.ptp(centered[:, :1] - centered[:, 1:], 2) > 1e-12
    )
    by_pairs = (t >= _critical("pairs", trials, unequal_df)) | alone
    return excess, np.where(unequal[:, None], by_pairs, by_range)


def _paired_decisions(values: Values, tests: int) -> Decisions:
    """The paired t tests of the first trial with each other one, corrected by Bonferroni."""
    seeds = values.shape[2]
    differences = values[:, :1] - values[:, 1:]
    means, sds = differences.mean(axis=2), differences.std(axis=2, ddof=1)
    scale = np.abs(values).max(axis=(1, 2))[:, None]
    sds = np.where(sds <= 1e-12 * scale, 0.0, sds)
    critical = stats.t.ppf(1 - 0.025 / tests, seeds - 1)
    return np.asarray((means > 1e-12 * scale) & (means * np.sqrt(seeds) >= critical * sds))


def _critical(kind: str, trials: int, df: Values) -> Values:
    grid = _critical_grid(kind, trials)
    return np.exp(np.interp(1 / df, 1 / _DF_GRID[::-1], np.log(grid[::-1])))


@cache
def _critical_grid(kind: str, trials: int) -> Values:
    correction = best_of(trials)
    if kind == "range":
        return np.array([range_critical_t(trials, df) for df in _DF_GRID])
    return np.asarray(stats.t.ppf(1 - 0.025 / correction.tests, _DF_GRID))


def _inverse_trigamma(values: Values) -> Values:
    x = 0.5 + 1 / values
    for _ in range(50):
        ratio = special.polygamma(1, x)
        x = x + ratio * (1 - ratio / values) / special.polygamma(2, x)
    return x
