"""A process that has torch loaded already, of which the slots of a pool are copies."""

import multiprocessing
import signal
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, SpawnContext
from multiprocessing.process import BaseProcess

from nnlab.workers.placement import WorkerJob

# What it loads.
_PRELOADED_MODULE = "nnlab.workers.forkserver_preload"


def create_worker_process(job: WorkerJob, parent: Connection | None) -> BaseProcess:
    """A process that will work off a job and tell `parent` how it goes; it is not started yet."""
    return multiprocessing_context().Process(
        target=_run_worker_main, args=(job, parent), name=f"nnlab {job.device}"
    )


def _run_worker_main(job: WorkerJob, parent: Connection | None) -> None:
    # Named here, for the parent would have to load torch to name what is in that module.
    from nnlab.workers.worker_process import worker_main

    worker_main(job, parent)


def multiprocessing_context() -> ForkServerContext | SpawnContext:
    """How slots are started: as copies of the template where the system can, else afresh.

    The template is started by the first slot, or by `start_forkserver`; it ends with this process.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    found = multiprocessing.get_context("forkserver")
    found.set_forkserver_preload([_PRELOADED_MODULE])
    return found


def start_forkserver() -> None:
    """Starts the template now: it loads torch while this process goes on."""
    if multiprocessing_context().get_start_method() == "forkserver":
        from multiprocessing import forkserver

        # Ctrl-C reaches the whole terminal, and where SLURM keeps track of processes by their
        # tree, SIGUSR1 all of them. What ignores it when it starts goes on ignoring it.
        told_to_all = (signal.SIGINT, signal.SIGUSR1)
        before = [signal.signal(number, signal.SIG_IGN) for number in told_to_all]
        try:
            forkserver.ensure_running()
        finally:
            for number, handler in zip(told_to_all, before, strict=True):
                signal.signal(number, handler)
