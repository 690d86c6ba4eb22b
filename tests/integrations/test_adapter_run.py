"""Which run an adapter records to, and when it ends."""

from pathlib import Path

import pytest
from recorded_runs import recorded_runs, recorded_values

import nnlab
from nnlab import store
from nnlab.integrations.adapter_run import AdapterRun
from nnlab.records import Status


@pytest.fixture
def db(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "runs.db"


def test_a_run_begins_at_its_first_use_and_is_continued_after_its_end(db: Path) -> None:
    run = AdapterRun(study="s", seed=3)
    assert (run.id, run.study) == (None, "s")
    assert not db.exists()
    run.handle.log({"loss": 1.0}, step=1)
    run.end()
    assert recorded_runs(db)[0].status is Status.FINISHED
    run.handle.log({"loss": 0.5}, step=2)
    assert recorded_runs(db)[0].status is Status.RUNNING
    run.end()
    (stored,) = recorded_runs(db)
    assert (stored.status, stored.seed) == (Status.FINISHED, 3)
    assert recorded_values(db)["loss"] == [(1, 1.0), (2, 0.5)]


def test_the_run_of_the_program_is_used_without_arguments_and_not_ended(db: Path) -> None:
    with nnlab.init("program") as run:
        adapter = AdapterRun()
        adapter.set_defaults(study="default", seed=1)
        assert adapter.handle is run
        adapter.end()
        run.log({"loss": 1.0})
        other = AdapterRun(study="own")
        assert other.handle is not run
        other.end()
    assert [stored.trial.study for stored in recorded_runs(db)] == ["program", "own"]
    assert recorded_values(db)["loss"] == [(0, 1.0)]


def test_a_run_that_another_adapter_left_open_is_not_used(db: Path) -> None:
    crashed = AdapterRun()
    crashed.handle.log({"loss": 1.0})
    following = AdapterRun()
    following.handle.log({"loss": 2.0})
    for run in (following, crashed):
        run.end()
    assert recorded_values(db, 1)["loss"] == [(0, 1.0)]
    assert recorded_values(db, 2)["loss"] == [(0, 2.0)]


def test_a_run_that_is_off_stays_off(db: Path) -> None:
    run = AdapterRun(mode="off")
    run.handle.log({"loss": 1.0})
    run.end()
    run.handle.log({"loss": 1.0})
    assert not db.exists()


def test_the_run_of_a_script_is_ended_by_its_parent_process(
    db: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = store.open_database(str(db), write=True, create=True)
    spec = store.ExternalRunSpec("s", {"lr": 0.1}, nnlab.records.Origin.SCRIPT, seed=0)
    created = store.create_external_run(database, spec)
    claim = store.claim(
        database, run_ids=[created.id], pid=1, command="python train.py", hostname="here"
    )
    assert claim is not None
    for name, value in {
        "NNLAB_RUN": str(created.id),
        "NNLAB_ATTEMPT": str(claim.attempt_id),
        "NNLAB_DB": str(db),
        "NNLAB_DIR": str(db.parent / "files"),
    }.items():
        monkeypatch.setenv(name, value)
    run = AdapterRun(study="ignored")
    run.handle.log({"loss": 1.0}, step=1)
    run.end()
    run.handle.log({"loss": 0.5}, step=2)  # an evaluation after the training
    run.handle.finish()
    assert recorded_values(db)["loss"] == [(1, 1.0), (2, 0.5)]
    (stored,) = recorded_runs(db)
    assert stored.ended_at is None
    database.close()
