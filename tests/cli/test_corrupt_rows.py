"""Invalid values in every column: one clear line per row, and all other rows are shown."""

import contextlib
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from command_line_runner import QUICK, Nnlab

from nnlab import store
from nnlab.analysis.gate import ledger_rows
from nnlab.cli.main import main
from nnlab.errors import StoreError, UsageError
from nnlab.records import Objective, Source
from nnlab.store.tables import metadata

# By kind of column. Bytes that are no UTF-8 are cast to text, as a broken disk would leave them.
_ANYTHING = ("NULL", "'text'", "x'00ff'", "CAST(x'ff41' AS TEXT)", "9223372036854775807", "-1")
_JSON = ("'{'", "'[]'", "'{}'", "'3'", "'null'", "'[{\"a\": [1]}]'", '\'{"a": {"b": []}}\'')
_KEYS = ("id", "run_id", "trial_id", "study_id", "metric_id", "baseline_trial_id",
         "candidate_trial_id")  # fmt: skip
_JSON_COLUMNS = ("space", "seeds", "arms", "decides", "sampler", "setting", "tags", "packages",
                 "evidence", "script", "nested_setting", "results", "position", "metric_names",
                 "audit")  # fmt: skip
_TABLES_OF_RUNS = ("point", "summary", "sample", "source")

COMMANDS = (
    ("ls",),
    ("show", "1"),
    ("show", "2", "--format", "json"),
    ("show", "1", "--curves", "--format", "csv"),
    ("compare",),
    ("compare", "--at", "last", "--format", "json"),
    ("studies",),
    ("diagnose", "1", "2"),
    ("report", "-o", "report.md"),
    ("watch", "--once"),
    ("gate", "--ledger"),
    ("gate", "--ledger", "--format", "json"),
    ("db", "status"),
    ("db", "check"),
)


def _columns() -> Iterator[tuple[str, str]]:
    for table in metadata.sorted_tables:
        for column in table.columns:
            if column.name not in _KEYS:
                yield table.name, column.name


