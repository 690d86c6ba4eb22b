"""Runs that are written for MLflow and trackio, read back by these packages value for value."""

import json
import math
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from log_readings import read_path

from nnlab.exchange.log_reader import RunDetails
from nnlab.exchange.log_writer import ExportedRun, LogWriter
from nnlab.exchange.mlflow_files import MlflowFilesReader
from nnlab.exchange.trackio_sqlite import TrackioReader
from nnlab.exchange.write_log import write_log
from nnlab.exchange.writers.mlflow import MlflowWriter
from nnlab.exchange.writers.mlflow_names import MlflowNames
from nnlab.exchange.writers.trackio import TrackioWriter
from nnlab.records import Finding, Origin, Run, Sample, Severity, Status, Trial

_START = datetime(2024, 5, 1, 12, 0, 0, tzinfo=UTC)
_SAMPLES = [
    *(Sample("train/loss", 1 / (n + 3), n, n / 4, _START.timestamp() + n) for n in range(8)),
    Sample("val/acc@1", 0.1 + 0.2, 7, 2.0, _START.timestamp() + 8),
    Sample("odd", math.nan, 8, None, _START.timestamp() + 9),
    Sample("odd", math.inf, 9, None, _START.timestamp() + 10),
    Sample("odd", -math.inf, 9, None, _START.timestamp() + 11),
    Sample("odd", 5e-324, 3, None, _START.timestamp() + 12),
]


def _run(
    number: int, samples: list[Sample], *, study: str = "my study: ü", name: str | None = "owl"
) -> ExportedRun:
    trial = Trial(1, study, {"lr": 0.1}, f"digest{number}")
    run = Run(
        id=number, trial=trial, seed=4, repeat=0, current=True, status=Status.FINISHED, name=name,
        tags=("baseline",), epochs=2, epochs_planned=2, selected_epoch=None, data_fingerprint=None,
        parent_id=None, reason=None, wall_seconds=None, device_seconds=None, created_at=_START,
        started_at=_START, ended_at=_START, origin=Origin.RECORDED,
    )  # fmt: skip
    details = RunDetails(
        name=name,
        config={
            "lr": 0.1,
            "model": {"layers": [1, 2], "norm": None, "bias": True},
            "é/../x": "a\nb",
        },
        tags=("baseline", "team=vision"),
        started_at=_START,
        ended_at=datetime(2024, 5, 1, 12, 1, 0, 500_000, tzinfo=UTC),
        status=Status.FINISHED,
        seed=4,
        results={"best": 0.75, "model": "owl.pt"},
        command="python train.py --lr 0.1",
    )
    finding = Finding("NN101", "overfitting", Severity.WARNING, 1.0, 2, "val loss rises", "", {})

    def numbered() -> Iterator[tuple[int, Sample]]:
        return iter(list(enumerate(samples)))

    return ExportedRun(run, details, numbered, findings=(finding,))


_MLFLOW = """
import json, os, mlflow
client = mlflow.MlflowClient(os.environ["URI"])
result = []
for experiment in client.search_experiments():
    for run in client.search_runs([experiment.experiment_id]):
        history = {key: [(m.step, repr(m.value), m.timestamp)
                         for m in client.get_metric_history(run.info.run_id, key)]
                   for key in run.data.metrics}
        result.append({"experiment": experiment.name, "id": run.info.run_id,
                       "name": run.info.run_name, "status": run.info.status,
                       "start": run.info.start_time, "end": run.info.end_time,
                       "artifacts": run.info.artifact_uri, "params": run.data.params,
                       "tags": run.data.tags, "history": history})
json.dump(result, open("result.json", "w"))
"""
_TRACKIO = """
import json
from trackio.sqlite_storage import SQLiteStorage
result = {}
for project in SQLiteStorage.get_projects():
    for run in SQLiteStorage.get_runs(project):
        result[f"{project}/{run}"] = {
            "logs": [{k: repr(v) for k, v in row.items()}
                     for row in SQLiteStorage.get_logs(project, run)],
            "config": SQLiteStorage.get_run_config(project, run),
        }
json.dump(result, open("result.json", "w"))
"""


def test_mlflow_reads_what_was_written(run_script: Callable[..., Path], tmp_path: Path) -> None:
    output = tmp_path / "mlruns"
    write_log(MlflowWriter(), [_run(1, _SAMPLES), _run(2, [])], output, force=False)
    folder = run_script("mlflow", _MLFLOW, URI=str(output), MLFLOW_ALLOW_FILE_STORE="true")
    runs: list[dict[str, Any]] = json.loads((folder / "result.json").read_text())
    assert len({run["id"] for run in runs}) == 2
    run = next(run for run in runs if run["history"])
    assert (run["experiment"], run["name"], run["status"]) == ("my study: ü", "owl", "FINISHED")
    assert run["end"] - run["start"] == 60_500
    assert run["artifacts"].startswith(output.as_uri())
    assert run["params"] == {
        "lr": "0.1", "model.layers": "[1, 2]", "model.norm": "None", "model.bias": "True",
        "_/_./x": "a\nb", "seed": "4",
    }  # fmt: skip
    tags = run["tags"]
    assert (tags["baseline"], tags["team"]) == ("true", "vision")
    assert tags["nnlab.result.best"] == "0.75"
    assert tags["nnlab.finding.NN101"] == "val loss rises"
    assert tags["mlflow.source.name"] == "python train.py --lr 0.1"
    for metric, name in [("train/loss", "train/loss"), ("val/acc@1", "val/acc_1"), ("odd", "odd")]:
        assert run["history"][name] == [
            [sample.step, repr(sample.value), round((sample.time or 0) * 1000)]
            for sample in _SAMPLES
            if sample.metric == metric
        ]
    assert [value for _, value, _ in run["history"]["epoch"]][:3] == ["0.0", "0.25", "0.5"]


