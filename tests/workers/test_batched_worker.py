"""Batched runs are stored, stopped, resumed and lost one by one."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
import torch
from sqlalchemy import text
from workers.queue_helpers import Notes, queued, waiting

from nnlab import store
from nnlab.engine.batched import batched_runs
from nnlab.engine.session import Session
from nnlab.engine.transfer import read_weights
from nnlab.errors import DiskFull
from nnlab.records import Epoch, Run, Status
from nnlab.workers.planner import BatchPlanner
from nnlab.workers.run_queue import run_queue
from nnlab.workers.worker_context import WorkerContext

LRS = (0.01, 0.02, 0.03)
STACKED = BatchPlanner("stacked")

Curves = Mapping[str, Sequence[float]]


def three(db: store.Database, **settings: object) -> list[int]:
    return [queued(db, lr=lr, dtype="float64", **settings) for lr in LRS]


def never() -> bool:
    return False


def train_all(
    db: store.Database, run_ids: Sequence[int], engine: str = "stacked", notes: Notes | None = None
) -> None:
    run_queue(WorkerContext(db, notes or Notes(), never), run_ids, planner=BatchPlanner(engine))


def engines(db: store.Database, run_ids: Sequence[int]) -> list[str | None]:
    return [store.attempts(db, run_id)[-1].engine for run_id in run_ids]


def curves(db: store.Database, run_id: int) -> dict[str, Sequence[float]]:
    found = store.history(db, run_id).curves
    return {name: curve.values for name, curve in found.items() if not name.startswith("time/")}


def assert_alike(first: Curves, second: Curves) -> None:
    assert first.keys() == second.keys()
    for name, values in first.items():
        assert values == pytest.approx(second[name], rel=1e-9, abs=1e-12), name


def other(tmp_path: Path) -> store.Database:
    return store.open_database(str(tmp_path / "other.db"), write=True, create=True)


def test_a_stack_stores_what_its_runs_would_have_stored_alone(
    db: store.Database, tmp_path: Path
) -> None:
    together, alone = three(db, epochs=6), other(tmp_path)
    apart = three(alone, epochs=6)
    notes = Notes()
    train_all(db, together, notes=notes)
    train_all(alone, apart, "solo")
    assert engines(db, together) == ["stacked 3"] * 3
    assert engines(alone, apart) == ["solo"] * 3
    assert notes.epochs == [n for n in range(1, 7) for _ in LRS]
    for mine, its in zip(together, apart, strict=True):
        assert_alike(curves(db, mine), curves(alone, its))
        (run,), (twin,) = store.runs(db, run_ids=[mine]), store.runs(alone, run_ids=[its])
        assert run.status is Status.FINISHED
        assert run.selected_epoch == twin.selected_epoch
        ours = read_weights(db.address.artifacts / f"{mine}/model.safetensors")
        theirs = read_weights(alone.address.artifacts / f"{its}/model.safetensors")
        assert ours.keys() == theirs.keys()
        for name, tensor in ours.items():
            torch.testing.assert_close(tensor, theirs[name], rtol=1e-9, atol=1e-12)
    alone.close()


def test_what_cannot_be_stacked_is_trained_alone_beside(db: store.Database) -> None:
    run_ids = [*three(db), queued(db, opt="lbfgs", batch_size="full", lr=None)]
    train_all(db, run_ids)
    assert engines(db, run_ids) == ["stacked 3"] * 3 + ["solo"]
    assert {run.status for run in store.runs(db, run_ids=run_ids)} == {Status.FINISHED}


def test_each_run_ends_when_it_would_alone(db: store.Database, tmp_path: Path) -> None:
    lrs, patience = (0.01, 0.5, 1e300), {"epochs": 12, "early_stop": 3, "dtype": "float64"}
    together = [queued(db, lr=lr, opt="sgd", **patience) for lr in lrs]
    alone = other(tmp_path)
    apart = [queued(alone, lr=lr, opt="sgd", **patience) for lr in lrs]
    train_all(db, together)
    train_all(alone, apart, "solo")
    ours, theirs = store.runs(db, run_ids=together), store.runs(alone, run_ids=apart)
    assert [run.status for run in ours] == [run.status for run in theirs]
    assert [run.epochs for run in ours] == [run.epochs for run in theirs]
    assert len({run.epochs for run in ours}) > 1
    assert Status.DIVERGED in {run.status for run in ours}
    assert [run.reason for run in ours] == [run.reason for run in theirs]
    alone.close()


def test_a_stack_that_was_interrupted_goes_on_together_or_alone(
    db: store.Database, tmp_path: Path
) -> None:
    run_ids, calm = three(db, epochs=6), other(tmp_path)
    untouched = three(calm, epochs=6)
    train_all(calm, untouched)
    seen: list[int] = []
    run_queue(
        WorkerContext(
            db, Notes(on_epoch=lambda epoch: seen.append(epoch.number)), lambda: 2 in seen
        ),
        run_ids,
        planner=STACKED,
    )
    assert {run.status for run in store.runs(db, run_ids=run_ids)} == {Status.INTERRUPTED}
    train_all(db, run_ids[:1], "solo")
    train_all(db, run_ids[1:])
    assert engines(db, run_ids) == ["solo", "stacked 2", "stacked 2"]
    for mine, its in zip(run_ids, untouched, strict=True):
        assert [tried.first_epoch for tried in store.attempts(db, mine)] == [1, 3]
        assert_alike(curves(db, mine), curves(calm, its))
    calm.close()


def test_a_run_of_a_stack_is_stopped_by_itself(db: store.Database) -> None:
    run_ids = three(db, epochs=6)

    def ask(epoch: Epoch) -> None:
        if epoch.number == 2:
            store.request_stop(db, run_ids[1:2])

    train_all(db, run_ids, notes=Notes(on_epoch=ask))
    first, second, third = store.runs(db, run_ids=run_ids)
    assert (first.status, third.status) == (Status.FINISHED, Status.FINISHED)
    assert (second.status, second.reason) == (Status.INTERRUPTED, store.STOPPED_REASON)
    assert second.epochs < 6


def test_a_run_that_another_worker_took_leaves_and_the_others_go_on(db: store.Database) -> None:
    run_ids = three(db, epochs=6)

    def steal(epoch: Epoch) -> None:
        if epoch.number == 2:
            with db.write() as connection:
                connection.execute(
                    text("UPDATE run SET lease_attempt_id = NULL WHERE id = :id"),
                    {"id": run_ids[0]},
                )

    notes = Notes(on_epoch=steal)
    context = WorkerContext(db, notes, lambda: len(notes.epochs) > 15)
    run_queue(context, run_ids, planner=STACKED)
    assert notes.over[0].run.id == run_ids[0]
    assert "was taken over by another worker" in str(notes.over[0].reason)
    assert store.history(db, run_ids[0])["val/loss"].epochs[:2] == (1, 2)
    rest = store.runs(db, run_ids=run_ids[1:])
    assert [run.status for run in rest] == [Status.FINISHED] * 2


def test_a_run_that_cannot_begin_fails_alone(db: store.Database) -> None:
    run_ids = three(db)
    with db.write() as connection:  # as if its data file had changed since
        connection.execute(
            text(
                "UPDATE trial SET setting = json_set(setting, '$.data_version', 'other')"
                " WHERE id = (SELECT trial_id FROM run WHERE id = :id)"
            ),
            {"id": run_ids[1]},
        )
    train_all(db, run_ids)
    statuses = [run.status for run in store.runs(db, run_ids=run_ids)]
    assert statuses == [Status.FINISHED, Status.FAILED, Status.FINISHED]


def test_where_a_stack_fails_its_halves_are_tried(
    db: store.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_ids = three(db)
    train = batched_runs.BatchedRuns.train_epoch

    def short_of_memory(self: batched_runs.BatchedRuns) -> list[tuple[Session, Epoch]]:
        if len(self.sessions) > 2:
            raise torch.OutOfMemoryError("no memory left")
        return train(self)

    monkeypatch.setattr(batched_runs.BatchedRuns, "train_epoch", short_of_memory)
    notes = Notes()
    train_all(db, run_ids, notes=notes)
    assert [run.status for run in store.runs(db, run_ids=run_ids)] == [Status.FINISHED] * 3
    assert engines(db, run_ids) == ["stacked 2", "stacked 2", "solo"]
    (note,) = notes.notes
    assert note.startswith("3 runs could not be trained together: ")
    assert "out of memory, at a peak of " in note
    assert note.endswith(" GiB; retrying with half as many at once")


def test_a_full_disk_leaves_every_run_of_a_stack_resumable(
    db: store.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_ids = three(db)

    def full(*_: object) -> None:
        raise DiskFull("no room left")

    with monkeypatch.context() as patch:
        patch.setattr(store, "write_epochs", full)
        with pytest.raises(DiskFull):
            train_all(db, run_ids)
    runs = store.runs(db, run_ids=run_ids)
    assert [(run.status, run.reason) for run in runs] == [(Status.INTERRUPTED, "no room left")] * 3
    train_all(db, run_ids)
    assert {run.status for run in store.runs(db, run_ids=run_ids)} == {Status.FINISHED}


def test_checkpoints_of_a_stack_are_those_of_its_runs(
    db: store.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that is gone without a word: each run goes on from its last checkpoint, alone."""
    run_ids = three(db, epochs=6)
    monkeypatch.setattr("nnlab.workers.checkpoints.Checkpoints.is_due", lambda *_: True)

    class Gone(BaseException):
        """Nothing catches it but the end of the process."""

    def vanish(epoch: Epoch) -> None:
        if epoch.number == 4:
            raise Gone

    with pytest.raises(Gone):
        train_all(db, run_ids, notes=Notes(on_epoch=vanish))
    train_all(db, run_ids, "solo")
    for run_id in run_ids:
        assert [tried.first_epoch for tried in store.attempts(db, run_id)] == [1, 4]
        assert store.history(db, run_id)["val/loss"].epochs == (1, 2, 3, 4, 5, 6)


def test_a_worker_leaves_what_others_can_do_as_well(db: store.Database) -> None:
    run_ids = three(db)
    claimed: list[int] = []

    class First(Notes):
        def on_run_start(self, run: Run, epoch: int) -> None:
            claimed.append(run.id)

    context = WorkerContext(db, First(), lambda: bool(claimed))
    run_queue(context, run_ids, planner=STACKED, max_claims=2)
    assert len(claimed) == 2
    assert waiting(db, run_ids) == run_ids[2:]