@pytest.fixture(scope="module")
def valid_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of two trials without constraints, so that any value can be put into it."""
    path = tmp_path_factory.mktemp("sound") / "runs.db"
    words = [*QUICK, "--lr", "0.1,0.01", "--tag", "t", "-q", "--no-keep-models", "--no-git-diff"]
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
        # Not by a SampleWriter, which would derive the points of the run from them.
        connection.execute("INSERT INTO sample SELECT 1, id, 0, 1, 1.0, 1.0, 0.5 FROM metric")
    connection.close()
    db = store.open_database(str(path), write=True)
    objective = Objective("val/loss", "min")
    study = store.all_studies(db)[0].id
    store.register_candidate(
        db, study, baseline_trial=1, candidate_trial=2, objective=objective, min_effect=0.0,
        max_seeds=10, next_level=lambda _: 0.01,
    )  # fmt: skip
    store.register_baseline(db, study, 1, objective)
    store.put_source(db, Source(1, "csv", "a", "/a", datetime.now(UTC), {"offset": 1}, {"x": "X"}))
    db.close()
    return path


@pytest.fixture
def broken(valid_database: Path, folder: Path) -> Path:
    shutil.copy(valid_database, folder / "runs.db")
    return folder / "runs.db"


def corrupt(path: Path, table: str, column: str, value: str) -> None:
    """Puts a value into the first row of a table."""
    where = "run_id = 1" if table in _TABLES_OF_RUNS else f"id = (SELECT min(id) FROM {table})"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA ignore_check_constraints=ON")
        if (table, column) == ("point", "epoch"):
            where += " AND epoch = 1 AND metric_id = (SELECT min(metric_id) FROM point)"
        connection.execute(f"UPDATE OR IGNORE {table} SET {column} = {value} WHERE {where}")
    connection.close()


READERS: dict[str, Callable[[store.Database], object]] = {
    "studies": store.study_overviews,
    "all_studies": store.all_studies,
    "runs": store.runs,
    "tagged": lambda db: store.runs(db, tag="t"),
    "find_runs": lambda db: store.find_runs(db, ["1"]),
    "trials": lambda db: store.trials(db, [1, 2]),
    "count_runs": store.count_runs,
    "objectives": store.count_objectives,
    "histories": lambda db: store.histories(db, [1, 2]),
    "summaries": lambda db: store.summaries(db, [1, 2]),
    "findings": lambda db: store.findings(db, [1, 2]),
    "attempts": lambda db: store.attempts_of_runs(db, [1, 2]),
    "artifacts": lambda db: store.artifacts(db, 1),
    "metrics": store.metrics,
    "best": lambda db: store.rank_trials(db, metric="val/loss", direction="min", top=1),
    "last": lambda db: store.rank_trials(db, metric="val/loss", direction="max", at="last"),
    "pruned": store.count_pruned_runs,
    "progress": lambda db: store.progress(db, study_ids=None, failures=3),
    "samples": lambda db: store.samples(db, 1),
    "clock": lambda db: store.sample_clock(db, 1, "val/loss"),
    "sources": lambda db: store.sources(db, [1]),
    "source": lambda db: store.find_source(db, "csv", "a"),
    "nested": lambda db: store.nested_settings(db, [1]),
    "directions": store.user_directions,
    "ledger": store.ledger,
    "ledger rows": lambda db: ledger_rows(db, store.ledger(db)),
    "check": store.find_problems,
}


@pytest.mark.parametrize(("table", "column"), list(_columns()))
def test_every_reader_gives_the_other_rows_or_says_what_is_wrong(
    valid_database: Path, tmp_path: Path, table: str, column: str
) -> None:
    path = tmp_path / "runs.db"
    values = (*_ANYTHING, *(_JSON if column in _JSON_COLUMNS else ()))
    for value in values:
        shutil.copy(valid_database, path)
        corrupt(path, table, column, value)
        db = store.open_database(str(path), write=False)
        for name, read in READERS.items():
            with contextlib.suppress(StoreError, UsageError):
                result = read(db)
                if name in ("runs", "trials") and table != "study":
                    assert len(result) >= 1, (value, name)  # type: ignore[arg-type]
                repr(result)
        db.close()


# Readers are tried with every column above; commands, which take time, with one of each kind.
@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("study", "name", "x'00ff'"),
        ("study", "space", "'{'"),
        ("study", "sampler", "'{}'"),
        ("trial", "setting", "'{}'"),
        ("trial", "digest", "NULL"),
        ("run", "status", "NULL"),
        ("run", "seed", "'x'"),
        ("run", "ended_at", "'never'"),
        ("environment", "packages", "'[]'"),
        ("attempt", "command", "x'00ff'"),
        ("metric", "direction", "NULL"),
        ("point", "value", "'x'"),
        ("point", "epoch", "9223372036854775807"),
        ("summary", "best_epoch", "x'00ff'"),
        ("summary", "last", "'x'"),
        ("finding", "evidence", "'{'"),
        ("finding", "confidence", "'high'"),
        ("sample", "value", "'x'"),
        ("source", "audit", "'{'"),
        ("run", "results", "'[]'"),
        ("trial", "nested_setting", "'{'"),
        ("gate", "level", "NULL"),
        ("gate", "seeds", "'{'"),
        ("gate", "objective", "'::'"),
    ],
)
def test_every_command_says_what_is_wrong_in_a_line(
    nnlab: Nnlab, broken: Path, table: str, column: str, value: str
) -> None:
    corrupt(broken, table, column, value)
    for words in COMMANDS:
        answer = nnlab(*words, expect=None)
        error = f"{words}: {answer.err}"
        assert "internal error" not in answer.err, error
        assert "Traceback" not in answer.err, error
        assert answer.code in (0, 1, 2, 3), error


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("run", "tags", "'{'"),
        ("run", "status", "'lost'"),
        ("run", "epochs", "'many'"),
        ("run", "created_at", "'yesterday'"),
        ("run", "epochs", "9223372036854775807"),
        ("trial", "setting", "'{'"),
        ("trial", "setting", "'[]'"),
    ],
)
def test_one_bad_row_hides_no_other_and_is_named(
    nnlab: Nnlab, broken: Path, table: str, column: str, value: str
) -> None:
    corrupt(broken, table, column, value)
    answer = nnlab("ls", "--format", "json")
    assert [row["run"] for row in answer.json] == [2]
    assert "left out" in answer.err
    assert "run 1 (" in answer.err
    assert "`nnlab db check` lists all" in answer.err
    assert [row["study"] for row in nnlab("studies", "--format", "json").json] == ["default"]
    assert nnlab("show", "2").out
    named = nnlab("show", "1", expect=1)
    assert "run 1 in the database cannot be read" in named.err
    checked = nnlab("db", "check", expect=1)
    assert "run 1 cannot be read" in checked.out


@pytest.mark.parametrize(
    ("table", "column", "value", "message"),
    [
        ("study", "seeds", "'{'", "study 1 cannot be read"),
        ("finding", "severity", "'fatal'", "cannot be read"),
        ("attempt", "started_at", "NULL", "attempt 1 cannot be read"),
        ("environment", "packages", "'{'", "environment 1 cannot be read"),
        ("summary", "best", "'x'", "run 1 cannot be read"),
        ("metric", "direction", "'up'", "its direction is up"),
        ("run", "reason", "CAST(x'ff41' AS TEXT)", "run 1: its reason is not UTF-8"),
        ("trial", "setting", "replace(setting, '0.1', '0.2')", "trial 1: its setting has changed"),
        ("point", "value", "0.123", "run 1: its points have changed"),
        ("sample", "value", "'x'", "its value is str"),
        ("source", "position", "'[]'", "source 1 cannot be read"),
        ("trial", "nested_setting", "'{'", "trial 1 cannot be read"),
    ],
)
def test_check_names_what_it_finds(
    nnlab: Nnlab, broken: Path, table: str, column: str, value: str, message: str
) -> None:
    corrupt(broken, table, column, value)
    assert message in nnlab("db", "check", expect=1).out


def test_a_byte_that_is_no_utf_8_hides_nothing(nnlab: Nnlab, broken: Path) -> None:
    corrupt(broken, "run", "name", "CAST(x'ff41' AS TEXT)")
    rows = nnlab("ls", "--format", "json").json
    assert {row["name"] for row in rows} == {None, "\ufffdA"}


def test_runs_that_began_with_each_others_weights_are_shown(nnlab: Nnlab, broken: Path) -> None:
    with sqlite3.connect(broken) as connection:
        connection.execute("UPDATE run SET parent_id = 3 - id")
    connection.close()
    for words in COMMANDS:
        assert nnlab(*words).code == 0


@pytest.mark.parametrize("place", [".", "..", "/", "sub"])
@pytest.mark.parametrize("words", [("ls",), ("train", *QUICK)])
def test_a_folder_is_no_database(
    nnlab: Nnlab, folder: Path, place: str, words: tuple[str, ...]
) -> None:
    (folder / "sub").mkdir()
    answer = nnlab(*words, "--db", place, expect=None)
    assert answer.code in (1, 2)
    assert f"{place} is a folder, not a database" in answer.err


def test_a_server_without_its_driver_says_what_to_install(
    nnlab: Nnlab, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("opening", "database", "errors", "adapters"):
        monkeypatch.delitem(sys.modules, f"nnlab.store.postgres.{name}", raising=False)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    answer = nnlab("ls", "--db", "postgresql://ann@host/lab", expect=1)
    assert "needs psycopg, which is not installed" in answer.err
    assert 'pip install "nnlab[postgres]"' in answer.err
