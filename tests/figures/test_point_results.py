"""The results at the points of sweeps and heatmaps: their unit, and the coverage of intervals."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from nnlab.analysis.records import Ranking, RankingRow
from nnlab.analysis.scope import Scope
from nnlab.figures.point_results import ResultsByPoint, results_by_point
from nnlab.objective import UNLIMITED, Objective
from nnlab.records import Status
from nnlab.stats import aggregate

Trial = tuple[Mapping[str, object], Mapping[int, float]]


def ranking(trials: Sequence[Trial]) -> Ranking:
    """Trials as settings and values by seed; the run with seed s of trial i is 100 i + s."""
    rows = [
        RankingRow(
            rank=number + 1,
            trials=(number,),
            setting=dict(setting),
            value=aggregate(values.values()),
            epoch=None,
            test=None,
            runs=tuple(100 * number + seed for seed in values),
            seeds=tuple(values),
            values=tuple(values.values()),
            flags={},
            statuses={Status.FINISHED: len(values)},
        )
        for number, (setting, values) in enumerate(trials)
    ]
    objective = Objective("val/score", "max")
    return Ranking(Scope("s"), objective, "best", ("opt", "l2"), tuple(rows), len(rows), ())  # type: ignore[arg-type]


def means(trials: Sequence[Trial], diverged: Sequence[int] = ()) -> ResultsByPoint:
    coordinates = [(str(setting["opt"]),) for setting, _ in trials]
    return results_by_point(ranking(trials), coordinates, "mean", frozenset(diverged))


def trial(opt: str, l2: float, *values: float) -> Trial:
    return {"opt": opt, "l2": l2}, dict(enumerate(values))


def test_trials_that_share_seeds_are_averaged_seed_by_seed() -> None:
    results = means([trial("sgd", 0, 1.0, 2.0, 6.0), trial("sgd", 1, 3.0, 4.0, 8.0)])
    assert results.unit == "seed"
    assert results.points["sgd",].values == (2.0, 3.0, 7.0)


def test_a_seed_that_one_trial_lacks_is_left_out_and_named() -> None:
    results = means([trial("sgd", 0, 1.0, 2.0, 6.0), trial("sgd", 1, 3.0, 4.0)])
    assert results.points["sgd",].values == (2.0, 3.0)
    assert results.notes == (
        "left out of the means: 1 run with seeds that other trials at the same point do not have",
    )


def test_a_diverged_run_takes_its_seed_out_of_the_point() -> None:
    results = means([trial("sgd", 0, 1.0, 2.0, 6.0), trial("sgd", 1, 3.0, 4.0, 8.0)], [102])
    assert results.points["sgd",].values == (2.0, 3.0)
    assert (results.points["sgd",].diverged, results.points["sgd",].runs) == (1, 6)


def test_a_trial_that_diverged_altogether_leaves_the_others_their_seeds() -> None:
    results = means([trial("sgd", 0, 1.0, 2.0), trial("sgd", 1, 3.0, 4.0)], [100, 101])
    assert results.points["sgd",].values == (1.0, 2.0)
    everything = means([trial("sgd", 0, 1.0, 2.0)], [0, 1])
    assert everything.points["sgd",].mean is None
    assert everything.points["sgd",].interval(UNLIMITED) is None


def test_trials_of_one_seed_are_the_sample_themselves() -> None:
    results = means([trial("sgd", 0, 1.0), trial("sgd", 1, 3.0), trial("adam", 0, 5.0)])
    assert results.unit == "trial"
    assert results.points["sgd",].values == (1.0, 3.0)
    assert results.points["adam",].interval(UNLIMITED) is None


def test_an_infinite_loss_is_no_value() -> None:
    results = means([trial("sgd", 0, 1.0, float("inf"), 3.0)])
    assert results.points["sgd",].values == (1.0, 3.0)


@pytest.mark.parametrize("shared", [0.0, 2.0])
def test_intervals_over_seeds_cover_the_mean_in_95_percent(shared: float) -> None:
    """Also where a seed shifts all trials alike, which intervals over the runs would ignore."""
    draw = np.random.default_rng(0)
    covered, simulations = 0, 1500
    for _ in range(simulations):
        seeds = shared * draw.normal(size=5)
        trials = [
            trial("sgd", l2, *(l2 + seeds + draw.normal(size=5))) for l2 in (0.0, 1.0, 2.0, 3.0)
        ]
        bounds = means(trials).points["sgd",].interval(UNLIMITED)
        assert bounds is not None
        covered += bounds[0] <= 1.5 <= bounds[1]
    assert covered / simulations == pytest.approx(0.95, abs=0.02)
