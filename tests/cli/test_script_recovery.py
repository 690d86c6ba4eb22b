"""Scripts that are killed, stopped or out of memory: `nnlab run` goes on with their checkpoints."""

import contextlib
import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from command_line_runner import Nnlab, started
from example_scripts import TRAIN, write_script

IGNORES_SIGTERM = TRAIN.replace(
    "signal.signal(signal.SIGTERM, stop)", "signal.signal(signal.SIGTERM, signal.SIG_IGN)"
)
SLOW = ("--epochs", "10", "--seconds", "0.25", "--seed", "0")


def rows(folder: Path, query: str) -> list[tuple[Any, ...]]:
    with contextlib.closing(sqlite3.connect(folder / "runs.db", timeout=30)) as connection:
        return connection.execute(query).fetchall()


def output(folder: Path, run: int = 1) -> str:
    file = folder / "runs.artifacts" / str(run) / "output.txt"
    return file.read_text() if file.exists() else ""


def wait_until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.05)


def processes_of(script: Path) -> list[int]:
    """The processes that execute a script."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            words = (entry / "cmdline").read_bytes().split(b"\0")
            named = {str(script).encode(), script.name.encode()}
            is_here = (entry / "cwd").readlink() == script.parent
            if named.intersection(words) and is_here and b"nnlab" not in words:
                found.append(int(entry.name))
    return found


def has_logged(folder: Path, epoch: int, run: int = 1) -> Callable[[], bool]:
    return lambda: f"epoch {epoch}/" in output(folder, run)


def finish(process: subprocess.Popen[str]) -> tuple[str, str]:
    out, err = process.communicate(timeout=60)
    return out, err


def test_a_killed_script_goes_on_with_its_checkpoint(folder: Path) -> None:
    script = write_script(folder)
    process = started(folder, "run", "train.py", *SLOW)
    wait_until(has_logged(folder, 3))
    (pid,) = processes_of(script)
    os.kill(pid, signal.SIGKILL)
    out, _ = finish(process)
    assert process.returncode == 0
    assert "it starts again with the same checkpoint folder, now" in out
    assert output(folder).count("starts after epoch") == 2
    assert "starts after epoch 0" in output(folder)
    assert rows(folder, "SELECT status, epochs FROM run") == [("finished", 10)]
    epochs = rows(
        folder,
        "SELECT epoch FROM point JOIN metric m ON m.id = metric_id WHERE m.name = 'val/loss'",
    )
    assert [epoch for (epoch,) in epochs] == list(range(1, 11))


def test_a_script_that_dies_again_and_again_fails(nnlab: Nnlab, folder: Path) -> None:
    write_script(folder, "import os\nprint('x')\nos.kill(os.getpid(), 9)\n", "dies.py")
    answer = nnlab("run", "dies.py", expect=1)
    assert "its process was killed (SIGKILL) 3 times without progress" in answer.err
    assert output(folder) == "x\n" * 3


def test_a_script_dies_with_the_command_that_executes_it(nnlab: Nnlab, folder: Path) -> None:
    # It ignores SIGTERM, and its own child is in another session.
    text = IGNORES_SIGTERM.replace(
        "for epoch in",
        "import subprocess\n"
        "child = subprocess.Popen([sys.executable, 'child.py'], start_new_session=True)\n"
        "for epoch in",
    )
    script = write_script(folder, text + "child.kill()\n")
    child = write_script(folder, "import time\ntime.sleep(300)\n", "child.py")
    process = started(folder, "run", "train.py", *SLOW, "--grace", "1s")
    wait_until(has_logged(folder, 3))
    process.kill()
    finish(process)
    wait_until(lambda: not processes_of(script) and not processes_of(child))
    assert nnlab("ls", "--format", "json").json[0]["status"] == "interrupted"
    nnlab("run", "train.py", *SLOW, "--grace", "1s")
    assert rows(folder, "SELECT id, status, epochs FROM run") == [(1, "finished", 10)]
    assert output(folder).count("starts after epoch") == 2
    assert output(folder).count("starts after epoch 0") == 1


def test_a_script_may_save_a_checkpoint_when_the_command_is_killed(folder: Path) -> None:
    script = write_script(
        folder, TRAIN.replace("sys.exit(0)", "pathlib.Path('saved').touch(); sys.exit(0)")
    )
    process = started(folder, "run", "train.py", *SLOW)
    wait_until(has_logged(folder, 2))
    process.kill()
    finish(process)
    wait_until(lambda: not processes_of(script))
    assert (folder / "saved").exists()


def test_the_next_attempt_waits_for_the_processes_of_the_last_one(
    nnlab: Nnlab, folder: Path
) -> None:
    # On SIGTERM it goes on for a second before it ends.
    write_script(folder, TRAIN.replace("sys.exit(0)", "time.sleep(1); print('gone'); sys.exit(0)"))
    process = started(folder, "run", "train.py", *SLOW)
    wait_until(has_logged(folder, 2))
    process.kill()
    finish(process)
    (folder / "again").touch()
    nnlab("run", "train.py", *SLOW)
    # Its output is discarded after the death of the command; it never overlaps with the next one.
    text = output(folder)
    assert text.count("starts after epoch") == 2
    assert "gone" not in text


def test_ctrl_c_stops_the_script_and_the_same_command_resumes_it(
    nnlab: Nnlab, folder: Path
) -> None:
    write_script(folder)
    process = started(folder, "run", "train.py", *SLOW)
    wait_until(has_logged(folder, 3))
    process.send_signal(signal.SIGINT)
    _, err = finish(process)
    assert process.returncode == 130
    assert "the same command goes on" in err
    assert "saving on SIGTERM" in output(folder)
    assert rows(folder, "SELECT status FROM run") == [("interrupted",)]
    answer = nnlab("run", "train.py", *SLOW)
    assert "is started again" in answer.out
    assert rows(folder, "SELECT status, epochs FROM run") == [("finished", 10)]


def test_a_second_ctrl_c_ends_a_script_that_does_not_listen(folder: Path) -> None:
    script = write_script(folder, IGNORES_SIGTERM)
    process = started(folder, "run", "train.py", *SLOW, "--grace", "10min")
    wait_until(has_logged(folder, 2))
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert processes_of(script)
    process.send_signal(signal.SIGINT)
    finish(process)
    assert process.returncode == 130
    assert not processes_of(script)
    assert rows(folder, "SELECT status FROM run") == [("interrupted",)]


def test_stop_from_another_terminal(nnlab: Nnlab, folder: Path) -> None:
    write_script(folder)
    process = started(folder, "run", "train.py", *SLOW)
    wait_until(has_logged(folder, 2))
    nnlab("stop", "train")
    finish(process)
    assert process.returncode == 130
    assert "saving on SIGTERM" in output(folder)
    assert rows(folder, "SELECT status, reason FROM run") == [
        ("interrupted", "stopped by nnlab stop")
    ]
    nnlab("run", "train.py", *SLOW)
    assert rows(folder, "SELECT status FROM run") == [("finished",)]


def test_a_time_limit_ends_a_run(nnlab: Nnlab, folder: Path) -> None:
    write_script(folder)
    answer = nnlab(
        "run", "train.py", "--epochs", "1000", "--seconds", "0.1", "--time-limit", "1s", expect=1
    )
    assert "it reached the time limit of 1 s" in answer.err
    assert rows(folder, "SELECT status FROM run") == [("failed",)]
    assert rows(folder, "SELECT epochs > 3 FROM run") == [(1,)]


def test_out_of_memory_is_tried_again_when_no_other_run_uses_the_device(
    nnlab: Nnlab, folder: Path
) -> None:
    # Each run needs the device alone, as another run would fill its memory.
    write_script(
        folder,
        """
