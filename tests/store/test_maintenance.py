"""Status, check and backup."""

from pathlib import Path

import pytest
from store.store_fixtures import StoreHarness

from nnlab import store
from nnlab.errors import OutputError
from nnlab.records import Artifact, Status
from nnlab.store.schema import HEAD


def test_status_counts_rows_and_bytes(harness: StoreHarness, path: Path) -> None:
    harness.train(*harness.queue(), 0.5, 0.25)
    folder = path.with_name("runs.artifacts") / "1"
    folder.mkdir(parents=True)
    (folder / "model.pt").write_bytes(b"x" * 100)
    status = store.database_status(harness.db)
    assert (status.display_name, status.revision) == (str(path), HEAD)
    assert (status.row_counts["run"], status.row_counts["point"], status.row_counts["summary"]) == (
        1,
        2,
        1,
    )
    assert status.file_bytes == path.stat().st_size
    assert status.log_bytes
    assert status.artifact_bytes == 100


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("UPDATE summary SET best = 0.1", "run 1: the summary of val/loss does not agree"),
        ("UPDATE summary SET n = 7", "run 1: the summary of val/loss does not agree"),
        ("UPDATE summary SET last = NULL", "run 1: the summary of val/loss does not agree"),
        ("DELETE FROM summary", "run 1: the summary of val/loss does not agree"),
        ("DELETE FROM point", "run 1: the summary of val/loss does not agree"),
    ],
)
def test_check_finds_what_is_wrong(harness: StoreHarness, damage: str, message: str) -> None:
    harness.train(*harness.queue(), 0.5, 0.25)
    assert store.find_problems(harness.db) == []
    with harness.db.write() as connection:
        connection.exec_driver_sql(damage)
    assert message in store.find_problems(harness.db)[0]


@pytest.mark.file
def test_check_finds_references_to_nowhere(harness: StoreHarness) -> None:
    harness.queue()
    with harness.file.driver_connection() as connection:
        connection.execute("PRAGMA foreign_keys=OFF")
        connection.execute("UPDATE run SET trial_id = 99")
        connection.execute("PRAGMA foreign_keys=ON")
    (problem,) = store.find_problems(harness.db)
    assert "table run: 1 rows refer to missing rows" in problem


def test_check_misses_no_artifact(harness: StoreHarness, path: Path) -> None:
    (run_id,) = harness.queue()
    harness.writer([run_id]).finish(
        Status.FINISHED,
        selected_epoch=None,
        reason=None,
        wall_seconds=1.0,
        device_seconds=1.0,
        artifacts=[Artifact(run_id, "model", "1/model.pt", "", 3)],
    )
    (missing,) = store.find_problems(harness.db)
    assert "its model" in missing
    assert "is missing" in missing
    file = path.with_name("runs.artifacts") / "1" / "model.pt"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"four")
    (other,) = store.find_problems(harness.db)
    assert "is not the one that was written" in other
    file.write_bytes(b"abc")
    assert store.find_problems(harness.db) == []


def test_a_backup_is_whole_while_others_write(harness: StoreHarness, tmp_path: Path) -> None:
    first, second = harness.queue(2)
    harness.train(first, 0.5, 0.25)
    destination = tmp_path / "copy.db"
    with harness.db.write() as connection:
        connection.exec_driver_sql("UPDATE run SET seed = 99")
        store.backup_database(harness.db, destination)  # sees what was committed, not this
    harness.train(second, 0.5)
    db = store.open_database(str(destination), write=True)
    assert [run.seed for run in store.runs(db)] == [0, 0]
    assert db.address.artifacts == tmp_path / "copy.artifacts"
    assert dict(store.history(db, first)["val/loss"]) == {1: 0.5, 2: 0.25}
    assert store.find_problems(db) == []
    db.close()
    assert not list(tmp_path.glob(".copy.db*"))


def test_a_backup_never_overwrites(harness: StoreHarness, tmp_path: Path) -> None:
    taken = tmp_path / "precious.txt"
    taken.write_text("mine")
    link = tmp_path / "link.db"
    link.symlink_to(tmp_path / "gone.db")
    there = tmp_path / "runs.db"
    there.touch()
    for destination in (taken, link, there):
        with pytest.raises(OutputError, match="exists already"):
            store.backup_database(harness.db, destination)
    assert taken.read_text() == "mine"


def test_a_backup_into_no_folder_says_so(harness: StoreHarness, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="there is no folder"):
        store.backup_database(harness.db, tmp_path / "nowhere" / "copy.db")


def test_a_backup_that_fails_leaves_nothing(harness: StoreHarness, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    # The copy in the making has a longer name yet, which no file system takes.
    with pytest.raises(OutputError, match="cannot write"):
        store.backup_database(harness.db, folder / ("x" * 255))
    assert list(folder.iterdir()) == []
