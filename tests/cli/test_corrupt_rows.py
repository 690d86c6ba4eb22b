"""Values that nnlab never writes, in every column: one clear line, and all other rows."""

import contextlib
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from terminal import QUICK, Nnlab

from nnlab import store
from nnlab.cli.main import main
from nnlab.errors import StoreError, UsageError
from nnlab.store.tables import metadata

# By kind of column. Bytes that are no UTF-8 are cast to text, as a broken disk would leave them.
_ANYTHING = ("NULL", "'text'", "x'00ff'", "CAST(x'ff41' AS TEXT)", "9223372036854775807", "-1")
_JSON = ("'{'", "'[]'", "'{}'", "'3'", "'null'", "'[{\"a\": [1]}]'", '\'{"a": {"b": []}}\'')
_KEYS = ("id", "run_id", "trial_id", "study_id", "metric_id")
_JSON_COLUMNS = ("space", "seeds", "arms", "decides", "sampler", "setting", "tags", "packages",
                 "evidence")  # fmt: skip

COMMANDS = (
    ("ls",),
    ("ls", "--format", "json"),
    ("ls", "--tag", "t"),
    ("show", "1"),
    ("show", "2", "--format", "json"),
    ("show", "1", "--curves", "--format", "csv"),
    ("compare",),
    ("compare", "--format", "json"),
    ("compare", "--at", "last"),
    ("studies",),
    ("diagnose", "1", "2"),
    ("report", "-o", "report.md"),
    ("watch", "--once"),
    ("db", "status"),
    ("db", "check"),
)


def _columns() -> Iterator[tuple[str, str]]:
    for table in metadata.sorted_tables:
        for column in table.columns:
            if column.name not in _KEYS:
                yield table.name, column.name


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of two trials without constraints, so that any value can be put into it."""
    path = tmp_path_factory.mktemp("sound") / "runs.db"
    words = [*QUICK, "--lr", "0.1,0.01", "--tag", "t", "-q", "--no-keep-models"]
    assert main(["train", *words, "--db", str(path)]) == 0
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
        connection.execute("PRAGMA writable_schema=ON")
        connection.execute("UPDATE sqlite_master SET sql = replace(sql, ' NOT NULL', '')")
        connection.execute("PRAGMA writable_schema=OFF")
        connection.execute(
            "INSERT INTO finding (run_id, code, name, severity, confidence, message, remedy,"
            " evidence, created_at) SELECT 1, 'NN999', 'n', 'info', 0.5, 'm', 'r', '{}',"
            " created_at FROM run WHERE id = 1"
        )
    connection.close()
    return path


@pytest.fixture
def broken(sound: Path, folder: Path) -> Path:
    shutil.copy(sound, folder / "runs.db")
    return folder / "runs.db"


def corrupt(path: Path, table: str, column: str, value: str) -> None:
    """Puts a value into the first row of a table."""
    where = "run_id = 1" if table in ("point", "summary") else f"id = (SELECT min(id) FROM {table})"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA ignore_check_constraints=ON")
        if column == "epoch":
            where += " AND epoch = 1 AND metric_id = (SELECT min(metric_id) FROM point)"
        connection.execute(f"UPDATE OR IGNORE {table} SET {column} = {value} WHERE {where}")
    connection.close()


READERS: dict[str, Callable[[store.Database], object]] = {
    "studies": store.studies,
    "all_studies": store.all_studies,
    "runs": store.runs,
    "tagged": lambda db: store.runs(db, tag="t"),
    "find_runs": lambda db: store.find_runs(db, ["1"]),
    "trials": lambda db: store.trials(db, [1, 2]),
    "count_runs": store.count_runs,
    "objectives": store.objectives,
    "histories": lambda db: store.histories(db, [1, 2]),
    "summaries": lambda db: store.summaries(db, [1, 2]),
    "findings": lambda db: store.findings(db, [1, 2]),
    "attempts": lambda db: store.attempts_of(db, [1, 2]),
    "artifacts": lambda db: store.artifacts(db, 1),
    "metrics": store.metrics,
    "best": lambda db: store.ranking(db, metric="val/loss", direction="min", top=1),
    "last": lambda db: store.ranking(db, metric="val/loss", direction="max", at="last"),
    "pruned": store.pruned_trials,
    "progress": lambda db: store.progress(db, study_ids=None, failures=3),
    "check": store.check,
}


@pytest.mark.parametrize(("table", "column"), list(_columns()))
def test_every_reader_gives_the_other_rows_or_says_what_is_wrong(
    sound: Path, tmp_path: Path, table: str, column: str
) -> None:
    path = tmp_path / "runs.db"
    values = (*_ANYTHING, *(_JSON if column in _JSON_COLUMNS else ()))
    for value in values:
        shutil.copy(sound, path)
        corrupt(path, table, column, value)
        db = store.open_database(str(path), write=False)
        for name, read in READERS.items():
            with contextlib.suppress(StoreError, UsageError):
                found = read(db)
                if name in ("runs", "trials") and table != "study":
                    assert len(found) >= 1, (value, name)  # type: ignore[arg-type]
                repr(found)
        db.close()


# The value that a column of its kind can least be: two for each, as every command takes time.
@pytest.mark.parametrize(("table", "column"), list(_columns()))
def test_every_command_says_what_is_wrong_in_a_line(
    nnlab: Nnlab, broken: Path, sound: Path, table: str, column: str
) -> None:
    for value in ("'{'", "NULL") if column in _JSON_COLUMNS else ("x'00ff'",):
        shutil.copy(sound, broken)
        corrupt(broken, table, column, value)
        for words in COMMANDS:
            answer = nnlab(*words, expect=None)
            told = f"{table}.{column} = {value}: {words}: {answer.err}"
            assert "stumbled" not in answer.err, told
            assert "Traceback" not in answer.err + answer.out, told
            assert answer.code in (0, 1, 2, 3), told
