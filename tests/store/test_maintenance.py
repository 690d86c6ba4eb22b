"""Status, check and backup."""

from pathlib import Path

import pytest
from store.store_fixtures import Lab

from nnlab import store
from nnlab.errors import OutputError
from nnlab.records import Artifact, Status
from nnlab.store.schema import HEAD


def test_status_counts_rows_and_bytes(lab: Lab, path: Path) -> None:
    lab.train(*lab.queue(), 0.5, 0.25)
    folder = path.with_name("runs.artifacts") / "1"
    folder.mkdir(parents=True)
    (folder / "model.pt").write_bytes(b"x" * 100)
    found = store.database_status(lab.db)
    assert (found.display_name, found.revision) == (str(path), HEAD)
    assert (found.row_counts["run"], found.row_counts["point"], found.row_counts["summary"]) == (
        1,
        2,
        1,
    )
    assert found.file_bytes == path.stat().st_size
    assert found.log_bytes
    assert found.artifact_bytes == 100


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ("UPDATE summary SET best = 0.1", "run 1: the summary of val/loss does not agree"),
        ("UPDATE summary SET n = 7", "run 1: the summary of val/loss does not agree"),
        ("UPDATE summary SET last = NULL", "run 1: the summary of val/loss does not agree"),
        ("DELETE FROM summary", "run 1: the summary of val/loss does not agree"),
        ("DELETE FROM point", "run 1: the summary of val/loss does not agree"),
    ],
)
def test_check_finds_what_is_wrong(lab: Lab, damage: str, told: str) -> None:
    lab.train(*lab.queue(), 0.5, 0.25)
    assert store.find_problems(lab.db) == []
    with lab.db.write() as connection:
        connection.exec_driver_sql(damage)
    assert told in store.find_problems(lab.db)[0]


@pytest.mark.file
def test_check_finds_references_to_nowhere(lab: Lab) -> None:
    lab.queue()
    with lab.file.driver_connection() as connection:
        connection.execute("PRAGMA foreign_keys=OFF")
        connection.execute("UPDATE run SET trial_id = 99")
        connection.execute("PRAGMA foreign_keys=ON")
    (problem,) = store.find_problems(lab.db)
    assert "table run: 1 rows refer to missing rows" in problem


def test_check_misses_no_artifact(lab: Lab, path: Path) -> None:
    (run_id,) = lab.queue()
    lab.writer([run_id]).finish(
        Status.FINISHED,
        selected_epoch=None,
        reason=None,
        wall_seconds=1.0,
        device_seconds=1.0,
        artifacts=[Artifact(run_id, "model", "1/model.pt", "", 3)],
    )
    (missing,) = store.find_problems(lab.db)
    assert "its model" in missing
    assert "is missing" in missing
    file = path.with_name("runs.artifacts") / "1" / "model.pt"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"four")
    (other,) = store.find_problems(lab.db)
    assert "is not the one that was written" in other
    file.write_bytes(b"abc")
    assert store.find_problems(lab.db) == []


def test_a_backup_is_whole_while_others_write(lab: Lab, tmp_path: Path) -> None:
    first, second = lab.queue(2)
    lab.train(first, 0.5, 0.25)
    destination = tmp_path / "copy.db"
    with lab.db.write() as connection:
        connection.exec_driver_sql("UPDATE run SET seed = 99")
        store.backup_database(lab.db, destination)  # sees what was committed, not this
    lab.train(second, 0.5)
    db = store.open_database(str(destination), write=True)
    assert [run.seed for run in store.runs(db)] == [0, 0]
    assert db.address.artifacts == tmp_path / "copy.artifacts"
    assert dict(store.history(db, first)["val/loss"]) == {1: 0.5, 2: 0.25}
    assert store.find_problems(db) == []
    db.close()
    assert not list(tmp_path.glob(".copy.db*"))


def test_a_backup_never_overwrites(lab: Lab, tmp_path: Path) -> None:
    taken = tmp_path / "precious.txt"
    taken.write_text("mine")
    link = tmp_path / "link.db"
    link.symlink_to(tmp_path / "gone.db")
    there = tmp_path / "runs.db"
    there.touch()
    for destination in (taken, link, there):
        with pytest.raises(OutputError, match="exists already"):
            store.backup_database(lab.db, destination)
    assert taken.read_text() == "mine"


def test_a_backup_into_no_folder_says_so(lab: Lab, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="there is no folder"):
        store.backup_database(lab.db, tmp_path / "nowhere" / "copy.db")


def test_a_backup_that_fails_leaves_nothing(lab: Lab, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    # The copy in the making has a longer name yet, which no file system takes.
    with pytest.raises(OutputError, match="cannot write"):
        store.backup_database(lab.db, folder / ("x" * 255))
    assert list(folder.iterdir()) == []
