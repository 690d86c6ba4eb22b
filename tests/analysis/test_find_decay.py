"""`find_decay` on histories with a known plateau and on histories without one."""

import math
import random

import pytest

from nnlab.analysis.find_decay import METRIC, find_decay, with_decay
from nnlab.errors import UsageError
from nnlab.records import Curve, History
from nnlab.settings import DataFacts, RunConfig, config_of, default_for_setting, resolve, setting_of
from nnlab.settings.setting_differences import setting_label

SETTING = setting_of(resolve(RunConfig(opt="sgd"), DataFacts("classification")))


def history(losses: list[float]) -> History:
    epochs = tuple(range(1, len(losses) + 1))
    return History({METRIC: Curve(METRIC, epochs, tuple(losses))})


def stalling(at: int, noise: float, seed: int, epochs: int = 60) -> History:
    draw = random.Random(seed)
    return history(
        [math.exp(-0.15 * min(t, at) + draw.gauss(0, noise)) for t in range(1, epochs + 1)]
    )


@pytest.mark.parametrize("at", [8, 15, 25, 40])
@pytest.mark.parametrize("noise", [0.005, 0.02, 0.05])
def test_a_known_change_is_found_within_two_epochs_nearly_always(at: int, noise: float) -> None:
    suggestion = [find_decay(stalling(at, noise, seed), SETTING).epoch for seed in range(20)]
    near = sum(epoch is not None and abs(epoch - at) <= 2 for epoch in suggestion)
    assert near >= 19, suggestion


def test_a_loss_that_falls_to_the_end_has_nothing_to_decay() -> None:
    for seed in range(20):
        draw = random.Random(seed)
        losses = [math.exp(-0.05 * t + draw.gauss(0, 0.02)) for t in range(60)]
        suggestion = find_decay(history(losses), SETTING)
        assert suggestion.epoch is None
        assert not suggestion.proposals
        assert "no decay is needed yet" in suggestion.why


def test_the_proposals_end_as_low_as_one_another() -> None:
    suggestion = find_decay(stalling(15, 0.02, 0), SETTING)
    steps, exp, inverse = suggestion.proposals
    at = [int(part) for part in str(steps.options["decay_at"]).split(",")]
    level = 0.1 ** len(at)
    assert abs(at[0] - 15) <= 2
    assert math.exp(-float(exp.options["decay_rate"] or 0) * 60) == pytest.approx(level, rel=0.1)
    assert 1 / (1 + 60 * float(inverse.options["decay_rate"] or 0)) == pytest.approx(level, rel=0.1)
    assert "noise of" in suggestion.why


def test_a_proposal_makes_a_setting_that_trains() -> None:
    for proposal in find_decay(stalling(15, 0.02, 0), SETTING).proposals:
        setting = with_decay(SETTING, proposal.options)
        assert all(default_for_setting(name, setting)[0] for name in proposal.options)
        config = config_of(setting, 0)
        assert config.decay == proposal.options["decay"]
        assert "decay" in setting_label(setting_of(config), ["decay"])


@pytest.mark.parametrize(
    ("losses", "message"),
    [
        ([1.0] * 5, "5 epochs are too few"),
        ([1.0] * 20 + [math.nan], "not positive and finite"),
        ([0.0] * 20, "not positive and finite"),
    ],
)
def test_what_cannot_be_read_is_said_so(losses: list[float], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        find_decay(history(losses), SETTING)


def test_a_run_that_had_a_decay_is_refused() -> None:
    with pytest.raises(UsageError, match="the run had --decay exp"):
        find_decay(stalling(15, 0.02, 0), {**SETTING, "decay": "exp"})
