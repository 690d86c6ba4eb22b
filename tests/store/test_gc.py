"""`find_garbage` and `delete_garbage`: what is deleted, and what is kept."""

import os
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update
from store.store_fixtures import StoreHarness

from nnlab import store
from nnlab.errors import OutputError
from nnlab.records import Artifact, Finding, Severity, Status
from nnlab.store.folder_marker import marker_content
from nnlab.store.schema import TABLES
from nnlab.store.tables import run

NOW = datetime(2026, 5, 20, 12, 0, tzinfo=UTC)


def folder(harness: StoreHarness, name: object, content: bytes = b"weights") -> Path:
    """A folder as runs make them, with one file in it."""
    path = harness.db.address.artifacts / str(name)
    path.mkdir(parents=True)
    (path / "model.pt").write_bytes(content)
    return path


def train(harness: StoreHarness, run_id: int) -> Path:
    """A run that has a row in every table, and a folder."""
    harness.train(run_id, 0.5, 0.25, metric=f"val/of_{run_id}")
    with harness.db.write() as connection:
        connection.execute(update(run).where(run.c.id == run_id).values(status="queued"))
    path = folder(harness, run_id)
    harness.writer([run_id], resume_after=2).finish(
        Status.FINISHED,
        selected_epoch=2,
        reason=None,
        wall_seconds=1.0,
        device_seconds=1.0,
        findings=[Finding("NN101", "o", Severity.INFO, 1.0, None, "m", "r", {})],
        artifacts=[Artifact(run_id, "model", f"{run_id}/model.pt", "", 7)],
    )
    return path


def counts(harness: StoreHarness) -> dict[str, int]:
    with harness.db.read() as connection:
        return {
            table: connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one()
            for table in TABLES
        }


def test_all_of_a_removed_run_goes_and_nothing_of_another(harness: StoreHarness) -> None:
    kept, gone = harness.queue(2)
    stays = train(harness, kept)
    before = counts(harness)
    history = store.history(harness.db, kept)
    goes = train(harness, gone)
    store.remove(harness.db, study_ids=[], run_ids=[gone])
    garbage = store.find_garbage(harness.db)
    assert (garbage.run_ids, garbage.run_folders, garbage.orphan_folders, garbage.total_bytes) == (
        (gone,),
        (goes,),
        (),
        7,
    )
    assert store.collect_garbage(harness.db, garbage) >= 7
    # The trial that was queued for `gone` goes with its only run.
    assert counts(harness) == before | {"run": 1, "trial": 1}
    assert (stays.exists(), goes.exists()) == (True, False)
    assert store.history(harness.db, kept) == history
    assert store.find_problems(harness.db) == []
    assert not store.find_garbage(harness.db)


def test_what_a_run_that_is_over_had_for_its_training_goes(harness: StoreHarness) -> None:
    over, waits = harness.queue(2)
    kept = train(harness, over)
    waiting = folder(harness, waits)
    for place in (kept, waiting):
        names = ("checkpoint-12.pt", "checkpoint-12-40.pt", ".model.pt.77.part")
        for name in (*names, "checkpoint-11.damaged", "own.pt"):
            (place / name).write_bytes(b"left")
    garbage = store.find_garbage(harness.db)
    assert {path.name for path in garbage.leftover_files} == {
        "checkpoint-12.pt",
        "checkpoint-12-40.pt",
        ".model.pt.77.part",
    }
    assert garbage.total_bytes == 12
    assert store.collect_garbage(harness.db, garbage) >= 12
    kept_names = {path.name for path in kept.iterdir()}
    assert kept_names == {"model.pt", "checkpoint-11.damaged", "own.pt"}
    assert (waiting / "checkpoint-12.pt").is_file()
    assert not store.find_garbage(harness.db)


def test_a_removed_study_goes_with_all_that_was_in_it(harness: StoreHarness) -> None:
    train(harness, *harness.queue())
    store.remove(harness.db, study_ids=[harness.study.id], run_ids=[])
    garbage = store.find_garbage(harness.db)
    assert (garbage.run_ids, garbage.study_ids) == ((1,), (harness.study.id,))
    store.collect_garbage(harness.db, garbage)
    assert not any(counts(harness).values())
    assert list(harness.db.address.artifacts.iterdir()) == []


def test_a_child_forgets_a_parent_that_is_deleted(harness: StoreHarness) -> None:
    parent, child = harness.queue(2)
    harness.train(parent, 0.5)
    harness.writer([child]).record_parent(parent)
    store.remove(harness.db, study_ids=[], run_ids=[parent])
    store.collect_garbage(harness.db, store.find_garbage(harness.db))
    (left,) = store.runs(harness.db)
    assert (left.id, left.parent_id) == (child, None)


