"""The queue: each run is queued once and claimed by one worker, and none is stuck."""

import os
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from store.store_fixtures import ENVIRONMENT, StoreHarness, finish

from nnlab import store
from nnlab.errors import LeaseLost
from nnlab.records import Epoch, Setting, Status
from nnlab.settings import digest_of

Start = Callable[..., subprocess.Popen[str]]


def claimed(harness: StoreHarness, run_ids: tuple[int, ...], **options: object) -> store.Claim:
    claims = harness.claim(run_ids, **options)  # type: ignore[arg-type]
    assert claims is not None
    return claims


def test_plans_become_runs_in_their_order_once(harness: StoreHarness) -> None:
    first = store.enqueue(harness.db, harness.study, harness.plans(2, (0, 1)))
    assert (first.run_ids, first.created) == ((1, 2, 3, 4), 4)
    more = store.enqueue(harness.db, harness.study, list(reversed(harness.plans(3, (0, 1)))))
    assert (more.created, more.already_waiting) == (2, 4)
    assert more.run_ids[1:3] == (4, 3)
    assert [(run.trial.digest, run.seed) for run in store.runs(harness.db, run_ids=[3])] == [
        (harness.plans(1)[0].digest, 1)
    ]


def test_the_same_plan_twice_is_one_run(harness: StoreHarness) -> None:
    enqueued = store.enqueue(harness.db, harness.study, harness.plans() * 3)
    assert (enqueued.run_ids, enqueued.created) == ((1,), 1)


def test_how_runs_stood_is_counted(harness: StoreHarness) -> None:
    finished, diverged, failed, interrupted, busy, dead, _ = harness.queue(7)
    for run_id, status in (
        (finished, Status.FINISHED),
        (diverged, Status.DIVERGED),
        (failed, Status.FAILED),
        (interrupted, Status.INTERRUPTED),
    ):
        finish(harness.writer([run_id]), status)
    claimed(harness, (busy,))
    claimed(harness, (dead,), lease_seconds=-1)
    enqueued = store.enqueue(harness.db, harness.study, harness.plans(8))
    assert (
        enqueued.created,
        enqueued.already_waiting,
        enqueued.retried,
        enqueued.already_ended,
        enqueued.already_running,
    ) == (1, 3, 1, 2, 1)
    assert harness.status(failed) is Status.QUEUED
    assert set(store.missing_run_ids(harness.db, harness.study)) == {
        failed,
        interrupted,
        dead,
        7,
        8,
    }


def test_again_makes_a_repeat_and_ranks_only_that(harness: StoreHarness) -> None:
    (old,) = harness.queue()
    harness.train(old, 0.5)
    enqueued = store.enqueue(harness.db, harness.study, harness.plans(), repeat=True)
    assert enqueued.created == 1
    (new,) = enqueued.run_ids
    runs = store.runs(harness.db)
    assert [(run.id, run.repeat, run.current) for run in runs] == [(old, 0, False), (new, 1, True)]
    assert store.runs(harness.db, current_only=True) == runs[1:]
    assert store.enqueue(harness.db, harness.study, harness.plans()).run_ids == (new,)


def plan_named(name: str | None, *tags: str) -> store.RunSpec:
    setting: Setting = {"lr": 0.1, "opt": "sgd"}
    return store.RunSpec(setting, digest_of(setting), 0, 3, name, tags)


def test_a_run_keeps_its_name_and_tags_add_up(harness: StoreHarness) -> None:
    store.enqueue(harness.db, harness.study, [plan_named("first", "a", "b")])
    again = store.enqueue(harness.db, harness.study, [plan_named("second", "b", "c")])
    assert again.kept_names == {1: "first"}
    assert store.enqueue(harness.db, harness.study, [plan_named("first")]).kept_names == {}
    assert store.enqueue(harness.db, harness.study, [plan_named(None)]).kept_names == {}
    (run,) = store.runs(harness.db)
    assert (run.name, run.tags) == ("first", ("a", "b", "c"))
    new = store.enqueue(harness.db, harness.study, [plan_named("second")], repeat=True)
    assert new.kept_names == {}
    assert store.runs(harness.db, run_ids=new.run_ids)[0].name == "second"


