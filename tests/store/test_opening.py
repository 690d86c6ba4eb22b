"""Opening databases: created once, never by a reader, refused with a reason."""

import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from store.store_fixtures import StoreHarness, make_harness

from nnlab import store
from nnlab.errors import NoDatabase, NotADatabase, OutputError
from nnlab.store.schema import HEAD
from nnlab.store.tables import metadata

Start = Callable[..., subprocess.Popen[str]]

MAKE = """
import sys
from nnlab import store
print("ready", flush=True)
sys.stdin.readline()
db = store.open_database(sys.argv[1], write=True, create=True)
store.create_study(db, name="s", question="", objective=None, space=None, seeds=())
db.close()
"""


def test_processes_that_come_first_at_once_make_one_database(path: Path, python: Start) -> None:
    processes = [python(MAKE, path) for _ in range(8)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:  # all of them wait on this line
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for process in processes:
        _, errors = process.communicate(timeout=60)
        assert (process.returncode, errors) == (0, "")
    db = store.open_database(str(path), write=False)
    assert [overview.study.name for overview in store.study_overviews(db)] == ["s"]
    assert store.find_problems(db) == []
    db.close()


@pytest.mark.file
def test_a_made_database_is_durable_and_logs_ahead(harness: StoreHarness) -> None:
    with harness.db.write() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


@pytest.mark.parametrize("write", [False, True])
def test_without_create_no_file_is_ever_made(tmp_path: Path, *, write: bool) -> None:
    path = tmp_path / "runs.db"
    with pytest.raises(NoDatabase, match="there is no database"):
        store.open_database(str(path), write=write)
    assert list(tmp_path.iterdir()) == []


def test_an_empty_file_is_no_database_yet_and_can_become_one(path: Path) -> None:
    path.touch()
    with pytest.raises(NoDatabase):
        store.open_database(str(path), write=False)
    assert path.stat().st_size == 0
    make_harness(path).db.close()
    assert path.stat().st_size > 0


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    target = str(tmp_path / "nowhere" / "runs.db")
    with pytest.raises(OutputError, match="there is no folder") as caught:
        store.open_database(target, write=True, create=True)
    assert caught.value.hint == f"mkdir -p {tmp_path / 'nowhere'}"
    with pytest.raises(NoDatabase, match="there is no folder"):
        store.open_database(target, write=False)


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    for create in (False, True):
        with pytest.raises(NotADatabase, match="is a folder, not a database"):
            store.open_database(str(tmp_path), write=create, create=create)


@pytest.mark.parametrize("write", [False, True])
@pytest.mark.parametrize(
    "content", [b"lr,loss\n0.1,0.5\n" * 100, b"x", b"SQLite format 3\0" + b"\xff" * 5000]
)
def test_another_kind_of_file_is_refused_and_left_alone(
    path: Path, content: bytes, *, write: bool
) -> None:
    path.write_bytes(content)
    with pytest.raises(NotADatabase, match=r"runs\.db is") as caught:
        store.open_database(str(path), write=write, create=write)
    assert caught.value.hint is not None
    assert path.read_bytes() == content


def test_a_truncated_database_is_told_as_damaged(harness: StoreHarness, path: Path) -> None:
    for run_id in harness.queue(3):
        harness.train(run_id, *[0.5] * 200)
    harness.db.close()
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(NotADatabase, match="damaged"):
        store.open_database(str(path), write=False)


def test_check_tells_of_a_damaged_page(harness: StoreHarness, path: Path) -> None:
    harness.train(*harness.queue(), *[0.5] * 2000)
    harness.db.close()
    with sqlite3.connect(path) as connection:
        page, size = connection.execute(
            "SELECT rootpage, (SELECT page_size FROM pragma_page_size)"
            " FROM sqlite_master WHERE name = 'point'"
        ).fetchone()
    connection.close()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\x55" * size)
    db = store.open_database(str(path), write=False)
    assert any("damaged" in problem for problem in store.find_problems(db))
    db.close()


def test_a_database_is_shared_with_tables_of_other_names(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.execute("CREATE TABLE recipe (name TEXT)")
        connection.execute("INSERT INTO recipe VALUES ('bread')")
    connection.close()
    with pytest.raises(NoDatabase, match="holds no results of nnlab"):
        store.open_database(str(path), write=False)
    harness = make_harness(path)
    with harness.db.read() as connection_:
        assert connection_.exec_driver_sql("SELECT name FROM recipe").scalar_one() == "bread"
    assert store.database_status(harness.db).revision == HEAD
    harness.db.close()


def test_tables_of_our_names_that_are_another_programs_are_not_touched(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE run (mine TEXT)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(NotADatabase, match="belongs to another program: its tables run"):
        store.open_database(str(path), write=True, create=True)
    assert path.read_bytes() == before


def test_two_revisions_at_once_are_told_as_damage(harness: StoreHarness, path: Path) -> None:
    with harness.db.write() as connection:
        connection.exec_driver_sql("INSERT INTO nnlab_version VALUES ('0099')")
    with pytest.raises(NotADatabase, match="names 2 revisions"):
        store.open_database(str(path), write=False)


def test_a_path_with_signs_that_urls_use_is_just_a_path(tmp_path: Path) -> None:
    path = tmp_path / "a b?mode=ro#100%.db"
    harness = make_harness(path)
    harness.db.close()
    assert path.is_file()
    store.open_database(str(path), write=False).close()


def test_the_log_is_tidied_away_by_whoever_closes_last(harness: StoreHarness, path: Path) -> None:
    reader = store.open_database(str(path), write=False)
    assert store.metrics(reader) == ()
    harness.db.close()
    assert store.metrics(reader) == ()
    reader.close()
    assert [file.name for file in path.parent.iterdir()] == ["runs.db"]


def test_nothing_but_opening_an_old_or_new_file_imports_alembic(path: Path, python: Start) -> None:
    make_harness(path).db.close()
    code = (
        "import sys; from nnlab import store;"
        "db = store.open_database(sys.argv[1], write=True); store.all_studies(db); db.close();"
        "print([m for m in ('alembic', 'torch', 'numpy', 'pydantic') if m in sys.modules])"
    )
    answer, errors = python(code, path).communicate(timeout=60)
    assert (answer, errors) == ("[]\n", "")


def test_the_tables_are_those_that_the_design_names(harness: StoreHarness) -> None:
    assert set(metadata.tables) == {
        "study", "trial", "run", "attempt", "environment",
        "metric", "point", "summary", "finding", "artifact", "sample", "source", "gate",
    }  # fmt: skip
    assert set(store.database_status(harness.db).row_counts) == set(metadata.tables)
