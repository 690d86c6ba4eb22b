"""Commands and queries of `LauncherContract`: starts training, waits, reads what is stored."""

import contextlib
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

STUDY = (
    *("--study", "s", "--data", "digits", "--width", "16", "--depth", "1", "--epochs", "12"),
    *("--lr", "0.001,0.003,0.01,0.03", "--seeds", "2", "--engine", "solo"),
)
# A user's models: one that trains, one that kills its process, one that raises an error, and one
# that needs more memory than there is.
MODEL_SOURCE = """
import ctypes
import torch
from torch import nn

class Good(nn.Module):
    def __init__(self, in_features, num_classes):
        super().__init__()
        self.head = nn.Linear(in_features, num_classes)

    def forward(self, x):
        return self.head(x)

class Crash(Good):
    def forward(self, x):
        ctypes.string_at(0)

class Wrong(Good):
    def forward(self, x):
        raise RuntimeError("wrong")

class Hungry(Good):
    def forward(self, x):
        raise torch.OutOfMemoryError("no memory left")
"""

# Every value of every run, by trial, seed, metric and epoch.
StoredPoints = list[tuple[Any, ...]]


def start_command(folder: Path, *words: str) -> "subprocess.Popen[str]":
    """Starts an nnlab command in a folder."""
    return subprocess.Popen(
        [sys.executable, "-m", "nnlab", *words],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )


def wait_for_exit(process: "subprocess.Popen[str]", timeout: float = 120.0) -> tuple[int, str, str]:
    """The exit code, standard output and standard error of a command, after it has ended."""
    out, err = process.communicate(timeout=timeout)
    return process.returncode, out, err


def query(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    """The rows that a query of the database in a folder returns."""
    with contextlib.closing(sqlite3.connect(folder / "runs.db")) as connection:
        return connection.execute(sql).fetchall()


def stored_points(folder: Path) -> StoredPoints:
    """Every stored value without the durations."""
    return query(
        folder,
        "SELECT t.digest, r.seed, m.name, p.epoch, p.value FROM point p"
        " JOIN run r ON r.id = p.run_id JOIN trial t ON t.id = r.trial_id"
        " JOIN metric m ON m.id = p.metric_id WHERE m.name NOT LIKE 'time/%' ORDER BY 1, 2, 3, 4",
    )


def statuses(folder: Path) -> list[str]:
    """The status of each run, in the order of the queue."""
    return [status for (status,) in query(folder, "SELECT status FROM run ORDER BY id")]


def busy_pids(folder: Path) -> list[int]:
    """The processes that are in the middle of a run."""
    if not (folder / "runs.db").exists():
        return []
    try:
        rows = query(
            folder,
            "SELECT pid FROM attempt WHERE ended_at IS NULL AND run_id IN"
            " (SELECT run_id FROM point WHERE epoch > 2)",
        )
    except sqlite3.OperationalError:
        return []  # the tables are being created
    return [pid for (pid,) in rows]


def wait_for(condition: Callable[[], Any], seconds: float = 180.0) -> Any:
    """The value of a condition, once it is true.

    Raises:
        AssertionError: it did not become true in time.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.02)
    raise AssertionError(f"the condition did not become true within {seconds:g} seconds")


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that has ended, but was not waited for, does not."""
    with contextlib.suppress(OSError):
        os.kill(pid, 0)
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    return False


def train_undisturbed(folder: Path, study: tuple[str, ...] = STUDY) -> StoredPoints:
    """The points of a study that one process trains without interruption."""
    process = start_command(folder, "train", *study, "-q", "--devices", "cpu:1")
    code, _, err = wait_for_exit(process)
    assert code == 0, err
    return stored_points(folder)


@cache
def undisturbed_points() -> StoredPoints:
    """The points of the study of the contract, trained once per process."""
    with tempfile.TemporaryDirectory() as folder:
        return train_undisturbed(Path(folder))
