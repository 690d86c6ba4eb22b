"""Ends the processes of a script whose worker has died; started as a program next to each script.

A worker that is killed cannot end its script, so another process has to. It also holds the lock of
the run's folder until the script's processes have ended: the next attempt at the run waits for it,
so that two processes never write the same checkpoints. The module imports only the standard library
and is executed by its path, so that it starts in milliseconds.
"""

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator

# The environment variable by which all processes of a script are found, also those that have left
# its process group, such as the workers of torchrun.
MARK_VARIABLE = "NNLAB_PROCESS"
# What a worker writes before the process id of its script, and once the script has ended.
STARTED, ENDED = "started", "ended"

_POLL_SECONDS = 0.05
_CHUNK_BYTES = 65_536


def terminate(group: int | None, mark: str, grace: float) -> None:
    """Ends all processes of a script: SIGTERM, and SIGKILL for those that outlive the grace time.

    Args:
        group: the process group of the script; None if it is unknown.
        mark: the value of `MARK_VARIABLE` in the environment of its processes.
        grace: how long its processes may take to end, in seconds.
    """
    if group is not None:
        signal_group(group, signal.SIGTERM)
    deadline = time.monotonic() + grace
    while _is_alive(group, mark) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    kill(group, mark)


def kill(group: int | None, mark: str) -> None:
    """Ends all processes of a script at once."""
    if group is not None:
        signal_group(group, signal.SIGKILL)
    for process in marked_processes(mark):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(process, signal.SIGKILL)


def signal_group(group: int, number: signal.Signals) -> None:
    """Sends a signal to a process group; does nothing if it has ended."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def marked_processes(mark: str) -> Iterator[int]:
    """The processes of this user with that mark; none on systems without /proc."""
    wanted = f"{MARK_VARIABLE}={mark}".encode()
    with contextlib.suppress(OSError):
        for name in os.listdir("/proc"):  # noqa: PTH208  pathlib takes longer to import
            if not name.isdigit():
                continue
            # Processes of other users cannot be read; those that ended meanwhile do not exist.
            with contextlib.suppress(OSError), open(f"/proc/{name}/environ", "rb") as file:  # noqa: PTH123
                if wanted in file.read().split(b"\0"):
                    yield int(name)


def _is_alive(group: int | None, mark: str) -> bool:
    if next(marked_processes(mark), None) is not None:
        return True
    if group is None or os.path.isdir("/proc/self"):  # noqa: PTH112
        return False
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _discard_output(pipe: int) -> None:
    """Reads the script's output, which nobody else reads any more: a write must not fail."""
    with contextlib.suppress(OSError):
        while os.read(pipe, _CHUNK_BYTES):
            pass


def watch(control: int, output: int, mark: str, grace: float) -> None:
    """Waits until the worker says that the script has ended; ends the script if the worker dies.

    Args:
        control: a pipe from the worker, which is closed when the worker dies.
        output: the pipe with the script's output.
        mark: see `terminate`.
        grace: see `terminate`.
    """
    group = None
    with os.fdopen(control, encoding="ascii") as lines:
        for line in lines:
            word, _, number = line.strip().partition(" ")
            if word == ENDED:
                return
            if word == STARTED:
                group = int(number)
    threading.Thread(target=_discard_output, args=(output,), daemon=True).start()
    terminate(group, mark, grace)


if __name__ == "__main__":
    # The signals of a terminal and of a cluster job are for the worker.
    for _number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
        signal.signal(_number, signal.SIG_IGN)
    watch(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], float(sys.argv[4]))
