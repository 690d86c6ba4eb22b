"""Locked, read-only and full databases: clear messages, and stored data are kept."""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from store.store_fixtures import StoreHarness, make_harness

from nnlab import store
from nnlab.errors import (
    DatabaseLocked,
    DatabaseReadOnly,
    DiskFull,
    OutputError,
    StoreError,
)
from nnlab.records import Curve, Epoch, Status
from nnlab.store.address import FileAddress, parse_address
from nnlab.store.sqlite import FileAccess, FileDatabase
from nnlab.store.sqlite_errors import translate_sqlite_error

pytestmark = pytest.mark.file

Start = Callable[..., subprocess.Popen[str]]

HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.readline()
connection.rollback()
connection.close()
"""


def file_address(path: Path) -> FileAddress:
    address = parse_address(str(path))
    assert isinstance(address, FileAddress)
    return address


def test_a_lock_held_for_too_long_is_told_and_passes(
    harness: StoreHarness, path: Path, python: Start
) -> None:
    other = store.open_database(str(path), write=True, busy_seconds=0.05)
    holder = python(HOLD, path)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(DatabaseLocked, match=r"runs\.db is locked") as caught:
        store.enqueue(other, harness.study, harness.plans())
    assert caught.value.hint is not None
    assert store.runs(other) == ()  # reading goes on meanwhile
    holder.communicate("\n", timeout=30)
    assert store.enqueue(other, harness.study, harness.plans()).created == 1
    other.close()


def test_a_writer_waits_for_a_lock_that_is_soon_given_back(
    harness: StoreHarness, path: Path, python: Start
) -> None:
    holder = python(HOLD.replace("sys.stdin.readline()", "import time; time.sleep(0.3)"), path)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    assert harness.queue(2) == (1, 2)


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Callable[[str, Path], None]]:
    """Mounts file systems, where this machine allows it; otherwise the test says why it skips."""
    points: list[Path] = []

    def mount(options: str, at: Path) -> None:
        if os.name != "posix" or os.geteuid() != 0 or shutil.which("mount") is None:
            pytest.skip("mounting a file system takes root")
        done = subprocess.run(
            ["mount", *options.split(), str(at)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            pytest.skip(f"this machine mounts nothing here: {done.stderr.strip()}")
        if at not in points:
            points.append(at)

    yield mount
    for point in points:
        subprocess.run(["umount", str(point)], check=True)


Mount = Callable[[str, Path], None]


def test_a_full_disk_loses_no_finished_epoch(tmp_path: Path, mounted: Mount) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted("-t tmpfs -o size=1m tmpfs", disk)
    harness = make_harness(disk / "runs.db")
    first, second = harness.queue(2)
    writer = harness.writer([first])
    metrics = [f"metric/{n}" for n in range(50)]
    written = 0
    with pytest.raises(DiskFull, match="no room left on the disk") as caught:  # noqa: PT012
        for number in range(1, 5000):
            writer.write(Epoch(number, dict.fromkeys(metrics, 0.5 / number), 0.1))
            written = number
    assert written > 0
    assert "continues where it stopped" in (caught.value.hint or "")
    harness.db.close()
    # Someone makes room: the disk is made larger.
    mounted("-o remount,size=8m", disk)
    db = store.open_database(str(disk / "runs.db"), write=True)
    assert store.runs(db, run_ids=[first])[0].epochs == written
    assert store.history(db, first)["metric/7"].epochs == tuple(range(1, written + 1))
    assert store.find_problems(db) == []
    again = store.RunWriter(db, _claim(db, second))
    again.write(Epoch(1, {"val/loss": 0.5}, 0.1))
    db.close()


def _claim(db: store.Database, run_id: int) -> store.Claim:
    claim = store.claim(db, run_ids=[run_id], pid=os.getpid(), command="", hostname="here")
    assert claim is not None
    return claim


def test_a_full_database_can_be_written_again_once_there_is_room(harness: StoreHarness) -> None:
    """The same without a file system of its own: SQLite is told how large the file may get."""
    (run_id,) = harness.queue()
    writer = harness.writer([run_id])
    writer.write(Epoch(1, {"val/loss": 0.5}, 0.1))
    with harness.file.driver_connection() as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")
    wide = {f"metric/{n}": 0.25 for n in range(2000)}
    with pytest.raises(DiskFull):
        writer.write(Epoch(2, wide, 0.1))
    assert harness.curve(run_id) == {1: 0.5}
    assert store.find_problems(harness.db) == []
    with harness.file.driver_connection() as connection:
        connection.execute("PRAGMA max_page_count = 1000000")
    writer.write(Epoch(2, wide, 0.1))  # the same epoch once more: a failed write left no trace
    assert store.summaries(harness.db, [run_id])[run_id]["metric/0"].n == 1
    assert store.find_problems(harness.db) == []


def test_no_room_for_curves_stores_none_of_them(harness: StoreHarness) -> None:
    (run_id,) = harness.queue()
    with harness.file.driver_connection() as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages + 1}")
    curve = Curve("val/loss", tuple(range(1, 5001)), (0.5,) * 5000)
    with pytest.raises(DiskFull):
        store.import_curves(harness.db, run_id, [curve])
    assert harness.curve(run_id) == {}


def test_a_read_only_folder_is_read_and_not_written(tmp_path: Path, mounted: Mount) -> None:
    folder, seen = tmp_path / "folder", tmp_path / "seen"
    folder.mkdir()
    seen.mkdir()
    harness = make_harness(folder / "runs.db")
    harness.train(*harness.queue(), 0.5, 0.25)
    harness.db.close()
    mounted(f"--bind {folder}", seen)
    mounted("-o remount,bind,ro", seen)
    db = store.open_database(str(seen / "runs.db"), write=False)
    assert isinstance(db, FileDatabase)
    assert db.access is FileAccess.FROZEN
    assert store.runs(db)[0].status is Status.FINISHED
    assert dict(store.history(db, 1)["val/loss"]) == {1: 0.5, 2: 0.25}
    assert store.find_problems(db) == []
    with pytest.raises(DatabaseReadOnly, match="opened for reading only"), db.write():
        pass
    db.close()
    with pytest.raises(DatabaseReadOnly, match=r"runs\.db cannot be written"):
        store.open_database(str(seen / "runs.db"), write=True)
    with pytest.raises(OutputError, match=r"new\.db cannot be opened"):
        store.open_database(str(seen / "new.db"), write=True, create=True)
    assert not (seen / "new.db").exists()


def test_results_that_only_the_log_has_are_not_silently_left_out(
    tmp_path: Path, mounted: Mount
) -> None:
    folder, seen = tmp_path / "folder", tmp_path / "seen"
    folder.mkdir()
    seen.mkdir()
    harness = make_harness(tmp_path / "runs.db")
    harness.queue(3)
    # As after a crash: the log is there, the index of it is not.
    for name in ("runs.db", "runs.db-wal"):
        shutil.copy(tmp_path / name, folder / name)
    harness.db.close()
    mounted(f"--bind {folder}", seen)
    mounted("-o remount,bind,ro", seen)
    with pytest.raises(DatabaseReadOnly, match=r"newest results are in runs\.db-wal"):
        store.open_database(str(seen / "runs.db"), write=False)
    db = store.open_database(str(folder / "runs.db"), write=False)
    assert len(store.runs(db)) == 3
    db.close()


def test_a_read_only_file_is_told_in_words(harness: StoreHarness, path: Path) -> None:
    harness.queue()
    reader = FileDatabase(file_address(path), FileAccess.READ_ONLY_FILE)
    assert len(store.runs(reader)) == 1
    with pytest.raises(DatabaseReadOnly, match="opened for reading only"):
        store.enqueue(reader, harness.study, harness.plans(2))
    # The driver's own refusal, as of a write-protected file, is told as well.
    with (
        pytest.raises(DatabaseReadOnly, match="the file, its folder or the disk is read-only"),
        reader.read() as connection,
    ):
        connection.exec_driver_sql("UPDATE run SET seed = 1")
    reader.close()


def test_a_reader_cannot_write_by_mistake(harness: StoreHarness, path: Path) -> None:
    reader = store.open_database(str(path), write=False)
    with pytest.raises(DatabaseReadOnly), reader.read() as connection:
        connection.exec_driver_sql("DELETE FROM study")
    reader.close()


def test_an_error_inside_a_transaction_leaves_nothing_of_it(harness: StoreHarness) -> None:
    with pytest.raises(KeyboardInterrupt), harness.db.write() as connection:  # noqa: PT012
        connection.exec_driver_sql("UPDATE study SET question = 'half'")
        raise KeyboardInterrupt
    assert store.find_study(harness.db, "depth").question == "How deep?"


def _driver_error(code: int) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = code
    return error


def test_a_disk_that_fails_is_told_apart_from_a_full_one(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = file_address(path)
    error = translate_sqlite_error(_driver_error(sqlite3.SQLITE_IOERR_WRITE), address)
    assert type(error) is StoreError
    assert "the disk of" in error.message
    usage = shutil.disk_usage(path.parent)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=0))
    assert isinstance(
        translate_sqlite_error(_driver_error(sqlite3.SQLITE_IOERR_SHMSIZE), address), DiskFull
    )


def test_a_file_that_is_moved_away_under_a_writer_is_told(path: Path) -> None:
    error = translate_sqlite_error(
        _driver_error(sqlite3.SQLITE_READONLY_DBMOVED), file_address(path)
    )
    assert error is not None
    assert "moved or deleted while it was in use" in error.message


def test_errors_of_our_own_making_are_not_dressed_up(path: Path) -> None:
    assert translate_sqlite_error(_driver_error(sqlite3.SQLITE_ERROR), file_address(path)) is None
    assert translate_sqlite_error(sqlite3.ProgrammingError("closed"), file_address(path)) is None
