"""Streamed runs on the command line: killed, stopped and resumed in the middle of an epoch."""

import contextlib
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line_runner import Nnlab, started

USER_FILE = '''
import time
import torch
from torch.utils.data import Dataset

class Slow(Dataset):
    """Random items, which take so long that an epoch can be interrupted."""
    targets = [i % 2 for i in range(600)]
    def __init__(self, seconds): self.seconds = seconds
    def __len__(self): return 600
    def __getitem__(self, i):
        time.sleep(self.seconds)
        return torch.randn(4) + i % 2, i % 2

def slow(): return Slow(0.001)
def slower(): return Slow(0.02)
'''
LONG = (
    "--data", "data.py:slow", "--stream", "--epochs", "3", "--batch-size", "8", "--width", "8",
    "--depth", "1", "--dropout", "0.2", "--devices", "cpu:1", "--checkpoint-every", "0.1s",
)  # fmt: skip
WEIGHTS = "runs.artifacts/1/model.safetensors"


@contextlib.contextmanager
def process_of(folder: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """A command in a process of its own, which is killed at the end."""
    process = started(folder, *words)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def points(folder: Path) -> list[tuple[str, int, float]]:
    with contextlib.closing(sqlite3.connect(folder / "runs.db")) as connection:
        return connection.execute(
            "SELECT m.name, epoch, value FROM point JOIN metric m ON m.id = metric_id"
            " WHERE m.name NOT LIKE 'time/%' AND m.name NOT LIKE 'energy/%' ORDER BY 1, 2"
        ).fetchall()


def wait_for_checkpoint(folder: Path, name: str) -> None:
    """Waits for a checkpoint whose name matches a pattern."""
    end = time.monotonic() + 60
    while not list((folder / "runs.artifacts").glob(f"1/{name}")):
        assert time.monotonic() < end, f"no checkpoint {name}"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run that nobody disturbed."""
    folder = tmp_path_factory.mktemp("calm")
    (folder / "data.py").write_text(USER_FILE, encoding="utf-8")
    with process_of(folder, "train", *LONG, "-q") as process:
        assert process.wait(timeout=120) == 0
    return folder


@pytest.fixture
def data(folder: Path) -> Path:
    """The working folder, with the user's file."""
    (folder / "data.py").write_text(USER_FILE, encoding="utf-8")
    return folder


def test_a_run_killed_in_the_middle_of_an_epoch_is_the_same_to_the_last_bit(
    nnlab: Nnlab, data: Path, uninterrupted: Path
) -> None:
    for checkpoint in ("checkpoint-0-*.pt", "checkpoint-1-*.pt"):
        with process_of(data, "train", *LONG, "-q") as process:
            wait_for_checkpoint(data, checkpoint)
            process.kill()
    nnlab("train", *LONG)
    assert points(data) == points(uninterrupted)
    assert (data / WEIGHTS).read_bytes() == (uninterrupted / WEIGHTS).read_bytes()
    assert nnlab("verify", "1").out.startswith("run 1  the same to the last bit")


def test_ctrl_c_stops_between_two_steps_and_saves_them(nnlab: Nnlab, data: Path) -> None:
    with process_of(data, "train", *LONG, "-q") as process:
        wait_for_checkpoint(data, "checkpoint-0-*.pt")
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 130
    (row,) = nnlab("ls", "--format", "json").json
    assert (row["status"], row["epochs"]) == ("interrupted", 0)
    assert list((data / "runs.artifacts").glob("1/checkpoint-0-*.pt"))


def test_nnlab_stop_ends_a_run_inside_an_epoch(nnlab: Nnlab, data: Path) -> None:
    slow = ("--data", "data.py:slower", *LONG[2:])
    with process_of(data, "train", *slow, "-q") as process:
        wait_for_checkpoint(data, "checkpoint-0-*.pt")
        nnlab("stop", "1")
        process.wait(timeout=60)
    (row,) = nnlab("ls", "--format", "json").json
    assert (row["status"], row["epochs"]) == ("interrupted", 0)
    assert "stopped by nnlab stop" in nnlab("show", "1").out
