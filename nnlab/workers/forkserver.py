"""Starts worker processes as forks of a process that has already loaded torch; for `LocalPool`."""

import multiprocessing
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, SpawnContext
from multiprocessing.process import BaseProcess
from types import ModuleType

from nnlab.workers.worker_job import WorkerJob

_PRELOADED_MODULE = "nnlab.workers.forkserver_preload"

_MAIN_MODULE_HIDDEN = threading.Lock()


@contextmanager
def hidden_main_module() -> Iterator[None]:
    """A context in which multiprocessing does not find the script that the user runs.

    A new process would import that script first. Workers need nothing from it, and a script that
    calls `nnlab.train` outside of `if __name__ == "__main__"` would train once more in each.
    """
    with _MAIN_MODULE_HIDDEN:
        main_module = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = main_module


def create_worker_process(job: WorkerJob, parent: Connection | None) -> BaseProcess:
    """Returns a process that will execute the job and send messages to `parent`; not started."""
    return multiprocessing_context().Process(
        target=_run_worker_main, args=(job, parent), name=f"nnlab {job.device}"
    )


def _run_worker_main(job: WorkerJob, parent: Connection | None) -> None:
    # Imported only in the new process, because the parent does not load torch.
    from nnlab.workers.worker_main import worker_main

    worker_main(job, parent)


def multiprocessing_context() -> ForkServerContext | SpawnContext:
    """The start method of workers: the forkserver where the system has it, otherwise spawn.

    The server is started with the first worker or by `start_forkserver`, and ends with this
    process.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([_PRELOADED_MODULE])
    return context


def start_forkserver() -> None:
    """Starts the server now, so that it loads torch while this process continues."""
    if multiprocessing_context().get_start_method() == "forkserver":
        # Imported only here: not every system has this module.
        from multiprocessing import forkserver

        # Ctrl-C reaches all processes of the terminal, and SIGUSR1 all of a SLURM job. A process
        # that ignores a signal when it starts another one passes that on. Python lets only the
        # main thread do so.
        in_main_thread = threading.current_thread() is threading.main_thread()
        ignored = (signal.SIGINT, signal.SIGUSR1) if in_main_thread else ()
        handlers = [signal.signal(number, signal.SIG_IGN) for number in ignored]
        try:
            forkserver.ensure_running()
        finally:
            for number, handler in zip(ignored, handlers, strict=True):
                signal.signal(number, handler)
