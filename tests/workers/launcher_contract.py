"""The contract of launchers: a test suite that the tests of each launcher inherit."""

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
from command_line_runner import Nnlab, started

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


def query(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    with contextlib.closing(sqlite3.connect(folder / "runs.db")) as connection:
        return connection.execute(sql).fetchall()


def points(folder: Path) -> list[tuple[Any, ...]]:
    """Every value of every run by its trial and seed; not how long it took."""
    return query(
        folder,
        "SELECT t.digest, r.seed, m.name, p.epoch, p.value FROM point p"
        " JOIN run r ON r.id = p.run_id JOIN trial t ON t.id = r.trial_id"
        " JOIN metric m ON m.id = p.metric_id WHERE m.name NOT LIKE 'time/%' ORDER BY 1, 2, 3, 4",
    )


def statuses(folder: Path) -> list[str]:
    return [status for (status,) in query(folder, "SELECT status FROM run ORDER BY id")]


def at_work(folder: Path) -> list[int]:
    """The processes that have a run in hand."""
    if not (folder / "runs.db").exists():
        return []
    try:
        result = query(
            folder,
            "SELECT pid FROM attempt WHERE ended_at IS NULL AND run_id IN"
            " (SELECT run_id FROM point WHERE epoch > 2)",
        )
    except sqlite3.OperationalError:
        return []  # the tables are being made
    return [pid for (pid,) in result]


def until(condition: Callable[[], Any], seconds: float = 180.0) -> Any:
    """What is found once there is something."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if it := condition():
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


Values = list[tuple[Any, ...]]


def undisturbed(folder: Path, study: tuple[str, ...] = STUDY) -> Values:
    """The values of a study in one process that nobody disturbs."""
    code, _, err = ended(started(folder, "train", *study, "-q", "--devices", "cpu:1"))
    assert code == 0, err
    return points(folder)


class LauncherContract:
    """Trains a study through a launcher; heirs say by which words, and how it is waited for."""

    words: tuple[str, ...] = ()

    def begin(self, folder: Path, *words: str) -> subprocess.Popen[str]:
        """Starts to train."""
        return started(folder, "train", *words, *self.words)

    def over(self, folder: Path, process: subprocess.Popen[str]) -> tuple[int, str, str]:
        """Waits until nothing is trained any more: exit code, what was told, and the errors."""
        del folder
        return ended(process)

    @pytest.fixture
    def user_models_study(self, folder: Path) -> tuple[str, ...]:
        """A study of models of the user's own, some of which are at fault."""
        (folder / "model.py").write_text(MODEL)
        return ("--data", "iris", "--epochs", "2", "--study", "s")

    def test_workers_share_a_study_and_the_values_are_those_of_one(
        self, folder: Path, uninterrupted_results: Values
    ) -> None:
        code, out, err = self.over(folder, self.begin(folder, *STUDY))
        assert code == 0, err
        assert statuses(folder) == ["finished"] * 8, out
        assert points(folder) == uninterrupted_results
        assert len(query(folder, "SELECT DISTINCT pid FROM attempt")) >= 2

    def test_workers_that_are_killed_lose_nothing(
        self, nnlab: Nnlab, folder: Path, uninterrupted_results: Values
    ) -> None:
        process = self.begin(folder, *STUDY)
        for _ in range(2):
            os.kill(until(lambda: at_work(folder))[0], signal.SIGKILL)
        code, out, err = self.over(folder, process)
        assert code == 0, err
        assert points(folder) == uninterrupted_results, out
        assert 1 <= len(query(folder, "SELECT 1 FROM attempt WHERE outcome = 'lost'")) <= 2
        assert "no problems" in nnlab("db", "check").out

    def test_a_run_that_fails_leaves_the_others_alone(
        self, folder: Path, user_models_study: tuple[str, ...]
    ) -> None:
        models = ("--model", "model.py:Wrong,model.py:Good", "--seeds", "2")
        self.over(folder, self.begin(folder, *user_models_study, *models))
        assert sorted(statuses(folder)) == ["failed", "failed", "finished", "finished"]
        reasons = query(folder, "SELECT reason FROM run WHERE status = 'failed'")
        assert all("model.py" in reason and "wrong" in reason for (reason,) in reasons)


class AttachedContract(LauncherContract):
    """For launchers whose command stays until all is trained."""

    def test_what_went_wrong_is_told(
        self, folder: Path, user_models_study: tuple[str, ...]
    ) -> None:
        words = ("--model", "model.py:Wrong,model.py:Good")
        code, _, err = self.over(folder, self.begin(folder, *user_models_study, *words))
        assert code == 1
        assert "1 of 2 runs failed" in err
        assert "wrong" in err

    def test_a_run_that_kills_its_workers_is_given_up_and_the_rest_go_on(
        self, folder: Path, user_models_study: tuple[str, ...]
    ) -> None:
        models = "model.py:Crash,model.py:Good"
        code, _, err = self.over(folder, self.begin(folder, *user_models_study, "--model", models))
        assert code == 1
        assert "1 of 2 runs failed" in err
        assert "given up after 3 workers died on it" in err
        assert sorted(statuses(folder)) == ["failed", "finished"]

    def test_what_is_asked_to_stop_stops_and_goes_on(
        self, nnlab: Nnlab, folder: Path, uninterrupted_results: Values
    ) -> None:
        process = self.begin(folder, *STUDY)
        until(lambda: at_work(folder))
        nnlab("stop", "s")
        code, _, err = self.over(folder, process)
        assert code == 130, err
        assert "nnlab stop held back" in err
        assert "running" not in statuses(folder)
        code, _, err = self.over(folder, self.begin(folder, *STUDY, "-q"))
        assert code == 0, err
        assert points(folder) == uninterrupted_results

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_a_signal_stops_every_worker_in_good_order(
        self, folder: Path, uninterrupted_results: Values, number: signal.Signals
    ) -> None:
        process = self.begin(folder, *STUDY)
        until(lambda: at_work(folder))
        process.send_signal(number)
        code, _, err = self.over(folder, process)
        assert code == 130
        assert "every finished epoch is kept" in err
        assert "running" not in statuses(folder)
        code, _, err = self.over(folder, self.begin(folder, *STUDY, "-q"))
        assert code == 0, err
        assert points(folder) == uninterrupted_results

    def test_when_the_command_is_killed_its_workers_end_and_the_study_can_go_on(
        self, folder: Path, uninterrupted_results: Values
    ) -> None:
        process = self.begin(folder, *STUDY)
        until(lambda: len(at_work(folder)) == 2)
        workers = at_work(folder)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        until(lambda: not any(map(is_alive, workers)), 30.0)
        code, _, err = self.over(folder, self.begin(folder, *STUDY, "-q"))
        assert code == 0, err
        assert points(folder) == uninterrupted_results
