"""Partial dependence: marginal means of grids, scikit-learn's own function, and known effects."""

import itertools
import math
import random
import statistics

import numpy as np
import pytest
from sklearn.ensemble import RandomForestRegressor
from sklearn.inspection import partial_dependence as sklearn_partial_dependence

from nnlab.stats.intervals import confidence_interval
from nnlab.stats.partial_dependence import (
    TREES,
    DependenceMethod,
    FieldValue,
    encode_settings,
    partial_dependence,
)

FIELDS = ("lr", "opt")
GRID: list[dict[str, FieldValue]] = [
    {"lr": lr, "opt": opt} for lr, opt in itertools.product((0.1, 0.01, 1.0), ("sgd", "adam"))
]


def outcomes(seeds: int) -> list[dict[int, float]]:
    rng = random.Random(0)
    return [{seed: i + rng.gauss(0, 1) for seed in range(seeds)} for i, _ in enumerate(GRID)]


def test_a_full_grid_has_its_marginal_means_with_the_interval_over_seeds() -> None:
    results = outcomes(5)
    found = partial_dependence(GRID, results, FIELDS)
    assert found.method is DependenceMethod.MARGINAL_MEANS
    lr, opt = found.settings
    assert [point.value for point in lr.points] == [0.01, 0.1, 1.0]
    assert [point.value for point in opt.points] == ["sgd", "adam"]
    for setting in found.settings:
        for point in setting.points:
            members = [
                seeds
                for trial, seeds in zip(GRID, results, strict=True)
                if trial[setting.field] == point.value
            ]
            assert point.mean == pytest.approx(
                statistics.mean(value for seeds in members for value in seeds.values())
            )
            by_seed = [statistics.mean(seeds[s] for seeds in members) for s in range(5)]
            assert (point.low, point.high) == pytest.approx(confidence_interval(by_seed))


def test_different_seeds_are_independent_samples() -> None:
    results = [{seed + 10 * i: v for seed, v in row.items()} for i, row in enumerate(outcomes(5))]
    point = partial_dependence(GRID, results, FIELDS).settings[1].points[0]
    assert point.low < point.mean < point.high


def test_one_seed_has_no_interval() -> None:
    found = partial_dependence(GRID, outcomes(1), FIELDS)
    assert all(math.isnan(p.low) for setting in found.settings for p in setting.points)


def sampled(count: int) -> tuple[list[dict[str, FieldValue]], list[dict[int, float]]]:
    rng = random.Random(1)
    trials: list[dict[str, FieldValue]] = [
        {"lr": 10 ** rng.uniform(-4, 0), "depth": rng.randrange(1, 5), "opt": rng.choice("abc")}
        for _ in range(count)
    ]
    results = [
        {
            0: -abs(math.log10(float(str(t["lr"]))) + 2)
            + 0.5 * (t["opt"] == "b")
            + rng.gauss(0, 0.05)
        }
        for t in trials
    ]
    return trials, results


def test_a_forest_has_the_dependence_of_scikit_learn() -> None:
    trials, results = sampled(40)
    found = partial_dependence(trials, results, ("lr", "depth", "opt"))
    assert found.method is DependenceMethod.FOREST
    levels: dict[str, list[FieldValue]] = {
        "lr": [trial["lr"] for trial in trials],
        "depth": [1, 2, 3, 4],
        "opt": list(dict.fromkeys(trial["opt"] for trial in trials)),
    }
    columns = encode_settings(trials, levels)
    forest = RandomForestRegressor(TREES, random_state=0, oob_score=True)
    forest.fit(columns, [row[0] for row in results])
    expected = sklearn_partial_dependence(forest, columns, [1], kind="average", method="brute")
    assert [p.value for p in found.settings[1].points] == expected["grid_values"][0].tolist()
    means = [point.mean for point in found.settings[1].points]
    assert means == pytest.approx(expected["average"][0].tolist())
    assert found.out_of_bag_r2 == pytest.approx(forest.oob_score_)


def test_a_forest_finds_the_effects_that_there_are() -> None:
    trials, results = sampled(60)
    lr, depth, opt = partial_dependence(trials, results, ("lr", "depth", "opt")).settings
    assert lr.reach > 5 * depth.reach
    best = max(lr.points, key=lambda point: point.mean)
    assert isinstance(best.value, float)
    assert abs(math.log10(best.value) + 2) < 0.5
    means = {point.value: point.mean for point in opt.points}
    assert max(means, key=means.__getitem__) == "b"
    assert all(p.low <= p.mean + 1e-9 for p in lr.points)
    assert np.isfinite([p.high for p in lr.points]).all()


def test_few_trials_that_are_no_grid_are_refused() -> None:
    with pytest.raises(ValueError, match="too few"):
        partial_dependence(GRID[:5], outcomes(2)[:5], FIELDS)
