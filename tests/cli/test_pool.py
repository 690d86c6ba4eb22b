"""A pool of worker processes trains a study while workers die or are stopped: nothing is lost."""

from pathlib import Path

import pytest
from command_line_runner import Nnlab, started

from nnlab.testing.launcher_runs import (
    MODEL_SOURCE,
    STUDY,
    query,
    statuses,
    wait_for_exit,
)
from nnlab.testing.launchers import AttachedLauncherContract

TWO = ("--devices", "cpu:2")


class TestPool(AttachedLauncherContract):
    """Processes of this machine."""

    options = TWO


@pytest.fixture
def user_models(folder: Path) -> tuple[str, ...]:
    (folder / "model.py").write_text(MODEL_SOURCE)
    return ("--data", "iris", "--epochs", "2", "--study", "s", *TWO)


def test_it_is_told_how_a_worker_died(folder: Path, user_models: tuple[str, ...]) -> None:
    code, out, err = wait_for_exit(
        started(folder, "train", *user_models, "--model", "model.py:Crash,model.py:Good")
    )
    assert code == 1
    assert "its worker died of signal 11 (SIGSEGV); the run will resume from its checkpoint" in out
    assert "given up after 3 workers died on it: its worker died of signal 11 (SIGSEGV)" in err


def test_a_process_that_cannot_even_begin_is_not_started_for_ever(folder: Path) -> None:
    environment = {"PYTHONPATH": str(folder)}
    # Whatever makes a slot die before it has a run in hand.
    (folder / "sitecustomize.py").write_text(
        "import sys, os\nif '-c' in sys.orig_argv: os._exit(7)\n"
    )
    code, _, err = wait_for_exit(started(folder, "train", *STUDY, *TWO, **environment))
    assert code == 1
    assert "Traceback" not in err
    assert set(statuses(folder)) == {"queued"}


def test_fail_fast_stops_the_rest_and_retry_trains_only_what_failed(
    nnlab: Nnlab, folder: Path, user_models: tuple[str, ...]
) -> None:
    words = ("train", *user_models, "--model", "model.py:Wrong", "--seeds", "9", "--fail-fast")
    code, _, err = wait_for_exit(started(folder, *words))
    assert code == 1
    assert "runs failed; run " in err
    failed = statuses(folder).count("failed")
    assert 1 <= failed <= 4
    assert statuses(folder).count("queued") >= 5
    (folder / "model.py").write_text(
        MODEL_SOURCE.replace("raise RuntimeError", "x = (self.head(x),")
    )
    answer = nnlab("train", "--study", "s", "--retry", "failed", expect=None)
    assert f"{failed} to train" in answer.out or f"{failed} failed" in answer.out
    assert statuses(folder).count("queued") >= 5


def test_nothing_failed_is_nothing_to_retry(trained: Nnlab) -> None:
    answer = trained("train", "--retry", "failed", expect=2)
    assert "no run has failed" in answer.err


def test_a_run_that_is_short_of_memory_is_tried_alone_and_then_fails_with_its_peak(
    folder: Path, user_models: tuple[str, ...]
) -> None:
    words = ("train", *user_models, "--model", "model.py:Hungry,model.py:Good", "--seeds", "2")
    code, out, err = wait_for_exit(started(folder, *words))
    assert code == 1
    assert "retrying once no other run uses its device" in out
    assert "out of memory, at a peak of " in err
    assert sorted(statuses(folder)) == ["failed", "failed", "finished", "finished"]
    peaks = query(
        folder,
        "SELECT peak_bytes FROM attempt a JOIN run r ON r.id = run_id WHERE status = 'failed'",
    )
    assert all(peak > 1 << 20 for (peak,) in peaks)
