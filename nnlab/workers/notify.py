"""Tells somebody else how training went: runs the user's own command, and survives it.

Values reach the command as variables of its environment and as JSON on its standard input, never
as part of the command line: a name or a reason cannot become a command.
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

# Systems limit the environment of a process, and a reason may be long. JSON has all of it.
_MAX_VALUE_CHARACTERS = 2000


@dataclass(frozen=True, slots=True)
class Event:
    """What happened: a study's end, or with `run` the failure of one run.

    `best` is the mean of `best_metric` over the seeds of the leading trial, `best_trial`. None
    stands for what is not known.
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
    """Runs the command for one event after the other, beside the training.

    Leaving it waits for the last one. A command that hung is not run again.
    """

    def __init__(self, command: str, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self._command = command
        self._timeout = timeout_seconds
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="nnlab-notify")
        self._hung = False
        self._troubles: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._thread.shutdown()

    def tell(self, event: Event) -> None:
        """Hands an event over; returns at once."""
        self._thread.submit(self._run, event)

    @property
    def failure_message(self) -> str | None:
        """What went wrong with the command so far, in a line; None if nothing did."""
        if not self._troubles:
            return None
        times = f" ({len(self._troubles)} times)" if len(self._troubles) > 1 else ""
        return f"the command of --notify {self._troubles[0]}{times}; the results are as they are"

    def _run(self, event: Event) -> None:
        if self._hung:
            return
        try:
            run_notify_command(self._command, event, self._timeout)
        except TimeoutError as error:
            self._hung = True
            self._troubles.append(str(error))
        except (OSError, ValueError) as error:
            self._troubles.append(str(error))


def run_notify_command(command: str, event: Event, timeout_seconds: float) -> None:
    """Runs a command by the shell and waits for it.

    Raises:
        TimeoutError: it took too long, and was ended with all that it had started.
        OSError: it could not be started, or failed; the message has the last line it wrote.
    """
    with tempfile.TemporaryFile() as errors:
        # A session of its own: Ctrl-C at the training does not reach it, and it ends as a whole.
        process = subprocess.Popen(  # noqa: S602  the user's own line, and nothing put into it
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
            raise TimeoutError(f"was ended after {timeout_seconds:g} s") from None
        finally:
            _kill_command(process)
        if process.returncode != 0:
            said = _last_line(errors)
            raise OSError(f"ended with exit code {process.returncode}" + (said and f": {said}"))


def environment_variables(event: Event) -> Mapping[str, str]:
    """An event as variables of the environment; what is not known is empty.

    >>> variables(Event("failed", "depth", run=7))["NNLAB_RUN"]
    '7'
    """
    return {
        f"NNLAB_{name.upper()}": "" if value is None else _environment_text(str(value))
        for name, value in asdict(event).items()
    }


def _environment_text(text: str) -> str:
    """Text that an environment can hold: no zero byte, no half of a character."""
    return text[:_MAX_VALUE_CHARACTERS].replace("\0", " ").encode(errors="replace").decode()


def _kill_command(process: subprocess.Popen[bytes]) -> None:
    """Ends a command that is still there, with what it started."""
    if process.poll() is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        if os.name == "nt":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _last_line(errors: IO[bytes]) -> str:
    """The last line that was written, shortened: a user's program may write anything."""
    errors.seek(0, os.SEEK_END)
    errors.seek(max(errors.tell() - 4096, 0))
    lines = errors.read().decode(errors="replace").strip().splitlines()
    return "".join(c for c in lines[-1] if c.isprintable())[:200] if lines else ""
