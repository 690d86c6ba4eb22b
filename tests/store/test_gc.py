"""What `nnlab db gc` finds and deletes, and what it must never touch."""

import os
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update
from store.store_fixtures import Lab

from nnlab import store
from nnlab.errors import OutputError
from nnlab.records import Artifact, Finding, Severity, Status
from nnlab.store.folder_marker import marker_content
from nnlab.store.schema import TABLES
from nnlab.store.tables import run

NOW = datetime(2026, 5, 20, 12, 0, tzinfo=UTC)


def folder(lab: Lab, name: object, content: bytes = b"weights") -> Path:
    """A folder as runs make them, with one file in it."""
    made = lab.db.address.artifacts / str(name)
    made.mkdir(parents=True)
    (made / "model.pt").write_bytes(content)
    return made


def train(lab: Lab, run_id: int) -> Path:
    """A run that has a row in every table, and a folder."""
    lab.train(run_id, 0.5, 0.25, metric=f"val/of_{run_id}")
    with lab.db.write() as connection:
        connection.execute(update(run).where(run.c.id == run_id).values(status="queued"))
    made = folder(lab, run_id)
    lab.writer([run_id], resume_after=2).finish(
        Status.FINISHED,
        selected_epoch=2,
        reason=None,
        wall_seconds=1.0,
        device_seconds=1.0,
        findings=[Finding("NN101", "o", Severity.INFO, 1.0, None, "m", "r", {})],
        artifacts=[Artifact(run_id, "model", f"{run_id}/model.pt", "", 7)],
    )
    return made


def counts(lab: Lab) -> dict[str, int]:
    with lab.db.read() as connection:
        return {
            table: connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one()
            for table in TABLES
        }


def test_all_of_a_removed_run_goes_and_nothing_of_another(lab: Lab) -> None:
    kept, gone = lab.queue(2)
    stays = train(lab, kept)
    before = counts(lab)
    history = store.history(lab.db, kept)
    goes = train(lab, gone)
    store.remove(lab.db, study_ids=[], run_ids=[gone])
    found = store.find_garbage(lab.db)
    assert (found.run_ids, found.run_folders, found.orphan_folders, found.total_bytes) == (
        (gone,),
        (goes,),
        (),
        7,
    )
    assert store.collect_garbage(lab.db, found) >= 7
    # The trial that was queued for `gone` goes with its only run.
    assert counts(lab) == before | {"run": 1, "trial": 1}
    assert (stays.exists(), goes.exists()) == (True, False)
    assert store.history(lab.db, kept) == history
    assert store.find_problems(lab.db) == []
    assert not store.find_garbage(lab.db)


def test_what_a_run_that_is_over_had_for_its_training_goes(lab: Lab) -> None:
    over, waits = lab.queue(2)
    kept = train(lab, over)
    waiting = folder(lab, waits)
    for place in (kept, waiting):
        for name in ("checkpoint-12.pt", ".model.pt.77.part", "checkpoint-11.damaged", "own.pt"):
            (place / name).write_bytes(b"left")
    found = store.find_garbage(lab.db)
    assert {path.name for path in found.leftover_files} == {"checkpoint-12.pt", ".model.pt.77.part"}
    assert found.total_bytes == 8
    assert store.collect_garbage(lab.db, found) >= 8
    names = {path.name for path in kept.iterdir()}
    assert names == {"model.pt", "checkpoint-11.damaged", "own.pt"}
    assert (waiting / "checkpoint-12.pt").is_file()
    assert not store.find_garbage(lab.db)


def test_a_removed_study_goes_with_all_that_was_in_it(lab: Lab) -> None:
    train(lab, *lab.queue())
    store.remove(lab.db, study_ids=[lab.study.id], run_ids=[])
    found = store.find_garbage(lab.db)
    assert (found.run_ids, found.study_ids) == ((1,), (lab.study.id,))
    store.collect_garbage(lab.db, found)
    assert not any(counts(lab).values())
    assert list(lab.db.address.artifacts.iterdir()) == []


def test_a_child_forgets_a_parent_that_is_deleted(lab: Lab) -> None:
    parent, child = lab.queue(2)
    lab.train(parent, 0.5)
    lab.writer([child]).record_parent(parent)
    store.remove(lab.db, study_ids=[], run_ids=[parent])
    store.collect_garbage(lab.db, store.find_garbage(lab.db))
    (left,) = store.runs(lab.db)
    assert (left.id, left.parent_id) == (child, None)