def test_trackio_reads_what_was_written(run_script: Callable[..., Path], tmp_path: Path) -> None:
    output = tmp_path / "trackio"
    runs = [_run(1, _SAMPLES), _run(2, _SAMPLES[:1])]
    write_log(TrackioWriter(), runs, output, force=False)
    folder = run_script("trackio", _TRACKIO, TRACKIO_DIR=str(output))
    result = json.loads((folder / "result.json").read_text())
    assert list(result) == ["mystudyü/owl", "mystudyü/owl (my-study-run2-seed4)"]
    logs, config = result["mystudyü/owl"]["logs"], result["mystudyü/owl"]["config"]
    assert config["model"] == {"layers": [1, 2], "norm": None, "bias": True}
    assert config["seed"] == 4
    for metric in ("train/loss", "val/acc@1", "odd"):
        assert [(row["step"], row[metric]) for row in logs if metric in row] == [
            (repr(sample.step), repr(sample.value))
            for sample in _SAMPLES
            if sample.metric == metric
        ]
    assert logs[2]["epoch"] == "0.5"


@pytest.mark.parametrize("writer", [MlflowWriter(), TrackioWriter()])
def test_nnlab_imports_what_it_exported(writer: LogWriter, tmp_path: Path) -> None:
    output = tmp_path / "out"
    write_log(writer, [_run(1, _SAMPLES)], output, force=False)
    reader = MlflowFilesReader() if writer.kind == "mlflow" else TrackioReader()
    [reading] = read_path(reader, output)
    renamed = "val/acc_1" if writer.kind == "mlflow" else "val/acc@1"
    names = {"train/loss": "train/loss", "val/acc@1": renamed, "odd": "odd"}
    expected = [
        (names[s.metric], s.step, repr(s.value), round((s.time or 0) * 1000)) for s in _SAMPLES
    ]
    read = [
        (s.metric, s.step, repr(s.value), round((s.time or 0) * 1000))
        for s in reading.samples
        if s.metric in names.values()
    ]
    assert read == expected
    assert reading.details.seed == 4


@pytest.mark.parametrize("writer", [MlflowWriter(), TrackioWriter()])
def test_a_second_export_has_the_same_files(writer: LogWriter, tmp_path: Path) -> None:
    contents = []
    for name in ("a", "b"):
        output = tmp_path / name / "out"
        output.parent.mkdir()
        files = write_log(writer, [_run(1, _SAMPLES)], output, force=False)
        contents.append(
            {
                file.relative_to(output): file.read_bytes()
                for file in files
                if file.name != "meta.yaml"
            }
        )
    assert contents[0] == contents[1]


def test_a_run_that_nnlab_trained_has_epochs_as_steps(tmp_path: Path) -> None:
    samples = [Sample("val/loss", 1 / epoch, epoch, float(epoch)) for epoch in (1, 2)]
    write_log(MlflowWriter(), [_run(1, samples)], tmp_path / "mlruns", force=False)
    [reading] = read_path(MlflowFilesReader(), tmp_path)
    assert [(s.metric, s.step, s.value) for s in reading.samples] == [
        ("val/loss", 1, 1.0), ("val/loss", 2, 0.5),
    ]  # fmt: skip
    assert reading.samples[0].time == _START.timestamp()


def test_samples_without_a_step_are_numbered(tmp_path: Path) -> None:
    samples = [Sample("loss", 3.0), Sample("loss", 2.0), Sample("acc", 1.0, epoch=7.0)]
    write_log(MlflowWriter(), [_run(1, samples)], tmp_path / "mlruns", force=False)
    [reading] = read_path(MlflowFilesReader(), tmp_path)
    assert sorted((s.metric, s.step) for s in reading.samples) == [
        ("acc", 7), ("loss", 0), ("loss", 1),
    ]  # fmt: skip


def test_names_never_leave_the_folder() -> None:
    names = ["../../x", "/etc/passwd", "a//b", "a/./b", "..", "", " ", "C:\\x", "a\x00b", "é", "è"]
    paths = list(MlflowNames(names).values())
    assert len(set(paths)) == len(names)
    for path in paths:
        assert all(part.strip() and part not in (".", "..") for part in path.split("/"))


def test_a_metric_and_its_parts_have_files_of_their_own() -> None:
    names = MlflowNames(["loss", "loss/a", "loss.value"])
    assert names == {"loss": "loss.value", "loss/a": "loss/a", "loss.value": "loss.value.2"}


@pytest.mark.parametrize("study", ["registry-x", "model_system", "...", "ü_artifact_versions"])
def test_names_that_trackio_reserves_are_not_used(study: str, tmp_path: Path) -> None:
    [path] = write_log(TrackioWriter(), [_run(1, _SAMPLES, study=study)], tmp_path, force=False)
    assert path.name in {
        "registry-x": "study-registry-x-runs.db", "model_system": "study-model_system-runs.db",
        "...": "default.db", "ü_artifact_versions": "study-ü_artifact_versions-runs.db",
    }[study]  # fmt: skip
