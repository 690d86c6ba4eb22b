"""Handling of signals: the first SIGINT or SIGTERM stops after the epoch, the second immediately.

SIGUSR1, which SLURM sends shortly before the time limit, always stops after the epoch.
"""

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Self

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)


@contextmanager
def restore_signal_handlers() -> Iterator[None]:
    """Restores the signal handlers at the end of the context; does nothing in another thread."""
    signals = STOP_SIGNALS if _in_main_thread() else ()
    previous = {number: signal.getsignal(number) for number in signals}
    try:
        yield
    finally:
        for number, handler in previous.items():
            if signal.getsignal(number) is not handler:
                signal.signal(number, handler)


def _in_main_thread() -> bool:
    """Whether this thread may set signal handlers."""
    return threading.current_thread() is threading.main_thread()


class StopRequest:
    """A context in which the first signal sets `requested`, and the next raises KeyboardInterrupt.

    `time_is_up` is set by SIGUSR1. After a request, signals are ignored until the command ends
    (see `restore_signal_handlers`). Python handles signals in the main thread only: in another
    thread the context does nothing.
    """

    def __init__(
        self,
        on_request: Callable[[], None],
        signals: Sequence[signal.Signals] = STOP_SIGNALS,
    ) -> None:
        self.requested = False
        self.time_is_up = False
        self._on_request = on_request
        self._signals = tuple(signals) if _in_main_thread() else ()
        self._previous_handlers: dict[signal.Signals, object] = {}

    def __call__(self) -> bool:
        """Whether a stop was requested."""
        return self.requested

    def __enter__(self) -> Self:
        for number in self._signals:
            self._previous_handlers[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._previous_handlers.items():
            # The command is about to end after a request; another Ctrl-C must not disturb that.
            signal.signal(number, signal.SIG_IGN if self.requested else handler)  # type: ignore[arg-type]

    def _handle(self, number: int, frame: FrameType | None) -> None:
        del frame
        if number == signal.SIGUSR1:
            self.time_is_up = True
        elif self.requested:
            raise KeyboardInterrupt
        if self.requested:
            return
        self.requested = True
        self._on_request()
