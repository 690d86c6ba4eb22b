"""Old databases are backed up, upgraded under a lock, checked, and left unchanged if that fails."""

import math
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from store.store_fixtures import StoreHarness, make_harness

from nnlab import store
from nnlab.errors import DatabaseReadOnly, NewerSchema, OlderSchema, UpgradeFailed
from nnlab.records import Origin, Sample, Status
from nnlab.store.schema import HEAD, REVISIONS, Migrations, shipped_migrations_folder

pytestmark = pytest.mark.file

Start = Callable[..., subprocess.Popen[str]]

ASSETS = Path(__file__).parent / "assets"

NEXT = '''
"""A later revision: {what}."""
import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "{head}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("run", sa.Column("mood", sa.Text(), nullable=True))
    op.execute("UPDATE run SET mood = 'good'")
    with op.batch_alter_table("trial") as batch:
        batch.add_column(sa.Column("note", sa.Text(), nullable=True))
    {more}
'''


def migrations(folder: Path, more: str = "pass") -> Migrations:
    """What ships, and one revision more."""
    shutil.copytree(
        shipped_migrations_folder(), folder, ignore=shutil.ignore_patterns("__pycache__")
    )
    (folder / "versions" / "9999_later.py").write_text(NEXT.format(what=more, head=HEAD, more=more))
    return Migrations(folder, (*REVISIONS, "9999"))


def trained(path: Path) -> None:
    harness = make_harness(path)
    harness.train(*harness.queue(), 0.5, 0.25)
    harness.db.close()


def contents(path: Path) -> list[str]:
    connection = sqlite3.connect(path)
    try:
        return list(connection.iterdump())
    finally:
        connection.close()


@pytest.mark.parametrize("write", [False, True])
def test_an_older_database_is_backed_up_and_upgraded(
    path: Path, tmp_path: Path, *, write: bool
) -> None:
    trained(path)
    before = contents(path)
    later = migrations(tmp_path / "migrations")
    db = store.open_database(str(path), write=write, migrations=later)
    assert store.database_status(db).revision == "9999"
    assert store.runs(db)[0].status is Status.FINISHED
    assert dict(store.history(db, 1)["val/loss"]) == {1: 0.5, 2: 0.25}
    with db.read() as connection:
        assert connection.exec_driver_sql("SELECT mood FROM run").scalar_one() == "good"
        assert connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall() == []
    db.close()
    (backup,) = path.parent.glob(f"runs.db.backup-{HEAD}-*")
    assert contents(backup) == before
    store.open_database(str(path), write=write, migrations=later).close()
    assert len(list(path.parent.glob("runs.db.backup-*"))) == 1


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ('op.execute("INSERT INTO nowhere VALUES (1)")', "no such table: nowhere"),
        ('raise RuntimeError("lights out")', "lights out"),
        (
            "op.execute(\"INSERT INTO trial (study_id, digest, setting) VALUES (77, 'x', '{}')\")",
            "1 rows of trial refer to missing rows",
        ),
    ],
)
def test_an_upgrade_that_fails_leaves_all_as_it_was(
    path: Path, tmp_path: Path, more: str, why: str
) -> None:
    trained(path)
    before = contents(path)
    later = migrations(tmp_path / "migrations", more)
    with pytest.raises(UpgradeFailed) as caught:
        store.open_database(str(path), write=True, migrations=later)
    assert why in caught.value.message
    assert "is unchanged" in caught.value.message
    assert contents(path) == before
    (backup,) = path.parent.glob("runs.db.backup-*")
    assert str(backup) in (caught.value.hint or "")
    assert contents(backup) == before
    db = store.open_database(str(path), write=True)
    assert store.find_problems(db) == []
    db.close()


UPGRADE = """
import sys
from pathlib import Path
from nnlab import store
from nnlab.store.schema import REVISIONS, Migrations
print("ready", flush=True)
sys.stdin.readline()
later = Migrations(Path(sys.argv[2]), (*REVISIONS, "9999"))
store.open_database(sys.argv[1], write=True, migrations=later).close()
"""


