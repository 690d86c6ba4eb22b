"""While the database is locked or the disk is full, everything is kept and no error is raised."""

import os
import sqlite3
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import limited_folders
import pytest
from recorded_programs import run_program, start_program, stored_run, values_of

import nnlab
from nnlab import store
from nnlab.records import Status
from nnlab.tracking import recorder
from nnlab.tracking import stored_run as stored_run_module
from nnlab.tracking.call_spool import spool_files

LOG = """
run = nnlab.init("s")
for step in range(50):
    run.log({"x": step})
run.flush()
print("ready", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def db(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(stored_run_module, "BUSY_SECONDS", 0.05)
    monkeypatch.setattr(recorder, "FINAL_WAIT_SECONDS", 0.5)
    return str(tmp_path / "r.db")


def lock(db: str) -> sqlite3.Connection:
    connection = sqlite3.connect(db, isolation_level=None, check_same_thread=False)
    connection.execute("BEGIN IMMEDIATE")
    return connection


def test_values_of_a_locked_database_are_stored_when_it_is_free(
    db: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with nnlab.init("s", db=db) as run:
        run.log({"x": 0}, durable=True)
        locked = lock(db)
        for step in range(1, 20):
            run.log({"x": step}, durable=step % 5 == 0)
        folder = Path(run.dir)
        assert len(spool_files(folder)) == 1
        locked.rollback()
        locked.close()
        run.log({"x": 20})
    assert values_of(db, "x") == list(range(21))
    assert spool_files(folder) == []
    assert stored_run(db).status is Status.FINISHED
    assert capsys.readouterr().err.count("is locked") == 1


def test_a_run_that_ends_while_the_database_is_locked_is_stored_by_the_next_init(db: str) -> None:
    run = nnlab.init("s", db=db)
    run.log({"x": 0}, durable=True)
    locked = lock(db)
    run.log({"x": 1})
    run.finish(exit_code=3)
    locked.rollback()
    locked.close()
    assert values_of(db, "x") == [0.0]
    # The run is still one of this process, which lives; only its end was not stored.
    with nnlab.init("s", db=db) as other:
        other.flush()
    assert values_of(db, "x") == [0.0, 1.0]
    assert (stored_run(db).status, stored_run(db).reason) == (Status.FAILED, "exited with code 3")


def test_what_a_killed_program_spooled_is_stored_by_the_next_init(tmp_path: Path) -> None:
    db = tmp_path / "r.db"
    body = """
import sqlite3
run = nnlab.init("s")
run.log({"x": 0}, durable=True)
connection = sqlite3.connect("r.db", isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
for step in range(1, 30):
    run.log({"x": step})
run.flush()
os.kill(os.getpid(), signal.SIGKILL)
"""
    run_program(tmp_path, body)
    assert values_of(db, "x") == [0.0]
    with nnlab.init("other", db=str(db)) as run:
        run.flush()
    assert values_of(db, "x") == list(range(30))
    assert stored_run(db).status is Status.INTERRUPTED


def test_values_on_a_full_disk_are_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = tmp_path / "small"
    if not limited_folders.mounted(where, "size=4000k"):
        pytest.skip("no right to mount a file system")
    try:
        filler = where / "filler"
        with nnlab.init("s", db=str(where / "r.db")) as run:
            run.log({"x": 0}, durable=True)
            with filler.open("wb", buffering=0) as file, suppress(OSError):
                while file.write(bytes(4096)):
                    pass
            for step in range(1, 20_000):
                run.log({"x": step, "text": "a"})
            run.flush()
            filler.unlink()
        assert values_of(where / "r.db", "x") == list(range(20_000))
        assert stored_run(where / "r.db").status is Status.FINISHED
        assert "no room left" in capsys.readouterr().err
    finally:
        subprocess.run(["umount", str(where)], check=False)


def test_eight_programs_log_to_one_database_at_once(tmp_path: Path) -> None:
    body = """
run = nnlab.init("s", config={"n": int(sys.argv[0][-4:-3] == "x")}, name=os.environ["N"])
for step in range(500):
    run.log({"x": step, "y": -step}, durable=step % 100 == 0)
    time.sleep(0.0005)
"""
    processes = []
    for number in range(8):
        folder = tmp_path / str(number)
        folder.mkdir()
        processes.append(
            start_program(folder, body, NNLAB_DB=str(tmp_path / "r.db"), N=str(number))
        )
    for process in processes:
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
    for run_id in range(1, 9):
        assert values_of(tmp_path / "r.db", "x", run_id) == list(range(500))
        assert stored_run(tmp_path / "r.db", run_id).status is Status.FINISHED
    database = store.open_database(str(tmp_path / "r.db"), write=False)
    assert not list(store.find_problems(database))
    database.close()


def log_numbers(run: nnlab.RunHandle, count: int) -> None:
    for number in range(count):
        run.log({"x": number})


def test_threads_may_log_at_once(db: str) -> None:
    import threading

    with nnlab.init("s", db=db) as run:
        threads = [threading.Thread(target=log_numbers, args=(run, 200)) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(values_of(db, "x")) == sorted([float(n) for n in range(200)] * 5)


def test_log_waits_if_the_writer_cannot_keep_up(db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from nnlab.tracking import run_handle

    monkeypatch.setattr(run_handle, "MAX_WAITING_CALLS", 50)
    monkeypatch.setattr(recorder, "MAX_WAITING_CALLS", 50)
    with nnlab.init("s", db=db) as run:
        for step in range(2000):
            run.log({"x": step})
            assert len(run._queue or ()) <= 51
    assert values_of(db, "x") == list(range(2000))


def test_a_run_that_another_process_continues_is_not_recorded_any_more(
    db: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run = nnlab.init("s", db=db)
    run.log({"x": 0}, durable=True)
    database = store.open_database(db, write=True)
    claim = store.claim(
        database, run_ids=[1], pid=os.getpid(), command="", hostname="other", now=time.time() + 90
    )
    database.close()
    assert claim is not None
    run.log({"x": 1}, durable=True)
    run.finish()
    assert values_of(db, "x") == [0.0]
    assert "another process continues this run" in capsys.readouterr().err
