"""Verdicts on claims, computed from runs with known values."""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from store.store_fixtures import StoreHarness, finish, make_harness

from nnlab import store
from nnlab.analysis.verdict import StudyVerdict, evaluate_claim
from nnlab.records import Arm, Comparison, Epoch, Objective, Status
from nnlab.stats.claims import Verdict

SEEDS = range(6)
Values = Mapping[str, Sequence[float]]  # of a trial, one a seed


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[StoreHarness]:
    new_harness = make_harness(tmp_path / "runs.db")
    yield new_harness
    new_harness.db.close()


def compared(*arms: str, **change: object) -> Comparison:
    given = {"scale": "difference", "above": 0.0, "below": None} | change
    return Comparison("one is higher", "val/loss", "last", arms=arms, **given)  # type: ignore[arg-type]


def answered(
    harness: StoreHarness, arms: Mapping[str, Values], *decides: Comparison, left: int = 0
) -> StudyVerdict:
    """Makes a study whose trials end with these losses, and judges it; `left` stay queued."""
    trials = {digest: values for arm in arms.values() for digest, values in arm.items()}
    study = store.create_study(
        harness.db, name="s", question="?",
        objective=Objective.parse("val/loss"), space={"lr": (1.0,)},
        seeds=tuple(SEEDS), claim="So it is.",
        arms=[Arm(name, tuple(own)) for name, own in arms.items()], comparisons=decides,
    )  # fmt: skip
    plans = [
        store.RunSpec({"lr": float(n), "objective": "val/loss:min"}, digest, seed, 1)
        for n, digest in enumerate(trials)
        for seed in SEEDS
    ]
    run_ids = store.enqueue(harness.db, study, plans).run_ids
    for run_id, plan in list(zip(run_ids, plans, strict=True))[: len(plans) - left]:
        _train(harness, run_id, trials[plan.digest][plan.seed])
    study_verdict = evaluate_claim(harness.db, store.find_study(harness.db, "s"))
    assert study_verdict is not None
    return study_verdict


def _train(harness: StoreHarness, run_id: int, loss: float) -> None:
    writer = harness.writer([run_id])
    writer.write(Epoch(1, {"val/loss": loss}, 0.1))
    finish(writer, Status.FINISHED if math.isfinite(loss) else Status.DIVERGED)


LOW, HIGH = [0.10, 0.12, 0.11, 0.13, 0.10, 0.12], [0.20, 0.23, 0.22, 0.21, 0.20, 0.24]


def test_the_difference_is_that_of_the_seeds_by_hand(harness: StoreHarness) -> None:
    study_verdict = answered(harness, {"a": {"x": HIGH}, "b": {"y": LOW}}, compared("a", "b"))
    (comparison,) = study_verdict.results
    assert study_verdict.verdict is Verdict.SUPPORTED
    assert comparison.test.mean == pytest.approx(0.62 / 6)
    assert comparison.test.p == 1 / 2**6
    assert comparison.values == pytest.approx((1.30 / 6, 0.68 / 6))


def test_the_other_way_round_it_is_not_supported(harness: StoreHarness) -> None:
    study_verdict = answered(harness, {"a": {"x": HIGH}, "b": {"y": LOW}}, compared("b", "a"))
    assert study_verdict.verdict is Verdict.NOT_SUPPORTED


def test_one_comparison_that_fails_refutes_the_claim(harness: StoreHarness) -> None:
    arms = {"a": {"x": HIGH}, "b": {"y": LOW}}
    study_verdict = answered(harness, arms, compared("a", "b"), compared("b", "a"))
    assert study_verdict.verdict is Verdict.NOT_SUPPORTED


def test_an_arm_is_tuned_by_its_objective_first(harness: StoreHarness) -> None:
    arms = {"a": {"x": HIGH}, "b": {"bad": [9.0] * 6, "good": LOW, "worse": HIGH}}
    study_verdict = answered(harness, arms, compared("a", "b"))
    assert study_verdict.verdict is Verdict.SUPPORTED
    assert (study_verdict.arms["b"].n_trials, study_verdict.arms["b"].tuned_values) == (3, "lr=2")


def test_a_trial_that_diverges_on_a_seed_is_not_chosen(harness: StoreHarness) -> None:
    broken = [*LOW[:5], math.nan]
    study_verdict = answered(
        harness, {"a": {"x": broken, "y": HIGH}, "b": {"z": LOW}}, compared("a", "b")
    )
    assert study_verdict.arms["a"].tuned_values == "lr=1"


