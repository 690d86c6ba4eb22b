"""A process that has torch loaded already, of which the slots of a pool are copies."""

import multiprocessing
import signal
from multiprocessing.context import ForkServerContext, SpawnContext

# What it loads.
_LOADS = "nnlab.launch.preloaded"


def context() -> ForkServerContext | SpawnContext:
    """How slots are started: as copies of the template where the system can, else afresh.

    The template is started by the first slot, or by `prepare`; it ends with this process.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    found = multiprocessing.get_context("forkserver")
    found.set_forkserver_preload([_LOADS])
    return found


def prepare() -> None:
    """Starts the template now: it loads torch while this process goes on."""
    if context().get_start_method() == "forkserver":
        from multiprocessing import forkserver

        # Ctrl-C reaches the whole terminal. What ignores it when it starts goes on ignoring it.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            forkserver.ensure_running()
        finally:
            signal.signal(signal.SIGINT, before)
