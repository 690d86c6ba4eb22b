"""Ctrl-C and SIGTERM: the first finishes the epoch, the second stops at once.

SIGUSR1, with which SLURM says that a task's time is nearly up, only ever finishes the epoch.
"""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Self

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)


@contextmanager
def restore_signal_handlers() -> Iterator[None]:
    """Within it signals may be handled otherwise; after it they are handled as before."""
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            if signal.getsignal(number) is not handler:
                signal.signal(number, handler)


class StopRequest:
    """Within it, the first signal only sets `asked`; the next raises KeyboardInterrupt.

    `time_is_up` says that it was SIGUSR1. Where it was asked, later signals do nothing until the
    command is over (see `restore_signal_handlers`).
    """

    def __init__(self, on_ask: Callable[[], None]) -> None:
        self.asked = False
        self.time_is_up = False
        self._on_request = on_ask
        self._before: dict[signal.Signals, object] = {}

    def __call__(self) -> bool:
        """Whether to stop."""
        return self.asked

    def __enter__(self) -> Self:
        for number in _SIGNALS:
            self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            # Who was asked to stop has only to end: one more Ctrl-C must not disturb that.
            signal.signal(number, signal.SIG_IGN if self.asked else handler)  # type: ignore[arg-type]

    def _handle(self, number: int, frame: FrameType | None) -> None:
        del frame
        if number == signal.SIGUSR1:
            self.time_is_up = True
        elif self.asked:
            raise KeyboardInterrupt
        if self.asked:
            return
        self.asked = True
        self._on_request()
