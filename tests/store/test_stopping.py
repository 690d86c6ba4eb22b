"""A run that is asked to stop ends after its epoch, and is claimed again only when it is queued
again.
"""

import pytest
from store.store_fixtures import StoreHarness, finish

from nnlab import store
from nnlab.records import Epoch, Status


def epoch(number: int) -> Epoch:
    return Epoch(number, {"val/loss": 1.0 / number}, 0.1)


def test_the_writer_sees_a_request_with_the_next_epoch(harness: StoreHarness) -> None:
    first, second = harness.queue(2)
    writer, other = harness.writer([first]), harness.writer([second])
    writer.write(epoch(1))
    assert not writer.stop_requested
    stop = store.request_stop(harness.db, [first])
    assert (stop.ending, stop.waiting, stop.already_ended) == ((first,), (), ())
    assert not writer.stop_requested  # nothing was written since
    writer.write(epoch(2))
    other.write(epoch(1))
    assert (writer.stop_requested, other.stop_requested) == (True, False)


@pytest.mark.file
def test_a_request_is_seen_in_the_transaction_of_the_epoch(harness: StoreHarness) -> None:
    (run_id,) = harness.queue()
    writer = harness.writer([run_id])
    statements: list[str] = []
    with harness.file.driver_connection() as connection:  # the pool hands this one out again
        connection.set_trace_callback(statements.append)
    writer.write(epoch(1))
    named = [statement for statement in statements if "stop_requested_at" in statement]
    assert [statement.split()[0] for statement in named] == ["UPDATE"]


def test_what_waits_is_held_back_until_it_is_queued_again(harness: StoreHarness) -> None:
    finished, interrupted, queued, free = run_ids = harness.queue(4)
    harness.train(finished, 0.5)
    finish(harness.writer([interrupted]), Status.INTERRUPTED)
    stop = store.request_stop(harness.db, [finished, interrupted, queued])
    assert (stop.ending, stop.waiting, stop.already_ended) == (
        (),
        (interrupted, queued),
        (finished,),
    )
    taken = harness.claim(run_ids)
    assert taken is not None
    assert taken.run.id == free
    assert harness.claim(run_ids) is None
    stopped = {run.id for run in store.runs(harness.db) if run.stop_requested_at}
    assert stopped == {interrupted, queued}
    assert store.enqueue(harness.db, harness.study, harness.plans(4)).already_waiting == 2
    again = [harness.claim(run_ids), harness.claim(run_ids)]
    assert [claim.run.id for claim in again if claim] == [interrupted, queued]


def test_queueing_other_runs_keeps_a_request(harness: StoreHarness) -> None:
    first, second = harness.queue(2)
    store.request_stop(harness.db, [first, second])
    store.enqueue(harness.db, harness.study, harness.plans(1))
    held = {run.id: run.stop_requested_at is not None for run in store.runs(harness.db)}
    assert held == {first: False, second: True}


def test_a_second_request_keeps_the_moment_of_the_first(harness: StoreHarness) -> None:
    (run_id,) = harness.queue()
    store.request_stop(harness.db, [run_id])
    (before,) = store.runs(harness.db)
    store.request_stop(harness.db, [run_id])
    assert store.runs(harness.db) == (before,)


@pytest.mark.parametrize("status", [Status.FINISHED, Status.DIVERGED, Status.FAILED])
def test_what_is_over_is_left_alone(harness: StoreHarness, status: Status) -> None:
    (run_id,) = harness.queue()
    finish(harness.writer([run_id]), status)
    before = store.runs(harness.db)
    assert store.request_stop(harness.db, [run_id]).already_ended == (run_id,)
    assert store.runs(harness.db) == before


def test_a_run_whose_worker_died_is_held_back(harness: StoreHarness) -> None:
    (run_id,) = harness.queue()
    assert harness.claim([run_id], lease_seconds=-1) is not None
    assert store.request_stop(harness.db, [run_id]).waiting == (run_id,)
    assert harness.claim([run_id]) is None
