"""Stopped in every way, and gone on: nothing finished is lost, and the numbers are the same."""

import contextlib
import os
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest
from command_line_runner import Nnlab, started

LONG = ("--data", "digits", "--epochs", "40", "--dropout", "0.2", "--decay", "exp", "--seed", "3")


def wait_for_epoch(process: subprocess.Popen[str], number: int) -> int:
    """The epoch last printed, at least `number`; a line is printed after it is stored."""
    assert process.stdout is not None
    for line in process.stdout:
        if " epoch " in line:
            epoch = int(line.split(" epoch ")[1].split("/")[0])
            if epoch >= number:
                return epoch
    raise AssertionError(f"ended before epoch {number}")


Point = tuple[str, int, float]


def points(folder: Path) -> list[Point]:
    with contextlib.closing(sqlite3.connect(folder / "runs.db")) as connection:
        return connection.execute(
            "SELECT m.name, epoch, value FROM point JOIN metric m ON m.id = metric_id"
            " WHERE m.name != 'time/epoch' ORDER BY 1, 2"
        ).fetchall()


def status(folder: Path) -> str:
    with contextlib.closing(sqlite3.connect(folder / "runs.db")) as connection:
        return str(connection.execute("SELECT status FROM run").fetchone()[0])


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> list[Point]:
    """The points of a run that nobody disturbed."""
    folder = tmp_path_factory.mktemp("calm")
    process = started(folder, "train", *LONG, "-q")
    assert process.wait(timeout=120) == 0
    process.communicate()
    return points(folder)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_finishes_the_epoch_and_the_same_command_goes_on(
    nnlab: Nnlab, folder: Path, calm: list[Point], number: signal.Signals
) -> None:
    process = started(folder, "train", *LONG, "-v")
    seen = wait_for_epoch(process, 5)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "every finished epoch is kept" in err
    assert "the same command goes on" in err
    assert status(folder) == "interrupted"
    stored = nnlab("ls", "--format", "json").json[0]["epochs"]
    assert stored >= seen
    answer = nnlab("train", *LONG)
    assert "1 waiting or interrupted" in answer.out
    assert f"goes on after epoch {stored}" in answer.out
    assert points(folder) == calm


def test_the_second_signal_stops_at_once_and_loses_no_finished_epoch(
    nnlab: Nnlab, folder: Path, calm: list[Point]
) -> None:
    # One epoch of this takes long enough to be in the middle of it.
    process = started(folder, "train", "--epochs", "3", "--width", "2048", "--depth", "4", "-v")
    seen = wait_for_epoch(process, 1)
    process.send_signal(signal.SIGINT)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "every finished epoch is kept" in err
    assert status(folder) == "interrupted"
    assert max(epoch for _, epoch, _ in points(folder)) >= seen


@pytest.mark.parametrize("after", [2, 7, 20])
def test_kill_9_loses_no_epoch_that_was_shown(
    nnlab: Nnlab, folder: Path, calm: list[Point], after: int
) -> None:
    process = started(folder, "train", *LONG, "-v")
    seen = wait_for_epoch(process, after)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    stored = points(folder)
    assert max(epoch for _, epoch, _ in stored) >= seen
    assert stored == [row for row in calm if row in set(stored)]
    listed = nnlab("ls", "--format", "json").json[0]
    assert listed["status"] == "interrupted"  # nothing stays running once its worker is dead
    nnlab("train", *LONG, "-q")
    assert points(folder) == calm
    attempts = nnlab("show", "1", "--format", "json").json[0]["attempts"]
    assert [tried["outcome"] for tried in attempts] == ["lost", "finished"]
    assert "no problems" in nnlab("db", "check").out


@pytest.mark.parametrize(("damaged", "then"), [(1, "resumes from"), (2, "starts over")])
def test_damaged_checkpoints_are_set_aside(
    nnlab: Nnlab, folder: Path, calm: list[Point], damaged: int, then: str
) -> None:
    process = started(folder, "train", *LONG, "-v", "--checkpoint-every", "2")
    wait_for_epoch(process, 7)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    artifacts = folder / "runs.artifacts" / "1"
    found = {int(path.stem.split("-")[1]): path for path in artifacts.glob("checkpoint-*.pt")}
    newest = sorted(found, reverse=True)
    assert len(newest) == 2
    for epoch in newest[:damaged]:
        found[epoch].write_bytes(found[epoch].read_bytes()[:-100])
    answer = nnlab("train", *LONG)
    assert f"checkpoint-{newest[0]}.pt is damaged: its checksum does not match" in answer.out
    assert f"the run {then}" in answer.out
    goes_on = f"goes on after epoch {newest[1]}"
    assert (goes_on in answer.out) == (damaged == 1)
    assert points(folder) == calm
    assert sorted(path.name for path in artifacts.iterdir()) == sorted(
        [
            ".nnlab-run",
            *(f"checkpoint-{epoch}.damaged" for epoch in newest[:damaged]),
            "model.json",
            "model.safetensors",
        ]
    )


def test_how_often_is_checked_before_anything_is_made(nnlab: Nnlab, folder: Path) -> None:
    answer = nnlab("train", "--checkpoint-every", "often", expect=2)
    assert "--checkpoint-every often: neither a number of epochs nor a duration" in answer.err
    assert not (folder / "runs.db").exists()
