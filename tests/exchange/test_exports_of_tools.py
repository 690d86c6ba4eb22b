"""Readers of exports: charts and histories of W&B, tables and JSON of MLflow, Comet, Aim."""

import importlib.util
import json
import math
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from log_examples import (
    EXPERIMENT_KEY,
    RUN_ID,
    write_comet,
    write_json_lines,
    write_mlflow_export,
    write_wandb_csv,
    write_wandb_json,
    write_wandb_runs,
)
from log_readings import read_one, read_path, read_run

from nnlab.errors import MissingPackage
from nnlab.exchange.aim_repository import AimReader
from nnlab.exchange.comet_export import CometExportReader
from nnlab.exchange.json_lines import JsonLinesReader
from nnlab.exchange.log_reader import Audit
from nnlab.exchange.mlflow_export import MlflowExportReader
from nnlab.exchange.python_literals import parse_python_dict
from nnlab.exchange.wandb_csv import WandbCsvReader
from nnlab.exchange.wandb_json import WandbJsonReader
from nnlab.exchange.wandb_runs import WandbRunsReader
from nnlab.records import Status


def test_a_chart_has_a_run_per_name(tmp_path: Path) -> None:
    write_wandb_csv(tmp_path)
    owl, fox = read_path(WandbCsvReader(), tmp_path)
    assert (owl.run.name, fox.run.name) == ("owl-1", "fox-2")
    assert owl.curve("loss") == [(0, None, 2.5), (1, None, 1.5)]
    [(step, _, value)] = fox.curve("loss")
    assert step == 1
    assert math.isnan(value)
    assert owl.notes == {"sampled": 1}


def test_charts_of_one_folder_are_one_run(tmp_path: Path) -> None:
    columns = '"Step","a - b - {0}","a - b - {0}__MIN","a - b - {0}__MAX"\n"1","2","2","2"\n'
    (tmp_path / "one.csv").write_text(columns.format("loss"))
    (tmp_path / "two.csv").write_text(columns.format("val/acc"))
    reading = read_one(WandbCsvReader(), tmp_path)
    assert (reading.run.name, len(reading.run.paths)) == ("a - b", 2)
    assert (reading.curve("loss"), reading.curve("val/acc")) == ([(1, None, 2)], [(1, None, 2)])


def test_charts_of_one_run_are_merged_by_their_steps(tmp_path: Path) -> None:
    for metric, steps in (("loss", "024"), ("val/acc", "13")):
        rows = "".join(f'"{step}","2","2","2"\n' for step in steps)
        header = f'"Step","r - {metric}","r - {metric}__MIN","r - {metric}__MAX"\n'
        (tmp_path / f"{metric[:3]}.csv").write_text(header + rows)
    reading = read_one(WandbCsvReader(), tmp_path)
    assert [sample.step for sample in reading.samples] == [0, 1, 2, 3, 4]


def test_records_of_comet_are_read_in_the_order_of_time(tmp_path: Path) -> None:
    path = write_comet(tmp_path)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[::-1]))
    assert [sample.step for sample in read_one(CometExportReader(), path).samples] == [0, 1]