def test_a_run_without_a_name_takes_one_until_it_is_trained(harness: StoreHarness) -> None:
    harness.queue()
    assert store.enqueue(harness.db, harness.study, [plan_named("early")]).kept_names == {}
    assert store.runs(harness.db)[0].name == "early"
    other = store.RunSpec({"lr": 0.2, "opt": "sgd"}, "digest-1", 0, 3)
    (number,) = store.enqueue(harness.db, harness.study, [other]).run_ids
    harness.train(number, 0.5)
    late = store.enqueue(harness.db, harness.study, [replace(other, name="late")])
    assert late.kept_names == {number: None}
    assert store.runs(harness.db, run_ids=[number])[0].name is None


def test_ten_thousand_plans_are_queued_and_claimed_in_moments(harness: StoreHarness) -> None:
    begun = time.perf_counter()
    run_ids = harness.queue(10_000)
    assert len(set(run_ids)) == 10_000
    queued = time.perf_counter() - begun
    with harness.db.write() as connection:
        connection.exec_driver_sql("UPDATE run SET status = 'finished' WHERE id < 10000")
    begun = time.perf_counter()
    assert claimed(harness, run_ids).run.id == 10_000
    assert harness.claim(run_ids) is None
    # Generous: a shared machine may stall. Both take a small part of it.
    assert queued < 10
    assert time.perf_counter() - begun < 2


ENQUEUE = """
import sys
from nnlab import store
print("ready", flush=True)
sys.stdin.readline()
db = store.open_database(sys.argv[1], write=True)
study = store.find_study(db, "depth")
plans = [store.RunSpec({"lr": n}, f"d{n}", seed, 1) for n in range(50) for seed in range(2)]
print(store.enqueue(db, study, plans).created)
db.close()
"""

CLAIM = """
import os, sys
from nnlab import store
print("ready", flush=True)
sys.stdin.readline()
db = store.open_database(sys.argv[1], write=True)
ids = [run.id for run in store.runs(db)]
while claim := store.claim(db, run_ids=ids, pid=os.getpid(), command="", hostname="elsewhere"):
    print(claim.run.id)
db.close()
"""