def test_a_run_that_was_good_before_it_diverged_does_not_speak_for_its_trial(
    harness: StoreHarness,
) -> None:
    arms = {"a": {"x": [0.01] * 6, "y": HIGH}, "b": {"z": LOW}}
    answered(harness, arms, compared("a", "b"))
    with harness.db.write() as connection:
        connection.exec_driver_sql("UPDATE run SET status = 'diverged' WHERE id = 1")
    study_verdict = evaluate_claim(harness.db, store.find_study(harness.db, "s"))
    assert study_verdict is not None
    assert study_verdict.arms["a"].tuned_values == "lr=1"


def test_of_trials_that_all_fail_the_one_that_fails_least_is_chosen(harness: StoreHarness) -> None:
    twice, once = [*LOW[:4], math.nan, math.nan], [*HIGH[:5], math.nan]
    study_verdict = answered(
        harness, {"a": {"x": twice, "y": once}, "b": {"z": LOW}}, compared("a", "b")
    )
    assert study_verdict.arms["a"].tuned_values == "lr=1"


def test_seeds_without_a_number_are_left_out_and_counted(harness: StoreHarness) -> None:
    arms = {"a": {"x": [*HIGH[:5], math.nan]}, "b": {"y": LOW}}
    (comparison,) = answered(harness, arms, compared("a", "b")).results
    assert (comparison.test.n, comparison.missing) == (5, 1)


def test_ratios_are_judged_on_the_logarithm_and_told_as_factors(harness: StoreHarness) -> None:
    arms = {"a": {"x": [2 * value for value in LOW]}, "b": {"y": LOW}}
    (comparison,) = answered(harness, arms, compared("a", "b", scale="ratio", above=1.5)).results
    assert comparison.test.verdict is Verdict.SUPPORTED
    assert (comparison.test.mean, comparison.test.low, comparison.test.high) == pytest.approx(
        (2.0, 2.0, 2.0)
    )


def test_an_interaction_is_the_difference_of_differences(harness: StoreHarness) -> None:
    arms = {"a": {"x": HIGH}, "b": {"y": LOW}, "c": {"z": LOW}, "d": {"w": LOW}}
    (comparison,) = answered(harness, arms, compared("a", "b", "c", "d")).results
    assert comparison.test.mean == pytest.approx(0.62 / 6)
    assert comparison.test.verdict is Verdict.SUPPORTED


def test_a_spread_is_that_over_the_seeds(harness: StoreHarness) -> None:
    decide = compared("a", scale="spread", above=None, below=0.5)
    study_verdict = answered(harness, {"a": {"x": LOW}}, decide)
    assert study_verdict.verdict is Verdict.SUPPORTED


def test_a_comparison_that_does_not_decide_has_its_own_verdict_only(harness: StoreHarness) -> None:
    arms = {"a": {"x": HIGH}, "b": {"y": LOW}}
    study_verdict = answered(harness, arms, compared("a", "b"), compared("b", "a", decides=False))
    assert study_verdict.verdict is Verdict.SUPPORTED
    assert [result.test.verdict for result in study_verdict.results] == [
        Verdict.SUPPORTED,
        Verdict.NOT_SUPPORTED,
    ]


def test_a_rank_correlation_is_over_all_trials_within_each_seed(harness: StoreHarness) -> None:
    """The loss of trial n is n + 1, so it is perfectly correlated with itself, and with lr."""
    trials = {f"t{n}": [float(n + 1)] * 6 for n in range(5)}
    trials["diverged"] = [math.nan] * 6
    decide = compared(
        "a", scale="correlation", above=0.5, other_metric="val/loss", other_at="first"
    )
    (result,) = answered(harness, {"a": trials}, decide).results
    assert (result.test.verdict, result.test.n, result.missing) == (Verdict.SUPPORTED, 6, 0)
    assert (result.test.mean, result.test.high) == pytest.approx((1.0, 1.0))
    assert result.values == ()


def test_a_rank_correlation_of_equal_values_is_missing(harness: StoreHarness) -> None:
    trials = {f"t{n}": [1.0] * 6 for n in range(5)}
    decide = compared("a", scale="correlation", other_metric="val/loss", other_at="last")
    (result,) = answered(harness, {"a": trials}, decide).results
    assert (result.test.verdict, result.test.n, result.missing) == (Verdict.CANNOT_TELL, 0, 6)


def test_while_runs_are_missing_nothing_is_decided(harness: StoreHarness) -> None:
    arms = {"a": {"x": LOW}, "b": {"y": HIGH}}
    study_verdict = answered(harness, arms, compared("b", "a"), left=1)
    assert (study_verdict.verdict, study_verdict.unfinished) == (Verdict.CANNOT_TELL, 1)


def test_a_study_that_claims_nothing_has_no_verdict(harness: StoreHarness) -> None:
    assert evaluate_claim(harness.db, harness.study) is None
