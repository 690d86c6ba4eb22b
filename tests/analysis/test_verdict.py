"""The verdict on a study, from runs with known numbers."""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from store.store_fixtures import Lab, finish, make_lab

from nnlab import store
from nnlab.analysis.verdict import StudyVerdict, evaluate_claim
from nnlab.records import Arm, Comparison, Epoch, Objective, Status
from nnlab.stats.claims import Verdict

SEEDS = range(6)
Values = Mapping[str, Sequence[float]]  # of a trial, one a seed


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    made = make_lab(tmp_path / "runs.db")
    yield made
    made.db.close()


def compared(*arms: str, **change: object) -> Comparison:
    given = {"scale": "difference", "above": 0.0, "below": None} | change
    return Comparison("one is higher", "val/loss", "last", arms=arms, **given)  # type: ignore[arg-type]


def answered(
    lab: Lab, arms: Mapping[str, Values], *decides: Comparison, left: int = 0
) -> StudyVerdict:
    """Makes a study whose trials end with these losses, and judges it; `left` stay queued."""
    trials = {digest: values for arm in arms.values() for digest, values in arm.items()}
    study = store.create_study(
        lab.db, name="s", question="?", objective=Objective.parse("val/loss"), space={"lr": (1.0,)},
        seeds=tuple(SEEDS), claim="So it is.",
        arms=[Arm(name, tuple(own)) for name, own in arms.items()], comparisons=decides,
    )  # fmt: skip
    plans = [
        store.RunSpec({"lr": float(n), "objective": "val/loss:min"}, digest, seed, 1)
        for n, digest in enumerate(trials)
        for seed in SEEDS
    ]
    run_ids = store.enqueue(lab.db, study, plans).run_ids
    for run_id, plan in list(zip(run_ids, plans, strict=True))[: len(plans) - left]:
        _train(lab, run_id, trials[plan.digest][plan.seed])
    found = evaluate_claim(lab.db, store.find_study(lab.db, "s"))
    assert found is not None
    return found


def _train(lab: Lab, run_id: int, loss: float) -> None:
    writer = lab.writer([run_id])
    writer.write(Epoch(1, {"val/loss": loss}, 0.1))
    finish(writer, Status.FINISHED if math.isfinite(loss) else Status.DIVERGED)


LOW, HIGH = [0.10, 0.12, 0.11, 0.13, 0.10, 0.12], [0.20, 0.23, 0.22, 0.21, 0.20, 0.24]


def test_the_difference_is_that_of_the_seeds_by_hand(lab: Lab) -> None:
    found = answered(lab, {"a": {"x": HIGH}, "b": {"y": LOW}}, compared("a", "b"))
    (one,) = found.results
    assert found.verdict is Verdict.SUPPORTED
    assert one.test.mean == pytest.approx(0.62 / 6)
    assert one.test.p == 1 / 2**6
    assert one.values == pytest.approx((1.30 / 6, 0.68 / 6))


def test_the_other_way_round_it_is_not_supported(lab: Lab) -> None:
    found = answered(lab, {"a": {"x": HIGH}, "b": {"y": LOW}}, compared("b", "a"))
    assert found.verdict is Verdict.NOT_SUPPORTED


def test_one_comparison_that_fails_refutes_the_claim(lab: Lab) -> None:
    arms = {"a": {"x": HIGH}, "b": {"y": LOW}}
    found = answered(lab, arms, compared("a", "b"), compared("b", "a"))
    assert found.verdict is Verdict.NOT_SUPPORTED


def test_an_arm_is_tuned_by_its_objective_first(lab: Lab) -> None:
    arms = {"a": {"x": HIGH}, "b": {"bad": [9.0] * 6, "good": LOW, "worse": HIGH}}
    found = answered(lab, arms, compared("a", "b"))
    assert found.verdict is Verdict.SUPPORTED
    assert (found.arms["b"].n_trials, found.arms["b"].tuned_values) == (3, "lr=2")


def test_a_trial_that_diverges_on_a_seed_is_not_chosen(lab: Lab) -> None:
    broken = [*LOW[:5], math.nan]
    found = answered(lab, {"a": {"x": broken, "y": HIGH}, "b": {"z": LOW}}, compared("a", "b"))
    assert found.arms["a"].tuned_values == "lr=1"


def test_a_run_that_was_good_before_it_diverged_does_not_speak_for_its_trial(lab: Lab) -> None:
    arms = {"a": {"x": [0.01] * 6, "y": HIGH}, "b": {"z": LOW}}
    answered(lab, arms, compared("a", "b"))
    with lab.db.write() as connection:
        connection.exec_driver_sql("UPDATE run SET status = 'diverged' WHERE id = 1")
    found = evaluate_claim(lab.db, store.find_study(lab.db, "s"))
    assert found is not None
    assert found.arms["a"].tuned_values == "lr=1"


def test_of_trials_that_all_fail_the_one_that_fails_least_is_chosen(lab: Lab) -> None:
    twice, once = [*LOW[:4], math.nan, math.nan], [*HIGH[:5], math.nan]
    found = answered(lab, {"a": {"x": twice, "y": once}, "b": {"z": LOW}}, compared("a", "b"))
    assert found.arms["a"].tuned_values == "lr=1"


def test_seeds_without_a_number_are_left_out_and_counted(lab: Lab) -> None:
    arms = {"a": {"x": [*HIGH[:5], math.nan]}, "b": {"y": LOW}}
    (one,) = answered(lab, arms, compared("a", "b")).results
    assert (one.test.n, one.missing) == (5, 1)


def test_ratios_are_judged_on_the_logarithm_and_told_as_factors(lab: Lab) -> None:
    arms = {"a": {"x": [2 * value for value in LOW]}, "b": {"y": LOW}}
    (one,) = answered(lab, arms, compared("a", "b", scale="ratio", above=1.5)).results
    assert one.test.verdict is Verdict.SUPPORTED
    assert (one.test.mean, one.test.low, one.test.high) == pytest.approx((2.0, 2.0, 2.0))


def test_an_interaction_is_the_difference_of_differences(lab: Lab) -> None:
    arms = {"a": {"x": HIGH}, "b": {"y": LOW}, "c": {"z": LOW}, "d": {"w": LOW}}
    (one,) = answered(lab, arms, compared("a", "b", "c", "d")).results
    assert one.test.mean == pytest.approx(0.62 / 6)
    assert one.test.verdict is Verdict.SUPPORTED


def test_a_spread_is_that_over_the_seeds(lab: Lab) -> None:
    decide = compared("a", scale="spread", above=None, below=0.5)
    found = answered(lab, {"a": {"x": LOW}}, decide)
    assert found.verdict is Verdict.SUPPORTED


def test_while_runs_are_missing_nothing_is_decided(lab: Lab) -> None:
    arms = {"a": {"x": LOW}, "b": {"y": HIGH}}
    found = answered(lab, arms, compared("b", "a"), left=1)
    assert (found.verdict, found.unfinished) == (Verdict.CANNOT_TELL, 1)


def test_a_study_that_claims_nothing_has_no_verdict(lab: Lab) -> None:
    assert evaluate_claim(lab.db, lab.study) is None
