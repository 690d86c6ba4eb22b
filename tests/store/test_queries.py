"""Queries of the store."""

import math
from collections.abc import Callable
from dataclasses import FrozenInstanceError

import pytest
from sqlalchemy import insert, update
from store.store_fixtures import StoreHarness, finish

from nnlab import store
from nnlab.errors import UnknownName, UsageError
from nnlab.records import Epoch, History, Run, Status
from nnlab.store import tables


def numbers(runs: tuple[Run, ...]) -> list[int]:
    return [run.id for run in runs]


def test_runs_are_chosen_by_all_that_is_given(harness: StoreHarness) -> None:
    harness.queue(4)
    harness.train(2, 0.5)
    harness.train(4, 0.5)
    other = store.create_study(
        harness.db, name="other", question="", objective=None, space=None, seeds=()
    )
    tagged = store.RunSpec({"lr": 1.0}, "d", 0, 3, None, ("night", "gpu"))
    store.enqueue(harness.db, other, [tagged])
    assert numbers(store.runs(harness.db)) == [1, 2, 3, 4, 5]
    assert numbers(store.runs(harness.db, study=harness.study.id)) == [1, 2, 3, 4]
    assert numbers(store.runs(harness.db, run_ids=[4, 2, 77])) == [2, 4]
    assert numbers(store.runs(harness.db, run_ids=[])) == []
    assert numbers(store.runs(harness.db, status=Status.FINISHED)) == [2, 4]
    assert numbers(store.runs(harness.db, tag="gpu")) == [5]
    assert numbers(store.runs(harness.db, tag="gp")) == []
    assert numbers(store.runs(harness.db, limit=2, newest_first=True)) == [5, 4]
    assert numbers(store.runs(harness.db, limit=0)) == []
    assert numbers(
        store.runs(harness.db, study=harness.study.id, status=Status.QUEUED, limit=1)
    ) == [1]


def test_a_run_is_frozen_and_its_setting_is_a_mapping(harness: StoreHarness) -> None:
    harness.queue()
    (run,) = store.runs(harness.db)
    with pytest.raises(FrozenInstanceError):
        run.seed = 7  # type: ignore[misc]
    assert run.trial.setting == {"lr": 0.1, "opt": "sgd"}
    assert dict(run.trial.setting) == {"lr": 0.1, "opt": "sgd"}
    assert (len(run.trial.setting), "lr" in run.trial.setting) == (2, True)
    assert run.trial.setting.get("depth") is None
    assert run == store.runs(harness.db)[0]
    assert hash(run.trial) == hash(store.runs(harness.db)[0].trial)
    assert "'lr': 0.1" in repr(run)


def test_runs_are_found_by_number_and_name(harness: StoreHarness) -> None:
    store.enqueue(harness.db, harness.study, harness.plans(1, (0, 1), name="base"))
    store.enqueue(harness.db, harness.study, harness.plans(2)[1:])
    assert numbers(store.find_runs(harness.db, ["3", "#1"])) == [3, 1]
    assert numbers(store.find_runs(harness.db, ["base", "1"])) == [1, 2]
    store.enqueue(harness.db, harness.study, harness.plans(1, (0,), name="base"), repeat=True)
    assert numbers(store.find_runs(harness.db, ["base"])) == [2, 4]
    assert numbers(store.find_runs(harness.db, ["1"])) == [1]
    assert store.run_names(harness.db) == ("base",)


def test_a_number_that_is_also_a_name_is_ambiguous(harness: StoreHarness) -> None:
    store.enqueue(harness.db, harness.study, harness.plans(1))
    store.enqueue(harness.db, harness.study, harness.plans(2, name="1")[1:])
    store.enqueue(harness.db, harness.study, harness.plans(3, name="9")[2:])
    with pytest.raises(UsageError, match=r"'1' is ambiguous: .* run 1 and the name of run 2") as at:
        store.find_runs(harness.db, ["1"])
    assert at.value.hint == "'#1' is run 1; name the other by its own number"
    assert numbers(store.find_runs(harness.db, ["#1"])) == [1]
    assert numbers(store.find_runs(harness.db, ["2"])) == [2]
    assert numbers(store.find_runs(harness.db, ["9"])) == [3]  # there is no run 9
    assert store.run_id_by_number(harness.db, "#1") == 1
    assert store.run_id_by_number(harness.db, "9") is None


@pytest.mark.parametrize("ref", ["9", "#9", "bass", "", "1.5", "9" * 40, "\N{SUPERSCRIPT TWO}"])
def test_unknown_runs_list_what_there_is(harness: StoreHarness, ref: str) -> None:
    store.enqueue(harness.db, harness.study, harness.plans(3, name="base"))
    with pytest.raises(UnknownName) as caught:
        store.find_runs(harness.db, [ref])
    assert "1 to 3" in caught.value.message
    assert "base" in caught.value.message


