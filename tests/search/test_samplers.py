"""Samplers stay in range, depend on the seed, repeat no trial, and learn from results."""

import math
import sys

import pytest
from search.functions import SPACE, bowl, domains, identity, make_request, search_trials

from nnlab.errors import ConfigError, UsageError
from nnlab.objective import Direction
from nnlab.search import ScoredTrial, check_sampler, next_values
from nnlab.search.domain import domain_contains

ALL = ("random", "sobol", "tpe", "cma-es")


@pytest.mark.parametrize("sampler", ALL)
def test_trials_are_in_the_space_and_unique(sampler: str) -> None:
    trials = search_trials(sampler, make_request(), trials=30, width=5)
    assert len({trial.digest for trial in trials}) == 30
    for trial in trials:
        for name, domain in SPACE.items():
            assert domain_contains(domain, trial.setting[name])
    assert {trial.setting["opt"] for trial in trials} == {"sgd", "adam", "lion"}


@pytest.mark.parametrize("sampler", ALL)
def test_the_seed_decides(sampler: str) -> None:
    first, again, other = (
        search_trials(sampler, make_request(seed=seed), trials=12, width=3) for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


@pytest.mark.parametrize("sampler", ALL)
@pytest.mark.parametrize("stopped", [1, 7, 12])
def test_an_interrupted_search_continues_with_the_same_trials(sampler: str, stopped: int) -> None:
    whole = search_trials(sampler, make_request(), trials=24)
    previous = search_trials(sampler, make_request(), trials=stopped)
    assert search_trials(sampler, make_request(), trials=24, tried=previous) == whole


@pytest.mark.parametrize("sampler", ["random", "sobol"])
def test_trial_by_trial_or_at_once_is_the_same(sampler: str) -> None:
    by_one = search_trials(sampler, make_request(), trials=20)
    assert search_trials(sampler, make_request(), trials=20, width=20) == by_one


@pytest.mark.parametrize("sampler", ["tpe", "cma-es"])
@pytest.mark.parametrize("direction", ["min", "max"])
def test_adaptive_samplers_beat_random_search(sampler: str, direction: Direction) -> None:
    """Total regret after 48 trials over eight seeds, compared with random search."""

    def regret(name: str) -> float:
        requests = [make_request(seed=seed, direction=direction) for seed in range(8)]
        searches = [search_trials(name, request, trials=48, width=4) for request in requests]
        return math.fsum(min(abs(trial.score or 0.0) for trial in trials) for trials in searches)

    assert regret(sampler) < 0.6 * regret("random")


def test_sobol_fills_the_space_evenly() -> None:
    """Each eighth of every range has eight of 64 points."""
    flat = domains(dropout="0..0.8", label_smoothing="0..0.8")
    points = search_values("sobol", flat, 64)
    for name in flat:
        eighths = [min(int(point[name] / 0.1), 7) for point in points]  # type: ignore[operator]
        assert [eighths.count(n) for n in range(8)] == [8] * 8


def search_values(sampler: str, space: object, count: int) -> list[dict[str, object]]:
    proposals = next_values(sampler, make_request(space), (), count)  # type: ignore[arg-type]
    return [dict(values) for values in proposals]


@pytest.mark.parametrize("sampler", ALL)
def test_a_small_space_is_exhausted_without_repetition(sampler: str) -> None:
    small = domains(depth="1..3", width="8..9", opt="sgd,adam")
    tried: tuple[ScoredTrial, ...] = ()
    while proposals := next_values(sampler, make_request(small), tried, 4):
        tried += tuple(ScoredTrial(identity(values), values, 0.0) for values in proposals)
        assert len(tried) <= 12
    assert len(tried) == 12


def test_an_unfinished_trial_is_not_proposed_again() -> None:
    previous = search_trials("tpe", make_request(), trials=12)
    (first,) = next_values("tpe", make_request(), previous, 1)
    (second,) = next_values(
        "tpe", make_request(), (*previous, ScoredTrial(identity(first), first, None)), 1
    )
    assert identity(first) != identity(second)


@pytest.mark.parametrize("sampler", ["tpe", "cma-es"])
def test_failed_regions_are_avoided(sampler: str) -> None:
    """Trials with lr above 0.1, a fifth of the range, fail: random search would have 20 of 100."""
    late = 0
    for seed in range(5):
        request, tried = make_request(seed=seed), tuple[ScoredTrial, ...]()
        while len(tried) < 60:
            for values in next_values(sampler, request, tried, 1):
                fails = values["lr"] > 0.1  # type: ignore[operator]
                late += fails and len(tried) >= 40
                tried += (
                    ScoredTrial(identity(values), values, math.nan if fails else bowl(values)),
                )
    assert late <= 14


def test_cma_es_needs_two_ranges() -> None:
    with pytest.raises(ConfigError, match="at least two ranges"):
        check_sampler("cma-es", domains(lr="1e-4..1", opt="sgd,adam"))


@pytest.mark.parametrize("missing", ["optuna", "cmaes"])
def test_without_optuna_it_says_what_to_install(
    missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    for sampler in ("tpe", "cma-es"):
        with pytest.raises(UsageError, match="needs Optuna") as caught:
            check_sampler(sampler, SPACE)
        assert caught.value.hint == "pip install nnlab[optuna]"
    check_sampler("random", SPACE)
    check_sampler("sobol", SPACE)
