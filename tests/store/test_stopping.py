"""A run that is asked to stop ends after its epoch, and nobody takes it up until it is wanted."""

import pytest
from store.store_fixtures import Lab, finish

from nnlab import store
from nnlab.records import Epoch, Status


def epoch(number: int) -> Epoch:
    return Epoch(number, {"val/loss": 1.0 / number}, 0.1)


def test_the_writer_sees_a_request_with_the_next_epoch(lab: Lab) -> None:
    first, second = lab.queue(2)
    writer, other = lab.writer([first]), lab.writer([second])
    writer.write(epoch(1))
    assert not writer.stop_requested
    asked = store.request_stop(lab.db, [first])
    assert (asked.ending, asked.waiting, asked.already_ended) == ((first,), (), ())
    assert not writer.stop_requested  # nothing was written since
    writer.write(epoch(2))
    other.write(epoch(1))
    assert (writer.stop_requested, other.stop_requested) == (True, False)


@pytest.mark.file
def test_a_request_is_seen_in_the_transaction_of_the_epoch(lab: Lab) -> None:
    (run_id,) = lab.queue()
    writer = lab.writer([run_id])
    statements: list[str] = []
    with lab.file.driver_connection() as connection:  # the pool hands this one out again
        connection.set_trace_callback(statements.append)
    writer.write(epoch(1))
    named = [one for one in statements if "stop_requested_at" in one]
    assert [one.split()[0] for one in named] == ["UPDATE"]


def test_what_waits_is_held_back_until_it_is_queued_again(lab: Lab) -> None:
    finished, interrupted, queued, free = run_ids = lab.queue(4)
    lab.train(finished, 0.5)
    finish(lab.writer([interrupted]), Status.INTERRUPTED)
    asked = store.request_stop(lab.db, [finished, interrupted, queued])
    assert (asked.ending, asked.waiting, asked.already_ended) == (
        (),
        (interrupted, queued),
        (finished,),
    )
    taken = lab.claim(run_ids)
    assert taken is not None
    assert taken.run.id == free
    assert lab.claim(run_ids) is None
    stopped = {run.id for run in store.runs(lab.db) if run.stop_requested_at}
    assert stopped == {interrupted, queued}
    assert store.enqueue(lab.db, lab.study, lab.plans(4)).already_waiting == 2
    again = [lab.claim(run_ids), lab.claim(run_ids)]
    assert [one.run.id for one in again if one] == [interrupted, queued]


def test_queueing_other_runs_keeps_a_request(lab: Lab) -> None:
    first, second = lab.queue(2)
    store.request_stop(lab.db, [first, second])
    store.enqueue(lab.db, lab.study, lab.plans(1))
    held = {run.id: run.stop_requested_at is not None for run in store.runs(lab.db)}
    assert held == {first: False, second: True}


def test_a_second_request_keeps_the_moment_of_the_first(lab: Lab) -> None:
    (run_id,) = lab.queue()
    store.request_stop(lab.db, [run_id])
    (before,) = store.runs(lab.db)
    store.request_stop(lab.db, [run_id])
    assert store.runs(lab.db) == (before,)


@pytest.mark.parametrize("status", [Status.FINISHED, Status.DIVERGED, Status.FAILED])
def test_what_is_over_is_left_alone(lab: Lab, status: Status) -> None:
    (run_id,) = lab.queue()
    finish(lab.writer([run_id]), status)
    before = store.runs(lab.db)
    assert store.request_stop(lab.db, [run_id]).already_ended == (run_id,)
    assert store.runs(lab.db) == before


def test_a_run_whose_worker_died_is_held_back(lab: Lab) -> None:
    (run_id,) = lab.queue()
    assert lab.claim([run_id], lease_seconds=-1) is not None
    assert store.request_stop(lab.db, [run_id]).waiting == (run_id,)
    assert lab.claim([run_id]) is None
