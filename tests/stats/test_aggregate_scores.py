"""Aggregate scores against the published formulas, and the coverage of their intervals."""

import math

import numpy as np
import pytest
from scipy.stats import mannwhitneyu, trim_mean

from nnlab.stats.across_tasks import min_max_scores
from nnlab.stats.aggregate_scores import (
    aggregate_scores,
    improvement_probabilities,
)

RNG = np.random.default_rng(3)
SCORES = {
    name: {
        task: list(RNG.beta(shift, 3.0, size=seeds))
        for task, seeds in (("iris", 5), ("wine", 7), ("digits", 6), ("diabetes", 5))
    }
    for name, shift in (("adam", 4.0), ("sgd", 2.0), ("momentum", 3.0))
}


def test_the_aggregates_are_the_published_ones() -> None:
    for method in aggregate_scores(SCORES):
        by_task = SCORES[method.name]
        pooled = np.concatenate([np.array(values) for values in by_task.values()])
        means = [np.mean(values) for values in by_task.values()]
        assert method.iqm.value == pytest.approx(trim_mean(pooled, 0.25))
        assert method.median.value == pytest.approx(np.median(means))
        assert method.mean.value == pytest.approx(np.mean(means))
        assert method.optimality_gap.value == pytest.approx(1.0 - np.mean(np.minimum(pooled, 1.0)))
        assert (method.tasks, method.runs) == (4, 23)


def test_methods_are_ordered_by_their_interquartile_mean() -> None:
    iqms = [method.iqm.value for method in aggregate_scores(SCORES)]
    assert iqms == sorted(iqms, reverse=True)


def test_the_probability_of_improvement_is_the_mean_mann_whitney_statistic() -> None:
    pairs = {(p.first, p.second): p.probability for p in improvement_probabilities(SCORES)}
    assert len(pairs) == 6
    for (first, second), probability in pairs.items():
        statistics = [
            mannwhitneyu(SCORES[first][task], SCORES[second][task]).statistic
            / (len(SCORES[first][task]) * len(SCORES[second][task]))
            for task in SCORES[first]
        ]
        assert probability.value == pytest.approx(np.mean(statistics))
        assert probability.low <= probability.value <= probability.high
        assert probability.value + pairs[second, first].value == pytest.approx(1.0)


def test_a_tie_counts_one_half() -> None:
    same = {"a": {"iris": [0.5, 0.7]}, "b": {"iris": [0.5, 0.7]}}
    assert [p.probability.value for p in improvement_probabilities(same)] == [0.5, 0.5]


def test_the_intervals_are_those_of_a_bootstrap_within_each_task() -> None:
    """Against a plain loop that resamples the seeds of each task."""
    method = next(m for m in aggregate_scores(SCORES, resamples=4000) if m.name == "sgd")
    rng = np.random.default_rng(11)
    iqms, medians = [], []
    for _ in range(4000):
        tasks = [rng.choice(values, len(values)) for values in SCORES["sgd"].values()]
        iqms.append(trim_mean(np.concatenate(tasks), 0.25))
        medians.append(np.median([np.mean(task) for task in tasks]))
    for estimate, resampled in ((method.iqm, iqms), (method.median, medians)):
        low, high = np.quantile(resampled, [0.025, 0.975])
        assert estimate.low == pytest.approx(low, abs=0.01)
        assert estimate.high == pytest.approx(high, abs=0.01)


def test_the_bootstrap_is_seeded() -> None:
    assert aggregate_scores(SCORES) == aggregate_scores(SCORES)
    assert improvement_probabilities(SCORES) == improvement_probabilities(SCORES)
    assert aggregate_scores(SCORES) != aggregate_scores(SCORES, seed=1)


def test_equal_methods_are_rarely_called_different() -> None:
    """Under the null, the interval of the probability of improvement contains one half.

    With ten seeds on each of five tasks, the percentile bootstrap is slightly too narrow.
    """
    rng = np.random.default_rng(5)
    studies, covered, covered_mean = 200, 0, 0
    for _ in range(studies):
        scores = {name: {f"t{t}": list(rng.random(10)) for t in range(5)} for name in ("a", "b")}
        probability = improvement_probabilities(scores, resamples=300)[0].probability
        covered += probability.low <= 0.5 <= probability.high
        mean = aggregate_scores(scores, resamples=300)[0].mean
        covered_mean += mean.low <= 0.5 <= mean.high
    assert 0.88 <= covered / studies <= 0.98
    assert 0.85 <= covered_mean / studies <= 0.98


def test_min_max_scores_span_zero_to_one_on_each_task() -> None:
    losses = {
        "a": {"iris": [1.0, 3.0], "wine": [0.5]},
        "b": {"iris": [2.0, math.nan], "wine": [0.5]},
    }
    assert min_max_scores(losses, higher=False) == {
        "a": {"iris": [1.0, 0.0], "wine": [1.0]},
        "b": {"iris": [0.5, 0.0], "wine": [1.0]},
    }
