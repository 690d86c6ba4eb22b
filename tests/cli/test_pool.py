"""Several processes work off one study, and die, and are stopped: nothing is lost."""

import contextlib
import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from terminal import Nnlab, started

TWO = ("--devices", "cpu:2")
STUDY = (
    *("--study", "s", "--data", "digits", "--width", "16", "--depth", "1", "--epochs", "12"),
    *("--lr", "0.001,0.003,0.01,0.03", "--seeds", "2", "--engine", "solo"),
)
MODEL = """
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


def asked(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    with contextlib.closing(sqlite3.connect(folder / "runs.db")) as connection:
        return connection.execute(sql).fetchall()


def points(folder: Path) -> list[tuple[Any, ...]]:
    """Every value of every run by its trial and seed; not how long it took."""
    return asked(
        folder,
        "SELECT t.digest, r.seed, m.name, p.epoch, p.value FROM point p"
        " JOIN run r ON r.id = p.run_id JOIN trial t ON t.id = r.trial_id"
        " JOIN metric m ON m.id = p.metric_id WHERE m.name NOT LIKE 'time/%' ORDER BY 1, 2, 3, 4",
    )


def statuses(folder: Path) -> list[str]:
    return [status for (status,) in asked(folder, "SELECT status FROM run ORDER BY id")]


def at_work(folder: Path) -> list[int]:
    """The processes that have a run in hand."""
    if not (folder / "runs.db").exists():
        return []
    try:
        found = asked(
            folder,
            "SELECT pid FROM attempt WHERE ended_at IS NULL AND run_id IN"
            " (SELECT run_id FROM point WHERE epoch > 2)",
        )
    except sqlite3.OperationalError:
        return []  # the tables are being made
    return [pid for (pid,) in found]


def until(found: Callable[[], Any], seconds: float = 60.0) -> Any:
    """What is found once there is something."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if it := found():
            return it
        time.sleep(0.02)
    raise AssertionError("waited in vain")


def is_alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        os.kill(pid, 0)
        # A child that nobody has asked about yet is over all the same.
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    return False


def ended(process: subprocess.Popen[str], timeout: float = 120.0) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=timeout)
    return process.returncode, out, err


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Any, ...]]:
    """The values of the study in one process that nobody disturbed."""
    folder = tmp_path_factory.mktemp("calm")
    code, _, err = ended(started(folder, "train", *STUDY, "-q", "--devices", "cpu:1"))
    assert code == 0, err
    return points(folder)


def test_two_processes_share_a_study_and_the_values_are_those_of_one(
    folder: Path, calm: list[tuple[Any, ...]]
) -> None:
    code, out, err = ended(started(folder, "train", *STUDY, *TWO))
    assert code == 0, err
    assert out.count(" finished ") == 8
    assert points(folder) == calm
    assert len(asked(folder, "SELECT DISTINCT pid FROM attempt")) == 2


def test_a_process_that_is_killed_loses_nothing(
    nnlab: Nnlab, folder: Path, calm: list[tuple[Any, ...]]
) -> None:
    process = started(folder, "train", *STUDY, *TWO)
    for _ in range(3):
        os.kill(until(lambda: at_work(folder))[0], signal.SIGKILL)
    code, out, err = ended(process)
    assert code == 0, err
    assert "its worker died of signal 9 (SIGKILL); the run goes on from its checkpoint" in out
    assert points(folder) == calm
    assert 1 <= len(asked(folder, "SELECT 1 FROM attempt WHERE outcome = 'lost'")) <= 3
    assert "no problems" in nnlab("db", "check").out


@pytest.fixture
def own(folder: Path) -> tuple[str, ...]:
    (folder / "model.py").write_text(MODEL)
    return ("--data", "iris", "--epochs", "2", "--study", "s", *TWO)


def test_a_run_that_kills_its_workers_is_given_up_and_the_rest_go_on(
    folder: Path, own: tuple[str, ...]
) -> None:
    models = "model.py:Crash,model.py:Good"
    code, _, err = ended(started(folder, "train", *own, "--model", models, "--seeds", "2"))
    assert code == 1
    assert "2 of 4 runs failed" in err
    assert "given up after 3 workers died on it: its worker died of signal 11 (SIGSEGV)" in err
    assert sorted(statuses(folder)) == ["failed", "failed", "finished", "finished"]


def test_a_process_that_cannot_even_begin_is_not_started_for_ever(folder: Path) -> None:
    environment = {"PYTHONPATH": str(folder)}
    # Whatever makes a slot die before it has a run in hand.
    (folder / "sitecustomize.py").write_text(
        "import sys, os\nif '-c' in sys.orig_argv: os._exit(7)\n"
    )
    code, _, err = ended(started(folder, "train", *STUDY, *TWO, **environment))
    assert code == 1
    assert "Traceback" not in err
    assert set(statuses(folder)) == {"queued"}


def test_fail_fast_stops_the_rest_and_retry_trains_only_what_failed(
    nnlab: Nnlab, folder: Path, own: tuple[str, ...]
) -> None:
    words = ("train", *own, "--model", "model.py:Wrong", "--seeds", "9", "--fail-fast")
    code, _, err = ended(started(folder, *words))
    assert code == 1
    assert "runs failed; run " in err
    failed = statuses(folder).count("failed")
    assert 1 <= failed <= 4
    assert statuses(folder).count("queued") >= 5
    (folder / "model.py").write_text(MODEL.replace("raise RuntimeError", "x = (self.head(x),"))
    answer = nnlab("train", "--study", "s", "--retry", "failed", expect=None)
    assert f"{failed} to train" in answer.out or f"{failed} failed" in answer.out
    assert statuses(folder).count("queued") >= 5


def test_nothing_failed_is_nothing_to_retry(trained: Nnlab) -> None:
    answer = trained("train", "--retry", "failed", expect=2)
    assert "no run has failed" in answer.err


def test_a_run_that_is_short_of_memory_is_tried_alone_and_then_fails_with_its_peak(
    folder: Path, own: tuple[str, ...]
) -> None:
    words = ("train", *own, "--model", "model.py:Hungry,model.py:Good", "--seeds", "2")
    code, out, err = ended(started(folder, *words))
    assert code == 1
    assert "it tries again once it is alone on its device" in out
    assert "out of memory, at a peak of " in err
    assert sorted(statuses(folder)) == ["failed", "failed", "finished", "finished"]
    peaks = asked(
        folder,
        "SELECT peak_bytes FROM attempt a JOIN run r ON r.id = run_id WHERE status = 'failed'",
    )
    assert all(peak > 1 << 20 for (peak,) in peaks)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_every_process_in_good_order(
    folder: Path, calm: list[tuple[Any, ...]], number: signal.Signals
) -> None:
    process = started(folder, "train", *STUDY, *TWO)
    until(lambda: at_work(folder))
    process.send_signal(number)
    code, _, err = ended(process)
    assert code == 130
    assert "every finished epoch is kept" in err
    assert "running" not in statuses(folder)
    code, _, err = ended(started(folder, "train", *STUDY, *TWO, "-q"))
    assert code == 0, err
    assert points(folder) == calm


def test_when_the_parent_is_killed_its_processes_end_and_the_study_can_go_on(
    folder: Path, calm: list[tuple[Any, ...]]
) -> None:
    process = started(folder, "train", *STUDY, *TWO)
    until(lambda: len(at_work(folder)) == 2)
    workers = at_work(folder)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    until(lambda: not any(map(is_alive, workers)), 30.0)
    code, _, err = ended(started(folder, "train", *STUDY, *TWO, "-q"))
    assert code == 0, err
    assert points(folder) == calm
