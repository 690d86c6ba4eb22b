"""A study to be disturbed, what it comes to when nobody does, and processes to be killed."""

import contextlib
import hashlib
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

# Twelve runs of some seconds; the models and every epoch are kept.
STUDY = (
    *("--study", "s", "--data", "digits", "--width", "16", "--depth", "1", "--epochs", "40"),
    *("--lr", "0.001..0.1:6:log", "--seeds", "2", "--dropout", "0.1", "--decay", "exp"),
    *("--engine", "solo", "--checkpoint-every", "1", "-q"),
)

Outcome = Mapping[tuple[str, int], Any]


def start(
    folder: Path,
    *words: str,
    alone: bool = False,
    before: Callable[[], None] | None = None,
    **environment: str,
) -> subprocess.Popen[str]:
    """A command line in a process of its own, or in a group `alone`; it prints into a log.

    `before` is called in the new process.
    """
    with (folder.parent / f"{folder.name}.log").open("a") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "nnlab", *words],
            cwd=folder,
            stdout=log,
            stderr=log,
            text=True,
            start_new_session=alone,
            preexec_fn=before,
            env={**os.environ, **environment},
        )


def printed(folder: Path) -> str:
    """What all commands in a folder have printed so far."""
    return (folder.parent / f"{folder.name}.log").read_text()


def database(folder: Path) -> bool:
    """Whether there is one, with its tables."""
    try:
        return bool(asked(folder, "SELECT count(*) FROM run"))
    except sqlite3.OperationalError:
        return False


def asked(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    path = f"file:{folder / 'runs.db'}?mode=ro"
    with contextlib.closing(sqlite3.connect(path, uri=True)) as connection:
        return connection.execute(sql).fetchall()


def outcome(folder: Path) -> Outcome:
    """All that is stored of each run, by its trial and seed: not when, nor how long it took."""
    found: dict[tuple[str, int], Any] = {}
    for run, digest, seed, *state in asked(
        folder,
        "SELECT r.id, t.digest, r.seed, r.status, r.reason, r.epochs, r.selected_epoch"
        " FROM run r JOIN trial t ON t.id = r.trial_id ORDER BY t.digest, r.seed",
    ):
        points = asked(
            folder,
            "SELECT m.name, p.epoch, p.value FROM point p JOIN metric m ON m.id = p.metric_id"
            f" WHERE p.run_id = {run} AND m.name NOT LIKE 'time/%' ORDER BY 1, 2",
        )
        summaries = asked(
            folder,
            "SELECT m.name, s.n, s.last, s.best, s.best_epoch FROM summary s"
            f" JOIN metric m ON m.id = s.metric_id WHERE s.run_id = {run}"
            " AND m.name NOT LIKE 'time/%' ORDER BY 1",
        )
        findings = asked(
            folder, f"SELECT code, confidence, onset FROM finding WHERE run_id = {run} ORDER BY 1"
        )
        model = folder / "runs.artifacts" / str(run) / "model.safetensors"
        weights = hashlib.sha256(model.read_bytes()).hexdigest() if model.exists() else None
        found[digest, seed] = (state, points, summaries, findings, weights)
    return found


def assert_as_calm(folder: Path, calm: Outcome) -> None:
    """The database is sound, and holds what it would hold if nothing had happened."""
    found = outcome(folder)
    assert found.keys() == calm.keys()
    for key, (state, *numbers) in calm.items():
        assert found[key][0] == state, printed(folder)
        assert found[key][1:] == tuple(numbers), key
    assert start(folder, "db", "check").wait(timeout=60) == 0, printed(folder)
    assert asked(folder, "SELECT id FROM attempt WHERE ended_at IS NULL") == []
    # One that is killed just after its run is stored leaves its checkpoint to this.
    assert start(folder, "db", "gc", "--yes").wait(timeout=60) == 0, printed(folder)
    left = [path.name for path in (folder / "runs.artifacts").rglob("*") if path.is_file()]
    assert set(left) == {"model.json", "model.safetensors", ".nnlab-run"}


def finish(folder: Path, *words: str) -> None:
    """Works off what is left, now that nobody disturbs.

    A run on which three workers died in one epoch is given up then; the same command tries again.
    """
    code = start(folder, "train", *words).wait(timeout=300)
    if code == 1 and "given up after 3 workers died on it" in printed(folder):
        code = start(folder, "train", *words).wait(timeout=300)
    assert code == 0, f"exit code {code}\n{printed(folder)}"


def until(found: Callable[[], Any], seconds: float = 60.0) -> Any:
    """What is found once there is something."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if it := found():
            return it
        time.sleep(0.01)
    raise AssertionError("waited in vain")


def at_work(folder: Path) -> list[int]:
    """The processes that say that they have a run in hand."""
    if not database(folder):
        return []
    return [pid for (pid,) in asked(folder, "SELECT pid FROM attempt WHERE ended_at IS NULL")]


def below(pid: int) -> list[int]:
    """The processes that a process has started, and those that they have."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            stat = (entry / "stat").read_text().rpartition(")")[2].split()
            if stat[0] != "Z":
                children.setdefault(int(stat[1]), []).append(int(entry.name))
    found, left = [], [pid]
    while left:
        left += (each := children.get(left.pop(), []))
        found += each
    return found
