"""Pruners: hand-computed cases, and Optuna's decisions on the same curves."""

import math
from collections.abc import Sequence

import optuna
import pytest

from nnlab.objective import Objective
from nnlab.search.pruners import PRUNERS, PeerRun, PrunerRequest, is_decision_epoch

LOW = Objective.parse("val/loss:min")
HIGH = Objective.parse("val/accuracy:max")


def standing(
    values: Sequence[float],
    rivals: Sequence[float],
    *,
    objective: Objective = LOW,
    planned: int = 27,
    complete: bool = True,
) -> PrunerRequest:
    return PrunerRequest(
        objective,
        len(values),
        planned,
        values,
        [PeerRun(value, complete) for value in rivals],
        len(rivals) if complete else 0,
    )


FIVE = (0.2, 0.3, 0.4, 0.5, 0.6)


def test_median_ends_a_run_worse_than_the_median() -> None:
    assert PRUNERS["median"](standing([0.9, 0.41], FIVE)) == (
        "pruned at epoch 2: val/loss 0.41 is above the median 0.4 of 5 trials at that epoch"
    )
    assert PRUNERS["median"](standing([0.9, 0.4], FIVE)) is None
    # Its best counts, not its last.
    assert PRUNERS["median"](standing([0.3, 0.8], FIVE)) is None
    reason = PRUNERS["median"](standing([0.41, 0.8], FIVE))
    assert reason is not None
    assert "val/loss 0.41 at best is above the median" in reason
    assert PRUNERS["median"](standing([0.5], FIVE, objective=HIGH)) is None
    reason = PRUNERS["median"](standing([0.3], FIVE, objective=HIGH))
    assert reason is not None
    assert "is below the median 0.4" in reason


def test_median_waits_for_five_trials_that_have_ended() -> None:
    assert PRUNERS["median"](standing([9.0], FIVE[:4])) is None
    assert PRUNERS["median"](standing([9.0], FIVE, complete=False)) is None
    assert PRUNERS["median"](standing([math.nan], FIVE)) == (
        "pruned at epoch 1: val/loss is not a number"
    )


def test_asha_continues_a_third() -> None:
    nine = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
    assert PRUNERS["asha"](standing([0.25], nine)) is None  # third of nine
    assert PRUNERS["asha"](standing([0.35], nine)) == (
        "pruned at epoch 1: val/loss 0.35 is above 0.3, the last of the best 3 of 9 trials at"
        " that epoch"
    )
    assert PRUNERS["asha"](standing([9.0, 9.0], nine)) is None  # no rung
    assert PRUNERS["asha"](standing([9.0] * 3, nine)) is not None
    assert PRUNERS["asha"](standing([9.0], ())) is None  # the first run at a rung continues
    assert PRUNERS["asha"](standing([math.nan], ())) is not None


def test_asha_decides_at_rungs_only() -> None:
    assert [n for n in range(1, 28) if is_decision_epoch("asha", n, 27)] == [1, 3, 9, 27]
    assert [n for n in range(1, 101) if is_decision_epoch("asha", n, 100)] == [3, 9, 27, 81]
    assert all(is_decision_epoch("median", n, 27) for n in range(1, 28))


def curves() -> list[list[float]]:
    """Twelve losses over nine epochs that cross each other."""
    return [
        [1.0 / (1 + 0.2 * epoch * (1 + trial % 5)) + 0.07 * ((trial * 7 + epoch * 3) % 11)
         for epoch in range(9)]
        for trial in range(12)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("median", optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=0)),
        (
            "asha",
            optuna.pruners.SuccessiveHalvingPruner(
                min_resource=1, reduction_factor=3, min_early_stopping_rate=0
            ),
        ),
    ],
)
def test_decisions_equal_those_of_optuna(name: str, theirs: optuna.pruners.BasePruner) -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(direction="minimize", pruner=theirs)
    ours: list[list[float]] = []
    ended: list[bool] = []
    decisions = []
    for curve in curves():
        trial = study.ask()
        seen: list[float] = []
        pruned = False
        for epoch, value in enumerate(curve[:-1], start=1):
            seen.append(value)
            trial.report(value, epoch)
            rivals = [
                PeerRun(other[epoch - 1], complete)
                for other, complete in zip(ours, ended, strict=True)
                if len(other) >= epoch
            ]
            reason = PRUNERS[name](PrunerRequest(LOW, epoch, 9, tuple(seen), rivals, sum(ended)))
            assert (reason is not None) == trial.should_prune(), (len(ours), epoch)
            if reason is not None:
                pruned = True
                break
        decisions.append(pruned)
        if pruned:
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        else:
            seen.append(curve[-1])
            study.tell(trial, curve[-1])
        ours.append(seen)
        ended.append(not pruned)
    assert True in decisions
    assert False in decisions
