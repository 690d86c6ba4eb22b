"""Runs of other programs in the store: samples, points, settings, results and sources."""

import math
from datetime import UTC, datetime

import pytest
from store.store_fixtures import StoreHarness

from nnlab import store
from nnlab.errors import LeaseLost, UsageError
from nnlab.records import Objective, Origin, Run, Sample, Source, SourceNote, Status
from nnlab.store import SampleCall


def create(harness: StoreHarness, **changes: object) -> Run:
    values = {
        "study": "lm",
        "setting": {"lr": 3e-4, "model.layers": 12},
        "nested_setting": {"lr": 3e-4, "model": {"layers": 12}},
        "origin": Origin.RECORDED,
        "objective": Objective.parse("val/loss"),
        **changes,
    }
    return store.create_external_run(harness.worker, store.ExternalRunSpec(**values))  # type: ignore[arg-type]


def claimed(harness: StoreHarness, run: Run) -> store.Claim:
    claim = harness.claim([run.id])
    assert claim is not None
    return claim


def test_a_recorded_run_has_its_samples_and_its_points(harness: StoreHarness) -> None:
    run = create(harness)
    writer = store.SampleWriter(harness.worker, run.id, claim=claimed(harness, run))
    writer.begin(None)
    for step in range(1, 5):
        writer.log([Sample("train/loss", 1 / step, step=step, time=1e9 + step)])
    writer.log([Sample("val/loss", math.nan, step=4), Sample("val/acc", math.inf, step=4)])
    writer.complete_points()
    writer.finish(Status.FINISHED, wall_seconds=2.0, selected_epoch=4)
    (stored,) = store.runs(harness.db, run_ids=[run.id])
    assert (stored.status, stored.origin, stored.axis) == (Status.FINISHED, Origin.RECORDED, "step")
    assert (stored.epochs, stored.selected_epoch, stored.seed) == (4, 4, None)
    samples = store.samples(harness.db, run.id)
    assert samples[1] == (1, Sample("train/loss", 0.5, step=2, epoch=None, time=1e9 + 2))
    assert [seq for seq, _ in samples] == [0, 1, 2, 3, 4, 4]
    history = store.history(harness.db, run.id)
    assert dict(history["train/loss"]) == {4: pytest.approx((1 + 1 / 2 + 1 / 3 + 1 / 4) / 4)}
    assert math.isnan(history["val/loss"].values[0])
    assert history["val/acc"].values == (math.inf,)
    assert store.find_problems(harness.db) == []
    assert store.nested_settings(harness.db, [run.trial.id]) == {
        run.trial.id: {"lr": 3e-4, "model": {"layers": 12}}
    }


def test_a_writer_that_continues_gives_the_points_of_one_that_did_not_stop(
    harness: StoreHarness,
) -> None:
    calls = [
        [Sample(name, step / 7, step=step)]
        for step in range(20)
        for name in (["train/loss", "val/loss"] if step % 3 == 0 else ["train/loss"])
    ]
    whole, parts = create(harness, name="whole"), create(harness, name="parts")
    writer = store.SampleWriter(harness.worker, whole.id, claim=claimed(harness, whole))
    for call in calls:
        writer.log(call)
    writer.complete_points()
    claim = claimed(harness, parts)
    for begin in range(0, len(calls), 4):
        writer = store.SampleWriter(harness.worker, parts.id, claim=claim)
        writer.write(
            [SampleCall(begin + n, tuple(call)) for n, call in enumerate(calls[begin : begin + 4])]
        )
    writer.complete_points()
    histories = [store.history(harness.db, run.id) for run in (whole, parts)]
    assert histories[0] == histories[1]


def test_the_same_calls_may_be_written_again(harness: StoreHarness) -> None:
    run = create(harness)
    writer = store.SampleWriter(harness.worker, run.id, claim=claimed(harness, run))
    calls = [SampleCall(n, (Sample("loss", float(n), step=n),)) for n in range(3)]
    writer.write(calls)
    writer.write(calls)
    assert len(store.samples(harness.db, run.id)) == 3
    assert store.next_seq(harness.worker, run.id) == 3


def test_evaluations_that_share_an_epoch_are_stored_over_steps_in_the_end(
    harness: StoreHarness,
) -> None:
    run = create(harness)
    writer = store.SampleWriter(harness.worker, run.id, claim=claimed(harness, run))
    for step in (10, 20, 30):
        writer.log([Sample("val/loss", 1 / step, step=step, epoch=0)])
    writer.complete_points()
    writer.finish(Status.FINISHED, wall_seconds=0.0)
    (stored,) = store.runs(harness.db, run_ids=[run.id])
    assert (stored.axis, stored.epochs) == ("step", 30)
    assert store.history(harness.db, run.id)["val/loss"].epochs == (10, 20, 30)
    assert store.find_problems(harness.db) == []


def test_runs_with_unknown_seeds_do_not_hide_each_other(harness: StoreHarness) -> None:
    unknown = [create(harness).id for _ in range(3)]
    known = [create(harness, seed=0).id for _ in range(2)]
    current = {run.id for run in store.runs(harness.db) if run.current}
    assert current == {*unknown, known[1]}


def test_a_changed_setting_moves_the_run_to_another_trial(harness: StoreHarness) -> None:
    run = create(harness)
    moved = store.change_setting(harness.worker, claimed(harness, run), {"lr": 0.5}, None)
    assert moved.trial.setting == {"lr": 0.5}
    assert moved.trial.id != run.trial.id
    assert set(store.trials(harness.db, [run.trial.id, moved.trial.id])) == {moved.trial.id}
    other = create(harness, setting={"lr": 0.5}, nested_setting=None)
    assert other.trial.id == moved.trial.id


