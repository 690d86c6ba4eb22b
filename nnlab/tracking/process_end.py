"""Ends the active runs when the process ends, however that happens.

- at a normal end or `sys.exit`: `atexit`, with the exit code that `sys.exit` was called with;
- at an exception that nothing handles: `sys.excepthook` notes it first;
- at SIGTERM: a signal handler, which then calls the user's handler or ends the process as before;
- in a forked child the runs are forgotten, because the parent records them.

A process that is killed leaves its runs as they are: they are read as interrupted.
"""

import atexit
import contextlib
import os
import signal
import sys
import threading
import traceback as traceback_module
from types import FrameType, TracebackType
from typing import Any

from nnlab.io.redaction import mask_secrets
from nnlab.records import Status
from nnlab.tracking.active_runs import active_runs
from nnlab.tracking.recorder import RunEnd

# The reason of a run that ended with an error is one line.
_MAX_REASON = 500


def exit_end(code: object) -> RunEnd:
    """The end of a run whose process exits with a code, as `sys.exit` takes it."""
    if code is None or code == 0:
        return RunEnd(Status.FINISHED)
    if isinstance(code, int):
        return RunEnd(Status.FAILED, f"exited with code {code}")
    return RunEnd(Status.FAILED, mask_secrets(str(code))[:_MAX_REASON])


def exception_end(error: BaseException) -> RunEnd:
    """The end of a run that an exception ended."""
    if isinstance(error, SystemExit):
        return exit_end(error.code)
    if isinstance(error, KeyboardInterrupt):
        return RunEnd(Status.INTERRUPTED, "interrupted by Ctrl-C")
    lines = traceback_module.format_exception(error)
    summary = mask_secrets(f"{type(error).__name__}: {error}".splitlines()[0])
    return RunEnd(Status.FAILED, summary[:_MAX_REASON], mask_secrets("".join(lines)))


class _ProcessEnd:
    """The hooks of this process, and what they have noted about its end."""

    def __init__(self) -> None:
        self.end: RunEnd | None = None
        self._pid = os.getpid()
        self._installed = self._is_terminated = self._is_unhandled_interrupt = False

    def install(self) -> None:
        """Installs the hooks once; the signal handler only in the main thread."""
        if self._installed:
            return
        self._installed = True
        atexit.register(self.end_active_runs)
        self._excepthook = sys.excepthook
        sys.excepthook = self._on_exception
        self._exit = sys.exit
        sys.exit = self._on_exit  # type: ignore[assignment]
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._after_fork)

    def install_signal_handler(self) -> None:
        """Handles SIGTERM, unless this is another thread or the signal is ignored."""
        if threading.current_thread() is not threading.main_thread():
            return
        earlier = signal.getsignal(signal.SIGTERM)
        # Methods are created at each access, so they are compared by equality.
        if earlier in (self._on_sigterm, signal.SIG_IGN, None):
            return
        self._earlier_handler: Any = earlier
        with contextlib.suppress(ValueError, OSError):
            signal.signal(signal.SIGTERM, self._on_sigterm)

    def end_active_runs(self) -> None:
        """Ends all active runs as this process ends."""
        if os.getpid() != self._pid:  # a signal arrived before `_after_fork` was called
            return
        end = self.end or RunEnd(Status.FINISHED)
        for run in reversed(active_runs()):
            run.end(end)
        if self._is_unhandled_interrupt:
            # The interpreter exits by SIGINT if its last execution of source text was interrupted;
            # SQLAlchemy has executed text since.
            with contextlib.suppress(KeyboardInterrupt):
                exec("raise KeyboardInterrupt")  # noqa: S102

    def _on_exception(
        self,
        kind: type[BaseException],
        error: BaseException,
        traceback: TracebackType | None,
    ) -> None:
        self._is_unhandled_interrupt = isinstance(error, KeyboardInterrupt)
        if not self._is_terminated:
            self.end = exception_end(error)
        self._excepthook(kind, error, traceback)

    def _on_exit(self, code: Any = None, /) -> None:
        # Another thread, or a caller that catches SystemExit, does not end the process.
        if threading.current_thread() is threading.main_thread() and not self._is_terminated:
            self.end = exit_end(code)
        self._exit(code)

    def _on_sigterm(self, number: int, frame: FrameType | None) -> None:
        self.end, self._is_terminated = RunEnd(Status.INTERRUPTED, "stopped by SIGTERM"), True
        if callable(self._earlier_handler):
            # The user's handler decides how the process ends, for example after a checkpoint.
            self._earlier_handler(number, frame)
            return
        self.end_active_runs()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTERM)

    def _after_fork(self) -> None:
        self.end, self._pid = None, os.getpid()
        # A handler in Python runs only after the C call that a process waits in, and a signal just
        # before that call would be overlooked: `Pool.terminate` would wait forever.
        if signal.getsignal(signal.SIGTERM) == self._on_sigterm:
            with contextlib.suppress(ValueError):
                signal.signal(signal.SIGTERM, self._earlier_handler)
        # They stay active, so that `nnlab.log` does nothing in the child instead of failing.
        for run in active_runs():
            run.forget_connection()


_process_end = _ProcessEnd()


def end_runs_with_process() -> None:
    """From now on the active runs end when this process ends."""
    _process_end.install()
    _process_end.install_signal_handler()