def test_what_came_back_since_stays(lab: Lab) -> None:
    made = train(lab, *lab.queue())
    store.remove(lab.db, study_ids=[], run_ids=[1])
    found = store.find_garbage(lab.db)
    store.restore(lab.db, study_ids=[], run_ids=[1])
    before = counts(lab)
    store.collect_garbage(lab.db, found)
    assert counts(lab) == before
    assert made.exists()
    assert store.find_problems(lab.db) == []


def test_folders_of_unknown_runs_are_found_and_nothing_else(lab: Lab, path: Path) -> None:
    (run_id,) = lab.queue()
    folder(lab, run_id)
    orphan = folder(lab, 77, b"12345")
    for name in ("notes", "007", "7.bak", "-7", "²"):
        folder(lab, name)
    (lab.db.address.artifacts / "78").write_text("a file")
    found = store.find_garbage(lab.db)
    assert (found.orphan_folders, found.total_bytes) == ((orphan,), 5)
    store.collect_garbage(lab.db, found)
    left = {each.name for each in lab.db.address.artifacts.iterdir()}
    assert left == {str(run_id), "notes", "007", "7.bak", "-7", "²", "78"}


def test_links_are_neither_deleted_nor_followed(lab: Lab, tmp_path: Path) -> None:
    over, gone = lab.queue(2)
    for run_id in (over, gone):
        shutil.rmtree(train(lab, run_id))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name in ("model.pt", "checkpoint-12.pt"):
        (elsewhere / name).write_text("mine")
    for run_id in (over, gone, 77):
        (lab.db.address.artifacts / str(run_id)).symlink_to(elsewhere)
    store.remove(lab.db, study_ids=[], run_ids=[gone])
    found = store.find_garbage(lab.db)
    assert (found.run_folders, found.orphan_folders, found.leftover_files, found.total_bytes) == (
        (),
        (),
        (),
        0,
    )
    assert {why for _, why in found.kept_folders} == {"it is a symbolic link"}
    store.collect_garbage(lab.db, found)
    assert (lab.db.address.artifacts / "77").is_symlink()
    assert {path.read_text() for path in elsewhere.iterdir()} == {"mine"}


def test_a_link_in_the_place_of_the_artifacts_is_not_followed(lab: Lab, tmp_path: Path) -> None:
    shutil.rmtree(train(lab, *lab.queue()))
    store.remove(lab.db, study_ids=[], run_ids=[1])
    place = lab.db.address.artifacts
    place.rmdir()
    (tmp_path / "elsewhere" / "1").mkdir(parents=True)
    (tmp_path / "elsewhere" / "1" / "model.pt").write_text("mine")
    place.symlink_to(tmp_path / "elsewhere")
    found = store.find_garbage(lab.db)
    assert found.kept_folders == ((str(place), "it is a symbolic link: nothing in it is deleted"),)
    store.collect_garbage(lab.db, found)
    assert (tmp_path / "elsewhere" / "1" / "model.pt").read_text() == "mine"


def test_a_folder_with_a_file_that_nnlab_did_not_make_is_kept(lab: Lab) -> None:
    made = train(lab, *lab.queue())
    (made / "thesis.tex").write_text("mine")
    (folder(lab, 77) / "notes").mkdir()
    store.remove(lab.db, study_ids=[], run_ids=[1])
    found = store.find_garbage(lab.db)
    assert (found.run_folders, found.orphan_folders) == ((), ())
    assert dict(found.kept_folders) == {
        str(made): "it contains 'thesis.tex', which nnlab did not create",
        str(made.with_name("77")): "it contains 'notes', which nnlab did not create",
    }
    store.collect_garbage(lab.db, found)
    assert (made / "thesis.tex").read_text() == "mine"
    assert (made / "model.pt").exists()


def test_a_marked_folder_is_deleted_with_all_that_is_in_it(lab: Lab) -> None:
    (run_id,) = lab.queue()
    (run,) = store.runs(lab.db)
    made = lab.db.address.artifacts / str(run_id)
    store.run_folder(lab.db, run, None).write("model.pt", b"weights")
    (made / "notes").mkdir()
    store.remove(lab.db, study_ids=[], run_ids=[run_id])
    found = store.find_garbage(lab.db)
    assert (found.run_folders, found.kept_folders) == ((made,), ())
    store.collect_garbage(lab.db, found)
    assert not made.exists()


def test_the_marker_of_another_run_protects_a_folder(lab: Lab) -> None:
    (run_id,) = lab.queue()
    (run,) = store.runs(lab.db)
    made = folder(lab, run_id)
    other = replace(run, created_at=run.created_at + timedelta(microseconds=1))
    (made / ".nnlab-run").write_bytes(marker_content(other.id, other.created_at))
    store.remove(lab.db, study_ids=[], run_ids=[run_id])
    found = store.find_garbage(lab.db)
    assert (found.run_folders, dict(found.kept_folders)) == (
        (),
        {str(made): "its marker names another run"},
    )
    store.collect_garbage(lab.db, found)
    assert (made / "model.pt").exists()


