"""What becomes of a process whose parent is gone: one of a team might wait for ever otherwise."""

import os
import threading
import time
from collections.abc import Callable

POLL_SECONDS = 0.5


def call_when_orphaned(end: Callable[[], None]) -> None:
    """Has a thread call `end` once the process that started this one is gone."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(POLL_SECONDS)
        end()

    threading.Thread(target=watch, name="nnlab-orphaned", daemon=True).start()
