"""A database that is moved, deleted or replaced during training: no epoch is lost."""

import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line_runner import Nnlab
from workers.queue_helpers import Notes, claimed, queued

from nnlab import store
from nnlab.errors import DatabaseMoved
from nnlab.records import Epoch, Status
from nnlab.store.address import parse_address
from nnlab.workers.batched_worker import train_batched
from nnlab.workers.worker import train_run
from nnlab.workers.worker_context import WorkerContext


def _rename(path: Path) -> None:
    path.rename(path.with_name("elsewhere.db"))


def _delete(path: Path) -> None:
    for each in path.parent.glob("runs.db*"):
        each.unlink()


def _replace(path: Path) -> None:
    shutil.copy(path, path.with_name("copy.db"))
    path.with_name("copy.db").replace(path)


def _disturbed(path: Path, disturb: Callable[[Path], None]) -> Notes:
    def on_epoch(epoch: Epoch) -> None:
        if epoch.number == 2 and path.exists():
            disturb(path)

    return Notes(on_epoch=on_epoch)


@pytest.mark.parametrize("disturb", [_rename, _delete, _replace])
def test_the_run_stops_and_its_epochs_are_delivered_later(
    tmp_path: Path, db: store.Database, disturb: Callable[[Path], None]
) -> None:
    path, copy = tmp_path / "runs.db", tmp_path / "backup.db"
    run_id = queued(db)
    store.backup_database(db, copy)
    listener = _disturbed(path, disturb)
    with pytest.raises(DatabaseMoved, match=r"all epochs so far are kept in .*\.waiting") as caught:
        train_run(WorkerContext(db, listener, lambda: False), claimed(db, run_id))
    assert str(tmp_path) in (caught.value.hint or "")
    assert listener.epochs == [1, 2]
    db.close()
    if disturb is _rename:
        path.with_name("elsewhere.db").rename(path)
    else:
        path.with_name("runs.db-wal").unlink(missing_ok=True)
        copy.replace(path)

    again = store.open_database(str(path), write=True)
    uninterrupted_results = Notes()
    # This process, which holds the lease in the moved file, is still there.
    claim = store.claim(
        again, run_ids=[run_id], hostname="h", pid=1, command="test", now=time.time() + 120
    )
    assert claim is not None
    ended = train_run(WorkerContext(again, uninterrupted_results, lambda: False), claim)
    assert ended.status is Status.FINISHED
    assert any(
        "3 epochs that an earlier attempt could not store" in note
        for note in uninterrupted_results.notes
    )
    assert [epoch for epoch, _ in store.history(again, run_id)["val/loss"]] == [1, 2, 3, 4]
    assert store.find_problems(again) == []
    again.close()


def test_runs_that_are_trained_together_keep_their_epochs_each(
    tmp_path: Path, db: store.Database
) -> None:
    run_ids = [queued(db, lr=lr) for lr in (0.1, 0.2)]
    claims = [claimed(db, run_id) for run_id in run_ids]
    listener = _disturbed(tmp_path / "runs.db", _rename)
    with pytest.raises(DatabaseMoved):
        train_batched(WorkerContext(db, listener, lambda: False), claims)
    kept = [*tmp_path.glob("runs.artifacts/*/*.waiting")]
    assert sorted(int(path.parent.name) for path in kept) == run_ids


def test_a_spool_of_another_database_is_not_delivered(tmp_path: Path, db: store.Database) -> None:
    run_id = queued(db, lr=0.1)
    disturbed = _disturbed(tmp_path / "runs.db", _delete)
    with pytest.raises(DatabaseMoved):
        train_run(WorkerContext(db, disturbed, lambda: False), claimed(db, run_id))
    db.close()
    new = store.open_database(str(tmp_path / "runs.db"), write=True, create=True)
    other = queued(new, lr=0.2)
    assert other == run_id
    ended = train_run(WorkerContext(new, Notes(), lambda: False), claimed(new, other))
    assert ended.status is Status.FINISHED
    assert len(store.history(new, other)["val/loss"]) == 4
    assert len([*tmp_path.glob("runs.artifacts/*/*.waiting")]) == 1
    new.close()


def test_a_checkpoint_of_another_database_is_not_resumed(
    tmp_path: Path, db: store.Database
) -> None:
    run_id = queued(db)
    stop_after_2 = Notes()
    context = WorkerContext(db, stop_after_2, lambda: len(stop_after_2.epochs) == 2)
    train_run(context, claimed(db, run_id))
    db.close()
    _delete(tmp_path / "runs.db")
    new = store.open_database(str(tmp_path / "runs.db"), write=True, create=True)
    listener = Notes()
    train_run(WorkerContext(new, listener, lambda: False), claimed(new, queued(new)))
    assert listener.epochs == [1, 2, 3, 4]
    assert any(
        "belongs to another database: in this one the run has 0 epochs" in n for n in listener.notes
    )
    new.close()


def test_a_database_that_is_restored_is_written_again(tmp_path: Path, db: store.Database) -> None:
    path = tmp_path / "runs.db"
    path.rename(tmp_path / "elsewhere.db")
    with pytest.raises(DatabaseMoved):
        queued(db)
    (tmp_path / "elsewhere.db").rename(path)
    assert queued(db) == 1


def test_the_command_fails_and_says_how_to_recover(nnlab: Nnlab, folder: Path) -> None:
    Path("model.py").write_text(
        "import os\nfrom torch import nn\n"
        "class Net(nn.Module):\n"
        "    def __init__(self, in_features, num_classes):\n"
        "        super().__init__()\n"
        "        self.layer = nn.Linear(in_features, num_classes)\n"
        "    def forward(self, x):\n"
        "        if self.training and os.path.exists('runs.artifacts/now'):\n"
        "            os.rename('runs.db', 'gone.db')\n"
        "            os.remove('runs.artifacts/now')\n"
        "        return self.layer(x)\n"
    )
    Path("runs.artifacts").mkdir()
    Path("runs.artifacts/now").touch()
    words = ("train", "--data", "iris", "--model", "model.py:Net", "--epochs", "3", "-q")
    answer = nnlab(*words, expect=1)
    assert "runs.db was moved or deleted while it was in use" in answer.err
    assert "kept in runs.artifacts/1/1.waiting" in answer.err
    assert "repeat the command" in answer.err
    Path("gone.db").rename("runs.db")
    # This process, which holds the lease, is still there: a command of its own would be gone.
    with sqlite3.connect("runs.db") as connection:
        connection.execute("UPDATE run SET lease_until = 0")
    connection.close()
    nnlab(*words)
    assert nnlab("ls", "--format", "json").json[0]["status"] == "finished"


def test_a_linked_database_keeps_its_files_beside_its_target(nnlab: Nnlab, folder: Path) -> None:
    Path("real").mkdir()
    nnlab("train", "--data", "iris", "--epochs", "1", "-q", "--db", "real/lab.db")
    Path("runs.db").symlink_to("real/lab.db")
    nnlab("train", "--data", "iris", "--epochs", "2", "-q")
    assert sorted(path.name for path in Path("real/lab.artifacts").iterdir()) == ["1", "2"]
    assert not Path("runs.artifacts").exists()
    assert not Path("runs.db-wal").exists()


def test_files_beside_a_link_stay_where_an_earlier_version_put_them(
    nnlab: Nnlab, folder: Path
) -> None:
    Path("real").mkdir()
    Path("runs.artifacts").mkdir()
    Path("runs.db").symlink_to("real/lab.db")
    assert parse_address("runs.db").artifacts.resolve() == Path("runs.artifacts").resolve()