def test_a_folder_of_a_run_loses_its_marker_with_its_last_file(lab: Lab) -> None:
    lab.queue()
    (run,) = store.runs(lab.db)
    files = store.run_folder(lab.db, run, None)
    files.write("checkpoint-1.pt", b"state")
    made = lab.db.address.artifacts / str(run.id)
    assert files.file_names() == ["checkpoint-1.pt"]
    assert sorted(path.name for path in made.iterdir()) == [".nnlab-run", "checkpoint-1.pt"]
    files.remove_incomplete_files()
    assert made.exists()
    files.remove("checkpoint-1.pt")
    files.remove_incomplete_files()
    assert not made.exists()


def test_a_folder_that_two_databases_share_is_not_judged(lab: Lab, path: Path) -> None:
    orphan = folder(lab, 77)
    path.with_suffix("").write_bytes(b"another database, whose artifacts lie there too")
    assert store.find_garbage(lab.db).orphan_folders == ()
    path.with_suffix("").unlink()
    assert store.find_garbage(lab.db).orphan_folders == (orphan,)


@pytest.mark.parametrize(
    ("name", "old"),
    [
        ("runs.db.backup-0001-20260510T120000.000000Z", True),
        ("runs.db.backup-0001-20260513T115959.999999Z", True),
        ("runs.db.backup-0001-20260513T120000.000000Z", False),
        ("runs.db.backup-0001-20260519T120000.000000Z", False),
        ("runs.db.backup-0001-20269999T120000.000000Z", False),
        ("runs.db.backup-mine", False),
        ("other.db.backup-0001-20260510T120000.000000Z", False),
        ("runs.db", False),
    ],
)
def test_backups_of_upgrades_are_old_after_a_week(
    lab: Lab, path: Path, *, name: str, old: bool
) -> None:
    file = path.with_name(name)
    if name != "runs.db":
        file.write_bytes(b"SQLite format 3\0")
    found = store.find_garbage(lab.db, now=NOW)
    assert found.backup_files == ((file,) if old else ())
    assert bool(found) == old
    store.collect_garbage(lab.db, found)
    assert file.exists() != old


def test_a_file_that_is_no_database_is_no_old_backup(lab: Lab, path: Path) -> None:
    stamp = ".backup-0001-20260510T120000.000000Z"
    file = path.with_name(f"{path.name}{stamp}")
    file.write_text("mine")
    assert store.find_garbage(lab.db, now=NOW).backup_files == ()
    real = path.with_name("real")
    real.write_bytes(b"SQLite format 3\0")
    file.unlink()
    file.symlink_to(real)
    assert store.find_garbage(lab.db, now=NOW).backup_files == ()


@pytest.mark.file
def test_the_file_shrinks_only_while_nothing_is_trained(lab: Lab) -> None:
    gone, busy = lab.queue(2)
    lab.train(gone, *(0.5 for _ in range(3000)))
    writer = lab.writer([busy])
    size = store.database_status(lab.db).file_bytes
    store.remove(lab.db, study_ids=[], run_ids=[gone])
    store.collect_garbage(lab.db, store.find_garbage(lab.db))
    assert store.database_status(lab.db).file_bytes >= size
    writer.finish(
        Status.FINISHED, selected_epoch=None, reason=None, wall_seconds=1.0, device_seconds=1.0
    )
    store.remove(lab.db, study_ids=[], run_ids=[busy])
    freed = store.collect_garbage(lab.db, store.find_garbage(lab.db))
    assert store.database_status(lab.db).file_bytes < size
    assert freed > 0


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="needs permissions that hold")
def test_a_folder_that_cannot_be_deleted_keeps_the_rows(lab: Lab) -> None:
    made = train(lab, *lab.queue())
    store.remove(lab.db, study_ids=[], run_ids=[1])
    made.chmod(0o500)
    with pytest.raises(OutputError, match="cannot delete"):
        store.collect_garbage(lab.db, store.find_garbage(lab.db))
    made.chmod(0o700)
    assert store.find_garbage(lab.db).run_ids == (1,)


def test_a_file_that_cannot_be_deleted_keeps_the_rows(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(lab, *lab.queue())
    store.remove(lab.db, study_ids=[], run_ids=[1])

    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    found = store.find_garbage(lab.db)
    monkeypatch.setattr("nnlab.store.garbage.shutil.rmtree", refuse)
    with pytest.raises(OutputError, match="Permission denied"):
        store.collect_garbage(lab.db, found)
    assert store.find_garbage(lab.db) == found
