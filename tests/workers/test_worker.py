"""The worker: leases, failures, full disks."""

import time
from typing import Any

import pytest
from sqlalchemy import text
from workers.queue_helpers import Notes, claimed, queued

from nnlab import store
from nnlab.engine import checkpoint
from nnlab.engine.loop import build_session as real_start
from nnlab.errors import DiskFull
from nnlab.records import Epoch, Status
from nnlab.settings import RunConfig
from nnlab.workers import heartbeat, run_context
from nnlab.workers.run_queue import run_queue
from nnlab.workers.worker import train_run
from nnlab.workers.worker_context import WorkerContext


def lease_until(db: store.Database, run_id: int) -> float:
    with db.read() as connection:
        query = text("SELECT lease_until FROM run WHERE id = :id")
        return float(connection.execute(query, {"id": run_id}).scalar_one())


def test_a_run_goes_from_the_queue_to_its_end(db: store.Database) -> None:
    run_id = queued(db)
    notes = Notes()
    (ended,) = run_queue(WorkerContext(db, notes, lambda: False), [run_id])
    assert notes.epochs == [1, 2, 3, 4]
    assert ended.status is Status.FINISHED
    assert ended.selected_value == max(store.history(db, run_id)["val/accuracy"].values)
    assert notes.over == [ended]


def test_the_heartbeat_keeps_the_lease_through_a_long_epoch(
    db: store.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = queued(db, epochs=2)
    for module in (run_context, heartbeat):
        monkeypatch.setattr(module, "LEASE_SECONDS", 0.4)
    seen = []

    def slow(epoch: Epoch) -> None:
        before = lease_until(db, run_id)
        time.sleep(0.5)
        seen.append(lease_until(db, run_id) > before)

    ended = train_run(WorkerContext(db, Notes(on_epoch=slow), lambda: False), claimed(db, run_id))
    assert ended.status is Status.FINISHED
    assert seen == [True, True]


def test_a_worker_that_lost_its_lease_leaves_the_run_to_the_other(
    db: store.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = queued(db)
    first = claimed(db, run_id)
    others: list[store.Claim] = []

    def taken_over(epoch: Epoch) -> None:
        if epoch.number == 2:
            with db.write() as connection:  # as if this process had slept for an hour
                connection.execute(text("UPDATE run SET lease_until = 0"))
            others.append(claimed(db, run_id))

    notes = Notes(on_epoch=taken_over)
    ended = train_run(WorkerContext(db, notes, lambda: False), first)
    assert ended.status is Status.INTERRUPTED
    assert "another" in (ended.reason or "")
    assert notes.epochs == [1, 2]
    (run,) = store.runs(db, run_ids=[run_id])
    assert run.status is Status.RUNNING  # the other's
    finished = train_run(WorkerContext(db, Notes(), lambda: False), others[0])
    assert finished.status is Status.FINISHED
    assert store.history(db, run_id)["val/loss"].epochs == (1, 2, 3, 4)


def test_whatever_a_model_raises_fails_its_run_and_no_other(
    db: store.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = queued(db, lr=0.5), queued(db, lr=0.25)

    def start(config: RunConfig) -> Any:
        if config.lr == 0.5:
            raise RuntimeError("shapes do not fit\nand more")
        return real_start(config)

    monkeypatch.setattr(run_context, "build_run_session", start)
    first, second = run_queue(WorkerContext(db, Notes(), lambda: False), [bad, good])
    assert first.status is Status.FAILED
    assert (first.reason or "").endswith("in start: RuntimeError: shapes do not fit")
    assert second.status is Status.FINISHED
    (run,) = store.runs(db, run_ids=[bad])
    assert (run.status, run.reason) == (Status.FAILED, first.reason)


def test_a_full_disk_stops_the_work_and_the_run_can_go_on(
    db: store.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = queued(db)

    def full(*_: object) -> None:
        raise DiskFull("no room left")

    monkeypatch.setattr(checkpoint, "serialize_selected_weights", full)
    with pytest.raises(DiskFull):
        run_queue(WorkerContext(db, Notes(), lambda: False), [run_id])
    (run,) = store.runs(db, run_ids=[run_id])
    assert run.status is Status.INTERRUPTED
    assert run.epochs == 4
    monkeypatch.undo()
    (ended,) = run_queue(WorkerContext(db, Notes(), lambda: False), [run_id])
    assert ended.status is Status.FINISHED
    assert len(store.history(db, run_id)["val/loss"]) == 4
