"""kill -9, SIGTERM and SIGINT at random moments do not change the results of a study."""

import contextlib
import os
import random
import signal
import time
from pathlib import Path

import pytest
from torture.studies import (
    STUDY,
    Outcome,
    assert_as_calm,
    at_work,
    below,
    database,
    finish,
    printed,
    query,
    start,
)

WORKERS = ("--devices", "cpu:3")


def kill(pid: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
        return True
    return False


@pytest.mark.parametrize("kills", [200, pytest.param(2000, marks=pytest.mark.long)])
def test_kill_9_at_random_moments(folder: Path, uninterrupted_results: Outcome, kills: int) -> None:
    """Mostly of a worker, now and then of the template they are copies of or of the command."""
    chance = random.Random(kills)
    done = resumed = 0
    for number in range(kills):
        place = folder / str(number)
        place.mkdir()
        process = start(place, "train", *STUDY, *WORKERS)
        while done < kills:
            time.sleep(chance.uniform(0.02, 0.3))
            if process.poll() == 0:
                break
            if process.poll() is not None:
                process = start(place, "train", *STUDY, *WORKERS)
            elif chance.random() < 0.03:
                done += kill(process.pid)
                process.wait()
            elif pids := at_work(place) if chance.random() < 0.8 else below(process.pid):
                done += kill(chance.choice(pids))
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)
        finish(place, *STUDY, *WORKERS)
        assert_as_calm(place, uninterrupted_results)
        # Of the last study the kills may be used up before a run has come to a checkpoint.
        resumed += len(query(place, "SELECT 1 FROM attempt WHERE first_epoch > 1"))
        if done >= kills:
            break
    assert resumed


@pytest.mark.parametrize("stops", [12, pytest.param(100, marks=pytest.mark.long)])
def test_signals_at_random_moments(
    folder: Path, uninterrupted_results: Outcome, stops: int
) -> None:
    """To the command or, as Ctrl-C in a terminal, to all of its processes; once or twice."""
    chance = random.Random(stops)
    for _ in range(stops):
        process = start(folder, "train", *STUDY, *WORKERS, alone=True)
        time.sleep(chance.uniform(0.5, 3.5))
        number = chance.choice([signal.SIGINT, signal.SIGTERM])
        send = chance.choice([os.kill, os.killpg])
        for _ in range(chance.choice([1, 1, 2])):
            with contextlib.suppress(ProcessLookupError):
                send(process.pid, number)
            time.sleep(0.1)
        assert process.wait(timeout=60) in (0, 130, -number)
        listed = query(folder, "SELECT DISTINCT status FROM run") if database(folder) else []
        assert ("running",) not in listed
    finish(folder, *STUDY, *WORKERS)
    assert_as_calm(folder, uninterrupted_results)
    assert "Traceback" not in printed(folder)