def test_settings_and_results_that_json_cannot_hold(harness: StoreHarness) -> None:
    run = create(
        harness,
        setting={"lr": math.inf, "x\udcff": "\udcff", "n": None},
        nested_setting={"a": [math.nan]},
    )
    assert dict(run.trial.setting) == {"lr": "inf", "x?": "?", "n": None}
    claim = claimed(harness, run)
    store.put_results(harness.worker, claim, {"best": 0.5, "where": "here"})
    store.put_results(harness.worker, claim, {"best": math.nan})
    (stored,) = store.runs(harness.db, run_ids=[run.id])
    assert stored.results == {"best": "nan", "where": "here"}
    assert store.find_problems(harness.db) == []


def test_names_of_metrics_that_a_database_cannot_store_are_replaced(harness: StoreHarness) -> None:
    run = create(harness)
    writer = store.SampleWriter(harness.worker, run.id, claim=claimed(harness, run))
    writer.begin(None)
    for step, name in enumerate(("a\0b", "a\ud800b")):
        writer.log([Sample(name, 1.0 + step, step=step), Sample("val/loss", 0.5, step=step)])
    writer.finish(Status.FINISHED, wall_seconds=1.0, selected_epoch=1)
    samples = [item for _, item in store.samples(harness.db, run.id, ["a?b"])]
    assert [(item.step, item.value) for item in samples] == [(0, 1.0), (1, 2.0)]
    assert dict(store.history(harness.db, run.id)["val/loss"]) == {0: 0.5, 1: 0.5}


def test_a_lost_lease_stores_nothing(harness: StoreHarness) -> None:
    run = create(harness)
    old = claimed(harness, run)
    writer = store.SampleWriter(harness.worker, run.id, claim=old)
    store.release_run(harness.worker, old, Status.INTERRUPTED)
    claimed(harness, run)
    with pytest.raises(LeaseLost):
        writer.log([Sample("loss", 1.0, step=1)])
    with pytest.raises(LeaseLost):
        store.put_results(harness.worker, old, {"best": 1})
    assert store.samples(harness.db, run.id) == []


def test_a_study_with_a_space_takes_no_runs_of_other_programs(harness: StoreHarness) -> None:
    store.create_study(
        harness.db, name="fixed", question="", objective=None, space={"lr": (0.1,)}, seeds=(0,)
    )
    with pytest.raises(UsageError, match="'fixed' has a fixed space"):
        create(harness, study="fixed")


def test_nnlab_does_not_queue_runs_of_other_programs(harness: StoreHarness) -> None:
    run = create(harness)
    assert run.status is Status.QUEUED
    study = store.find_study(harness.db, "lm")
    assert study.objective == Objective("val/loss", "min")
    assert store.missing_run_ids(harness.db, study) == ()


def test_a_defined_direction_changes_the_summaries(harness: StoreHarness) -> None:
    run = create(harness)
    writer = store.SampleWriter(harness.worker, run.id, claim=claimed(harness, run))
    for step, value in enumerate((0.1, 0.7, 0.3)):
        writer.log([Sample("val/gini", value, step=step)])
    assert store.summaries(harness.db, [run.id])[run.id]["val/gini"].best == 0.1
    store.define_metric(harness.worker, "val/gini", "max")
    store.define_metric(harness.worker, "val/phase", "none")
    assert store.summaries(harness.db, [run.id])[run.id]["val/gini"].best == 0.7
    assert store.user_directions(harness.db) == {"val/gini": "max", "val/phase": "none"}
    assert store.find_problems(harness.db) == []


def test_an_imported_run_is_found_by_its_source(harness: StoreHarness) -> None:
    run = create(harness, origin=Origin.IMPORTED)
    source = Source(
        run.id,
        "tensorboard",
        "runs/a",
        "/data/runs/a",
        datetime(2026, 5, 20, 12, tzinfo=UTC),
        {"offsets": [17]},
        {"val/loss": "eval_loss"},
        (SourceNote("truncated", "the last record is incomplete", 2),),
    )
    store.put_source(harness.db, source)
    store.put_source(harness.db, source)
    assert store.find_source(harness.db, "tensorboard", "runs/a") == source
    assert store.find_source(harness.db, "wandb", "runs/a") is None
    assert store.sources(harness.db, [run.id]) == {run.id: source}


@pytest.mark.file
def test_garbage_collection_deletes_samples_and_sources(harness: StoreHarness) -> None:
    run = create(harness, origin=Origin.IMPORTED)
    store.SampleWriter(harness.db, run.id).log([Sample("loss", 1.0, step=1)])
    now = datetime.now(UTC)
    store.put_source(harness.db, Source(run.id, "csv", "a", "a", now, None, {}))
    store.remove(harness.db, run_ids=[run.id], study_ids=[])
    store.collect_garbage(harness.db, store.find_garbage(harness.db))
    with harness.db.read() as connection:
        for table in ("sample", "source", "point", "run"):
            count = connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one()
            assert count == 0, table


def test_visible_samples_are_those_of_the_newest_segment() -> None:
    def steps(*numbers: int | None) -> list[int | None]:
        samples = [Sample("m", float(n), step=step) for n, step in enumerate(numbers)]
        return [int(sample.value) for sample in store.visible_samples(samples)]

    assert steps(1, 2, 3) == [0, 1, 2]
    assert steps(1, 2, 2, 3) == [0, 2, 3]
    assert steps(1, 2, 3, 2, 5) == [0, 3, 4]
    assert steps(None, None) == [0, 1]
    assert steps(-1, -1, 0) == [1, 2]
