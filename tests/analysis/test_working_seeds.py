"""Every number and sentence about a trial with collapsed seeds is about the seeds that work."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean

import pytest

from nnlab import store
from nnlab.analysis.ranking import rank
from nnlab.analysis.records import Ranking
from nnlab.analysis.scope import Scope
from nnlab.analysis.significance import describe_test
from nnlab.analysis.trial_diff import describe_difference
from nnlab.records import Curve
from nnlab.stats.comparison import PairedTest

# Validation accuracies of the seeds 0 to 7; chance level is 0.1.
GOOD = (0.911, 0.92, 0.923, 0.92, 0.912, 0.925, 0.921, 0.91)
TWO_COLLAPSE = (0.90, 0.1, 0.92, 0.91, 0.1, 0.92, 0.91, 0.89)
ONE_WORKS = (0.1, 0.1, 0.1, 0.91, 0.1, 0.1, 0.1, 0.1)
TEST_GAP = 0.05


def ranking_of(folder: Path, trials: Mapping[str, Sequence[float]]) -> Ranking:
    """The ranking of trials with these validation accuracies; collapsed seeds end at epoch 1."""
    db = store.open_database(str(folder / "runs.db"), write=True, create=True)
    study = store.create_study(db, name="s", question="", objective=None, space=None, seeds=())
    for name, values in trials.items():
        setting = {"opt": name, "data": "digits", "objective": "val/accuracy:max"}
        plans = [store.RunSpec(setting, name, seed, 4) for seed in range(len(values))]
        for run_id, value in zip(store.enqueue(db, study, plans).run_ids, values, strict=True):
            epoch = 4 if value > 0.5 else 1
            accuracies = [value if e >= epoch else 0.05 for e in range(1, 5)]
            store.import_curves(
                db,
                run_id,
                [
                    Curve("val/accuracy", (1, 2, 3, 4), tuple(accuracies)),
                    Curve("test/accuracy", (epoch,), (value - TEST_GAP,)),
                ],
            )
            with db.write() as connection:
                connection.exec_driver_sql(
                    "UPDATE run SET selected_epoch = ?, data_fingerprint = 'f',"
                    " status = 'finished' WHERE id = ?",
                    (epoch, run_id),
                )
    return rank(db, Scope("all"))


@pytest.fixture
def ranking(tmp_path: Path) -> Ranking:
    return ranking_of(tmp_path, {"adam": GOOD, "sgd": TWO_COLLAPSE, "lion": ONE_WORKS})


def test_test_values_and_epochs_are_those_of_the_seeds_that_work(ranking: Ranking) -> None:
    _, two_collapse, one_works = ranking.rows
    assert two_collapse.working_seeds == (6, 8)
    working = [value for value in TWO_COLLAPSE if value > 0.5]
    assert two_collapse.value.mean == pytest.approx(mean(working))
    assert two_collapse.test is not None
    assert two_collapse.test.n == 6
    assert two_collapse.test.mean == pytest.approx(mean(working) - TEST_GAP)
    assert one_works.test is not None
    assert (one_works.test.n, one_works.epoch, one_works.test_epoch) == (1, 4, 4)
    assert one_works.runs[3] in one_works.working_runs
    assert len(one_works.working_runs) == 1


def test_collapsed_seeds_are_no_missing_seeds(ranking: Ranking) -> None:
    assert not any("unequal numbers of seeds" in note for note in ranking.notes)
    assert any("#2 (6 of 8 seeds work), #3 (1 of 8 seeds work)" in note for note in ranking.notes)


def test_the_notes_name_the_test_that_decided(ranking: Ranking, tmp_path: Path) -> None:
    by_success = "Fisher's exact test of the numbers of seeds that work"
    name = describe_test(PairedTest.T, 3, ranking.rows)
    assert name == f"moderated paired t test, corrected for 3 trials; {by_success}"
    (tmp_path / "two").mkdir()
    two = ranking_of(tmp_path / "two", {"adam": GOOD, "lion": ONE_WORKS})
    assert f"the best is significantly different from every other trial ({by_success})" in two.notes
    assert "effect: 8 of 8 seeds of #1 work, 1 of 8 seeds of #2" in describe_difference([two])


def test_a_best_trial_with_a_worse_mean_is_not_called_better(tmp_path: Path) -> None:
    better = tuple(value + 0.03 if value > 0.5 else value for value in TWO_COLLAPSE)
    lines = describe_difference([ranking_of(tmp_path, {"adam": GOOD, "sgd": better})])
    assert "effect: #1 is worse by 0.0" in lines[1]
    assert "sd of the differences; 6 shared seeds" in lines[1]
    assert lines[2].startswith("verdict: cannot tell; more seeds of #1 work")


def test_equal_trials_are_called_equal(tmp_path: Path) -> None:
    lines = describe_difference([ranking_of(tmp_path, {"adam": GOOD, "sgd": GOOD})])
    assert lines[1].startswith("effect: #1 is equal to #2 in val/accuracy (no interval")
