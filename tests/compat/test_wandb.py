"""`nnlab.compat.wandb`: the same scripts as with W&B, the same values."""

import io
import json
import math
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from recorded_runs import (
    changed_script,
    recorded_files,
    recorded_runs,
    recorded_samples,
    recorded_values,
    run_here,
    run_process,
)
from tracker_adapters import adapted_script

from nnlab.compat import wandb as drop_in
from nnlab.compat.wandb.settings import is_disabled
from nnlab.records import Status

DROP_IN = adapted_script("wandb_sweep_of_runs.py").lines
wandb: Any = drop_in


@pytest.fixture
def db(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("WANDB_MODE", "WANDB_PROJECT", "WANDB_DISABLED"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "runs.db"


def records_of_wandb(log: bytes) -> Iterator[bytes]:
    """The records of a .wandb file: LevelDB's log format after a header of 7 bytes."""
    position, record = 7, b""
    while position + 7 <= len(log):
        left = 32768 - position % 32768
        if left < 7:
            position += left
            continue
        length, kind = struct.unpack_from("<HB", log, position + 4)
        record += log[position + 7 : position + 7 + length]
        position += 7 + length
        if kind in (1, 4):  # a whole record, or its last part
            yield record
            record = b""


def history_of_wandb(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """The numbers of the run in a folder of W&B, with dotted names for nested ones."""
    from wandb.proto.wandb_internal_pb2 import Record

    (log,) = folder.glob("wandb/offline-run-*/*.wandb")
    values: dict[str, list[tuple[int, float]]] = {}
    for data in records_of_wandb(log.read_bytes()):
        record = Record()
        record.ParseFromString(data)
        row = {
            ".".join(item.nested_key) or item.key: json.loads(item.value_json)
            for item in record.history.item
        }
        for name, value in flat(row).items():
            if not name.startswith("_"):
                values.setdefault(name, []).append((row["_step"], value))
    return values


def flat(values: dict[str, Any], prefix: str = "") -> dict[str, float]:
    numbers: dict[str, float] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            numbers |= {} if "_type" in value else flat(value, f"{prefix}{name}.")
        elif isinstance(value, int | float) or value == "NaN":
            numbers[prefix + name] = float(value)
    return numbers


def test_a_typical_script_stores_what_wandb_stores(db: Path) -> None:
    pytest.importorskip("wandb", reason="wandb is in the extra `test`")
    run_here(changed_script("wandb_classifier.py", DROP_IN, db.parent))
    run_process(changed_script("wandb_classifier.py", {}, db.parent), db.parent)
    expected, stored = history_of_wandb(db.parent), recorded_values(db)
    assert {"acc", "loss", "val/acc", "nested.a", "nested.b", "late"} <= stored.keys()
    assert math.isnan(expected["late"][0][1])
    assert math.isnan(stored["late"][0][1])
    assert stored["late"][1] == expected["late"][1]
    for metric in stored.keys() - {"late"}:
        assert stored[metric] == expected[metric], metric
    # W&B describes media by numbers, and nnlab takes the epoch for that of the other values.
    media = {"example", "examples", "predictions", "page", "weights"}
    media |= {"chart_table", "confusion_table"}
    others = {name for name in expected.keys() - stored.keys() if name.split(".")[0] not in media}
    assert others == {"epoch"}
    epochs = [sample.epoch for sample in recorded_samples(db)["val/acc"]]
    assert epochs == [value for _, value in expected["epoch"]]
    (run,) = recorded_runs(db)
    assert (run.trial.study, run.name, run.status) == (
        "digits-classifier", "baseline", Status.FINISHED,
    )  # fmt: skip
    assert run.trial.setting == {
        "learning_rate": 0.02, "architecture": "CNN", "epochs": 5, "optim.name": "adam",
        "batch_size": 16, "dropout": 0.1,
    }  # fmt: skip
    assert set(run.tags) == {"example", "small", "group:first", "job:train"}
    assert run.results["best_accuracy"] == 0.97
    assert run.results["confusions"] == 3
    names = {kind.removesuffix("/21") for kind in recorded_files(db)}
    assert {"media/example", "media/examples/1", "media/weights", "media/predictions"} <= names
    assert {"media/page", "media/chart", "media/confusion"} <= names
    assert "file/artifacts/weights/weights.txt" in names
    description = json.loads(
        (db.parent / "runs.artifacts/1/files/artifacts/weights/artifact.json").read_text()
    )
    assert description["metadata"] == {"epochs": 5}
    assert description["files"] == ["weights.txt"]


def test_each_run_of_a_loop_is_a_run(db: Path) -> None:
    run_here(changed_script("wandb_sweep_of_runs.py", DROP_IN, db.parent))
    runs = recorded_runs(db)
    assert [run.trial.setting["lr"] for run in runs] == [0.1, 0.01]
    assert {run.status for run in runs} == {Status.FINISHED}
    assert recorded_values(db, 2)["val/loss"] == [(s, 0.02 / (s + 1)) for s in range(4)]


def test_init_returns_the_active_run_unless_reinit_says_otherwise(db: Path) -> None:
    first = wandb.init(project="p")
    assert wandb.init(project="q") is first
    second = wandb.init(project="p", reinit="create_new")
    assert wandb.run is first
    second.log({"x": 1})
    third = wandb.init(project="p", reinit=True)
    assert wandb.run is third
    third.finish()
    assert wandb.run is None
    assert [run.status for run in recorded_runs(db)] == [Status.FINISHED] * 3


def test_a_run_with_an_id_is_resumed(db: Path) -> None:
    with wandb.init(project="p", id="abc12345", resume="allow") as run:
        assert (run.id, run.resumed) == ("abc12345", False)
        run.log({"loss": 1.0})
    with wandb.init(project="p", id="abc12345", resume="must") as run:
        assert (run.resumed, run.step) == (True, 1)
        run.log({"loss": 0.5})
    assert recorded_values(db)["loss"] == [(0, 1.0), (1, 0.5)]
    # W&B replaces the run; nnlab keeps it.
    with wandb.init(project="p", id="abc12345") as run:
        run.log({"loss": 9.0})
    # An id of digits is no number of a run of nnlab.
    with wandb.init(project="p", id="20260731", resume="allow") as run:
        run.log({"loss": 7.0})
    with wandb.init(project="p", id="20260731", resume="allow") as run:
        assert run.resumed
    assert [recorded_values(db, i)["loss"][0][1] for i in (1, 2, 3)] == [1.0, 9.0, 7.0]


def test_variables_of_the_environment_are_read(db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = {"PROJECT": "lm", "NAME": "first", "TAGS": "a,b", "RUN_GROUP": "g", "NOTES": "n"}
    for name, value in values.items():
        monkeypatch.setenv(f"WANDB_{name}", value)
    wandb.config.lr = 0.1
    with wandb.init(config={"depth": 2}) as run:
        assert dict(run.config) == {"lr": 0.1, "depth": 2}
    (stored,) = recorded_runs(db)
    assert (stored.trial.study, stored.name) == ("lm", "first")
    assert stored.tags == ("a", "b", "group:g")
    assert stored.results == {"notes": "n"}


def test_a_disabled_run_records_nothing(db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with wandb.init(project="p", mode="disabled") as run:
        run.log({"loss": 1.0})
        assert run.disabled
    assert not db.exists()
    assert not is_disabled("offline")
    monkeypatch.setenv("WANDB_MODE", "disabled")
    assert is_disabled(None)


def test_media_that_nnlab_does_not_have_are_files(db: Path) -> None:
    plt = pytest.importorskip("matplotlib.pyplot")
    figure, axes = plt.subplots()
    axes.plot([1, 2])
    frames = np.zeros((2, 3, 8, 8), dtype=np.uint8)
    with wandb.init(project="p") as run:
        run.log(
            {
                "figure": figure,
                "video": wandb.Video(frames, fps=4),
                "audio": wandb.Audio(np.zeros(100), sample_rate=8000),
                "page": wandb.Html(io.StringIO("<b>x</b>")),
                "points": wandb.Object3D(np.zeros((4, 3))),
                "weights": np.arange(6.0).reshape(2, 3),
                "list": [1, 2, 3],
                "images": [wandb.Image(np.zeros((4, 4))), wandb.Image(np.ones((4, 4)))],
            },
            step=5,
        )
        plt.close(figure)
    media = db.parent / "runs.artifacts/1/media"
    assert (media / "video-5.gif").read_bytes().startswith(b"GIF8")
    assert (media / "audio-5.wav").read_bytes().startswith(b"RIFF")
    assert (media / "page-5.html").read_text() == "<b>x</b>"
    assert (media / "figure-5.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads((media / "weights-5.histogram.json").read_text())["bins"][-1] == 5.0
    assert json.loads((media / "list-5.json").read_text()) == [1, 2, 3]
    assert {"media/images/0/5", "media/images/1/5"} <= recorded_files(db)


def test_plots_are_tables_of_their_data() -> None:
    table = wandb.Table(columns=["a", "b", "c"], data=[[1, 2, 3], [4, 5, 6]])
    assert wandb.plot.scatter(table, "c", "a").data == [[3, 1], [6, 4]]
    matrix = wandb.plot.confusion_matrix(
        y_true=[0, 1, 1, 1], preds=[0, 1, 0, 1], class_names=["cat", "dog"]
    )
    assert matrix.data == [
        ["cat", "cat", 1],
        ["cat", "dog", 0],
        ["dog", "cat", 1],
        ["dog", "dog", 2],
    ]
    lines = wandb.plot.line_series([0, 1], [[1, 2], [3, 4]], keys=["u", "v"])
    assert lines.data == [[0, "u", 1], [1, "u", 2], [0, "v", 3], [1, "v", 4]]
    curve = wandb.plot.roc_curve([0, 1], [[0.9, 0.1], [0.2, 0.8]], labels=["no", "yes"])
    assert curve.columns == ["class", "fpr", "tpr"]
    assert ["yes", 0.0, 1.0] in curve.data


def test_a_sweep_calls_the_function_once_and_names_the_studies(
    db: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    calls: list[int] = []
    sweep_id = wandb.sweep({"method": "random"}, project="p")
    wandb.agent(sweep_id, function=lambda: calls.append(1), count=5)
    assert calls == [1]
    assert "nnlab run" in capsys.readouterr().err


def test_what_wandb_has_and_nnlab_does_not_does_nothing_and_says_so_once(
    db: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        for found in wandb.Api().runs("me/project"):
            raise AssertionError(found)
        wandb.sklearn.plot_classifier(1, 2, labels=[3])
    with wandb.init(project="p") as run:
        run.get_url()
        run.use_artifact("data:latest").download()
        run.log_code(".")
    assert not isinstance(3, wandb.Classes)
    with wandb.some_context() as nothing:
        nothing.value = 3

    @wandb.decorated  # type: ignore[untyped-decorator]
    def double(x: int) -> int:
        return 2 * x

    assert double(4) == 8
    assert issubclass(wandb.CommError, Exception)
    assert issubclass(wandb.errors.UsageError, Exception)
    message = capsys.readouterr().err
    assert message.count("wandb.Api ") == 1
    assert message.count("wandb.sklearn ") == 1
    assert message.count("wandb.Run.use_artifact ") == 1
    assert "log_code" not in message


def test_a_call_without_a_run_does_nothing_and_says_so(
    db: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wandb.log({"loss": 1.0})
    wandb.save("*.pt")
    assert wandb.run is None
    assert "call wandb.init() first" in capsys.readouterr().err
    assert not db.exists()
