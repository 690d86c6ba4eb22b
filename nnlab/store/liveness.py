"""Whether a run that says it is running still is: its lease holds and its process lives."""

import functools
import os
import socket
import time
from dataclasses import dataclass
from pathlib import Path

from nnlab.records import Status


@dataclass(frozen=True, slots=True)
class Observer:
    """From which host, and when (Unix seconds), leases are looked at."""

    now: float
    hostname: str

    @classmethod
    def here(cls) -> "Observer":
        """This machine, now."""
        return cls(time.time(), socket.gethostname())

    def status(
        self,
        status: str,
        until: float | None,
        hostname: str | None,
        space: str | None,
        pid: int | None,
    ) -> Status:
        """A run's status as it is told: a run whose worker is gone is interrupted.

        Args:
            status: what the run says of itself.
            until: when its lease ends without a renewal, in Unix seconds.
            hostname: where the worker is, or was.
            space: what its process id counts in.
            pid: its process id.
        """
        if status != Status.RUNNING:
            return Status(status)
        if until is None or until <= self.now or pid is None:
            return Status.INTERRUPTED
        # On this very host the worker can be asked: a killed one need not be waited for. Who looks
        # from another host through a process of this one must not take what lives there for dead.
        here = (
            hostname == self.hostname == socket.gethostname() and space == current_pid_namespace()
        )
        return Status.INTERRUPTED if here and not _process_exists(pid) else Status.RUNNING


@functools.cache
def current_pid_namespace() -> str:
    """What process ids are counted in: containers on one host may each have their own."""
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


def _process_exists(pid: int) -> bool:
    if os.name == "nt":  # there, signal 0 would end the process
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # it is somebody else's
    return True
