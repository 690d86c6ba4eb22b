"""`nnlab watch`, `stop` and `train --notify`."""

import contextlib
import json
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from command_line_runner import QUICK, Nnlab, started
from store.store_fixtures import StoreHarness, finish, make_harness

from nnlab import store
from nnlab.analysis.progress import take_snapshot
from nnlab.cli.train.watch import command as watch_command
from nnlab.cli.train.watch.view import SnapshotTable
from nnlab.errors import NoDatabase
from nnlab.records import Epoch, Status

Start = Callable[..., subprocess.Popen[str]]

LONG = ("--data", "digits", "--epochs", "400", "--study", "long")


@pytest.fixture
def harness(folder: Path) -> Iterator[StoreHarness]:
    new_harness = make_harness(folder / "runs.db")
    yield new_harness
    new_harness.db.close()


def now(nnlab: Nnlab, *words: str) -> Any:
    return nnlab("watch", *words, "--once", "--format", "json").json


def test_one_look_tells_how_things_stand(nnlab: Nnlab, harness: StoreHarness) -> None:
    first, second, third, _ = harness.queue(4)
    harness.train(first, 0.5, 0.25)
    writer = harness.writer([second])
    writer.write(Epoch(1, {"train/loss": 0.75, "val/loss": 0.5}, 0.1))
    finish(harness.writer([third]), Status.FAILED)
    result = now(nnlab, "depth")
    assert (result["study"], result["metric"], result["direction"]) == ("depth", "val/loss", "min")
    counts = {name: result[name] for name in ("runs", "finished", "running", "queued", "failed")}
    assert counts == {"runs": 4, "finished": 1, "running": 1, "queued": 1, "failed": 1}
    assert (result["epochs"], result["epochs_planned"], result["done"]) == (3, 12, False)
    assert result["best"] == {"trial": "lr=0.1", "value": 0.25, "seeds": 1}
    assert result["in_progress"] == [
        {
            "run": second, "study": "depth", "trial": "lr=0.2", "seed": 0, "epochs": 1,
            "epochs_planned": 3, "axis": "epoch", "loss": 0.75, "objective": 0.5,
            "stopping": False,
        }
    ]  # fmt: skip
    assert [row["run"] for row in result["failures"]] == [third]
    store.request_stop(harness.db, [second])
    text = nnlab("watch", "--once").out
    assert "2 of 4 runs done, 1 queued, 1 running, 1 failed" in text
    for phrase in ("3/12 epochs", "best val/loss 0.25, 1 seed (lr=0.1)", "stopping", "failed"):
        assert phrase in text


