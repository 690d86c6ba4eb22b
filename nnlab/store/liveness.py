"""The effective status of a run: whether the worker of a running run is still alive."""

import functools
import os
import socket
import time
from dataclasses import dataclass
from pathlib import Path

from nnlab.records import Status


@dataclass(frozen=True, slots=True)
class Observer:
    """The host and the time (Unix seconds) at which leases are checked."""

    now: float
    hostname: str

    @classmethod
    def local(cls) -> "Observer":
        """This machine, now."""
        return cls(time.time(), socket.gethostname())

    def status(
        self,
        status: str,
        lease_until: float | None,
        hostname: str | None,
        pid_namespace: str | None,
        pid: int | None,
    ) -> Status:
        """The effective status: a running run whose worker is gone is interrupted.

        Args:
            status: the stored status.
            lease_until: the end of the lease, in Unix seconds.
            hostname: the worker's host.
            pid_namespace: the namespace of the worker's process id.
            pid: the worker's process id.
        """
        if status != Status.RUNNING:
            return Status(status)
        if lease_until is None or lease_until <= self.now or pid is None:
            return Status.INTERRUPTED
        # On the worker's own host its process can be checked, so that no worker waits for the lease
        # of a killed one. An observer for another host must not check process ids of this one.
        is_local = (
            hostname == self.hostname == socket.gethostname()
            and pid_namespace == current_pid_namespace()
        )
        return Status.INTERRUPTED if is_local and not _process_exists(pid) else Status.RUNNING


@functools.cache
def current_pid_namespace() -> str:
    """The namespace of this host's process ids; each container may have its own."""
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


def _process_exists(pid: int) -> bool:
    if os.name == "nt":  # on Windows, signal 0 would end the process
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # it belongs to another user
    return True