def test_histories_come_for_many_runs_and_some_metrics(harness: StoreHarness) -> None:
    run_ids = harness.queue(3)
    for run_id in run_ids[:2]:
        writer = harness.writer([run_id])
        writer.write(Epoch(1, {"val/loss": 0.5, "lr": 0.1}, 0.1))
        writer.write(Epoch(2, {"val/loss": math.nan, "lr": 0.2}, 0.1))
        finish(writer)
    histories = store.histories(harness.db, run_ids)
    assert histories[3] == History({})
    assert histories[1].metrics == ("lr", "val/loss")
    assert histories[2]["lr"].epochs == (1, 2)
    assert histories[2]["lr"].values == (0.1, 0.2)
    assert math.isnan(histories[1]["val/loss"].values[1])
    assert store.histories(harness.db, run_ids, ["lr"])[1].metrics == ("lr",)
    assert store.summaries(harness.db, run_ids, ["lr"]).keys() == {1, 2}
    assert store.histories(harness.db, []) == {}


def test_histories_of_more_runs_than_one_query_takes(harness: StoreHarness) -> None:
    run_ids = harness.queue(1203)
    with harness.db.write() as connection:
        connection.exec_driver_sql("INSERT INTO metric (name, direction) VALUES ('lr', 'min')")
        connection.execute(
            insert(tables.point),
            [{"run_id": n, "metric_id": 1, "epoch": 1, "value": n / 2} for n in run_ids],
        )
    histories = store.histories(harness.db, run_ids)
    assert [histories[number]["lr"].values for number in run_ids] == [(n / 2,) for n in run_ids]


def test_counts_go_by_scope(harness: StoreHarness) -> None:
    run_ids = harness.queue(3, (0, 1))
    harness.train(run_ids[0], 0.5)
    assert store.count_runs(harness.db) == {Status.FINISHED: 1, Status.QUEUED: 5}
    assert store.count_runs(harness.db, study_ids=[99]) == {}
    assert store.count_runs(harness.db, run_ids=run_ids[:2]) == {
        Status.FINISHED: 1,
        Status.QUEUED: 1,
    }
    assert store.count_trials(harness.db) == 1  # only those that have an epoch
    harness.train(run_ids[1], 0.4)
    assert store.count_trials(harness.db) == 2
    assert store.count_trials(harness.db, study_ids=[harness.study.id], metric="val/loss") == 2
    assert store.count_trials(harness.db, metric="val/nothing") == 0
    assert store.count_trials(harness.db, run_ids=[]) == 0
    assert store.all_studies(harness.db) == (harness.study,)


@pytest.mark.parametrize(
    "read",
    [
        store.study_overviews,
        store.runs,
        store.metrics,
        store.run_names,
        store.find_problems,
        lambda db: store.findings(db, []),
        lambda db: store.attempts(db, 1),
        lambda db: store.artifacts(db, 1),
        lambda db: store.rank_trials(db, metric="val/loss", direction="min"),
    ],
)
def test_an_empty_lab_answers_with_nothing(
    tmp_path_factory: pytest.TempPathFactory, read: Callable[[store.Database], object]
) -> None:
    path = tmp_path_factory.mktemp("empty") / "runs.db"
    db = store.open_database(str(path), write=True, create=True)
    assert not read(db)
    db.close()


def test_the_distinct_data_of_runs_and_trials_whose_data_changes(harness: StoreHarness) -> None:
    run_ids = harness.queue(trials=2, seeds=(0, 1))
    for run_id in run_ids[:3]:
        harness.train(run_id, 0.5)
    trials = [run.trial.id for run in store.runs(harness.db, run_ids=run_ids)]
    with harness.db.write() as connection:
        for run_id, fingerprint in zip(run_ids[:2], ("a", "b"), strict=True):
            connection.execute(
                update(tables.run)
                .where(tables.run.c.id == run_id)
                .values(data_fingerprint=fingerprint)
            )
    expected = {
        (run_ids[0], trials[0], "a"),
        (run_ids[1], trials[1], "b"),
        (run_ids[2], trials[2], None),
    }
    assert set(store.distinct_data(harness.db)) == expected
    assert set(store.distinct_data(harness.db, study_ids=[harness.study.id])) == expected
    assert store.distinct_data(harness.db, run_ids=[]) == ()
    assert [run.run_id for run in store.data_of_runs(harness.db, run_ids=run_ids)] == sorted(
        run_ids
    )
    assert store.seeds_with_changing_data(harness.db, run_ids) == {}
    with harness.db.write() as connection:
        connection.execute(
            update(tables.run).where(tables.run.c.id == run_ids[2]).values(data_fingerprint="c")
        )
    assert store.seeds_with_changing_data(harness.db, run_ids) == {trials[0]: (0, 1)}
    fields = store.trial_fields(harness.db, ["opt", "nothing"], study_ids=[harness.study.id])
    assert fields == dict.fromkeys(trials, ("sgd", None))
    selected = store.values_at_selected_epoch(harness.db, run_ids, "val/loss")
    assert selected == dict.fromkeys(run_ids[:3], (1, 0.5))
