"""Simulated tables of trials with seeds: normal, lognormal, accuracies, and collapsing seeds."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nnlab.objective import UNLIMITED, Limits

Values = NDArray[np.float64]

# The probability that a seed collapses, and the values of working and collapsed seeds.
COLLAPSE_PROBABILITY = 0.15
WORKING, COLLAPSED, COLLAPSE_SD = 0.95, 0.1, 0.01


@dataclass(frozen=True, slots=True)
class Distribution:
    """How the values of a trial are distributed over seeds.

    `examples` are those of an accuracy with the expected value `accuracy`. `sds` are the standard
    deviations of normal values: of the first trial, or the largest ratio of two trials.
    """

    name: str
    kind: str = "normal"
    limits: Limits = UNLIMITED
    examples: int | None = None
    accuracy: float = 0.9
    seed_sd: float = 0.0
    noisy_trial: float = 1.0
    sd_ratio: float = 1.0


DISTRIBUTIONS = (
    Distribution("normal"),
    Distribution("normal, seed effects of 2 sd", seed_sd=2.0),
    Distribution("lognormal, a loss", "lognormal", (0.0, float("inf"))),
    Distribution("lognormal, unknown metric", "lognormal"),
    Distribution("accuracy 0.9 of 22", "accuracy", (0.0, 1.0), 22),
    Distribution("accuracy 0.97 of 22", "accuracy", (0.0, 1.0), 22, 0.97),
    Distribution("accuracy 0.9 of 270", "accuracy", (0.0, 1.0), 270),
    Distribution("accuracy 0.97 of 270", "accuracy", (0.0, 1.0), 270, 0.97),
    Distribution("accuracy 0.9 of 10,000", "accuracy", (0.0, 1.0), 10_000),
)
# Unequal spreads, which no method that shares them controls exactly.
UNEQUAL = (
    Distribution("normal, one trial with 3 times the sd", noisy_trial=3.0),
    Distribution("normal, sds from 1 to 7", sd_ratio=7.0),
)
COLLAPSING = Distribution("15 % of seeds collapse", "collapse", (0.0, 1.0))


def draw_tables(
    distribution: Distribution,
    tables: int,
    trials: int,
    seeds: int,
    rng: np.random.Generator,
    effect: float = 0.0,
) -> Values:
    """Values of the shape [tables, trials, seeds]; higher ones are better.

    Args:
        distribution: of the values.
        tables: their number.
        trials: per table.
        seeds: per trial.
        rng: the random numbers.
        effect: how much better the first trial is, in standard deviations.
    """
    shape = (tables, trials, seeds)
    shift = np.zeros((trials, 1))
    shift[0] = effect
    if distribution.kind == "accuracy":
        count, share = distribution.examples or 1, distribution.accuracy
        sd = np.sqrt(share * (1 - share) / count)
        # Half of the effect above and half below, so that the best stays below 1.
        shares = np.clip(share + (shift - effect / 2) * sd, 0.0, 1.0)
        return rng.binomial(count, np.broadcast_to(shares, shape)) / count
    if distribution.kind == "lognormal":
        return np.exp(rng.normal(size=shape) + shift)
    if distribution.kind == "collapse":
        collapsed = rng.random(shape) < COLLAPSE_PROBABILITY
        levels = np.where(collapsed, COLLAPSED, WORKING + COLLAPSE_SD * shift)
        return levels + COLLAPSE_SD * rng.normal(size=shape)
    sds = np.exp(np.linspace(0, np.log(distribution.sd_ratio), trials))
    sds[0] *= distribution.noisy_trial
    seed_effects = distribution.seed_sd * rng.normal(size=(tables, 1, seeds))
    return rng.normal(size=shape) * sds[:, None] + shift + seed_effects


def best_first(values: Values) -> tuple[Values, NDArray[np.int64]]:
    """The tables sorted by the means of the trials, and the original indices of the trials."""
    order = np.argsort(-values.mean(axis=2), axis=1)
    return np.take_along_axis(values, order[:, :, None], axis=1), order
