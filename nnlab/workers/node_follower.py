"""What a node does that does not lead: a process for each team, until the first says it is over."""

import signal
from multiprocessing.process import BaseProcess

from nnlab.workers import forkserver, slurm
from nnlab.workers.nodes import Nodes
from nnlab.workers.parallel_config import ProcessGroupSpec
from nnlab.workers.placement import AddressDatabaseOpener, WorkerJob
from nnlab.workers.rendezvous import rendezvous_rounds
from nnlab.workers.save_policy import SavePolicy

# How long the processes of a team have to end once the first node wants no more of them.
EXIT_TIMEOUT_SECONDS = 15.0


def run_follower_node(nodes: Nodes, team: ProcessGroupSpec, keeping: SavePolicy) -> None:
    """Trains with the node that leads, which knows what.

    Raises:
        NnlabError: that node cannot be reached, or is gone.
    """
    if slurm.is_array_task():
        # SLURM tells all nodes that their time is up; the first decides what comes of it.
        for number in (signal.SIGUSR1, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
    forkserver.start_forkserver()
    process: BaseProcess | None = None
    try:
        for here in rendezvous_rounds(nodes):
            _join_or_terminate(process)
            process = forkserver.create_worker_process(
                WorkerJob(
                    AddressDatabaseOpener(""), (), team.shown, "solo", keeping, 1, team, here
                ),
                None,
            )
            process.start()
    finally:
        _join_or_terminate(process)


def _join_or_terminate(process: BaseProcess | None) -> None:
    """Waits until a team's process has ended by itself; at last ends it."""
    if process is None:
        return
    process.join(EXIT_TIMEOUT_SECONDS)
    if process.is_alive():
        process.terminate()
        process.join(EXIT_TIMEOUT_SECONDS)
    if process.is_alive():
        process.kill()
        process.join()
