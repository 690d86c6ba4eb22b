"""`train --notify`: runs the user's command for each event; a failing command does no harm.

Values are passed in environment variables and as JSON on standard input, never as part of the
command line, so that a name or a reason cannot become a command.
"""

import contextlib
import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import IO, Literal, Self

TIMEOUT_SECONDS = 30.0

# Systems limit the environment of a process, and a reason may be long; the JSON is complete.
_MAX_VALUE_CHARACTERS = 2000


@dataclass(frozen=True, slots=True)
class Event:
    """The end of a study, or with `run` the failure of one run.

    `best` is the mean of `best_metric` over the seeds of `best_trial`, the first of the ranking.
    None means unknown.
    """

    event: Literal["finished", "failed", "interrupted"]
    study: str
    run: int | None = None
    reason: str | None = None
    runs: int | None = None
    failed: int | None = None
    best: float | None = None
    best_metric: str | None = None
    best_trial: str | None = None


class Notifier:
    """Runs the command for one event after the other, in a thread.

    Leaving the context waits for the last command. A command that timed out is not run again.
    """

    def __init__(self, command: str, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self._command = command
        self._timeout = timeout_seconds
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="nnlab-notify")
        self._timed_out = False
        self._failures: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._thread.shutdown()

    def notify(self, event: Event) -> None:
        """Runs the command for an event later; returns at once."""
        self._thread.submit(self._run, event)

    @property
    def failure_message(self) -> str | None:
        """One line about the failures of the command so far; None if there were none."""
        if not self._failures:
            return None
        times = f" ({len(self._failures)} times)" if len(self._failures) > 1 else ""
        return f"the command of --notify {self._failures[0]}{times}; the results are not affected"

    def _run(self, event: Event) -> None:
        if self._timed_out:
            return
        try:
            run_notify_command(self._command, event, self._timeout)
        except TimeoutError as error:
            self._timed_out = True
            self._failures.append(str(error))
        except (OSError, ValueError) as error:
            self._failures.append(str(error))


def run_notify_command(command: str, event: Event, timeout_seconds: float) -> None:
    """Runs a command in the shell and waits for it.

    Raises:
        TimeoutError: it took too long, and was killed with all processes that it had started.
        OSError: it could not be started, or failed; the message has the last line it wrote.
    """
    with tempfile.TemporaryFile() as errors:
        # In a session of its own: Ctrl-C does not reach it, and all its processes can be killed.
        process = subprocess.Popen(  # noqa: S602  the user's own command, unchanged
            command,
            shell=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            env={**os.environ, **environment_variables(event)},
            start_new_session=True,
        )
        try:
            process.communicate(json.dumps(asdict(event)).encode(), timeout=timeout_seconds)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"was killed after {timeout_seconds:g} s") from None
        finally:
            _kill_command(process)
        if process.returncode != 0:
            line = _last_line(errors)
            raise OSError(f"ended with exit code {process.returncode}" + (line and f": {line}"))


def environment_variables(event: Event) -> Mapping[str, str]:
    """An event as environment variables; unknown values are empty.

    >>> environment_variables(Event("failed", "depth", run=7))["NNLAB_RUN"]
    '7'
    """
    return {
        f"NNLAB_{name.upper()}": "" if value is None else _environment_text(str(value))
        for name, value in asdict(event).items()
    }


def _environment_text(text: str) -> str:
    """Text that an environment variable can hold: shortened, no NUL, no lone surrogates."""
    return text[:_MAX_VALUE_CHARACTERS].replace("\0", " ").encode(errors="replace").decode()


def _kill_command(process: subprocess.Popen[bytes]) -> None:
    """Kills a command that is still running, and the processes that it has started."""
    if process.poll() is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        if os.name == "nt":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _last_line(errors: IO[bytes]) -> str:
    """The last line that was written, shortened and without control characters."""
    errors.seek(0, os.SEEK_END)
    errors.seek(max(errors.tell() - 4096, 0))
    lines = errors.read().decode(errors="replace").strip().splitlines()
    return "".join(c for c in lines[-1] if c.isprintable())[:200] if lines else ""