def test_what_came_back_since_stays(harness: StoreHarness) -> None:
    path = train(harness, *harness.queue())
    store.remove(harness.db, study_ids=[], run_ids=[1])
    garbage = store.find_garbage(harness.db)
    store.restore(harness.db, study_ids=[], run_ids=[1])
    before = counts(harness)
    store.collect_garbage(harness.db, garbage)
    assert counts(harness) == before
    assert path.exists()
    assert store.find_problems(harness.db) == []


def test_folders_of_unknown_runs_are_found_and_nothing_else(
    harness: StoreHarness, path: Path
) -> None:
    (run_id,) = harness.queue()
    folder(harness, run_id)
    orphan = folder(harness, 77, b"12345")
    for name in ("notes", "007", "7.bak", "-7", "²"):
        folder(harness, name)
    (harness.db.address.artifacts / "78").write_text("a file")
    garbage = store.find_garbage(harness.db)
    assert (garbage.orphan_folders, garbage.total_bytes) == ((orphan,), 5)
    store.collect_garbage(harness.db, garbage)
    left = {each.name for each in harness.db.address.artifacts.iterdir()}
    assert left == {str(run_id), "notes", "007", "7.bak", "-7", "²", "78"}


def test_links_are_neither_deleted_nor_followed(harness: StoreHarness, tmp_path: Path) -> None:
    over, gone = harness.queue(2)
    for run_id in (over, gone):
        shutil.rmtree(train(harness, run_id))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name in ("model.pt", "checkpoint-12.pt"):
        (elsewhere / name).write_text("mine")
    for run_id in (over, gone, 77):
        (harness.db.address.artifacts / str(run_id)).symlink_to(elsewhere)
    store.remove(harness.db, study_ids=[], run_ids=[gone])
    garbage = store.find_garbage(harness.db)
    assert (
        garbage.run_folders,
        garbage.orphan_folders,
        garbage.leftover_files,
        garbage.total_bytes,
    ) == (
        (),
        (),
        (),
        0,
    )
    assert {why for _, why in garbage.kept_folders} == {"it is a symbolic link"}
    store.collect_garbage(harness.db, garbage)
    assert (harness.db.address.artifacts / "77").is_symlink()
    assert {path.read_text() for path in elsewhere.iterdir()} == {"mine"}


def test_a_link_in_the_place_of_the_artifacts_is_not_followed(
    harness: StoreHarness, tmp_path: Path
) -> None:
    shutil.rmtree(train(harness, *harness.queue()))
    store.remove(harness.db, study_ids=[], run_ids=[1])
    place = harness.db.address.artifacts
    place.rmdir()
    (tmp_path / "elsewhere" / "1").mkdir(parents=True)
    (tmp_path / "elsewhere" / "1" / "model.pt").write_text("mine")
    place.symlink_to(tmp_path / "elsewhere")
    garbage = store.find_garbage(harness.db)
    assert garbage.kept_folders == (
        (str(place), "it is a symbolic link: nothing in it is deleted"),
    )
    store.collect_garbage(harness.db, garbage)
    assert (tmp_path / "elsewhere" / "1" / "model.pt").read_text() == "mine"


def test_a_folder_with_a_file_that_nnlab_did_not_make_is_kept(harness: StoreHarness) -> None:
    path = train(harness, *harness.queue())
    (path / "thesis.tex").write_text("mine")
    (folder(harness, 77) / "notes").mkdir()
    store.remove(harness.db, study_ids=[], run_ids=[1])
    garbage = store.find_garbage(harness.db)
    assert (garbage.run_folders, garbage.orphan_folders) == ((), ())
    assert dict(garbage.kept_folders) == {
        str(path): "it contains 'thesis.tex', which nnlab did not create",
        str(path.with_name("77")): "it contains 'notes', which nnlab did not create",
    }
    store.collect_garbage(harness.db, garbage)
    assert (path / "thesis.tex").read_text() == "mine"
    assert (path / "model.pt").exists()


def test_a_marked_folder_is_deleted_with_all_that_is_in_it(harness: StoreHarness) -> None:
    (run_id,) = harness.queue()
    (run,) = store.runs(harness.db)
    path = harness.db.address.artifacts / str(run_id)
    store.run_folder(harness.db, run, None).write("model.pt", b"weights")
    (path / "notes").mkdir()
    store.remove(harness.db, study_ids=[], run_ids=[run_id])
    garbage = store.find_garbage(harness.db)
    assert (garbage.run_folders, garbage.kept_folders) == ((path,), ())
    store.collect_garbage(harness.db, garbage)
    assert not path.exists()


