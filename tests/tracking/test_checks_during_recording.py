"""Findings, requests to stop, diverged runs, the environment, and the usage of the machine."""

import math
from pathlib import Path

import pytest
from recorded_programs import last_attempt, run_program, stored_run, stored_samples

import nnlab
from nnlab import store
from nnlab.records import Status
from nnlab.tracking import live_checks, system_usage


def log_overfitting(run: nnlab.RunHandle, epochs: int = 20) -> None:
    for epoch in range(1, epochs + 1):
        run.log(
            {
                "train_loss": 1.0 * 0.8**epoch,
                "val_loss": 0.6 + 0.05 * abs(epoch - 6),
                "epoch": epoch,
            }
        )


def is_stopped(run: nnlab.RunHandle) -> bool:
    return run.should_stop


def test_findings_are_stored_at_the_end(db: str) -> None:
    with nnlab.init("s") as run:
        log_overfitting(run)
    with nnlab.open(db) as results:
        assert [finding.code for finding in results.findings("1")][:1] == ["NN101"]


def test_certain_findings_are_shown_once_while_the_run_logs(
    db: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(live_checks, "_FIRST_CHECK_SECONDS", 0.0)
    monkeypatch.setattr(live_checks, "_MAX_TIME_SHARE", math.inf)  # check at every flush
    with nnlab.init("s") as run:
        for epoch in range(1, 15):
            value = math.nan if epoch > 3 else 1.0 / epoch
            run.log({"train/loss": value, "val/loss": value}, epoch=epoch)
            run.flush()
        errors = capsys.readouterr().err
    assert errors.count("nnlab: NN") == 1


def test_a_finding_that_the_environment_names_stops_the_run(
    db: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_checks, "_FIRST_CHECK_SECONDS", 0.0)
    monkeypatch.setattr(live_checks, "_MAX_TIME_SHARE", math.inf)  # check at every flush
    monkeypatch.setenv("NNLAB_STOP_ON", "NN101")
    with nnlab.init("s") as run:
        assert not is_stopped(run)
        log_overfitting(run)
        run.flush()
        assert is_stopped(run)
        assert (run.stop_reason or "").startswith("stopped on NN101")
    assert (stored_run(db).reason or "").startswith("stopped on NN101")


def test_nnlab_stop_is_seen_by_the_program(db: str) -> None:
    with nnlab.init("s") as run:
        run.log({"x": 1.0}, durable=True)
        assert not is_stopped(run)
        database = store.open_database(db, write=True)
        store.request_stop(database, [1])
        database.close()
        run.log({"x": 2.0}, durable=True)
        assert is_stopped(run)
    assert (stored_run(db).status, stored_run(db).reason) == (
        Status.FINISHED,
        "stopped by nnlab stop",
    )


@pytest.mark.parametrize(("last", "status"), [(math.nan, "diverged"), (1.0, "finished")])
def test_a_run_whose_objective_ends_in_nan_has_diverged(db: str, last: float, status: str) -> None:
    with nnlab.init("s", objective="val/loss:min") as run:
        run.log({"val/loss": math.nan})
        run.log({"val/loss": last})
    assert stored_run(db).status == status


def test_the_environment_is_that_of_the_attempt(tmp_path: Path) -> None:
    body = "run = nnlab.init('s')\nrun.log({'x': 1})"
    assert run_program(tmp_path, body)[0] == 0
    attempt = last_attempt(tmp_path / "r.db")
    assert attempt.environment is not None
    assert "numpy" in attempt.environment.packages
    assert attempt.command.startswith("program.py")


def test_the_usage_of_the_machine_is_recorded(db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("psutil")
    monkeypatch.setattr(system_usage, "USAGE_SECONDS", 0.0)
    with nnlab.init("s") as run:
        run._connection._tasks._next_usage = 0.0  # type: ignore[union-attr]
        for _ in range(3):
            run.log({"x": 1.0}, durable=True)
    samples = stored_samples(db, "system/memory_percent")
    assert samples
    assert all(0 < sample.value <= 100 and sample.time is not None for sample in samples)
    with nnlab.open(db) as results:
        assert results.history("1").metrics == ("x",)


def test_without_psutil_nothing_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "psutil", None)
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert system_usage.SystemUsage().read() == {}


def test_a_notebook_has_one_run_at_a_time(db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from nnlab.tracking import start

    monkeypatch.setattr(start, "is_interactive", lambda: True)
    first = nnlab.init(config={"n": 1})
    second = nnlab.init(config={"n": 2})
    assert nnlab.run is second
    assert stored_run(db, first.number).status is Status.FINISHED
    assert stored_run(db, second.number).trial.study == "notebook"


def test_the_study_is_named_after_the_script(tmp_path: Path) -> None:
    assert run_program(tmp_path, "nnlab.init()")[0] == 0
    assert stored_run(tmp_path / "r.db").trial.study == "program"
