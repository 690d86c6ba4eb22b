"""Weights and checkpoints in an artifact location that is not the database's own folder."""

import importlib.util
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line_runner import Nnlab, started
from workers.launcher_contract import asked, at_work, ended, points, until

from nnlab import store

LONG = (
    "--data", "digits", "--width", "16", "--depth", "1", "--epochs", "40", "--name", "far",
    "--checkpoint-every", "3", "--devices", "cpu:1",
)  # fmt: skip

missing = [name for name in ("s3fs", "moto") if importlib.util.find_spec(name) is None]
needs_s3 = pytest.mark.skipif(bool(missing), reason=f"{', '.join(missing)} not installed")


@pytest.fixture(scope="module")
def s3() -> Iterator[dict[str, str]]:
    """An S3 of the tests' own, with one bucket: what a process needs to reach it."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _make_bucket(f"{url}/lab")
        yield {
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "ann",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
    finally:
        server.terminate()
        server.wait()


def _make_bucket(url: str) -> None:
    end = time.monotonic() + 30
    while True:
        try:
            urllib.request.urlopen(urllib.request.Request(url, method="PUT")).close()
        except OSError:
            assert time.monotonic() < end, "the server did not come up"
            time.sleep(0.1)
        else:
            return


@needs_s3
def test_a_run_goes_on_from_a_checkpoint_on_s3(
    folder: Path, s3: dict[str, str], monkeypatch: pytest.MonkeyPatch, nnlab: Nnlab
) -> None:
    for name, value in s3.items():
        monkeypatch.setenv(name, value)
    calm = folder / "calm"
    calm.mkdir()
    code, _, err = ended(started(calm, "train", *LONG, "-q"))
    assert code == 0, err
    words = ("train", *LONG, "--artifacts", "s3://lab/runs")
    process = started(folder, *words)
    until(lambda: at_work(folder) and _epochs(folder) > 8)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    # Where a run's files are is known: it need not be said again.
    code, _, err = ended(started(folder, "train", *LONG))
    assert code == 0, err
    assert points(folder) == points(calm)
    attempts = asked(folder, "SELECT first_epoch FROM attempt ORDER BY id")
    assert attempts[0] == (1,)
    assert attempts[1] > (1,), "it started over"
    assert not (folder / "runs.artifacts").exists()
    assert re.search(r"s3://lab/runs/\d{8}T\d{12}/1/model\.safetensors", nnlab("show", "far").out)
    assert "no problems" in nnlab("db", "check").out
    # Others begin with its weights.
    child = ("--data", "digits", "--width", "16", "--depth", "1", "--epochs", "1")
    assert "from run 1" in nnlab("train", *child, "--from", "far").out
    nnlab("rm", "far", "-y")
    assert "folders of removed runs outside of the artifacts folder" in nnlab("db", "gc", "-y").out
    db = store.open_database("runs.db", write=False)
    assert store.find_problems(db) == []
    db.close()


def _epochs(folder: Path) -> int:
    ((found,),) = asked(folder, "SELECT max(epochs) FROM run")
    return int(found)


def test_a_missing_file_elsewhere_is_found_by_the_check(nnlab: Nnlab, folder: Path) -> None:
    quick = ("--data", "iris", "--epochs", "1")
    nnlab("train", *quick, "--artifacts", "elsewhere", "-q")
    (model,) = folder.glob("elsewhere/*/1/model.safetensors")
    model.unlink()
    answer = nnlab("db", "check", expect=1)
    assert f"run 1: its model {model} is missing" in answer.out


def test_two_databases_may_share_a_place(nnlab: Nnlab, folder: Path) -> None:
    for db, lr in (("one.db", "0.1"), ("two.db", "0.01")):
        words = ("--data", "iris", "--epochs", "1", "--lr", lr, "-q", "--artifacts", "shared")
        nnlab("train", *words, "--db", db)
    assert len(list(folder.glob("shared/*/1/model.safetensors"))) == 2
    for db in ("one.db", "two.db"):
        assert "no problems" in nnlab("db", "check", "--db", db).out
    nnlab("rm", "1", "-y", "--db", "one.db")
    nnlab("db", "gc", "-y", "--db", "one.db")
    (left,) = folder.glob("shared/*")
    copied = nnlab("db", "copy", "two.db", "copy.db")
    assert "both databases refer to the same files of runs in 1 other folder," in " ".join(
        copied.err.split()
    )
    assert str(left) in nnlab("show", "1", "--db", "two.db").out


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("nowhere://x", "Protocol not known: nowhere"),
        ("ftp://ann:hunter2@lab/x", "contains a password or key"),
    ],
)
def test_a_place_that_nothing_reaches_is_refused_before_anything_is_made(
    nnlab: Nnlab, folder: Path, place: str, told: str
) -> None:
    answer = nnlab("train", "--data", "iris", "--epochs", "1", "--artifacts", place, expect=2)
    assert told in " ".join(answer.err.split())
    assert "hunter2" not in answer.err
    assert list(folder.iterdir()) == []


@needs_s3
def test_a_place_that_does_not_answer_is_told_and_the_run_stays(
    nnlab: Nnlab, folder: Path, s3: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in s3.items():
        monkeypatch.setenv(name, value)
    words = ("train", "--data", "iris", "--epochs", "1", "-q", "--artifacts", "s3://no-such/x")
    code, _, err = ended(started(folder, *words))
    assert code == 1
    assert "s3://no-such/x/" in err
    assert "Traceback" not in err
    assert asked(folder, "SELECT status FROM run") == [("interrupted",)]
