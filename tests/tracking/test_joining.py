"""`nnlab.init` in a script that a parent process executes joins the run of that process."""

import os
from pathlib import Path

import pytest
from recorded_programs import run_program, stored_run, values_of

import nnlab
from nnlab import store
from nnlab.records import Origin, Status


@pytest.fixture
def claim(db: str, monkeypatch: pytest.MonkeyPatch) -> store.Claim:
    """A claimed run of a script, named by the environment."""
    database = store.open_database(db, write=True, create=True)
    run = store.create_external_run(
        database, store.ExternalRunSpec("grid", {"lr": 0.1}, Origin.SCRIPT, seed=3)
    )
    claimed = store.claim(
        database, run_ids=[run.id], pid=os.getpid(), command="train.py", hostname="h"
    )
    database.close()
    assert claimed is not None
    monkeypatch.setenv("NNLAB_RUN", str(run.id))
    monkeypatch.setenv("NNLAB_ATTEMPT", str(claimed.attempt_id))
    monkeypatch.setenv("NNLAB_DIR", str(Path(db).parent / "files"))
    return claimed


def test_the_script_logs_and_its_parent_ends_the_run(db: str, claim: store.Claim) -> None:
    with nnlab.init(project="ignored", config={"lr": 0.1, "batch": 8}) as run:
        assert (run.number, run.study) == (claim.run.id, "grid")
        assert Path(run.dir) == Path(db).parent / "files"
        assert (Path(run.dir) / "joined").read_text().strip() == str(os.getpid())
        assert run.config.lr == 0.1
        run.log({"val/loss": 0.5}, epoch=1)
        run.summary["best"] = 0.5
        run.checkpoint({"a": 1}, step=4)
        run.config.update({"more": 1})
    stored = stored_run(db)
    # Still claimed by the parent; the setting is that of the study's trial.
    assert (stored.status, stored.results) == (Status.RUNNING, {"best": 0.5})
    assert stored.trial.setting == {"lr": 0.1}
    assert values_of(db, "val/loss") == [0.5]


def test_a_script_that_is_started_again_continues(
    db: str, claim: store.Claim, tmp_path: Path
) -> None:
    environment = {name: os.environ[name] for name in ("NNLAB_RUN", "NNLAB_ATTEMPT", "NNLAB_DIR")}
    body = """
run = nnlab.init()
print(run.start_step, run.restore())
for step in range(run.start_step, run.start_step + 3):
    run.log({"x": step}, step=step)
run.checkpoint({"step": step})
"""
    assert run_program(tmp_path, body, **environment)[1] == "0 None\n"
    assert run_program(tmp_path, body, **environment)[1] == "3 {'step': 2}\n"
    assert values_of(db, "x") == [0, 1, 2, 3, 4, 5]
    # Other ranks read the same checkpoint and record nothing.
    ranked = run_program(tmp_path, body, RANK="1", **environment)
    assert ranked[1] == "6 {'step': 5}\n"
    assert values_of(db, "x") == [0, 1, 2, 3, 4, 5]


def test_a_second_run_of_the_script_is_a_run_of_its_own(db: str, claim: store.Claim) -> None:
    nnlab.init().finish()
    with nnlab.init("other") as run:
        run.log({"x": 1.0})
        assert (run.study, run.number) == ("other", 2)
    assert stored_run(db, 2).status is Status.FINISHED