import os, pathlib, sys, time
slot = pathlib.Path("device")
try:
    slot.mkdir()
except FileExistsError:
    print("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 GiB")
    sys.exit(1)
time.sleep(1)
slot.rmdir()
print("loss: 1")
""",
    )
    answer = nnlab("run", "train.py", "--seeds", "3", "--devices", "cuda:0", "--jobs", "3")
    assert "once no other run uses its device" in answer.out
    assert set(rows(folder, "SELECT status FROM run")) == {("finished",)}


def test_out_of_memory_alone_fails_with_its_message(nnlab: Nnlab, folder: Path) -> None:
    write_script(folder, "raise MemoryError('no room')\n")
    answer = nnlab("run", "train.py", expect=1)
    assert "MemoryError: no room" in answer.err
    assert output(folder).count("Traceback") == 1


def test_checkpoints_of_another_database_are_not_used(nnlab: Nnlab, folder: Path) -> None:
    write_script(folder)
    nnlab("run", "train.py", "--lr", "0.1")
    for file in folder.glob("runs.db*"):
        file.unlink()
    nnlab("run", "train.py", "--lr", "0.2")
    assert "starts after epoch 0" in output(folder)
    assert (folder / "runs.artifacts" / "1.replaced-1" / "checkpoints" / "last.json").exists()


def test_a_second_command_executes_what_is_left(folder: Path) -> None:
    wait = "while not os.path.exists('go'): time.sleep(0.05)\n"
    write_script(folder, TRAIN + wait)
    words = ("run", "train.py", "--epochs", "1", "--seeds", "2")
    first = started(folder, *words)
    wait_until(has_logged(folder, 1))
    second = started(folder, *words)
    wait_until(has_logged(folder, 1, run=2))
    (folder / "go").touch()
    for process in (first, second):
        finish(process)
        assert process.returncode == 0
    assert rows(folder, "SELECT count(*), count(DISTINCT pid) FROM attempt") == [(2, 2)]
    assert set(rows(folder, "SELECT status FROM run")) == {("finished",)}