def at_once(python: Start, code: str, place: str, count: int) -> list[list[str]]:
    processes = [python(code, place) for _ in range(count)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    answers = [process.communicate(timeout=60) for process in processes]
    assert [errors for _, errors in answers] == [""] * count
    return [answer.split() for answer, _ in answers]


def test_two_processes_never_queue_a_run_twice(harness: StoreHarness, python: Start) -> None:
    answers = at_once(python, ENQUEUE, harness.db.address.target, 2)
    assert sum(int(answer) for (answer,) in answers) == 100
    assert len(store.runs(harness.db)) == 100


def test_each_run_is_claimed_by_one_of_many(harness: StoreHarness, python: Start) -> None:
    run_ids = harness.queue(40)
    answers = at_once(python, CLAIM, harness.db.address.target, 3)
    taken = [int(number) for answer in answers for number in answer]
    assert sorted(taken) == sorted(run_ids)


def test_claims_go_by_the_order_given(harness: StoreHarness) -> None:
    harness.queue(3)
    assert claimed(harness, (3, 1, 2)).run.id == 3
    assert claimed(harness, (3, 1, 2)).run.id == 1
    assert claimed(harness, (3, 1, 2)).run.id == 2
    assert harness.claim((3, 1, 2)) is None


def test_a_claim_tells_where_and_how_it_is_trained(harness: StoreHarness) -> None:
    first, second = harness.queue(2)
    claim = claimed(harness, (first,))
    assert claim.run.status is Status.RUNNING
    assert claim.run.started_at is not None
    claimed(harness, (second,))
    (attempt,) = store.attempts(harness.db, first)
    assert attempt.environment == ENVIRONMENT
    assert (attempt.pid, attempt.command, attempt.first_epoch) == (os.getpid(), "nnlab train", 1)
    assert (
        store.database_status(harness.db).row_counts["environment"] == 1
    )  # equal ones are stored once


def test_a_lease_that_lapsed_is_taken_over_and_its_attempt_is_lost(harness: StoreHarness) -> None:
    run_ids = harness.queue()
    now = time.time()
    first = claimed(harness, run_ids, hostname="elsewhere", lease_seconds=60, now=now)
    assert harness.claim(run_ids, now=now + 59) is None
    second = claimed(harness, run_ids, now=now + 61)
    assert [attempt.outcome for attempt in store.attempts(harness.db, 1)] == ["lost", None]
    with pytest.raises(LeaseLost, match="taken over by another worker"):
        store.renew_lease(harness.worker, first)
    store.renew_lease(harness.worker, second)


def test_a_renewed_lease_holds_on(harness: StoreHarness) -> None:
    run_ids = harness.queue()
    now = time.time()
    first = claimed(harness, run_ids, hostname="elsewhere", lease_seconds=60, now=now)
    store.renew_lease(harness.worker, first, 60, now=now + 50)
    assert harness.claim(run_ids, now=now + 100) is None
    assert harness.claim(run_ids, now=now + 111) is not None


def dead_process() -> int:
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def test_a_killed_worker_on_this_host_need_not_be_waited_for(harness: StoreHarness) -> None:
    run_ids = harness.queue()
    claimed(harness, run_ids, pid=dead_process())
    assert harness.status(1) is Status.INTERRUPTED
    assert store.count_runs(harness.db) == {Status.INTERRUPTED: 1}
    assert [run.id for run in store.runs(harness.db, status=Status.INTERRUPTED)] == [1]
    assert store.runs(harness.db, status=Status.RUNNING) == ()
    assert store.study_overviews(harness.db)[0].by_status == {Status.INTERRUPTED: 1}
    assert store.find_problems(harness.db) == []  # no fault of the database
    assert claimed(harness, run_ids).run.status is Status.RUNNING
    assert store.find_problems(harness.db) == []


def test_process_ids_of_another_host_or_container_say_nothing(harness: StoreHarness) -> None:
    first, second = harness.queue(2)
    gone = dead_process()
    claimed(harness, (first,), pid=gone, hostname="elsewhere")
    claimed(harness, (second,), pid=gone)
    with harness.db.write() as connection:
        connection.exec_driver_sql("UPDATE attempt SET pid_space = 'pid:[1]' WHERE run_id = 2")
    assert harness.claim((first, second)) is None
    assert harness.status(first) is harness.status(second) is Status.RUNNING


def test_a_run_given_back_says_why_and_can_be_claimed_again(harness: StoreHarness) -> None:
    run_ids = harness.queue()
    claim = claimed(harness, run_ids)
    assert store.release_run(harness.worker, claim, Status.INTERRUPTED, reason="stopped \udcff")
    (run,) = store.runs(harness.db)
    assert (run.status, run.reason) == (Status.INTERRUPTED, "stopped ?")
    assert run.wall_seconds is not None
    assert not store.release_run(harness.worker, claim, Status.FAILED)
    again = claimed(harness, run_ids)
    assert again.run.reason is None
    assert not store.release_run(harness.worker, claim, Status.FAILED)
    assert harness.status(1) is Status.RUNNING


def test_what_has_a_result_is_never_claimed(harness: StoreHarness) -> None:
    run_ids = harness.queue(3)
    for run_id, status in zip(
        run_ids, (Status.FINISHED, Status.DIVERGED, Status.FAILED), strict=True
    ):
        finish(harness.writer([run_id]), status)
    assert harness.claim(run_ids) is None


KILLED = """
import os, signal, socket, sys
from nnlab import store
from nnlab.records import Epoch
db = store.open_database(sys.argv[1], write=True)
claim = store.claim(db, run_ids=[1], pid=os.getpid(), command="", hostname=socket.gethostname())
writer = store.RunWriter(db, claim)
for number in range(1, 1000):
    writer.write(Epoch(number, {"val/loss": 1 / number, "val/accuracy": 0.5}, 0.1))
    print(number, flush=True)
"""


def test_a_worker_killed_at_any_moment_loses_no_epoch_that_it_told_of(
    harness: StoreHarness, python: Start
) -> None:
    harness.queue()
    worker = python(KILLED, harness.db.address.target)
    assert worker.stdout is not None
    for _ in range(25):
        text = int(worker.stdout.readline())
    worker.kill()
    text = max([text, *(int(line) for line in worker.stdout.read().split())])
    worker.wait()
    assert harness.status(1) is Status.INTERRUPTED
    curve = harness.curve(1)
    assert set(range(1, text + 1)) <= set(curve)
    assert [problem for problem in store.find_problems(harness.db) if "worker" not in problem] == []
    writer = harness.writer([1], resume_after=20)
    writer.write(Epoch(21, {"val/loss": 1 / 21, "val/accuracy": 0.5}, 0.1))
    assert harness.curve(1) == curve
    assert socket.gethostname() == store.attempts(harness.db, 1)[0].hostname