def test_it_ends_with_the_study_and_fails_with_it(
    nnlab: Nnlab, harness: StoreHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = harness.queue(2)
    ends = iter([Status.FINISHED, Status.FAILED])
    looks = []

    def work(stop: object) -> bool:
        looks.append(stop)
        if len(looks) % 2:  # every second look sees nothing new
            finish(harness.writer([first, second]), next(ends))
        return True

    monkeypatch.setattr(watch_command, "_sleep_until_refresh", work)
    lines = nnlab("watch", "depth", expect=1).out.splitlines()
    assert len(looks) == 3
    assert [line.split("depth  ")[1].split("  ")[0] for line in lines] == [
        "0 of 2 runs done, 2 queued",
        "1 of 2 runs done, 1 queued",
        "2 of 2 runs done, 1 failed",
    ]
    store.enqueue(harness.db, harness.study, harness.plans(2))
    harness.train(second, 0.5)
    (line,) = nnlab("watch", "depth", "--format", "json").out.splitlines()
    assert json.loads(line)["done"] is True


def test_a_study_that_is_not_there_is_said(nnlab: Nnlab, harness: StoreHarness) -> None:
    assert "did you mean 'depth'" in nnlab("watch", "dept", expect=2).err
    assert now(nnlab)["runs"] == 0


def test_a_database_that_cannot_be_written_can_be_watched(nnlab: Nnlab, folder: Path) -> None:
    nnlab("train", *QUICK, "-q")
    (folder / "runs.db").chmod(0o400)
    assert now(nnlab)["finished"] == 1
    assert "1 of 1 run done" in nnlab("watch").out


def test_the_table_of_a_terminal_is_redrawn_and_stays(
    nnlab: Nnlab, harness: StoreHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    (run_id,) = harness.queue()
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)

    def work(stop: object) -> bool:
        finish(harness.writer([run_id]))
        return True

    monkeypatch.setattr(watch_command, "_sleep_until_refresh", work)
    out = nnlab("watch").out
    assert "1 of 1 run done" in out


@pytest.mark.parametrize("width", [60, 80, 100, 200])
def test_a_live_table_breaks_no_number(
    harness: StoreHarness,
    width: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (run_id,) = harness.queue()
    writer = harness.writer([run_id])
    writer.write(Epoch(1, {"train/loss": 0.12345, "val/loss": 1234.5}, 0.1))
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    snapshot = take_snapshot(harness.db, None)
    with SnapshotTable() as view:
        view.show(snapshot)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", capsys.readouterr().out)
    # The lower numbers of importance give way first: the loss of the training split.
    numbers = {"1234.5"} | ({"0.12345"} if width >= 80 else set())
    assert numbers <= set(text.split())
    assert all(len(line) <= width for line in text.splitlines())


@pytest.fixture
def start_command(folder: Path) -> Iterator[Start]:
    """Starts command lines in processes of their own; none outlives the test."""
    processes: list[subprocess.Popen[str]] = []

    def start(*words: str) -> subprocess.Popen[str]:
        processes.append(started(folder, *words))
        return processes[-1]

    yield start
    for process in processes:
        with process:
            process.kill()


def waits(path: Path, epochs: int) -> None:
    """Until the first run of a training beside has that many epochs."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(NoDatabase):
            db = store.open_database(str(path), write=False)
            try:
                if any(run.epochs >= epochs for run in store.runs(db)):
                    return
            finally:
                db.close()
        time.sleep(0.05)
    raise AssertionError("the training beside does not come forward")


def test_a_run_is_stopped_from_beside_and_goes_on_to_the_same_numbers(
    nnlab: Nnlab, folder: Path, start_command: Start
) -> None:
    process = start_command("train", *LONG, "--seeds", "2", "-q", "--engine", "solo")
    waits(folder / "runs.db", 3)
    follower = start_command("watch", "long")
    text = nnlab("stop", "long").out
    assert "1 run in training: stopped after the epoch" in text
    assert "1 run waiting: held back" in text
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "nnlab stop held back 2 of 2 runs" in err
    out, _ = follower.communicate(timeout=60)
    assert follower.returncode == 0
    assert "2 held back by nnlab stop" in out.splitlines()[-1]
    first = nnlab("show", "1", "--format", "json").json[0]
    assert (first["status"], first["reason"]) == ("interrupted", "stopped by nnlab stop")
    assert 3 <= first["epochs"] < 400
    assert (folder / "runs.artifacts" / "1" / f"checkpoint-{first['epochs']}.pt").is_file()
    assert first["attempts"][0]["engine"] == "solo"
    assert "waiting: held back" in nnlab("stop", "1").out
    again = start_command("train", *LONG, "--seeds", "2", "-v")
    assert again.stdout is not None
    line = next(line for line in again.stdout if "goes on after" in line)
    assert f"run 1  seed=0  goes on after epoch {first['epochs']}" in line
    again.send_signal(signal.SIGINT)
    again.communicate(timeout=60)


def test_ctrl_c_leaves_watching_cleanly(harness: StoreHarness, start_command: Start) -> None:
    harness.queue()
    process = start_command("watch")
    assert process.stdout is not None
    assert "0 of 1 run done" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (130, "", "")
    assert harness.status(1) is Status.QUEUED


TELL = 'echo "$NNLAB_EVENT $NNLAB_STUDY run=$NNLAB_RUN $NNLAB_FAILED/$NNLAB_RUNS" >> told'


def test_the_end_of_a_study_is_told(nnlab: Nnlab, folder: Path) -> None:
    nnlab("train", *QUICK, "--seeds", "2", "--study", "s", "-q", "--notify", TELL + "; cat > json")
    assert (folder / "told").read_text() == "finished s run= 0/2\n"
    result = json.loads((folder / "json").read_text())
    best = now(nnlab, "s")["best"]
    assert (result["best"], result["best_metric"]) == (best["value"], "val/accuracy")
    nnlab("train", *QUICK, "--seeds", "2", "--study", "s", "-q", "--notify", TELL)
    assert len((folder / "told").read_text().splitlines()) == 1  # nothing was trained


BROKEN = """
import torch

class Net(torch.nn.Module):
    def __init__(self, in_features, outputs):
        super().__init__()
        self.layer = torch.nn.Linear(in_features, outputs)

    def forward(self, x):
        raise RuntimeError("$(touch hacked) `touch hacked`")
"""


def test_each_failure_is_told_and_the_end(nnlab: Nnlab, folder: Path) -> None:
    (folder / "net.py").write_text(BROKEN)
    words = ("train", "--data", "iris", "--model", "net.py:Net", "--epochs", "1", "-q")
    nnlab(*words, "--seeds", "2", "--notify", TELL + '; echo "$NNLAB_REASON" > why', expect=1)
    text = (folder / "told").read_text().splitlines()
    assert text == ["failed default run=1 /", "failed default run=2 /", "failed default run= 2/2"]
    assert "$(touch hacked)" in (folder / "why").read_text()
    assert not (folder / "hacked").exists()
    (folder / "told").unlink()
    nnlab(*words, "--seed", "7", "--notify", TELL, expect=1)
    assert (folder / "told").read_text() == "failed default run=3 1/1\n"


def test_a_notifier_that_fails_is_told_in_a_line_and_changes_nothing(nnlab: Nnlab) -> None:
    answer = nnlab("train", *QUICK, "-q", "--notify", "echo no host >&2; exit 4")
    error = [line for line in answer.err.splitlines() if "--notify" in line]
    assert len(error) == 1
    assert "ended with exit code 4: no host" in error[0]
    assert now(nnlab)["finished"] == 1


def test_an_interruption_is_told(folder: Path, start_command: Start) -> None:
    process = start_command("train", *LONG, "-q", "--notify", TELL)
    waits(folder / "runs.db", 2)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert (folder / "told").read_text() == "interrupted long run=1 0/1\n"
