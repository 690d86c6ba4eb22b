"""`nnlab export --to`: what is exported, and what is not replaced."""

import csv
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from command_line_runner import Nnlab
from exported_logs import record
from read_logs import read_run

from nnlab import store
from nnlab.errors import UsageError
from nnlab.exchange.exported_runs import exported_runs
from nnlab.exchange.log_reader import LogReader
from nnlab.exchange.tensorboard import TensorBoardReader
from nnlab.exchange.wandb_offline import WandbOfflineReader
from nnlab.exchange.writers import WRITERS
from nnlab.records import Origin


def shown_curves(nnlab: Nnlab, run: int) -> dict[str, list[tuple[int, float]]]:
    """The points of a run as `nnlab show --curves` prints them."""
    curves: dict[str, list[tuple[int, float]]] = {}
    for row in nnlab("show", str(run), "--curves", "--format", "json").json:
        for name, value in row.items():
            if name != "epoch" and value is not None:
                curves.setdefault(name, []).append((row["epoch"], value))
    return curves


def test_a_run_that_nnlab_trained(trained: Nnlab, folder: Path) -> None:
    answer = trained("export", "2", "--to", "csv", "-o", "run.csv", "--json").json
    assert answer == {"to": "csv", "runs": [2], "files": ["run.csv"]}
    rows = list(csv.DictReader((folder / "run.csv").read_text().splitlines()))
    exported: dict[str, list[tuple[int, float]]] = {}
    for row in rows:
        assert (row["run"], row["time"], float(row["epoch"])) == ("2", "", float(row["step"]))
        exported.setdefault(row["metric"], []).append((int(row["step"]), float(row["value"])))
    assert exported == shown_curves(trained, 2)


@pytest.mark.parametrize("kind", ["tensorboard", "wandb"])
def test_all_runs_of_a_study(trained: Nnlab, folder: Path, kind: str) -> None:
    trained("export", "default", "--to", kind, "-o", "logs")
    readers: dict[str, LogReader] = {
        "tensorboard": TensorBoardReader(),
        "wandb": WandbOfflineReader(),
    }
    reader = readers[kind]
    found = sorted(reader.find(folder / "logs"), key=lambda run: run.name)
    assert [run.name.partition("-run")[2] for run in found] == [
        "1-seed0", "2-seed0", "3-seed1", "4-seed1",
    ]  # fmt: skip
    for number, run in enumerate(found, 1):
        read = read_run(reader, run)
        values: dict[str, list[tuple[int | None, float]]] = {}
        for sample in read.samples:
            values.setdefault(sample.metric, []).append((sample.step, sample.value))
        assert values == shown_curves(trained, number)
        assert read.details.config["opt"] == ("sgd" if number % 2 else "adam")


def test_files_are_replaced_only_with_force(trained: Nnlab, folder: Path) -> None:
    for kind, output in (("csv", "a.csv"), ("tensorboard", "logs"), ("model-card", "README.md")):
        trained("export", "1", "--to", kind, "-o", output)
        answer = trained("export", "1", "--to", kind, "-o", output, expect=1)
        assert "exists: it is not replaced" in answer.err
        trained("export", "1", "--to", kind, "-o", output, "--force")
    # Other runs are added to the folder.
    trained("export", "2", "--to", "tensorboard", "-o", "logs")
    assert len(list((folder / "logs").rglob("*tfevents*"))) == 2
    # Nothing is left of refused exports.
    assert not [path for path in folder.iterdir() if path.name.startswith(".nnlab-")]


def test_wrong_words(trained: Nnlab, folder: Path) -> None:
    answer = trained("export", "1", "--to", "tensorbord", "-o", "logs", expect=2)
    assert "did you mean 'tensorboard'" in answer.err
    answer = trained("export", "1", "--to", "csv", "--raw", "-o", "a.csv", expect=2)
    assert "--raw" in answer.err
    (folder / "file").write_text("x")
    answer = trained("export", "1", "--to", "wandb", "-o", "file", expect=1)
    assert "is a file" in answer.err
    answer = trained("export", "1", "--to", "wandb", "-o", "no/folder", expect=1)
    assert "does not exist" in answer.err
    answer = trained("export", "nothing", "--to", "csv", "-o", "a.csv", expect=2)
    assert "unknown study or run" in answer.err


def test_a_study_of_another_program(nnlab: Nnlab, folder: Path) -> None:
    db = store.open_database(str(folder / "runs.db"), write=True, create=True)
    run = record(db)
    db.close()
    nnlab("export", "lm", "--to", "wandb", "-o", "logs")
    (found,) = WandbOfflineReader().find(folder / "logs")
    read = read_run(WandbOfflineReader(), found)
    assert found.name == "first try"
    assert len(read.values("train/loss")) == 4
    card = nnlab("export", str(run.id), "--to", "model-card", "-o", "README.md", "--json").json
    assert card["files"] == ["README.md"]


def test_help_names_every_format(nnlab: Nnlab) -> None:
    text = " ".join(nnlab("export", "--help").out.split())
    assert not [kind for kind in WRITERS if kind not in text]


def test_the_table_of_writers_has_their_kinds() -> None:
    assert {kind: writer.kind for kind, writer in WRITERS.items()} == {k: k for k in WRITERS}


def test_the_training_of_a_run_as_a_script(trained: Nnlab, folder: Path) -> None:
    trained("export", "2", "--to", "script", "-o", "train.py")
    answer = subprocess.run(
        [sys.executable, "train.py"], cwd=folder, capture_output=True, text=True, check=True
    )
    words = [line.split() for line in answer.stdout.splitlines()]
    printed = [dict(zip(line[::2], map(float, line[1::2]), strict=True)) for line in words[:-1]]
    curves = shown_curves(trained, 2)
    assert [values.pop("epoch") for values in printed] == [point[0] for point in curves["val/loss"]]
    for name in ("train/loss", "train/accuracy", "val/loss", "val/accuracy"):
        expected = [value for _, value in curves[name]]
        assert [values[name] for values in printed] == pytest.approx(expected, rel=1e-5), name


def test_a_script_is_that_of_one_run_of_nnlab(trained: Nnlab, folder: Path) -> None:
    answer = trained("export", "default", "--to", "script", "-o", "train.py", expect=2)
    assert "a script trains one run, and these are 4" in answer.err
    trained("train", "--data", "two-moons", "--epochs", "1", "--mixup", "0.1", "-q")
    answer = trained("export", "5", "--to", "script", "-o", "train.py", expect=2)
    assert "--data two-moons" in answer.err
    assert "--mixup 0.1" in answer.err
    assert not list(folder.glob("*train.py*"))


def test_the_script_of_recorded_and_parallel_runs_is_refused(nnlab: Nnlab, folder: Path) -> None:
    nnlab("train", "--data", "iris", "--epochs", "1", "-q")
    with closing(store.open_database(str(folder / "runs.db"), write=False)) as db:
        run, *_ = exported_runs(db, store.runs(db))
    attempt = replace(run.attempts[0], engine="ddp on cuda:0, cuda:1")
    writer = WRITERS["script"]
    with pytest.raises(UsageError, match="trained on several devices"):
        writer.write([replace(run, attempts=(attempt,))], folder / "a.py", folder / "a.py")
    recorded = replace(run, run=replace(run.run, origin=Origin.RECORDED))
    with pytest.raises(UsageError, match="trained by another program"):
        writer.write([recorded], folder / "a.py", folder / "a.py")
