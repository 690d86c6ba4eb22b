"""`worker_main`, the entry point of processes started by the forkserver and by Ray actors."""

import os
import signal
import sys
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import NoReturn

from nnlab.errors import NnlabError
from nnlab.io.escaping import escape_terminal
from nnlab.workers.messages import WorkerDone
from nnlab.workers.parallel_config import ProcessGroupSpec
from nnlab.workers.parent_watchdog import call_when_orphaned
from nnlab.workers.worker_job import WorkerJob
from nnlab.workers.worker_process import run_job_for_parent, shut_down_gracefully


def worker_main(job: WorkerJob, parent: Connection | None) -> NoReturn:
    """Executes the job, sends the parent how it ended, and always ends the process.

    Args:
        job: the queue and the device, or the devices of a process group.
        parent: receives the messages; None on a node whose processes only follow the first node.
    """
    # Ctrl-C reaches all processes of the terminal, and SLURM's SIGUSR1 all of a job: the parent
    # handles them, and sends this process a command or SIGTERM.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    if job.process_group is not None:
        code = _run_process_group(job, job.process_group, parent)
    elif parent is not None:
        code = _run_single_process(job, parent)
    else:
        raise ValueError("a worker without a process group needs a parent")
    # Without the interpreter's cleanup: objects inherited from the parent belong to the parent.
    os._exit(code)


def _run_single_process(job: WorkerJob, parent: Connection) -> int:
    """Executes the job in this process; returns the exit code."""
    try:
        parent.send(run_job_for_parent(job, parent))
    except (OSError, KeyboardInterrupt):
        return 1  # the parent has ended
    return 0


def _run_process_group(job: WorkerJob, spec: ProcessGroupSpec, parent: Connection | None) -> int:
    """Executes the job in a process group, whose leader sends the events; returns the exit code."""
    # Imported only here because torch.distributed takes long to load.
    from nnlab.workers.process_group_launch import launch_process_group

    if parent is None:
        call_when_orphaned(shut_down_gracefully)
    try:
        launch_process_group(job, spec, parent)
    except NnlabError as error:
        print(f"note: {escape_terminal(error.message)}", file=sys.stderr, flush=True)  # noqa: T201  a process without a view
        return 1
    # Sent by this process and not by the leader, because all ranks have ended only now.
    if parent is not None:
        with suppress(OSError):
            parent.send(WorkerDone())
    return 0
