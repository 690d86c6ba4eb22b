"""Samplers: in range, the same for a seed, none twice, better than chance where they learn."""

import math
import sys

import pytest
from search.functions import SPACE, bowl, domains, identity, question, searched

from nnlab.errors import ConfigError, UsageError
from nnlab.objective import Direction
from nnlab.search import ScoredTrial, check_sampler, next_values
from nnlab.search.domain import domain_contains

ALL = ("random", "sobol", "tpe", "cma-es")


@pytest.mark.parametrize("sampler", ALL)
def test_what_is_tried_lies_in_the_space_and_is_tried_once(sampler: str) -> None:
    found = searched(sampler, question(), trials=30, width=5)
    assert len({one.digest for one in found}) == 30
    for one in found:
        for name, domain in SPACE.items():
            assert domain_contains(domain, one.setting[name])
    assert {one.setting["opt"] for one in found} == {"sgd", "adam", "lion"}


@pytest.mark.parametrize("sampler", ALL)
def test_the_seed_decides(sampler: str) -> None:
    first, again, other = (
        searched(sampler, question(seed=seed), trials=12, width=3) for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


@pytest.mark.parametrize("sampler", ALL)
@pytest.mark.parametrize("stopped", [1, 7, 12])
def test_who_is_stopped_asks_for_what_it_would_have_asked_for(sampler: str, stopped: int) -> None:
    whole = searched(sampler, question(), trials=24)
    begun = searched(sampler, question(), trials=stopped)
    assert searched(sampler, question(), trials=24, tried=begun) == whole


@pytest.mark.parametrize("sampler", ["random", "sobol"])
def test_trial_by_trial_or_at_once_is_the_same(sampler: str) -> None:
    by_one = searched(sampler, question(), trials=20)
    assert searched(sampler, question(), trials=20, width=20) == by_one


@pytest.mark.parametrize("sampler", ["tpe", "cma-es"])
@pytest.mark.parametrize("direction", ["min", "max"])
def test_who_learns_beats_chance(sampler: str, direction: Direction) -> None:
    """Mean regret after 48 trials over eight seeds, against random search's."""

    def regret(name: str) -> float:
        asked = [question(seed=seed, direction=direction) for seed in range(8)]
        found = [searched(name, one, trials=48, width=4) for one in asked]
        return math.fsum(min(abs(one.score or 0.0) for one in tried) for tried in found)

    assert regret(sampler) < 0.6 * regret("random")


def test_sobol_fills_the_space_more_evenly_than_chance() -> None:
    """Of 64 points each eighth of every range has eight."""
    flat = domains(dropout="0..0.8", label_smoothing="0..0.8")
    found = searched_values("sobol", flat, 64)
    for name in flat:
        eighths = [min(int(value[name] / 0.1), 7) for value in found]  # type: ignore[operator]
        assert [eighths.count(n) for n in range(8)] == [8] * 8


def searched_values(sampler: str, space: object, count: int) -> list[dict[str, object]]:
    found = next_values(sampler, question(space), (), count)  # type: ignore[arg-type]
    return [dict(values) for values in found]


@pytest.mark.parametrize("sampler", ALL)
def test_a_small_space_is_tried_whole_and_then_nothing(sampler: str) -> None:
    small = domains(depth="1..3", width="8..9", opt="sgd,adam")
    tried: tuple[ScoredTrial, ...] = ()
    while found := next_values(sampler, question(small), tried, 4):
        tried += tuple(ScoredTrial(identity(v), v, 0.0) for v in found)
        assert len(tried) <= 12
    assert len(tried) == 12


def test_a_trial_on_the_way_is_not_asked_for_again() -> None:
    begun = searched("tpe", question(), trials=12)
    (first,) = next_values("tpe", question(), begun, 1)
    (second,) = next_values(
        "tpe", question(), (*begun, ScoredTrial(identity(first), first, None)), 1
    )
    assert identity(first) != identity(second)


@pytest.mark.parametrize("sampler", ["tpe", "cma-es"])
def test_what_failed_or_was_pruned_is_stayed_away_from(sampler: str) -> None:
    """All of lr above 0.1, a fifth of the range, fails: of 5 x 20 late trials 20 by chance."""
    late = 0
    for seed in range(5):
        asked, tried = question(seed=seed), tuple[ScoredTrial, ...]()
        while len(tried) < 60:
            for values in next_values(sampler, asked, tried, 1):
                fails = values["lr"] > 0.1  # type: ignore[operator]
                late += fails and len(tried) >= 40
                tried += (
                    ScoredTrial(identity(values), values, math.nan if fails else bowl(values)),
                )
    assert late <= 14


def test_cma_es_wants_two_ranges() -> None:
    with pytest.raises(ConfigError, match="at least two ranges"):
        check_sampler("cma-es", domains(lr="1e-4..1", opt="sgd,adam"))


@pytest.mark.parametrize("missing", ["optuna", "cmaes"])
def test_without_optuna_it_says_what_to_install(
    missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    for sampler in ("tpe", "cma-es"):
        with pytest.raises(UsageError, match="needs Optuna") as told:
            check_sampler(sampler, SPACE)
        assert told.value.hint == "pip install nnlab[optuna]"
    check_sampler("random", SPACE)
    check_sampler("sobol", SPACE)
