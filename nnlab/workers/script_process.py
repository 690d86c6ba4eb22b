"""`ScriptProcess`: the process of a user's script, its output, and how it is ended."""

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

from nnlab.errors import NnlabError, OutputError
from nnlab.workers import script_watchdog
from nnlab.workers.output_file import OUTPUT_NAME, OutputFile
from nnlab.workers.script_watchdog import ENDED, MARK_VARIABLE, STARTED

_CHUNK_BYTES = 65_536
_LOCK_NAME = ".lock"
_LOCK_POLL_SECONDS = 0.1
# How long to wait for output of other processes after the script itself has ended.
_OUTPUT_SECONDS = 2.0


class FolderLock:
    """The lock of a run's folder: held while processes of its script may write into it."""

    def __init__(self, folder: Path, timeout: float) -> None:
        """Waits until the processes of an earlier attempt have ended.

        Raises:
            OutputError: they did not end in time, or the folder cannot be written.
        """
        try:
            self.file = os.open(folder / _LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise OutputError(f"{folder} cannot be written: {error.strerror}") from error
        deadline = time.monotonic() + timeout
        while not self._acquire():
            if time.monotonic() > deadline:
                os.close(self.file)
                raise OutputError(f"a process of an earlier attempt still uses {folder}")
            time.sleep(_LOCK_POLL_SECONDS)

    def _acquire(self) -> bool:
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            return True  # a file system without locks
        return True

    def release(self) -> None:
        """Closes the file; the watchdog still holds the lock if processes are left."""
        os.close(self.file)


class ScriptProcess:
    """A started script in a session of its own; its output goes to a file and to `take_output`."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        folder: Path,
        run_folder: Path,
        environment: Mapping[str, str],
        grace: float,
    ) -> None:
        """Starts the script.

        Args:
            command: its command line.
            folder: its working folder.
            run_folder: the folder of the run's files.
            environment: all environment variables.
            grace: seconds between SIGTERM and SIGKILL.

        Raises:
            NnlabError: the program or the working folder does not exist.
            OutputError: the run's folder cannot be written.
        """
        self._grace = grace
        self._mark = uuid.uuid4().hex
        self._pending: list[bytes] = []
        self._pending_lock = threading.Lock()
        self._kill_at: float | None = None
        self._lock = FolderLock(run_folder, timeout=2 * grace + 10)
        self._output = OutputFile(run_folder / OUTPUT_NAME)
        read_end, write_end = os.pipe()
        self._watchdog = self._start_watchdog(read_end)
        try:
            self._process = subprocess.Popen(  # noqa: S603  the command of the user
                list(command),
                cwd=folder,
                env={**environment, MARK_VARIABLE: self._mark},
                stdin=subprocess.DEVNULL,
                stdout=write_end,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            os.close(read_end)
            self._dismiss_watchdog()
            self._output.close()
            raise NnlabError(_start_error(command, folder, error)) from error
        finally:
            os.close(write_end)
        self._tell_watchdog(f"{STARTED} {self._process.pid}\n")
        self._reader = threading.Thread(
            target=self._read_output, args=(read_end,), name="nnlab-output", daemon=True
        )
        self._reader.start()

    def wait(self, timeout: float) -> int | None:
        """The exit code, negative for a signal; None if the script still runs after the timeout."""
        if self._kill_at is not None and time.monotonic() >= self._kill_at:
            script_watchdog.kill(self._process.pid, self._mark)
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(timeout)
        return None

    def request_stop(self) -> None:
        """Sends SIGTERM; `wait` sends SIGKILL after the grace time."""
        if self._kill_at is None:
            script_watchdog.signal_group(self._process.pid, signal.SIGTERM)
            self._kill_at = time.monotonic() + self._grace

    def close(self, *, end_others: bool) -> None:
        """Finishes the output after the script has ended; kills it if it has not.

        Args:
            end_others: whether to end other processes that it has started and left behind.
        """
        if self._process.poll() is None:
            script_watchdog.kill(self._process.pid, self._mark)
            self._process.wait()
            end_others = True
        if end_others:
            script_watchdog.kill(self._process.pid, self._mark)
        self._reader.join(_OUTPUT_SECONDS)
        self._dismiss_watchdog()
        self._output.close()

    def take_output(self) -> bytes:
        """The output since the last call."""
        with self._pending_lock:
            content = b"".join(self._pending)
            self._pending.clear()
        return content

    @property
    def tail(self) -> str:
        """The end of the output."""
        return self._output.tail

    def _read_output(self, pipe: int) -> None:
        with contextlib.suppress(OSError), os.fdopen(pipe, "rb", buffering=0) as reader:
            while chunk := reader.read(_CHUNK_BYTES):
                self._output.write(chunk)
                with self._pending_lock:
                    self._pending.append(chunk)

    def _start_watchdog(self, output: int) -> "subprocess.Popen[bytes]":
        control, self._control = os.pipe()
        program = [sys.executable, "-I", "-S", script_watchdog.__file__]
        try:
            return subprocess.Popen(  # noqa: S603  this program
                [*program, str(control), str(output), self._mark, str(self._grace)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(control, output, self._lock.file),
                start_new_session=True,
            )
        finally:
            os.close(control)

    def _tell_watchdog(self, line: str) -> None:
        with contextlib.suppress(OSError):  # somebody has killed it
            os.write(self._control, line.encode("ascii"))

    def _dismiss_watchdog(self) -> None:
        self._tell_watchdog(f"{ENDED}\n")
        os.close(self._control)
        self._watchdog.wait()
        self._lock.release()


def _start_error(command: Sequence[str], folder: Path, error: Exception) -> str:
    if not folder.is_dir():
        return f"the working folder of the script does not exist here: {folder}"
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return f"{command[0]} cannot be started: {reason}"
