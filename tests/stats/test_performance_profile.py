"""Performance profiles: their definition, and the bands against binomials and simulations."""

import numpy as np
import pytest
from scipy import stats

from nnlab.stats.performance_profile import performance_profile

SCORES = {"x": [0.0, 0.2, 0.7], "y": [0.2, 0.9, 0.95]}


@pytest.mark.parametrize("x", [0.0, 0.1, 0.2, 0.20001, 0.7, 0.9, 0.95, 0.96, 1.0])
def test_the_share_is_that_of_the_runs_with_at_least_the_score(x: float) -> None:
    values = np.array([value for task in SCORES.values() for value in task])
    assert performance_profile(SCORES).share_at(x) == pytest.approx(np.mean(values >= x))


def test_the_steps_are_at_the_scores() -> None:
    profile = performance_profile(SCORES)
    assert profile.scores == (0.0, 0.2, 0.7, 0.9, 0.95)
    assert profile.shares == pytest.approx((1.0, 5 / 6, 3 / 6, 2 / 6, 1 / 6))


def test_the_band_of_one_task_has_the_quantiles_of_a_binomial() -> None:
    """A resampled share of n runs is Binomial(n, share) / n."""
    values = np.random.default_rng(1).random(20).tolist()
    profile = performance_profile({"x": values}, resamples=20_000)
    for share, low, high in zip(profile.shares, profile.low, profile.high, strict=True):
        bounds = stats.binom.ppf([0.025, 0.975], 20, share) / 20
        assert (low, high) == pytest.approx(bounds, abs=1 / 20)


def test_the_seeds_are_resampled_within_each_task() -> None:
    """If all runs of a task have one score, its part of the share does not vary."""
    profile = performance_profile({"x": [0.0] * 5, "y": [1.0] * 5})
    assert (profile.low, profile.shares, profile.high) == ((1.0, 0.5),) * 3


def test_the_band_is_the_same_every_time() -> None:
    assert performance_profile(SCORES) == performance_profile(SCORES)


def test_the_band_covers_the_true_share() -> None:
    draw = np.random.default_rng(0)
    covered = 0
    for _ in range(200):
        scores = {task: draw.random(10).tolist() for task in "abc"}
        profile = performance_profile(scores, resamples=300)
        index = next(i for i, score in enumerate(profile.scores) if score >= 0.5)
        covered += profile.low[index] <= 0.5 <= profile.high[index]
    assert 0.9 <= covered / 200 <= 0.99
