"""Databases from elsewhere that are hostile, damaged or in use."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from log_examples import RUN_ID, write_mlflow_sqlite, write_trackio
from log_readings import read_one, read_path

from nnlab.errors import DataError
from nnlab.exchange.log_reader import Audit, LoggedRun
from nnlab.exchange.mlflow_sqlite import MlflowSqliteReader
from nnlab.exchange.sqlite_log import open_sqlite
from nnlab.exchange.trackio_sqlite import TrackioReader

_METRICS = {"metrics": ("key", "value")}


def _database(tmp_path: Path, script: str) -> Path:
    path = tmp_path / "log.db"
    with closing(sqlite3.connect(path)) as db:
        db.executescript(script)
    return path


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (
            "CREATE VIEW metrics AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n)"
            " SELECT x AS key, x AS value FROM n",
            "has no table metrics",
        ),
        (
            "CREATE TABLE metrics (key TEXT, value AS (zeroblob(1000000000)))",
            "table metrics has no column value",
        ),
        ("CREATE TABLE metrics (key TEXT)", "table metrics has no column value"),
        ("CREATE VIRTUAL TABLE metrics USING fts5(key, value)", "has no table metrics"),
    ],
)
def test_only_plain_tables_are_read(script: str, message: str, tmp_path: Path) -> None:
    path = _database(tmp_path, script)
    with pytest.raises(DataError, match=message), open_sqlite(path, _METRICS):
        pass


def test_a_query_that_does_not_end_is_stopped(tmp_path: Path) -> None:
    path = _database(tmp_path, "CREATE TABLE metrics (key TEXT, value REAL)")
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n"
    with pytest.raises(DataError, match="interrupted"), open_sqlite(path, _METRICS) as db:
        db.execute(endless).fetchone()


def test_nothing_can_be_written(tmp_path: Path) -> None:
    path = _database(tmp_path, "CREATE TABLE metrics (key TEXT, value REAL)")
    with pytest.raises(DataError, match="readonly"), open_sqlite(path, _METRICS) as db:
        db.execute("DELETE FROM metrics")


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    path.write_text("text")
    with pytest.raises(DataError, match="not an SQLite database"), open_sqlite(path, _METRICS):
        pass
    assert not list(MlflowSqliteReader().find(path))


def test_damaged_pages_end_with_an_error(tmp_path: Path) -> None:
    path = write_mlflow_sqlite(tmp_path)
    [run] = MlflowSqliteReader().find(tmp_path)
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)
    with pytest.raises(DataError, match="cannot be read as an SQLite database"):
        list(MlflowSqliteReader().read(run, None, Audit()))


def test_values_of_wrong_types_are_left_out(tmp_path: Path) -> None:
    path = write_mlflow_sqlite(tmp_path)
    with closing(sqlite3.connect(path)) as db, db:
        for row in [(None, 1, 1), ("loss", "x", 1), ("loss", 1, "x"), (b"\xff", 1, 1)]:
            key, value, step = row
            db.execute("INSERT INTO metrics VALUES (?, ?, 0, ?, ?, 0)", (key, value, RUN_ID, step))
    reading = read_one(MlflowSqliteReader(), tmp_path)
    assert len(reading.samples) == 3
    assert reading.notes == {"damaged": 4}


def test_other_databases_have_no_runs(tmp_path: Path) -> None:
    _database(tmp_path, "CREATE TABLE run (id INTEGER)")
    assert not read_path(MlflowSqliteReader(), tmp_path)
    assert not read_path(TrackioReader(), tmp_path)


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_a_database_of_a_killed_writer_is_read_from_a_copy(
    mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, copy = tmp_path / "source", tmp_path / "copy"
    source.mkdir()
    copy.mkdir()
    path = write_trackio(source)
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute(f"PRAGMA journal_mode={mode}")
        writer.execute("PRAGMA wal_autocheckpoint=0")
        writer.execute("PRAGMA cache_size=1")
        writer.execute("UPDATE metrics SET step = step + 100")
        writer.execute("BEGIN")
        writer.execute("UPDATE metrics SET step = step + 1000")
        insert = "INSERT INTO metrics (run_id, metrics) VALUES ('big', ?)"
        writer.execute(insert, ("x" * 200_000,))  # spills changes to the file
        # What a machine that lost its power leaves: the files without the locks of the writer.
        for file in source.iterdir():
            if not file.name.endswith("-shm"):
                shutil.copy(file, copy / file.name)
    before = {file.name: file.read_bytes() for file in copy.iterdir()}
    assert len(before) == 2
    [run] = TrackioReader().find(copy)
    steps = [
        sample.step
        for item in TrackioReader().read(run, None, Audit())
        for sample in getattr(item, "samples", ())
    ]
    assert steps == [100, 101]
    after = {file.name: file.read_bytes() for file in copy.iterdir() if "-shm" not in file.name}
    assert after == before


def test_a_run_that_was_deleted_meanwhile(tmp_path: Path) -> None:
    path = write_mlflow_sqlite(tmp_path)
    run = LoggedRun("mlflow-sqlite", "gone", "gone", (path,))
    with pytest.raises(DataError, match="no longer has run gone"):
        list(MlflowSqliteReader().read(run, None, Audit()))


@pytest.mark.parametrize("write", [write_mlflow_sqlite, write_trackio])
def test_triggers_do_not_run(write: Callable[[Path], Path], tmp_path: Path) -> None:
    path = write(tmp_path)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("CREATE TABLE trace (x)")
        db.execute(
            "CREATE TRIGGER t AFTER INSERT ON metrics BEGIN INSERT INTO trace VALUES (1); END"
        )
    content = path.read_bytes()
    reader = MlflowSqliteReader() if write is write_mlflow_sqlite else TrackioReader()
    assert read_one(reader, tmp_path).samples
    assert path.read_bytes() == content
