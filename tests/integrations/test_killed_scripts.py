"""kill -9 in the middle of each kind of script: an interrupted run that has its values."""

import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
from recorded_runs import OFFLINE, changed_script, recorded_runs
from tracker_adapters import ADAPTED_SCRIPTS, AdaptedScript

from nnlab import store
from nnlab.records import Status

# Every call of `log` prints the time at which it returned.
PRELUDE = """
import sys, time
from nnlab.tracking.run_handle import RunHandle
original_log = RunHandle.log
def log(self, *arguments, **keywords):
    original_log(self, *arguments, **keywords)
    print("logged", time.time(), flush=True)
    time.sleep(0.005)
RunHandle.log = log
"""
CALLS_BEFORE_KILL = 60
# What was logged this long before the kill is stored: 0.25 s, and more on a busy machine
# (benchmarks/recording.py measures it).
STORED_WITHIN_SECONDS = 2.0


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(
            script,
            id=script.kind,
            marks=() if script.package == "nnlab" else pytest.mark.slow,
        )
        for script in ADAPTED_SCRIPTS
    ],
)
def test_values_of_a_killed_script_are_stored(script: AdaptedScript, tmp_path: Path) -> None:
    if find_spec(script.package) is None:
        pytest.skip(f"{script.package} is in the extra `test`")
    path = changed_script(script.name, {**script.lines, **script.endless}, tmp_path)
    path.write_text(PRELUDE + path.read_text())
    killed_at, logged_at = kill_while_it_logs(path, tmp_path)
    run = recorded_runs(tmp_path / "runs.db")[0]
    assert run.status is Status.INTERRUPTED
    database = store.open_database(str(tmp_path / "runs.db"), write=False)
    stored = {seq for seq, _ in store.samples(database, run.id)}
    database.close()
    media = len({path.name for path in (tmp_path / "runs.artifacts").rglob("media/*")})
    due = sum(at < killed_at - STORED_WITHIN_SECONDS for at in logged_at)
    assert due > 0
    # A call whose only values are media has no samples.
    assert len(stored) + media >= due


def kill_while_it_logs(path: Path, folder: Path) -> tuple[float, list[float]]:
    """Runs a script until it has logged some calls, and kills it.

    Returns:
        When it was killed, and when each call returned, in Unix seconds.
    """
    with (folder / "stderr.txt").open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, str(path)],
            cwd=folder,
            env={**os.environ, **OFFLINE},
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    assert process.stdout is not None
    logged_at = []
    for line in process.stdout:
        if line.startswith("logged "):
            logged_at.append(float(line.split()[1]))
        if (
            len(logged_at) >= CALLS_BEFORE_KILL
            and time.time() - logged_at[0] > STORED_WITHIN_SECONDS + 0.5
        ):
            break
    killed_at = time.time()
    os.kill(process.pid, signal.SIGKILL)
    logged_at += [float(line.split()[1]) for line in process.stdout if line.startswith("logged ")]
    process.wait()
    process.stdout.close()
    assert len(logged_at) >= CALLS_BEFORE_KILL, (folder / "stderr.txt").read_text()[-2000:]
    return killed_at, logged_at
