"""Readers of MLflow's file store and database, on what MLflow itself writes."""

import math
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest
from log_examples import RUN_ID, write_mlflow, write_mlflow_sqlite
from log_readings import Reading, read_one, read_path, read_run

from nnlab.exchange import mlflow_files, mlflow_sqlite, time_order
from nnlab.exchange.mlflow_files import MlflowFilesReader
from nnlab.exchange.mlflow_sqlite import MlflowSqliteReader
from nnlab.records import Status

_SCRIPT = """
import math, os, sys, mlflow
mlflow.set_tracking_uri(os.environ["URI"])
mlflow.set_experiment("digits exp")
with mlflow.start_run(run_name="parent"):
    mlflow.log_params({"lr": 0.1, "model.layers": 3, "seed": 4, "text": "a: b # c\\nline two"})
    mlflow.set_tag("team", "vision")
    for step in range(4):
        mlflow.log_metrics({"val/loss": 1 / (step + 1), "acc": step / 7}, step=step)
    for step, value in enumerate([math.nan, math.inf, -math.inf]):
        mlflow.log_metric("odd", value, step=step)
    with mlflow.start_run(nested=True, run_name="child"):
        mlflow.log_metric("acc", 0.5, step=-1)
mlflow.start_run(run_name="failed")
mlflow.log_metric("acc", 0.25)
mlflow.end_run("FAILED")
deleted = mlflow.start_run(run_name="deleted")
mlflow.end_run()
mlflow.delete_run(deleted.info.run_id)
mlflow.start_run(run_name="killed")
mlflow.log_metric("acc", 0.75)
os._exit(0)
"""


@pytest.fixture(scope="session", params=["files", "sqlite"])
def readings(request: pytest.FixtureRequest, run_script: Callable[..., Path]) -> dict[str, Reading]:
    """The readings of the runs of the script, by name."""
    uri = "mlruns" if request.param == "files" else "sqlite:///mlflow.db"
    folder = run_script("mlflow", _SCRIPT, URI=uri, MLFLOW_ALLOW_FILE_STORE="true")
    reader = MlflowFilesReader() if request.param == "files" else MlflowSqliteReader()
    return {str(reading.details.name): reading for reading in read_path(reader, folder)}


def test_all_runs_but_the_deleted_one_are_found(readings: dict[str, Reading]) -> None:
    status = {name: reading.details.status for name, reading in readings.items()}
    assert status == {
        "parent": Status.FINISHED,
        "child": Status.FINISHED,
        "failed": Status.FAILED,
        "killed": Status.RUNNING,
    }


def test_values_are_those_that_were_logged(readings: dict[str, Reading]) -> None:
    parent = readings["parent"]
    assert parent.curve("val/loss") == [(step, None, 1 / (step + 1)) for step in range(4)]
    assert parent.curve("acc") == [(step, None, step / 7) for step in range(4)]
    values = [value for _, _, value in parent.curve("odd")]
    assert math.isnan(values[0])
    assert values[1:] == [math.inf, -math.inf]
    assert readings["child"].curve("acc") == [(-1, None, 0.5)]
    assert not parent.notes


def test_samples_have_the_time_at_which_they_were_logged(readings: dict[str, Reading]) -> None:
    details = readings["parent"].details
    times = [sample.time for sample in readings["parent"].samples if sample.metric == "val/loss"]
    assert isinstance(details.started_at, datetime)
    assert isinstance(details.ended_at, datetime)
    assert times == sorted(time for time in times if time is not None)
    assert details.started_at.timestamp() <= (times[0] or 0.0) <= details.ended_at.timestamp()


def test_parameters_tags_and_the_experiment(readings: dict[str, Reading]) -> None:
    details = readings["parent"].details
    assert details.config == {
        "lr": 0.1, "model.layers": 3, "seed": 4, "text": "a: b # c\nline two",
    }  # fmt: skip
    assert details.seed == 4
    assert details.tags == ("team=vision",)
    assert details.project == "digits exp"
    assert readings["child"].details.tags == (f"parent={readings['parent'].run.external_id}",)


def test_values_of_one_step_of_all_metrics_follow_each_other(tmp_path: Path) -> None:
    write_mlflow(tmp_path)
    samples = read_one(MlflowFilesReader(), tmp_path).samples
    assert [(sample.metric, sample.step) for sample in samples] == [
        ("loss", 0), ("val/loss", 0), ("loss", 1), ("val/loss", 1),
    ]  # fmt: skip


