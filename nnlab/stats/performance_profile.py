"""Performance profiles with pointwise bootstrap bands (Agarwal et al. 2021, section 4.2).

A profile is the share of runs with a score of at least x, as a function of x: an exact step
function, whose steps are at the scores. The band resamples the seeds within each task (stratified
bootstrap), so that the weight of a task does not change, and takes percentiles at every x.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nnlab.stats.paired import CONFIDENCE_LEVEL

RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class PerformanceProfile:
    """The steps of a profile: at each score, the share of runs with at least that score.

    Between two scores the share is that of the higher one. `low` and `high` bound it at 95 %.
    """

    scores: tuple[float, ...]
    shares: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]

    def share_at(self, x: float) -> float:
        """The share of runs with a score of at least x."""
        return next(
            (share for score, share in zip(self.scores, self.shares, strict=True) if score >= x),
            0.0,
        )


def performance_profile(
    scores: Mapping[str, Sequence[float]],
    *,
    resamples: int = RESAMPLES,
    level: float = CONFIDENCE_LEVEL,
) -> PerformanceProfile:
    """The profile of a method over tasks.

    Args:
        scores: the finite scores of the method's runs on each task, higher is better.
        resamples: the number of bootstrap samples, whose random numbers have a fixed seed.
        level: the confidence level of the band.

    >>> performance_profile({"a": [0.0, 0.5], "b": [0.5, 1.0]}).shares
    (1.0, 0.75, 0.25)
    """
    import numpy as np  # here, because importing numpy delays commands that do not need it

    tasks = [np.asarray(values, dtype=np.float64) for values in scores.values()]
    thresholds = np.unique(np.concatenate(tasks))
    runs = sum(len(values) for values in tasks)
    reached = [values[:, np.newaxis] >= thresholds for values in tasks]  # [runs, thresholds]
    shares = sum(part.sum(axis=0) for part in reached) / runs
    rng = np.random.default_rng(0)
    counts = np.zeros((resamples, len(thresholds)))
    for part in reached:
        n = len(part)
        # How often each run is drawn, instead of which runs are drawn.
        weights = rng.multinomial(n, [1 / n] * n, size=resamples)
        counts += weights @ part
    tail = (1 - level) / 2
    low, high = np.quantile(counts / runs, [tail, 1 - tail], axis=0)
    return PerformanceProfile(
        tuple(thresholds.tolist()),
        tuple(shares.tolist()),
        tuple(np.minimum(low, shares).tolist()),
        tuple(np.maximum(high, shares).tolist()),
    )
