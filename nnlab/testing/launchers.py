"""`LauncherContract`: runs are trained once, with the same numbers, whatever happens to a worker.

The tests need SQLite and signals, so they run on Linux and macOS.
"""

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest

from nnlab.testing.launcher_runs import (
    MODEL_SOURCE,
    STUDY,
    StoredPoints,
    busy_pids,
    is_alive,
    query,
    start_command,
    statuses,
    stored_points,
    undisturbed_points,
    wait_for,
    wait_for_exit,
)


class LauncherContract:
    """Trains a study through a launcher.

    Attributes:
        launcher: the name for `--launcher`.
        options: the options of `nnlab train` that select the launcher and two workers or more; by
            default only `--launcher`.
    """

    launcher: ClassVar[str] = ""
    options: tuple[str, ...] = ()

    def start(self, folder: Path, *words: str) -> "subprocess.Popen[str]":
        """Starts `nnlab train` with the launcher."""
        options = self.options or ("--launcher", self.launcher)
        return start_command(folder, "train", *words, *options)

    def wait(self, folder: Path, process: "subprocess.Popen[str]") -> tuple[int, str, str]:
        """Waits until nothing is trained any more; returns exit code, output and errors."""
        del folder
        return wait_for_exit(process)

    @pytest.fixture
    def folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """An empty folder, which is the working folder."""
        monkeypatch.chdir(tmp_path)
        return tmp_path

    @pytest.fixture
    def expected(self) -> StoredPoints:
        """The points of the study when one process trains it without interruption."""
        return undisturbed_points()

    @pytest.fixture
    def user_models(self, folder: Path) -> tuple[str, ...]:
        """The options of a study with models of a user's file, some of which fail."""
        (folder / "model.py").write_text(MODEL_SOURCE)
        return ("--data", "iris", "--epochs", "2", "--study", "s")

    def test_several_workers_share_a_study_and_store_the_same_numbers(
        self, folder: Path, expected: StoredPoints
    ) -> None:
        """Each run is trained once, by one of at least two processes."""
        code, out, err = self.wait(folder, self.start(folder, *STUDY))
        assert code == 0, err
        assert statuses(folder) == ["finished"] * 8, out
        assert stored_points(folder) == expected
        assert len(query(folder, "SELECT DISTINCT pid FROM attempt")) >= 2

    def test_workers_that_are_killed_lose_nothing(
        self, folder: Path, expected: StoredPoints
    ) -> None:
        """Another worker resumes their runs, and the numbers are the same."""
        process = self.start(folder, *STUDY)
        for _ in range(2):
            os.kill(wait_for(lambda: busy_pids(folder))[0], signal.SIGKILL)
        code, out, err = self.wait(folder, process)
        assert code == 0, err
        assert stored_points(folder) == expected, out
        assert 1 <= len(query(folder, "SELECT 1 FROM attempt WHERE outcome = 'lost'")) <= 2
        _, report, _ = wait_for_exit(start_command(folder, "db", "check"))
        assert "no problems" in report

    def test_a_run_that_fails_does_not_affect_the_others(
        self, folder: Path, user_models: tuple[str, ...]
    ) -> None:
        """The error of the user's model is stored with its run."""
        models = ("--model", "model.py:Wrong,model.py:Good", "--seeds", "2")
        self.wait(folder, self.start(folder, *user_models, *models))
        assert sorted(statuses(folder)) == ["failed", "failed", "finished", "finished"]
        reasons = query(folder, "SELECT reason FROM run WHERE status = 'failed'")
        assert all("model.py" in reason and "wrong" in reason for (reason,) in reasons)


class AttachedLauncherContract(LauncherContract):
    """For launchers whose command stays until all runs have ended, as with every plugin."""

    def test_the_command_reports_what_failed(
        self, folder: Path, user_models: tuple[str, ...]
    ) -> None:
        """Exit code 1, the number of failed runs, and the error."""
        models = ("--model", "model.py:Wrong,model.py:Good")
        code, _, err = self.wait(folder, self.start(folder, *user_models, *models))
        assert code == 1
        assert "1 of 2 runs failed" in err
        assert "wrong" in err

    def test_a_run_that_kills_its_workers_is_given_up(
        self, folder: Path, user_models: tuple[str, ...]
    ) -> None:
        """After three workers; the other runs are trained."""
        models = ("--model", "model.py:Crash,model.py:Good")
        code, _, err = self.wait(folder, self.start(folder, *user_models, *models))
        assert code == 1
        assert "1 of 2 runs failed" in err
        assert "given up after 3 workers died on it" in err
        assert sorted(statuses(folder)) == ["failed", "finished"]

    def test_runs_that_nnlab_stop_has_stopped_can_be_resumed(
        self, folder: Path, expected: StoredPoints
    ) -> None:
        """Exit code 130; the same command trains what is missing."""
        process = self.start(folder, *STUDY)
        wait_for(lambda: busy_pids(folder))
        wait_for_exit(start_command(folder, "stop", "s"))
        code, _, err = self.wait(folder, process)
        assert code == 130, err
        assert "nnlab stop held back" in err
        assert "running" not in statuses(folder)
        self._train_the_rest(folder, expected)

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_a_signal_stops_all_workers_after_their_epoch(
        self, folder: Path, expected: StoredPoints, number: signal.Signals
    ) -> None:
        """Ctrl-C and SIGTERM; no run is left in the status running."""
        process = self.start(folder, *STUDY)
        wait_for(lambda: busy_pids(folder))
        process.send_signal(number)
        code, _, err = self.wait(folder, process)
        assert code == 130
        assert "every finished epoch is kept" in err
        assert "running" not in statuses(folder)
        self._train_the_rest(folder, expected)

    def test_the_workers_end_when_the_command_is_killed(
        self, folder: Path, expected: StoredPoints
    ) -> None:
        """By SIGKILL, which the command cannot handle."""
        process = self.start(folder, *STUDY)
        wait_for(lambda: len(busy_pids(folder)) == 2)
        workers = busy_pids(folder)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        wait_for(_have_ended(workers), 30.0)
        self._train_the_rest(folder, expected)

    def _train_the_rest(self, folder: Path, expected: StoredPoints) -> None:
        code, _, err = self.wait(folder, self.start(folder, *STUDY, "-q"))
        assert code == 0, err
        assert stored_points(folder) == expected


def _have_ended(pids: list[int]) -> Callable[[], Any]:
    return lambda: not any(map(is_alive, pids))
