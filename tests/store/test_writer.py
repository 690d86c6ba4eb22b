"""Every epoch is stored once, also if replayed; summaries agree with the points."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from store.store_fixtures import ENVIRONMENT, StoreHarness, copy_harness, finish

from nnlab import store
from nnlab.errors import DataError, LeaseLost, UsageError
from nnlab.records import (
    Artifact,
    Curve,
    Direction,
    Epoch,
    Finding,
    MetricSummary,
    Severity,
    Status,
)
from nnlab.store.curve_summary import SummaryRow, merge_summaries, summarize_curve, summarize_point


def epoch(number: int, **values: float) -> Epoch:
    return Epoch(number, {name.replace("_", "/"): value for name, value in values.items()}, 0.1)


def test_an_epoch_is_stored_with_its_summary(harness: StoreHarness) -> None:
    (run_id,) = harness.queue()
    writer = harness.writer([run_id])
    for number, (loss, accuracy) in enumerate([(0.5, 0.7), (0.25, 0.9), (0.25, 0.8)], start=1):
        writer.write(epoch(number, val_loss=loss, val_accuracy=accuracy))
        assert store.find_problems(harness.db) == []
    summary = store.summaries(harness.db, [run_id])[run_id]
    assert summary["val/loss"] == MetricSummary("val/loss", 3, 0.25, 3, 0.25, 2)
    assert summary["val/accuracy"] == MetricSummary("val/accuracy", 3, 0.8, 3, 0.9, 2)
    assert store.runs(harness.db)[0].epochs == 3
    assert store.metrics(harness.db) == ("val/accuracy", "val/loss")


def test_nan_and_infinity_come_back_as_they_were(harness: StoreHarness) -> None:
    (run_id,) = harness.queue()
    writer = harness.writer([run_id])
    writer.write(epoch(1, val_loss=math.nan, a_loss=math.nan))
    writer.write(epoch(2, val_loss=math.inf, a_loss=math.nan))
    writer.write(epoch(3, val_loss=-math.inf, a_loss=math.nan))
    values = store.history(harness.db, run_id)["val/loss"].values
    assert math.isnan(values[0])
    assert values[1:] == (math.inf, -math.inf)
    summary = store.summaries(harness.db, [run_id])[run_id]
    assert (summary["val/loss"].best, summary["val/loss"].best_epoch) == (-math.inf, 3)
    assert (summary["a/loss"].best, summary["a/loss"].best_epoch) == (None, None)
    assert math.isnan(summary["a/loss"].last)
    assert store.find_problems(harness.db) == []


def test_replayed_epochs_take_the_place_of_the_old_and_none_is_ever_missing(
    harness: StoreHarness,
) -> None:
    (run_id,) = harness.queue()
    writer = harness.writer([run_id])
    for number in range(1, 7):
        writer.write(epoch(number, val_loss=1.0 / number))
    finish(writer, Status.INTERRUPTED)
    writer = harness.writer([run_id], resume_after=3)
    assert sorted(harness.curve(run_id)) == [1, 2, 3, 4, 5, 6]
    for number in range(4, 9):
        writer.write(epoch(number, val_loss=0.01 * number))
        assert sorted(harness.curve(run_id)) == list(range(1, max(number, 6) + 1))
        assert store.find_problems(harness.db) == []
    finish(writer)
    assert harness.curve(run_id)[4] == 0.04
    (run,) = store.runs(harness.db)
    assert (run.epochs, run.wall_seconds, run.device_seconds) == (8, 4.0, 3.0)
    assert [attempt.first_epoch for attempt in store.attempts(harness.db, run_id)] == [1, 4]


def test_a_run_that_stops_earlier_than_before_keeps_only_its_own_epochs(
    harness: StoreHarness,
) -> None:
    (run_id,) = harness.queue()
    writer = harness.writer([run_id])
    for number in range(1, 7):
        writer.write(epoch(number, val_loss=1.0 / number, a_once=0.5))
    writer.write_single({"test/loss": 0.5}, 6)
    finish(writer, Status.INTERRUPTED)
    writer = harness.writer([run_id], resume_after=2)
    writer.write(epoch(3, val_loss=0.3, a_once=0.4))
    writer.write(epoch(4, val_loss=0.4, a_once=0.4))
    finish(writer, Status.DIVERGED)
    assert sorted(harness.curve(run_id)) == [1, 2, 3, 4]
    assert "test/loss" not in store.summaries(harness.db, [run_id])[run_id]
    assert store.runs(harness.db)[0].epochs == 4
    assert store.find_problems(harness.db) == []


def test_starting_over_from_nothing_replays_all(harness: StoreHarness) -> None:
    (run_id,) = harness.queue()
    writer = harness.writer([run_id])
    for number in range(1, 4):
        writer.write(epoch(number, val_loss=0.1))
    finish(writer, Status.INTERRUPTED)
    writer = harness.writer([run_id], resume_after=0)
    writer.write(epoch(1, val_loss=0.7))
    assert harness.curve(run_id) == {1: 0.7, 2: 0.1, 3: 0.1}
    assert store.find_problems(harness.db) == []
    finish(writer)
    assert harness.curve(run_id) == {1: 0.7}


def test_a_metric_of_the_end_is_there_once_wherever_it_was_taken(harness: StoreHarness) -> None:
    (run_id,) = harness.queue()
    writer = harness.writer([run_id])
    writer.write(epoch(1, val_loss=0.5))
    writer.write(epoch(2, val_loss=0.6))
    writer.write_single({"test/loss": 0.5}, 2)
    writer.write_single({"test/loss": 0.4}, 1)
    assert harness.curve(run_id, "test/loss") == {1: 0.4}
    assert store.find_problems(harness.db) == []


def test_epochs_go_forward(harness: StoreHarness) -> None:
    writer = harness.writer(harness.queue(), resume_after=2)
    with pytest.raises(ValueError, match="epoch 2 after epoch 2"):
        writer.write(epoch(2, val_loss=0.5))


def test_the_end_is_stored_whole(harness: StoreHarness) -> None:
    (run_id,) = harness.queue()
    claim = harness.claim([run_id])
    assert claim is not None
    writer = store.RunWriter(
        harness.worker, claim, environment=ENVIRONMENT, data_fingerprint="feed"
    )
    writer.record_parent(7)
    writer.write(epoch(1, val_loss=0.5))
    finding = Finding(
        "NN101", "overfitting", Severity.WARNING, 0.75, 3, "it rose", "stop earlier",
        {"rise": 0.5, "ratio": math.inf},
    )  # fmt: skip
    model = Artifact(run_id, "model", "1/model.pt", "abc", 7)
    writer.finish(
        Status.FINISHED,
        selected_epoch=1,
        reason=None,
        wall_seconds=2.0,
        device_seconds=1.0,
        findings=[finding],
        artifacts=[model],
    )
    (run,) = store.runs(harness.db)
    assert (run.status, run.selected_epoch, run.data_fingerprint) == (Status.FINISHED, 1, "feed")
    assert run.parent_id == 7
    assert run.started_at is not None
    assert run.ended_at is not None
    assert run.created_at <= run.started_at <= run.ended_at
    assert store.findings(harness.db, [run_id]) == {run_id: (finding,)}
    assert store.artifacts(harness.db, run_id) == (model,)
    (attempt,) = store.attempts(harness.db, run_id)
    assert (attempt.outcome, attempt.environment) == ("finished", ENVIRONMENT)
    with pytest.raises(LeaseLost):
        writer.write(epoch(2, val_loss=0.5))


def test_findings_and_artifacts_are_replaced_by_those_of_the_next_end(
    harness: StoreHarness,
) -> None:
    (run_id,) = harness.queue()
    for code, sha in (("NN101", "old"), ("NN102", "new")):
        writer = harness.writer([run_id])
        writer.finish(
            Status.INTERRUPTED,
            selected_epoch=None,
            reason="stopped",
            wall_seconds=1.0,
            device_seconds=1.0,
            findings=[Finding(code, "x", Severity.INFO, 1.0, None, "", "", {})],
            artifacts=[Artifact(run_id, "checkpoint", "1/checkpoint.pt", sha, 1)],
        )
    assert [finding.code for finding in store.findings(harness.db, [run_id])[run_id]] == ["NN102"]
    assert [artifact.sha256 for artifact in store.artifacts(harness.db, run_id)] == ["new"]


def test_a_worker_that_was_overtaken_writes_nothing(harness: StoreHarness) -> None:
    (run_id,) = harness.queue()
    slow = harness.claim([run_id], hostname="elsewhere", lease_seconds=60)
    assert slow is not None
    writer = store.RunWriter(harness.worker, slow, lease_seconds=-1)  # asleep from the start
    fast = harness.writer([run_id])
    fast.write(epoch(1, val_loss=0.5))
    for write in (
        lambda: writer.write(epoch(1, val_loss=0.9)),
        lambda: writer.write_single({"test/loss": 0.9}, 1),
        lambda: writer.record_parent(1),
        lambda: finish(writer),
        lambda: store.RunWriter(harness.worker, slow),
    ):
        with pytest.raises(LeaseLost):
            write()
    assert harness.curve(run_id) == {1: 0.5}
    assert store.metrics(harness.db) == ("val/loss",)
    assert harness.status(run_id) is Status.RUNNING


def test_curves_are_imported_whole_and_once(harness: StoreHarness) -> None:
    (run_id,) = harness.queue()
    loss = Curve("val/loss", (1, 2, 5), (0.5, math.nan, 0.75))
    accuracy = Curve("val/accuracy", (1, 2), (0.5, 0.75))
    empty = Curve("lr", (), ())
    assert store.import_curves(harness.db, run_id, [loss, accuracy, empty]) == 5
    history = store.history(harness.db, run_id)
    assert history.metrics == ("val/accuracy", "val/loss")
    assert history["val/accuracy"] == accuracy
    assert history["val/loss"].epochs == loss.epochs
    assert store.runs(harness.db)[0].epochs == 5
    assert store.find_problems(harness.db) == []
    with pytest.raises(UsageError, match="has points of val/loss already"):
        store.import_curves(harness.db, run_id, [loss])
    with pytest.raises(UsageError, match="no run 99"):
        store.import_curves(harness.db, 99, [loss])
    with pytest.raises(UsageError, match="of the same metric"):
        store.import_curves(
            harness.db, run_id, [Curve("x", (1,), (1.0,)), Curve("x", (2,), (1.0,))]
        )
    assert store.metrics(harness.db) == ("val/accuracy", "val/loss")


@pytest.mark.file
def test_imported_curves_take_at_most_24_bytes_a_point(harness: StoreHarness) -> None:
    run_ids = harness.queue(10)
    before = store.database_status(harness.db).file_bytes
    for run_id in run_ids:
        curves = [
            Curve(f"metric/{n}", tuple(range(1, 1001)), tuple(i / (n + 7) for i in range(1000)))
            for n in range(8)
        ]
        store.import_curves(harness.db, run_id, curves)
    with harness.file.driver_connection() as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert (store.database_status(harness.db).file_bytes - before) / 80_000 <= 24


VALUES = st.lists(
    st.sampled_from([0.5, 0.25, 0.75, math.nan, math.inf, -math.inf]), min_size=1, max_size=8
)
DIRECTIONS: st.SearchStrategy[Direction] = st.sampled_from(["min", "max"])


def by_hand(direction: Direction, points: Sequence[tuple[int, float]]) -> SummaryRow:
    best: tuple[float, int] | None = None
    for number, value in points:
        if math.isnan(value):
            continue
        if best is None or (value < best[0] if direction == "min" else value > best[0]):
            best = (value, number)
    number, value = points[-1]
    last = None if math.isnan(value) else value
    return len(points), last, number, best[0] if best else None, best[1] if best else None


@given(DIRECTIONS, VALUES, st.randoms(use_true_random=False))
def test_summaries_are_the_same_however_they_are_put_together(
    direction: Direction, values: list[float], random: object
) -> None:
    points = list(enumerate(values, start=1))
    expected = by_hand(direction, points)
    assert summarize_curve(direction, range(1, len(values) + 1), values) == expected
    shuffled = sorted(points, key=lambda _: random.random())  # type: ignore[attr-defined]
    whole: SummaryRow | None = None
    for number, value in shuffled:
        whole = merge_summaries(direction, whole, summarize_point(number, value))
    assert whole == expected


@settings(max_examples=30)
@given(data=st.data())
def test_any_history_of_interruptions_leaves_points_and_summaries_in_agreement(
    data: st.DataObject, empty_harness: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    harness = copy_harness(empty_harness, tmp_path_factory.mktemp("lab"))
    (run_id,) = harness.queue()
    shown: dict[int, Mapping[str, float]] = {}
    checkpoint = 0
    for attempt in range(data.draw(st.integers(1, 3), label="attempts")):
        writer = harness.writer([run_id], resume_after=checkpoint)
        last = checkpoint + data.draw(st.integers(0, 4), label="epochs")
        for number in range(checkpoint + 1, last + 1):
            shown[number] = {"val/loss": data.draw(VALUES)[0], "val/accuracy": float(attempt)}
            writer.write(Epoch(number, shown[number], 0.1))
        finish(writer, Status.INTERRUPTED)
        history = store.history(harness.db, run_id)
        for metric in history.metrics:
            assert str(dict(history[metric])) == str(
                {number: shown[number][metric] for number in sorted(shown)}
            )
        assert store.find_problems(harness.db) == []
        checkpoint = data.draw(st.integers(checkpoint, max(last, checkpoint)), label="checkpoint")
    harness.db.close()


def test_how_an_attempt_was_trained_and_what_ended_it_is_kept(harness: StoreHarness) -> None:
    (run_id,) = harness.queue()
    claimed = harness.claim([run_id])
    assert claimed is not None
    writer = store.RunWriter(harness.worker, claimed, engine="stacked 64")
    writer.write(epoch(1, val_loss=0.5))
    writer.finish(
        Status.FINISHED,
        selected_epoch=1,
        reason="worse than the median",
        wall_seconds=1.0,
        device_seconds=1.0,
        pruned_at=1,
        peak_bytes=1 << 20,
    )
    (run,) = store.runs(harness.db)
    assert (run.status, run.pruned_at, run.reason) == (Status.FINISHED, 1, "worse than the median")
    (attempt,) = store.attempts(harness.db, run_id)
    assert (attempt.engine, attempt.peak_bytes) == ("stacked 64", 1 << 20)


def test_of_two_seeds_that_begin_at_once_on_other_data_the_second_is_refused(
    harness: StoreHarness,
) -> None:
    """The look and the note are one transaction."""
    claims = {run_id: harness.claim([run_id]) for run_id in harness.queue(trials=2, seeds=(0, 1))}
    by_trial: dict[str, list[store.Claim]] = {}
    for claim in claims.values():
        assert claim is not None
        by_trial.setdefault(claim.run.trial.digest, []).append(claim)
    (first, second), (apart, _) = by_trial.values()

    def begin(claim: store.Claim, fingerprint: str, *, same_data: bool = True) -> None:
        store.RunWriter(harness.worker, claim, data_fingerprint=fingerprint, same_data=same_data)

    begin(first, "feed")
    with pytest.raises(DataError, match=rf"differ from those of run {first.run.id} \(seed 0\)"):
        begin(second, "beef")
    assert store.runs(harness.db, run_ids=[second.run.id])[0].data_fingerprint is None
    begin(second, "feed")
    begin(apart, "beef")  # another trial may have other data
    begin(second, "beef", same_data=False)
    assert store.find_data_mismatch(harness.worker, first.run, "feed") is not None
    store.release_run(harness.worker, second, Status.FAILED, reason="")
    assert store.find_data_mismatch(harness.worker, first.run, "feed") is None
