"""Ends processes whose parent has ended; ranks of a process group would wait forever otherwise."""

import os
import threading
import time
from collections.abc import Callable

POLL_SECONDS = 0.5


def call_when_orphaned(action: Callable[[], None]) -> None:
    """Starts a thread that calls `action` once the parent process has ended."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(POLL_SECONDS)
        action()

    threading.Thread(target=watch, name="nnlab-parent-watchdog", daemon=True).start()
