"""`nnlab train` waits while another process trains the last runs of the study."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from command_line_runner import QUICK, Nnlab

from nnlab import store
from nnlab.records import Epoch, Status
from nnlab.study import waiting


class Other:
    """Another process that trains run 2 of study `s`."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, text=True
        )
        self.db = store.open_database("runs.db", write=True)
        claim = store.claim(
            self.db,
            run_ids=[2],
            pid=self.process.pid,
            command="nnlab train",
            hostname=socket.gethostname(),
            lease_seconds=600,
        )
        assert claim is not None
        self.claim = claim

    def end(self) -> None:
        """Finishes the run with a loss of 0.25."""
        writer = store.RunWriter(self.db, self.claim, resume_after=0)
        writer.write(Epoch(1, {"val/accuracy": 0.25, "val/loss": 0.25}, 0.1))
        writer.finish(
            Status.FINISHED, selected_epoch=1, reason=None, wall_seconds=1.0, device_seconds=1.0
        )

    def die(self) -> None:
        """Is killed."""
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def other(nnlab: Nnlab, folder: Path) -> Iterator[Other]:
    nnlab("init-study", "s", *QUICK, "--lr", "0.01,0.1")
    created = Other()
    yield created
    created.die()
    created.db.close()


def meanwhile(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], None]) -> None:
    """Makes something happen the first time that `train` waits."""
    pending = [happens]

    def sleep(seconds: float) -> None:
        if pending:
            pending.pop()()
        time.sleep(0.01)

    monkeypatch.setattr(waiting, "time", SimpleNamespace(sleep=sleep, monotonic=time.monotonic))


def statuses(nnlab: Nnlab) -> dict[int, str]:
    return {run["run"]: run["status"] for run in nnlab("ls", "--format", "json").json}


def test_it_waits_for_the_run_of_another_process(
    nnlab: Nnlab, other: Other, monkeypatch: pytest.MonkeyPatch
) -> None:
    meanwhile(monkeypatch, other.end)
    answer = nnlab("train", "--study", "s")
    assert "waiting for 1 run that other processes train: 0 of 3 epochs" in answer.err
    assert "0.25" in answer.out  # the ranking is complete
    assert "running" not in answer.out
    assert statuses(nnlab) == {1: "finished", 2: "finished"}


def test_no_wait_shows_what_is_there(nnlab: Nnlab, other: Other) -> None:
    answer = nnlab("train", "--study", "s", "--no-wait")
    assert "1 run running" in answer.out
    assert "waiting" not in answer.err
    assert statuses(nnlab) == {1: "finished", 2: "running"}


def test_the_run_of_a_process_that_dies_is_taken_over(
    nnlab: Nnlab, other: Other, monkeypatch: pytest.MonkeyPatch
) -> None:
    meanwhile(monkeypatch, other.die)
    answer = nnlab("train", "--study", "s")
    assert "is gone: they are taken over" in answer.err
    assert statuses(nnlab) == {1: "finished", 2: "finished"}
    attempts = nnlab("show", "2", "--format", "json").json[0]["attempts"]
    assert [attempt["pid"] for attempt in attempts] == [other.process.pid, os.getpid()]


def test_ctrl_c_returns_and_the_other_process_goes_on(
    nnlab: Nnlab, other: Other, monkeypatch: pytest.MonkeyPatch
) -> None:
    meanwhile(monkeypatch, lambda: os.kill(os.getpid(), signal.SIGINT))
    answer = nnlab("train", "--study", "s", "-q", expect=130)
    assert "1 run still trained by other processes, which go on" in answer.err
    assert statuses(nnlab) == {1: "finished", 2: "running"}


def test_a_run_that_was_stopped_is_not_waited_for(nnlab: Nnlab, other: Other) -> None:
    nnlab("stop", "2")
    other.die()
    answer = nnlab("train", "--study", "s")  # typed again it lets a stopped run go on
    assert "waiting" not in answer.err
    assert statuses(nnlab) == {1: "finished", 2: "finished"}
