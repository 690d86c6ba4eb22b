"""Metrics of scripts that call nnlab.init, and of those that log with another tool."""

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from command_line_runner import Nnlab
from example_scripts import write_script

RECORDED = """
import argparse, os, nnlab
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.1)
args = parser.parse_args()
with nnlab.init(study="other", config=vars(args)) as run:
    print("loss: 99")
    for step in range(run.start_step, 4):
        run.log({"train/loss": args.lr / (step + 1)}, step=step)
        if step == 1 and os.environ.get("DIE") and run.start_step == 0:
            import time
            time.sleep(1)
            os.kill(os.getpid(), 9)
    run.log({"val/acc": 1 - args.lr}, epoch=1)
"""
# Writes a log in the format of Lightning's CSVLogger.
LIGHTNING = """
import argparse, pathlib, sys
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.1)
args = parser.parse_args()
folder = pathlib.Path("lightning_logs")
folder.mkdir(exist_ok=True)
version = folder / f"version_{len(list(folder.iterdir()))}"
version.mkdir()
(version / "hparams.yaml").write_text(f"lr: {args.lr}\\n")
with (version / "metrics.csv").open("w") as file:
    file.write("epoch,step,train_loss,val_loss\\n")
    for epoch in range(3):
        file.write(f"{epoch},{10 * epoch + 9},{args.lr / (epoch + 1)},{args.lr}\\n")
"""


def rows(folder: Path, query: str) -> list[tuple[Any, ...]]:
    with contextlib.closing(sqlite3.connect(folder / "runs.db")) as connection:
        return connection.execute(query).fetchall()


def metrics_of(folder: Path, run: int) -> list[str]:
    query = (
        f"SELECT DISTINCT m.name FROM sample JOIN metric m ON m.id = metric_id WHERE run_id = {run}"
    )
    return sorted(name for (name,) in rows(folder, query))


def test_a_script_that_calls_nnlab_logs_into_its_run(nnlab: Nnlab, folder: Path) -> None:
    write_script(folder, RECORDED)
    nnlab("run", "train.py", "--lr", "0.1,0.2", "--objective", "val_acc:max")
    assert rows(folder, "SELECT id, status, origin FROM run") == [
        (1, "finished", "script"), (2, "finished", "script"),
    ]  # fmt: skip
    # What it prints is not read.
    assert [name for name in metrics_of(folder, 1) if not name.startswith("system/")] == [
        "train/loss", "val/acc",
    ]  # fmt: skip
    assert rows(folder, "SELECT name, objective FROM study") == [("train", "val/acc:max")]


def test_a_killed_script_continues_its_run(
    nnlab: Nnlab, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_script(folder, RECORDED)
    monkeypatch.setenv("DIE", "1")
    nnlab("run", "train.py")
    steps = rows(
        folder,
        "SELECT step FROM sample JOIN metric m ON m.id = metric_id WHERE m.name = 'train/loss'",
    )
    assert [step for (step,) in steps] == [0, 1, 2, 3]
    assert rows(folder, "SELECT status FROM run") == [("finished",)]


def test_lines_count_if_a_script_never_calls_nnlab_init(nnlab: Nnlab, folder: Path) -> None:
    write_script(folder, "# could use nnlab\nprint('loss: 0.5')\n")
    nnlab("run", "train.py")
    assert metrics_of(folder, 1) == ["loss"]


def test_the_log_of_another_tool_is_followed(nnlab: Nnlab, folder: Path) -> None:
    write_script(folder, LIGHTNING)
    nnlab("run", "train.py", "--lr", "0.3,0.6", "--metrics", "lightning_logs")
    values = rows(
        folder,
        "SELECT run_id, value FROM sample JOIN metric m ON m.id = metric_id"
        " WHERE m.name = 'val/loss' ORDER BY run_id, seq",
    )
    assert values == [(1, 0.3)] * 3 + [(2, 0.6)] * 3


def test_one_log_folder_for_several_runs_at_once_is_refused(nnlab: Nnlab, folder: Path) -> None:
    write_script(folder, LIGHTNING)
    words = ("run", "train.py", "--metrics", "lightning_logs", "--jobs", "2")
    assert "several scripts at once log into this folder" in nnlab(*words, expect=2).err


def test_a_log_folder_of_each_run(nnlab: Nnlab, folder: Path) -> None:
    text = LIGHTNING.replace(
        'pathlib.Path("lightning_logs")', 'pathlib.Path(os.environ["NNLAB_DIR"], "logs")'
    )
    write_script(folder, text.replace("import argparse", "import os, argparse"))
    nnlab("run", "train.py", "--lr", "0.3,0.6", "--metrics", "{dir}/logs", "--jobs", "2")
    assert metrics_of(folder, 1) == metrics_of(folder, 2) == ["train/loss", "val/loss"]


def test_no_metrics_are_said(nnlab: Nnlab, folder: Path) -> None:
    answer = nnlab("run", "--cmd", "echo done", "--study", "s")
    assert "no metrics were found" in answer.out