def test_an_older_database_is_an_error_where_it_may_not_be_upgraded(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    shutil.copy(ASSETS / f"revision-{REVISIONS[0]}.db", path)
    before = path.read_bytes()
    with pytest.raises(OlderSchema, match=f"has revision {REVISIONS[0]}, not {HEAD}"):
        store.open_database(str(path), write=False, upgrade=False)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_processes_that_come_at_once_upgrade_once(
    path: Path, tmp_path: Path, python: Start
) -> None:
    trained(path)
    migrations(tmp_path / "migrations")
    processes = [python(UPGRADE, path, tmp_path / "migrations") for _ in range(4)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for process in processes:
        assert process.communicate(timeout=60)[1] == ""
        assert process.returncode == 0
    assert len(list(path.parent.glob("runs.db.backup-*"))) == 1


def test_a_newer_database_is_read_and_never_written(path: Path, tmp_path: Path) -> None:
    trained(path)
    store.open_database(
        str(path), write=True, migrations=migrations(tmp_path / "migrations")
    ).close()
    before = contents(path)
    db = store.open_database(str(path), write=False)
    assert db.newer
    assert store.runs(db)[0].status is Status.FINISHED
    assert dict(store.history(db, 1)["val/loss"]) == {1: 0.5, 2: 0.25}
    with pytest.raises(DatabaseReadOnly) as refused, db.write():
        pass
    assert "a later version wrote this database" in (refused.value.hint or "")
    db.close()
    with pytest.raises(NewerSchema, match=f"has revision 9999 .* knows up to {HEAD}"):
        store.open_database(str(path), write=True, create=True)
    assert contents(path) == before


def test_what_a_newer_database_no_longer_has_is_told_as_such(
    harness: StoreHarness, path: Path
) -> None:
    with harness.db.write() as connection:
        connection.exec_driver_sql("ALTER TABLE run RENAME COLUMN seed TO luck")
        connection.exec_driver_sql("UPDATE nnlab_version SET version_num = '9999'")
    db = store.open_database(str(path), write=False)
    with pytest.raises(NewerSchema, match="written by a later nnlab"):
        store.runs(db)
    db.close()


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_file_of_every_revision_still_opens(tmp_path: Path, revision: str) -> None:
    path = tmp_path / "runs.db"
    shutil.copy(ASSETS / f"revision-{revision}.db", path)
    db = store.open_database(str(path), write=True)
    first, second, third, *external = store.runs(db)
    assert [run.status for run in (first, second, third)] == [
        Status.FINISHED,
        Status.INTERRUPTED,
        Status.QUEUED,
    ]
    assert dict(store.history(db, first.id)["val/loss"]) == {1: 0.5, 2: 0.25}
    assert store.summaries(db, [first.id])[first.id]["val/loss"].best_epoch == 2
    assert [finding.code for finding in store.findings(db, [first.id])[first.id]] == ["NN101"]
    (attempt,) = store.attempts(db, first.id)
    assert attempt.environment is not None
    assert attempt.environment.packages == {"numpy": "2.0"}
    assert first.trial.setting == {"lr": 0.1, "opt": "sgd"}
    study = store.find_study(db, "depth")
    assert study.space is not None
    assert study.space["lr"] == (0.1, 0.2)
    assert bool(study.comparisons) == (revision >= "0002")
    queue_known = revision >= "0003"
    assert bool(study.sampler) == bool(attempt.engine) == queue_known
    assert (first.pruned_at == 2, first.removed_at, study.removed_at) == (queue_known, None, None)
    best = store.rank_trials(db, metric="val/loss", direction="min", study_ids=[study.id])
    assert [(trial.trial_id, trial.mean) for trial in best] == [(1, 0.25), (2, 0.75)]
    assert [artifact.kind for artifact in store.artifacts(db, first.id)] == ["model"]
    assert store.database_status(db).revision == HEAD
    assert {(run.origin, run.axis, run.seed) for run in (first, second, third)} == {
        (Origin.BUILTIN, "epoch", 0),
        (Origin.BUILTIN, "epoch", 1),
    }
    if revision >= "0006":
        (imported,) = external
        assert (imported.origin, imported.axis, imported.seed) == (Origin.IMPORTED, "step", None)
        assert store.samples(db, imported.id)[0] == (0, Sample("train/loss", 0.5, 10, None, 1.0))
        assert store.sources(db, [imported.id])[imported.id].position == {"offset": 9}
        assert store.user_directions(db) == {"val/gini": "max"}
    entries = [(entry.verdict, entry.level, entry.low, entry.seeds) for entry in store.ledger(db)]
    expected = [("baseline", None, -math.inf, ()), ("keep", 0.05, 0.25, (0, 1))]
    assert entries == (expected if revision >= "0007" else [])
    with db.read() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall() == []
    db.close()
