"""`nnlab.compat.tensorboard`: the same script as with torch's SummaryWriter, the same values."""

import math
from pathlib import Path

import numpy as np
import pytest
from recorded_runs import (
    changed_script,
    recorded_files,
    recorded_runs,
    recorded_values,
    run_here,
    run_process,
)
from tracker_adapters import adapted_script

import nnlab
from nnlab.compat.tensorboard import SummaryWriter
from nnlab.records import Status

DROP_IN = adapted_script("tensorboard_regression.py").lines
pytestmark = pytest.mark.filterwarnings("ignore")  # of matplotlib and torch in the script


@pytest.fixture
def db(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "runs.db"


def scalars_of_tensorboard(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """The scalars in the event files of a folder, with tags of sub-folders as in nnlab."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    values: dict[str, list[tuple[int, float]]] = {}
    for path in sorted({file.parent for file in folder.rglob("events.*")}):
        events = EventAccumulator(str(path))
        events.Reload()
        for tag in events.Tags()["scalars"]:
            # add_scalars writes "TAG" to the folder "TAG_NAME".
            name = (
                f"{tag}/{path.name.removeprefix(tag + '_')}" if path.name.startswith(tag) else tag
            )
            values[name] = [(event.step, event.value) for event in events.Scalars(tag)]
    return values


def test_the_tutorial_script_stores_what_torch_stores(db: Path) -> None:
    pytest.importorskip("tensorboard", reason="tensorboard is in the extra `test`")
    run_here(changed_script("tensorboard_regression.py", DROP_IN, db.parent))
    run_process(changed_script("tensorboard_regression.py", {}, db.parent), db.parent)
    expected = scalars_of_tensorboard(db.parent / "runs/regression")
    stored = recorded_values(db)
    stored["hparam/loss"] = [(0, value) for _, value in stored["hparam/loss"]]
    assert stored.keys() == expected.keys() == {
        "Loss/train", "Accuracy/test", "without_step", "error/mean", "error/largest", "hparam/loss",
    }  # fmt: skip
    for metric, values in expected.items():
        float32 = [(step, float(np.float32(value))) for step, value in stored[metric]]
        assert float32 == values, metric
    regression, other = recorded_runs(db)
    assert (regression.trial.study, regression.name) == ("runs", "regression")
    assert regression.trial.setting == {"lr": 0.01, "batch": 20, "shuffled": True}
    assert recorded_values(db, other.id) == {"Loss/train": [(3, 1.5)]}
    assert {run.status for run in (regression, other)} == {Status.FINISHED}
    files = recorded_files(db)
    media = ("figure", "image", "images", "notes", "curve", "graph", "embedding/vectors")
    assert {f"media/{name}/0" for name in media} | {"media/weights/9"} <= files


def test_values_without_a_step_are_a_curve(db: Path) -> None:
    with SummaryWriter("exp/a") as writer:
        for value in (3.0, 2.0):
            writer.add_scalar("loss", value)
        writer.add_scalar("loss", 1.0, 10)
        writer.add_scalar("loss", 0.5)
        writer.add_scalar("other", math.inf)
    stored = recorded_values(db)
    assert stored["loss"] == [(0, 3.0), (1, 2.0), (10, 1.0), (11, 0.5)]
    assert stored["other"] == [(0, math.inf)]


def test_several_writers_record_several_runs_at_once(db: Path) -> None:
    writers = [SummaryWriter(f"logs/run{i}") for i in range(3)]
    for step in range(4):
        for i, writer in enumerate(writers):
            writer.add_scalar("loss", step + i, step)
    for writer in writers:
        writer.close()
    assert [run.name for run in recorded_runs(db)] == ["run0", "run1", "run2"]
    for i in range(3):
        assert recorded_values(db, i + 1)["loss"] == [(s, float(s + i)) for s in range(4)]


def test_a_closed_writer_continues_its_run(db: Path) -> None:
    writer = SummaryWriter("logs/a")
    writer.add_scalar("loss", 1.0, 0)
    writer.close()
    writer.add_scalar("loss", 0.5, 1)
    writer.close()
    (run,) = recorded_runs(db)
    assert run.status is Status.FINISHED
    assert recorded_values(db)["loss"] == [(0, 1.0), (1, 0.5)]


def test_a_writer_that_purges_steps_continues_the_run_of_its_folder(db: Path) -> None:
    for purge_step, steps in ((None, range(5)), (3, range(3, 6))):
        with SummaryWriter("logs/a", purge_step=purge_step) as writer:
            for step in steps:
                writer.add_scalar("loss", step + (purge_step or 0), step)
    (run,) = recorded_runs(db)
    assert run.status is Status.FINISHED
    assert recorded_values(db)["loss"][5:] == [(3, 6.0), (4, 7.0), (5, 8.0)]
    with nnlab.open(db) as results:
        assert results.history(1)["loss"].values == (0, 1, 2, 6, 7, 8)
    with SummaryWriter("logs/a") as writer:
        writer.add_scalar("loss", 1.0, 0)
    assert len(recorded_runs(db)) == 2


def test_hyperparameters_of_several_settings_are_several_runs(db: Path) -> None:
    with SummaryWriter("logs/sweep") as writer:
        for lr in (0.1, 0.01, 0.001):
            writer.add_hparams({"lr": lr}, {"hparam/loss": 2 * lr})
    runs = recorded_runs(db)
    assert [run.trial.setting["lr"] for run in runs] == [0.1, 0.01, 0.001]
    assert [recorded_values(db, run.id)["hparam/loss"][0][1] for run in runs] == [0.2, 0.02, 0.002]


def test_what_the_writer_does_not_have_does_nothing_and_says_so_once(
    db: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with SummaryWriter("logs/a") as writer:
        for step in range(3):
            writer.add_mesh("mesh", vertices=np.zeros((1, 3, 3)), global_step=step)
    assert capsys.readouterr().err.count("SummaryWriter.add_mesh") == 1
