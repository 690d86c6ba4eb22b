"""The progress and speed of runs, counted in few queries."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from store.store_fixtures import StoreHarness, finish

from nnlab import store
from nnlab.records import Epoch, Status
from nnlab.store.progress import _epochs_per_second

NOW = datetime(2026, 5, 20, 12, 0, tzinfo=UTC)


def now_of(harness: StoreHarness) -> store.Progress:
    return store.progress(harness.db, study_ids=[harness.study.id], failures=2)


def test_every_run_is_counted_as_it_stands(harness: StoreHarness) -> None:
    finished, diverged, failed, interrupted, busy, dead, held, _ = harness.queue(8)
    for run_id, status in (
        (finished, Status.FINISHED),
        (diverged, Status.DIVERGED),
        (failed, Status.FAILED),
        (interrupted, Status.INTERRUPTED),
    ):
        writer = harness.writer([run_id])
        writer.write(Epoch(1, {"val/loss": 0.5}, 0.1))
        finish(writer, status)
    harness.writer([busy]).write(Epoch(1, {"val/loss": 0.5}, 0.1))
    assert harness.claim([dead], lease_seconds=-1) is not None
    store.request_stop(harness.db, [held])
    progress = now_of(harness)
    assert progress.by_status == {
        Status.FINISHED: 1,
        Status.DIVERGED: 1,
        Status.FAILED: 1,
        Status.INTERRUPTED: 2,
        Status.RUNNING: 1,
        Status.QUEUED: 2,
    }
    assert (progress.run_count, progress.stopped_waiting) == (8, 1)
    assert (progress.epochs_done, progress.epochs_planned) == (5, 24)
    # Two epochs of `interrupted` and `busy` each, three of `dead` and of the one that waits.
    assert progress.epochs_left == 10
    assert [run.id for run in progress.running_runs] == [busy]
    assert [run.id for run in progress.failed_runs] == [failed, diverged]
    assert not progress.is_finished


def test_it_is_done_when_only_held_runs_wait(harness: StoreHarness) -> None:
    first, second = harness.queue(2)
    assert not now_of(harness).is_finished
    harness.train(first, 0.5)
    assert not now_of(harness).is_finished
    store.request_stop(harness.db, [second])
    assert now_of(harness).is_finished
    store.enqueue(harness.db, harness.study, harness.plans(2))
    harness.train(second, 0.5)
    assert now_of(harness).is_finished


def test_a_run_asked_to_stop_is_waited_for(harness: StoreHarness) -> None:
    (run_id,) = harness.queue()
    writer = harness.writer([run_id])
    store.request_stop(harness.db, [run_id])
    assert not now_of(harness).is_finished
    finish(writer, Status.INTERRUPTED)
    assert now_of(harness).is_finished


def test_a_study_without_runs_is_not_done(harness: StoreHarness) -> None:
    progress = now_of(harness)
    assert (progress.run_count, progress.is_finished, progress.seconds_left) == (0, False, None)


def test_another_study_does_not_count(harness: StoreHarness) -> None:
    harness.queue(2)
    other = store.create_study(
        harness.db, name="other", question="", objective=None, space=None, seeds=()
    )
    store.enqueue(harness.db, other, harness.plans(3))
    assert now_of(harness).run_count == 2
    assert store.progress(harness.db, study_ids=None, failures=2).run_count == 5


def test_the_speed_is_that_of_the_newest_attempts(harness: StoreHarness) -> None:
    first, second, _ = harness.queue(3)
    harness.train(first, 0.5, 0.4)
    harness.writer([second]).write(Epoch(1, {"val/loss": 0.5}, 0.1))
    with harness.db.write() as connection:
        connection.exec_driver_sql("UPDATE attempt SET started_at = '2026-05-20T11:59:50+00:00'")
        connection.exec_driver_sql(
            "UPDATE attempt SET ended_at = '2026-05-20T11:59:54+00:00' WHERE run_id = 1"
        )
    progress = store.progress(harness.db, study_ids=None, failures=2, now=NOW)
    assert progress.epochs_per_second == pytest.approx(3 / 10)
    assert progress.epochs_left == 2 + 3
    assert progress.seconds_left == pytest.approx(5 / 0.3)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("spans", "speed"),
    [
        ([], 0.0),
        ([(ago(10), NOW, 20)], 2.0),
        # Half of it lies within the minute.
        ([(ago(120), NOW, 60)], 0.5),
        # Two workers beside each other, and one after the other.
        ([(ago(10), NOW, 20), (ago(10), NOW, 10)], 3.0),
        ([(ago(20), ago(10), 10), (ago(10), NOW, 30)], 2.0),
        # What goes nowhere yet, and what took no time.
        ([(ago(10), NOW, 0)], 0.0),
        ([(NOW, NOW, 3)], 0.0),
        ([(ago(10), NOW, -2)], 0.0),
    ],
)
def test_the_speed_counts_what_lies_within_the_last_minute(
    spans: Sequence[tuple[datetime, datetime, int]], speed: float
) -> None:
    assert _epochs_per_second(spans, NOW) == pytest.approx(speed)


@given(
    rate=st.floats(0.1, 50),
    lengths=st.lists(st.floats(0.5, 40), min_size=1, max_size=8),
)
def test_one_worker_at_a_steady_rate_has_that_rate(rate: float, lengths: list[float]) -> None:
    end = sum(lengths)
    spans, at = [], 0.0
    for length in lengths:
        spans.append((ago(end - at), ago(end - at - length), round(length * rate * 1e6)))
        at += length
    assert _epochs_per_second(spans, NOW) == pytest.approx(rate * 1e6, rel=1e-3)
