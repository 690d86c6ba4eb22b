"""Reads the environment of the process in a thread, because git may take long."""

import contextlib
import os
import platform
import sys
import threading
from dataclasses import replace
from pathlib import Path

from nnlab.provenance.environment import collect_environment
from nnlab.records import Environment

# At the end of a short run, how long git is waited for.
_WAIT_SECONDS = 3.0


class EnvironmentReader:
    """Collects the environment of the attempt; `result` is None until then."""

    def __init__(self) -> None:
        """Starts the thread."""
        self.result: Environment | None = None
        self._thread = threading.Thread(target=self._collect, name="nnlab-environment", daemon=True)
        self._thread.start()

    def wait(self) -> bool:
        """Waits until it is collected, for a limited time; returns whether the device is another.

        Most programs start to use a GPU after `nnlab.init`.
        """
        self._thread.join(_WAIT_SECONDS)
        device = _device_name()
        if self.result is None or self.result.device == device:
            return False
        self.result = replace(self.result, device=device)
        return True

    def _collect(self) -> None:
        with contextlib.suppress(Exception):  # a broken checkout must not stop the recording
            threads = int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)
            git_diff = not os.environ.get("NNLAB_NO_GIT_DIFF")
            self.result = collect_environment(_device_name(), threads, git_diff=git_diff)


def _device_name() -> str:
    """The GPU that torch uses at this moment, otherwise the CPU; no device is initialized."""
    torch = sys.modules.get("torch")
    cuda = getattr(torch, "cuda", None)
    if cuda is not None and cuda.is_initialized():
        return str(cuda.get_device_name())
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