def test_the_marker_of_another_run_protects_a_folder(harness: StoreHarness) -> None:
    (run_id,) = harness.queue()
    (run,) = store.runs(harness.db)
    path = folder(harness, run_id)
    other = replace(run, created_at=run.created_at + timedelta(microseconds=1))
    (path / ".nnlab-run").write_bytes(marker_content(other.id, other.created_at))
    store.remove(harness.db, study_ids=[], run_ids=[run_id])
    garbage = store.find_garbage(harness.db)
    assert (garbage.run_folders, dict(garbage.kept_folders)) == (
        (),
        {str(path): "its marker names another run"},
    )
    store.collect_garbage(harness.db, garbage)
    assert (path / "model.pt").exists()


def test_a_folder_of_a_run_loses_its_marker_with_its_last_file(harness: StoreHarness) -> None:
    harness.queue()
    (run,) = store.runs(harness.db)
    files = store.run_folder(harness.db, run, None)
    files.write("checkpoint-1.pt", b"state")
    created_folder = harness.db.address.artifacts / str(run.id)
    assert files.file_names() == ["checkpoint-1.pt"]
    assert sorted(path.name for path in created_folder.iterdir()) == [
        ".nnlab-run",
        "checkpoint-1.pt",
    ]
    files.remove_incomplete_files()
    assert created_folder.exists()
    files.remove("checkpoint-1.pt")
    files.remove_incomplete_files()
    assert not created_folder.exists()


def test_a_folder_that_two_databases_share_is_not_judged(harness: StoreHarness, path: Path) -> None:
    orphan = folder(harness, 77)
    path.with_suffix("").write_bytes(b"another database, whose artifacts lie there too")
    assert store.find_garbage(harness.db).orphan_folders == ()
    path.with_suffix("").unlink()
    assert store.find_garbage(harness.db).orphan_folders == (orphan,)


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
    harness: StoreHarness, path: Path, *, name: str, old: bool
) -> None:
    file = path.with_name(name)
    if name != "runs.db":
        file.write_bytes(b"SQLite format 3\0")
    garbage = store.find_garbage(harness.db, now=NOW)
    assert garbage.backup_files == ((file,) if old else ())
    assert bool(garbage) == old
    store.collect_garbage(harness.db, garbage)
    assert file.exists() != old


def test_a_file_that_is_no_database_is_no_old_backup(harness: StoreHarness, path: Path) -> None:
    stamp = ".backup-0001-20260510T120000.000000Z"
    file = path.with_name(f"{path.name}{stamp}")
    file.write_text("mine")
    assert store.find_garbage(harness.db, now=NOW).backup_files == ()
    real = path.with_name("real")
    real.write_bytes(b"SQLite format 3\0")
    file.unlink()
    file.symlink_to(real)
    assert store.find_garbage(harness.db, now=NOW).backup_files == ()


@pytest.mark.file
def test_the_file_shrinks_only_while_nothing_is_trained(harness: StoreHarness) -> None:
    gone, busy = harness.queue(2)
    harness.train(gone, *(0.5 for _ in range(3000)))
    writer = harness.writer([busy])
    size = store.database_status(harness.db).file_bytes
    store.remove(harness.db, study_ids=[], run_ids=[gone])
    store.collect_garbage(harness.db, store.find_garbage(harness.db))
    assert store.database_status(harness.db).file_bytes >= size
    writer.finish(
        Status.FINISHED, selected_epoch=None, reason=None, wall_seconds=1.0, device_seconds=1.0
    )
    store.remove(harness.db, study_ids=[], run_ids=[busy])
    freed = store.collect_garbage(harness.db, store.find_garbage(harness.db))
    assert store.database_status(harness.db).file_bytes < size
    assert freed > 0


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="needs permissions that hold")
def test_a_folder_that_cannot_be_deleted_keeps_the_rows(harness: StoreHarness) -> None:
    path = train(harness, *harness.queue())
    store.remove(harness.db, study_ids=[], run_ids=[1])
    path.chmod(0o500)
    with pytest.raises(OutputError, match="cannot delete"):
        store.collect_garbage(harness.db, store.find_garbage(harness.db))
    path.chmod(0o700)
    assert store.find_garbage(harness.db).run_ids == (1,)


def test_a_file_that_cannot_be_deleted_keeps_the_rows(
    harness: StoreHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(harness, *harness.queue())
    store.remove(harness.db, study_ids=[], run_ids=[1])

    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    garbage = store.find_garbage(harness.db)
    monkeypatch.setattr("nnlab.store.garbage.shutil.rmtree", refuse)
    with pytest.raises(OutputError, match="Permission denied"):
        store.collect_garbage(harness.db, garbage)
    assert store.find_garbage(harness.db) == garbage