def test_a_file_store_is_followed(tmp_path: Path) -> None:
    store = write_mlflow(tmp_path)
    first = read_one(MlflowFilesReader(), tmp_path)
    with (store / "7" / RUN_ID / "metrics/val/loss").open("a") as file:
        file.write("1700000009000 0.25 2\n1700000010000 0.2")
    (store / "7" / RUN_ID / "metrics/new").write_text("1700000008000 7.0 2\n")
    second = read_run(MlflowFilesReader(), first.run, first.position)
    assert [(s.metric, s.value) for s in second.samples] == [("new", 7.0), ("val/loss", 0.25)]
    assert second.restarts == 0
    assert second.notes == {"truncated": 1}


def test_a_metric_that_is_gone_restarts_the_reading(tmp_path: Path) -> None:
    store = write_mlflow(tmp_path)
    first = read_one(MlflowFilesReader(), tmp_path)
    (store / "7" / RUN_ID / "metrics/loss").unlink()
    second = read_run(MlflowFilesReader(), first.run, first.position)
    assert second.restarts == 1
    assert [value for _, _, value in second.curve("val/loss")] == [1.5, 0.5]


def test_many_metrics_are_merged_with_few_open_files(tmp_path: Path) -> None:
    store = write_mlflow(tmp_path)
    for number in range(1200):
        lines = "".join(f"170000000{step}000 1.0 {step}\n" for step in range(3))
        (store / "7" / RUN_ID / f"metrics/m{number}").write_text(lines)
    samples = read_one(MlflowFilesReader(), tmp_path).samples
    assert len(samples) == 3604
    times = [sample.time or 0 for sample in samples]
    assert times == sorted(times)


def test_a_long_history_is_read_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mlflow_files, "_LINES_IN_MEMORY", 1)
    store = write_mlflow(tmp_path)
    lines = "".join(f"{1_700_000_000_000 + n} {n} {n}\n" for n in range(500))
    (store / "7" / RUN_ID / "metrics/long").write_text(lines + "17")
    reading = read_one(MlflowFilesReader(), tmp_path)
    assert reading.curve("long") == [(n, None, n) for n in range(500)]
    assert reading.notes == {"truncated": 1}


def test_a_converted_database_is_read_in_the_order_of_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_mlflow_sqlite(tmp_path)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("DELETE FROM metrics")
        for metric in ("a", "b"):
            for step in range(10):
                row = (metric, step, 1_700_000_000_000 + step, RUN_ID, step)
                db.execute("INSERT INTO metrics VALUES (?, ?, ?, ?, ?, 0)", row)
    expected = [(metric, step) for step in range(10) for metric in ("a", "b")]
    for limit in (10_000, 7):
        monkeypatch.setattr(mlflow_sqlite, "_ROWS_PER_QUERY", limit)
        monkeypatch.setattr(time_order, "_IN_MEMORY", limit)
        reading = read_one(MlflowSqliteReader(), tmp_path)
        assert [(sample.metric, sample.step) for sample in reading.samples] == expected
        assert not read_run(MlflowSqliteReader(), reading.run, reading.position).samples


def test_a_run_that_was_copied_is_one_run(tmp_path: Path) -> None:
    write_mlflow(tmp_path / "a")
    write_mlflow(tmp_path / "b")
    assert len(list(MlflowFilesReader().find(tmp_path))) == 1


def test_a_database_is_followed_by_its_rows(tmp_path: Path) -> None:
    path = write_mlflow_sqlite(tmp_path)
    first = read_one(MlflowSqliteReader(), tmp_path)
    assert [value for _, _, value in first.curve("loss")][::2] == [2.5, math.inf]
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("INSERT INTO metrics VALUES ('loss', 9, 1700000003000, ?, 3, 0)", (RUN_ID,))
        db.execute("INSERT INTO metrics VALUES ('loss', 9, 1700000003000, 'other', 3, 0)")
    second = read_run(MlflowSqliteReader(), first.run, first.position)
    assert (second.curve("loss"), second.restarts) == ([(3, None, 9.0)], 0)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("DELETE FROM metrics WHERE step > 1")
    third = read_run(MlflowSqliteReader(), first.run, second.position)
    assert third.restarts == 1
    assert [step for step, _, _ in third.curve("loss")] == [0, 1]