@pytest.mark.parametrize("axis", ["Relative Time (Process)", "Wall Time", "epoch"])
def test_axes_of_charts(axis: str, tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text(
        f'"{axis}","r - _step","r - _step__MIN","r - _step__MAX",'
        '"r - x","r - x__MIN","r - x__MAX"\n"1700000000","7","7","7","2","2","2"\n'
    )
    [sample] = read_one(WandbCsvReader(), tmp_path).samples
    assert (sample.metric, sample.step) == ("x", 7)
    assert (sample.time is not None) == (axis == "Wall Time")
    assert (sample.epoch is not None) == (axis == "epoch")


def test_a_history_as_csv(tmp_path: Path) -> None:
    (tmp_path / "history.csv").write_text(
        ",_runtime,_step,_timestamp,epoch,loss,step\n0,1.5,3,1700000000.5,0,2.5,99\n"
    )
    reading = read_one(WandbCsvReader(), tmp_path)
    assert reading.curve("loss") == [(3, 0.0, 2.5)]
    assert reading.curve("step") == [(3, 0.0, 99.0)]
    assert {sample.metric for sample in reading.samples} == {"loss", "step"}
    assert reading.samples[0].time == 1_700_000_000.5


def test_a_history_as_json(tmp_path: Path) -> None:
    path = write_wandb_json(tmp_path)
    reading = read_one(WandbJsonReader(), tmp_path)
    assert reading.curve("loss")[0] == (0, None, 2.5)
    assert math.isnan(reading.curve("loss")[1][2])
    assert reading.curve("opt.a") == [(1, None, 1.0)]
    lines = "".join(json.dumps(row) + "\n" for row in json.loads(path.read_text()))
    (tmp_path / "lines").mkdir()
    (tmp_path / "lines" / "history.jsonl").write_text(lines)
    again = read_one(WandbJsonReader(), tmp_path / "lines")
    assert repr(again.samples) == repr(reading.samples)


def test_a_truncated_history_has_its_complete_rows(tmp_path: Path) -> None:
    path = write_wandb_json(tmp_path)
    path.write_text(path.read_text()[:-10])
    reading = read_one(WandbJsonReader(), tmp_path)
    assert reading.curve("loss") == [(0, None, 2.5)]
    assert reading.notes["truncated"] == 1


def test_media_in_a_history_are_left_out(tmp_path: Path) -> None:
    rows = [
        {"_step": 1, "loss": 2, "img": {"_type": "image-file", "path": "/etc/passwd", "size": 3}}
    ]
    (tmp_path / "h.json").write_text(json.dumps(rows))
    reading = read_one(WandbJsonReader(), tmp_path)
    assert [sample.metric for sample in reading.samples] == ["loss"]
    assert reading.notes == {"not-imported": 1}


def test_the_table_of_runs_of_the_api_of_wandb(tmp_path: Path) -> None:
    write_wandb_runs(tmp_path)
    owl, fox = read_path(WandbRunsReader(), tmp_path)
    assert owl.details.config == {"lr": 0.1, "seed": 4, "sizes": [1, 2]}
    assert owl.details.seed == 4
    assert owl.details.results["loss"] == 2.5
    assert [(s.metric, s.step, s.time) for s in owl.samples] == [
        ("loss", 9, 1_700_000_000.5), ("val.acc", 9, 1_700_000_000.5),
    ]  # fmt: skip
    assert owl.notes == {"sampled": 1}
    assert fox.curve("loss") == [(None, None, 1.5)]
    assert fox.details.results == {"loss": 1.5, "note": "x"}


def test_the_table_of_a_project_of_wandb(tmp_path: Path) -> None:
    (tmp_path / "wandb_export.csv").write_text(
        '"Name","State","Notes","User","Tags","Created","Runtime","Sweep","lr","seed","opt",'
        '"_step","val/loss","accuracy"\n'
        '"owl","finished","-","me","a, b","2023-11-14T22:13:20.000Z","60","","0.1","4","adam",'
        '"9","0.5","0.75"\n'
        '"fox","crashed","-","me","","2023-11-14T22:13:20.000Z","60","","0.2","5","sgd","","",""\n'
    )
    owl, fox = read_path(WandbRunsReader(), tmp_path)
    assert owl.details.config == {"lr": 0.1, "seed": 4, "opt": "adam"}
    assert (owl.details.seed, owl.details.tags) == (4, ("a", "b"))
    assert owl.details.started_at == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert owl.details.status is Status.FINISHED
    assert [(s.metric, s.value, s.step) for s in owl.samples] == [
        ("val/loss", 0.5, 9), ("accuracy", 0.75, 9),
    ]  # fmt: skip
    assert (fox.details.status, fox.samples) == (Status.INTERRUPTED, [])


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('x')",
        "[1]",
        "{'a': " * 1000,
        "(" * 50_000,
        "-" * 90_000 + "1",
        "a" + ".b" * 45_000,
        "{}" * 60_000,
        "\0",
    ],
)
def test_other_texts_are_no_dictionaries(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a dictionary|longer than"):
        parse_python_dict(text)


def test_a_table_of_runs_of_mlflow(tmp_path: Path) -> None:
    (tmp_path / "runs.csv").write_text(
        "run_id,experiment_id,status,artifact_uri,start_time,end_time,metrics.loss,metrics.acc,"
        "params.lr,params.seed,tags.mlflow.runName,tags.team\n"
        "a1,7,FINISHED,/x,2023-11-14 22:13:20+00:00,2023-11-14 22:14:20+00:00,0.5,,0.1,4,owl,v\n"
        "b2,7,FAILED,/x,2023-11-14 22:13:20+00:00,,,0.25,0.2,,fox,\n"
    )
    owl, fox = read_path(MlflowExportReader(), tmp_path)
    assert (owl.run.external_id, owl.run.name) == ("a1", "owl")
    assert owl.details.config == {"lr": 0.1, "seed": 4}
    assert (owl.details.seed, owl.details.tags) == (4, ("team=v",))
    assert owl.details.started_at == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert owl.curve("loss") == [(None, None, 0.5)]
    assert owl.notes == {"sampled": 1}
    assert (fox.details.status, fox.details.config) == (Status.FAILED, {"lr": 0.2})
    assert fox.curve("acc") == [(None, None, 0.25)]


def test_json_of_the_api_of_mlflow(tmp_path: Path) -> None:
    write_mlflow_export(tmp_path)
    reading = read_one(MlflowExportReader(), tmp_path)
    assert reading.run.external_id == RUN_ID
    assert (reading.details.config, reading.details.seed) == ({"lr": 0.1, "seed": 4}, 4)
    assert reading.curve("loss")[0] == (0, None, 2.5)
    assert reading.curve("loss")[1][0] == 1
    assert [sample.time for sample in reading.samples] == [1_700_000_000.0, 1_700_000_000.001]
    assert not reading.notes


@pytest.mark.parametrize(
    "document",
    [
        {"info": {"run_id": "a", "status": 3}, "data": {"metrics": {"loss": 0.5}, "params": {}}},
        {"runs": [{"info": {"run_uuid": "a", "status": "FINISHED"},
                   "data": {"metrics": [{"key": "loss", "value": 0.5, "timestamp": 0}]}}]},
        {"mlflow": {"info": {"run_id": "a", "status": "FINISHED"},
                    "metrics": {"loss": [{"value": 0.5, "timestamp": 0, "step": 0}]}}},
    ],
)  # fmt: skip
def test_forms_of_json_of_mlflow(document: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(json.dumps(document))
    reading = read_one(MlflowExportReader(), tmp_path)
    assert (reading.run.external_id, reading.details.status) == ("a", Status.FINISHED)
    assert [sample.value for sample in reading.samples] == [0.5]


def test_the_history_of_one_metric_of_mlflow(tmp_path: Path) -> None:
    values = [{"key": "loss", "value": 1 / n, "timestamp": n, "step": n} for n in range(1, 4)]
    (tmp_path / "loss.json").write_text(json.dumps({"metrics": values}))
    reading = read_one(MlflowExportReader(), tmp_path)
    assert reading.curve("loss") == [(n, None, 1 / n) for n in range(1, 4)]


def test_comet(tmp_path: Path) -> None:
    path = write_comet(tmp_path)
    reading = read_one(CometExportReader(), tmp_path)
    assert (reading.run.external_id, reading.run.name) == (EXPERIMENT_KEY, "owl")
    details = reading.details
    assert (details.config, details.seed, details.tags) == (
        {"lr": 0.1, "seed": 4}, 4, ("baseline",),
    )  # fmt: skip
    assert (details.project, details.status) == ("digits", Status.FINISHED)
    assert reading.curve("train_loss")[0] == (0, 1.0, 2.5)
    assert math.isnan(reading.curve("train_loss")[1][2])
    records = [json.loads(line) for line in path.read_text().splitlines()]
    other = tmp_path / "other"
    other.mkdir()
    (other / "m.json").write_text(json.dumps(records))
    (other / "m.csv").write_text(
        "metricName,metricValue,timestamp,step,epoch\ntrain_loss,2.5,1700000000000,0,1\n"
    )
    by_csv, by_json = read_path(CometExportReader(), other)
    assert by_csv.samples == reading.samples[:1]
    assert repr(by_json.samples) == repr(reading.samples)


def test_a_log_of_lines_is_no_export(tmp_path: Path) -> None:
    write_json_lines(tmp_path)
    assert len(read_path(JsonLinesReader(), tmp_path)) == 1
    for reader in (WandbJsonReader(), CometExportReader(), MlflowExportReader()):
        assert not read_path(reader, tmp_path)


def test_aim_needs_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    (tmp_path / "project" / ".aim").mkdir(parents=True)
    [run] = AimReader().find(tmp_path)
    assert run.name == "project"
    with pytest.raises(MissingPackage, match="the package aim is needed") as error:
        list(AimReader().read(run, None, Audit()))
    assert error.value.hint == "pip install aim"


class _FakeAimRun:
    """A run with the interface of `aim.Run`, whose package needs a compiler to be installed."""

    hash, name, experiment, tags = "abc", "owl", "digits", ["baseline"]
    creation_time, end_time = 1_700_000_000.0, None

    def __getitem__(self, key: object) -> dict[str, Any]:
        assert key is ...
        return {"hparams": {"lr": 0.1, "seed": 4}, "__system_params": {"cpu": 1}}

    def metrics(self) -> list[Any]:
        def metric(name: str, values: list[float], **context: str) -> SimpleNamespace:
            steps = list(range(len(values)))
            return SimpleNamespace(
                name=name,
                context=SimpleNamespace(to_dict=lambda: context),
                values=SimpleNamespace(sparse_list=lambda: (steps, values)),
                epochs=SimpleNamespace(values_list=lambda: [1] * len(values)),
                timestamps=SimpleNamespace(values_list=lambda: [1.7e9 + n for n in steps]),
            )

        return [metric("loss", [2.5, 1.5], subset="val"), metric("loss", [3.5], gpu="0")]


def test_aim_through_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    aim = ModuleType("aim")
    aim.__spec__ = importlib.util.spec_from_loader("aim", None)
    run = _FakeAimRun()
    aim.Repo = lambda *_, read_only: SimpleNamespace(  # type: ignore[attr-defined]
        iter_runs=lambda: [run] * read_only, get_run={run.hash: run}.get
    )
    monkeypatch.setitem(sys.modules, "aim", aim)
    (tmp_path / ".aim").mkdir()
    reading = read_one(AimReader(), tmp_path)
    assert (reading.run.external_id, reading.details.project) == ("abc", "digits")
    assert (reading.details.config, reading.details.seed) == ({"lr": 0.1, "seed": 4}, 4)
    assert [sample.metric for sample in reading.samples] == ["val/loss", "loss (gpu=0)", "val/loss"]
    assert reading.samples[0][1:] == (2.5, 0, 1.0, 1.7e9)
    assert not read_run(AimReader(), reading.run, reading.position).samples
